#!/bin/sh
# Builds and runs all tests:
#
#     sh tests/run.sh                    what is missing is installed or downloaded first
#     sh tests/run.sh --fast             all rooms but embedding, the style and the pages only
#     sh tests/run.sh -L unit -R core    options are passed on to ctest
#
# Some tests need more: a second compiler (clang-14 or g++), a python with torch and numpy, OpenMPI and MPICH,
# clang-format 14. Tests whose requirement is missing are skipped, with the reason. TESSERA_PYTHON names the python.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/cmake/setup.sh"

fast=''
for argument; do
    shift
    if [ "$argument" = --fast ]; then fast=yes; else set -- "$@" "$argument"; fi
done
[ -z "$fast" ] || set -- -L '^fast$' "$@"

setup core examples tests

python=''
for candidate in ${TESSERA_PYTHON:+"$TESSERA_PYTHON"} python3 /usr/bin/python3; do
    if have "$candidate" && "$candidate" -c 'import numpy, torch' >/dev/null 2>&1; then
        python=$("$candidate" -c 'import sys; print(sys.executable)')
        break
    fi
done
[ -n "$python" ] || say "no python with torch and numpy: comparisons with PyTorch are skipped"

dir=$root/build/release
configure "$dir" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=ON \
    -DTESSERA_UNITY_TESTS=ON "-DTESSERA_PYTHON=$python"
if [ -n "$fast" ]; then
    build "$dir" "the fast tests" --target fast_tests
else
    build "$dir" "tests and examples"
fi

ctest=$(dirname "$(command -v "$cmake")")/ctest
[ -x "$ctest" ] || ctest=ctest
say "running the tests"
exec "$ctest" --test-dir "$dir" --output-on-failure --no-tests=error -j "$jobs" "$@"
