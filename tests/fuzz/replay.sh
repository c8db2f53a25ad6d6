#!/bin/sh
# replay.sh <compiler> <flags file> <libtbb> <corpus> <mutations> <source>...: a target that this compiler makes runs
# through its corpus and so many variants of each file, as the target of the build does.
set -u
compiler=$1 flags=$2 tbb=$3 corpus=$4 mutations=$5
shift 5
tests=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$compiler" "@$flags" -O1 -I "$tests" -I "$tests/../examples" "$@" "$tests/fuzz/replay.cpp" -o "$work/replay" \
    "$tbb" "-Wl,-rpath,$(dirname "$tbb")" || exit 1
"$work/replay" "$corpus" "$mutations"
