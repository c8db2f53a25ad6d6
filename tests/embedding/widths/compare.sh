#!/bin/sh
# compare.sh <compiler> <flags file> <libtbb> <program of this build> <its sources>...: the program compiled for AVX2,
# and that of this build, which uses AVX-512, print the same hashes. Exit code 77: not to be shown on this machine.
set -u
compiler=$1 flags=$2 tbb=$3 here=$4
shift 4
tests=$(cd "$(dirname "$0")/../.." && pwd)
grep -qw avx512vl /proc/cpuinfo 2>/dev/null ||
    { echo "SKIPPED: no AVX-512 here, so there is one vector width"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$compiler" "@$flags" -I "$tests" -O0 -march=x86-64-v3 "$@" \
    -o "$work/avx2" "$tbb" "-Wl,-rpath,$(dirname "$tbb")" || exit 1
avx2=$("$work/avx2") && avx512=$("$here") || exit 1
printf 'AVX2\n%s\nAVX-512\n%s\n' "$avx2" "$avx512"
[ -n "$avx2" ] && [ "$avx2" = "$avx512" ]
