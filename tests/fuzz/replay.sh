#!/bin/sh
# replay.sh <compiler> <flags file> <libtbb> <corpus> <mutations> <source>...: builds a target with this compiler and
# runs it on its corpus and on `mutations` variants of each file, like the target of the build.
set -u
compiler=$1 flags=$2 tbb=$3 corpus=$4 mutations=$5
shift 5
tests=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$compiler" "@$flags" -O1 -I "$tests" -I "$tests/../examples" "$@" "$tests/fuzz/replay.cpp" -o "$work/replay" \
    "$tbb" "-Wl,-rpath,$(dirname "$tbb")" || exit 1
"$work/replay" "$corpus" "$mutations"
