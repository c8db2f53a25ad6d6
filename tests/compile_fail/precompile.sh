#!/bin/sh
# precompile.sh <compiler> <flags file> <folder>: copies third_parties.hpp to the folder and precompiles it there with
# this compiler, so that `-include <folder>/third_parties.hpp` finds the precompiled header.
set -eu
compiler=$1 flags=$2 folder=$3
mkdir -p "$folder"
cp "$(dirname "$0")/third_parties.hpp" "$folder"
case $("$compiler" --version) in *clang*) kind=pch ;; *) kind=gch ;; esac
exec "$compiler" "@$flags" -x c++-header "$folder/third_parties.hpp" -o "$folder/third_parties.hpp.$kind"
