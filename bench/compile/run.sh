#!/bin/sh
# What compiling costs: seconds and memory of headers and of the example's files, and how many templates clang
# instantiates. The counts are exact and the same on every machine; seconds are for people.
#
#     sh bench/compile/run.sh [--quick]      --quick: headers only
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"
setup core examples
have python3 || die "python3 is needed: it asks the system for the memory of a compiler"
exec python3 "$root/bench/compile/measure.py" "$@"
