#!/bin/sh
# includes.sh <compiler> <flags file> <libtbb>
#
# Two files of one program, one with the headers that its names need and one with the umbrella, have the same layout of
# a net, and one uses a cache that the other filled.
set -u
compiler=$1 flags=$2 tbb=$3
here=$(cd "$(dirname "$0")" && pwd)/includes
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
for file in parts umbrella; do
    "$compiler" "@$flags" -O1 -c "$here/$file.cpp" -o "$work/$file.o" || exit 1
done
# both orders: the linker keeps the first of two functions of one name
for order in "parts umbrella" "umbrella parts"; do
    set -- $order
    "$compiler" "$work/$1.o" "$work/$2.o" -o "$work/program" "$tbb" || exit 1
    LD_LIBRARY_PATH=$(dirname "$tbb")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$work/program" || {
        echo "linked in the order $order"
        exit 1
    }
done
