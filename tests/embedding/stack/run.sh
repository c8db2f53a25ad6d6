#!/bin/sh
# run.sh <compiler> <flags file> <libtbb>
#
# No function of the library needs more than 64 KiB of stack, and both stages of the README's program train in a thread
# of 128 KiB. (glibc gives 8 MiB, musl 128 KiB, macOS 512, thread pools what they like.)
set -u
compiler=$1 flags=$2 tbb=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$compiler" "@$flags" -O1 -march=native -fstack-usage -c "$here/main.cpp" -o "$work/main.o" || exit 1
[ -s "$work/main.su" ] || { echo "the compiler reports no stack usage"; exit 1; }
LC_ALL=C awk -F'\t' '$2 > 65536 { print $2 " bytes: " $1; found = 1 } END { exit found }' "$work/main.su" || exit 1
"$compiler" "$work/main.o" -o "$work/program" "$tbb" -pthread || exit 1
LD_LIBRARY_PATH=$(dirname "$tbb")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$work/program" || {
    echo "exit code $? in a thread of 128 KiB"
    exit 1
}
LC_ALL=C sort -t"$(printf '\t')" -k2,2nr "$work/main.su" | head -3 |
    awk -F'\t' '{ print $2 " bytes: " $1 }' | cut -c1-200
