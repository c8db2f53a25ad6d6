#!/bin/sh
# run.sh <compiler> <flags file>: compiles main.cpp in this folder as a host does, and runs it.
set -u
compiler=$1 flags=$2 folder=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
for level in -O1 -O2 -O3; do
    "$compiler" "@$flags" $level "$folder/main.cpp" -o "$work/program" && "$work/program" ||
        { echo "at $level" && exit 1; }
done
