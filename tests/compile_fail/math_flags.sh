#!/bin/sh
# math_flags.sh <compiler> <flags file>: the modes of arithmetic that change results are refused by the real flags, and not
# only by the macros that fast_math.cpp and its like define. clang tells programs of -ffast-math and -ffinite-math-only
# alone.
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
