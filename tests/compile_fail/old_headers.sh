#!/bin/sh
# old_headers.sh <compiler> <flags file>: where the compiler finds an older xsimd or Eigen first, it says one sentence,
# not hundreds of errors. The doubles of these have versions and nothing else.
set -u
compiler=$1 flags=$2
LC_ALL=C
export LC_ALL
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/xsimd/xsimd" "$work/eigen/Eigen"
printf '#define XSIMD_VERSION_MAJOR 7\n#define XSIMD_VERSION_MINOR 6\n' >"$work/xsimd/xsimd/xsimd.hpp"
printf '#define EIGEN_WORLD_VERSION 3\n#define EIGEN_MAJOR_VERSION 3\n' >"$work/eigen/Eigen/Core"

# one_sentence <folder that comes first> <header of ours> <sentence>
one_sentence() {
    output=$(echo "#include <tessera/$2>" | "$compiler" -I "$work/$1" "@$flags" -fsyntax-only -x c++ - 2>&1)
    [ "$(printf '%s\n' "$output" | grep -c 'error: ')" = 2 ] &&
        printf '%s\n' "$output" | grep 'error: ' | head -n 1 | grep -q "$3" &&
        printf '%s\n' "$output" | grep -q "fatal error: .*tessera_needs_newer_$1" || {
        printf '%s with an old %s: expected one sentence of ours, got\n%s\n' "$2" "$1" "$output" | head -n 20
        exit 1
    }
}
one_sentence xsimd kernel/simd/simd.hpp 'tessera: needs xsimd 8.1 or newer; the compiler has found'
one_sentence xsimd tessera.hpp 'tessera: needs xsimd 8.1 or newer; the compiler has found'
one_sentence eigen kernel/eigen.hpp 'tessera: needs Eigen 3.4 or newer; the compiler has found'
echo "older headers: one sentence each"
