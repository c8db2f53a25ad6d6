#!/bin/sh
# math_flags.sh <compiler> <flags file>: floating-point modes that change results are rejected with the real flags, not
# only with the macros that fast_math.cpp and similar files define. clang defines macros only for -ffast-math and
# -ffinite-math-only.
set -u
compiler=$1 flags=$2
LC_ALL=C
export LC_ALL
compile() { echo '#include <tessera/core/abi.hpp>' | "$compiler" "@$flags" "$@" -fsyntax-only -x c++ - 2>&1; }

compile || { echo "does not compile without any of the flags"; exit 1; }
refused() {
    if output=$(compile "$@"); then
        echo "compiles with $*, and must not"
        exit 1
    fi
    printf '%s\n' "$output" | grep -q 'tessera: -f.*compile without it' || {
        printf 'with %s: no sentence of ours:\n%s\n' "$*" "$output"
        exit 1
    }
}
refused -ffast-math
refused -Ofast
refused -ffinite-math-only
case $("$compiler" --version) in
*clang*) ;;
*)
    refused -funsafe-math-optimizations
    refused -fassociative-math -fno-signed-zeros -fno-trapping-math
    refused -freciprocal-math
    ;;
esac
