#!/bin/sh
# Trains both stages on digits and writes pictures, weights and a report to out/:
#
#     sh examples/run.sh                 what is missing is installed or downloaded first
#     sh examples/run.sh --help          the options of the program
#     sh examples/run.sh --out here      options are passed on; paths are relative to the current folder
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/cmake/setup.sh"

setup core examples
dir=$root/build/release
# a first build needs no tests; a folder that has them keeps them
if [ -f "$dir/CMakeCache.txt" ]; then
    configure "$dir"
else
    configure "$dir" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_EXAMPLES=ON -DTESSERA_BUILD_TESTS=OFF
fi
build "$dir" "the program" --target digits

# the folders of the checkout, unless the user names others
out=yes bundled=yes
for argument in "$@"; do
    case $argument in
    --out | --out=*) out=no ;;
    --bundled | --bundled=*) bundled=no ;;
    esac
done
[ $bundled = no ] || set -- --bundled "$root/examples/data" "$@"
[ $out = no ] || set -- --out "$root/out" "$@"
exec "$dir/examples/digits" "$@"
