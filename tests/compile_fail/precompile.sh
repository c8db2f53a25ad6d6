#!/bin/sh
# precompile.sh <compiler> <flags file> <folder>: puts third_parties.hpp there, and what this compiler makes of it beside
# it: `-include <folder>/third_parties.hpp` then finds that.
set -eu
compiler=$1 flags=$2 folder=$3
mkdir -p "$folder"
cp "$(dirname "$0")/third_parties.hpp" "$folder"
case $("$compiler" --version) in *clang*) kind=pch ;; *) kind=gch ;; esac
exec "$compiler" "@$flags" -x c++-header "$folder/third_parties.hpp" -o "$folder/third_parties.hpp.$kind"
