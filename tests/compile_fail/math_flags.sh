#!/bin/sh
# math_flags.sh <compiler> <flags file>: floating-point modes that change results are rejected with the real flags, not
# only with the macros that fast_math.cpp and similar files define. clang defines macros only for -ffast-math and
# -ffinite-math-only. Likewise a compilation without exceptions, or as C++17: one sentence, not thousands of errors.
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
    printf '%s\n' "$output" | grep -q 'tessera: -[fm].*compile without it' || {
        printf 'with %s: no sentence of ours:\n%s\n' "$*" "$output"
        exit 1
    }
}
for header in core/abi.hpp tessera.hpp data/image_folder.hpp; do
    output=$(echo "#include <tessera/$header>" | "$compiler" "@$flags" -fno-exceptions -fsyntax-only -x c++ - 2>&1)
    [ "$(printf '%s\n' "$output" | grep -c 'error: ')" = 2 ] &&
        printf '%s\n' "$output" | grep 'error: ' | head -n 1 |
            grep -q 'tessera: -fno-exceptions .*compile without it' &&
        printf '%s\n' "$output" | grep -q 'fatal error: .*tessera_needs_exceptions' || {
        printf '%s with -fno-exceptions: expected one sentence of ours, got\n%s\n' "$header" "$output"
        exit 1
    }
    output=$(echo "#include <tessera/$header>" | "$compiler" "@$flags" -std=c++17 -fsyntax-only -x c++ - 2>&1)
    printf '%s\n' "$output" | grep 'error: ' | head -n 1 | grep -q 'tessera: C++20 is needed; compile with' &&
        printf '%s\n' "$output" | grep -q 'fatal error: .*tessera_needs_cxx20' || {
        printf '%s with -std=c++17: expected one sentence of ours, got\n%s\n' "$header" "$output" | head -n 20
        exit 1
    }
done
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
# Options that not every compiler and processor has: where the empty file compiles with one, the header must not.
for flag in -mfpmath=387 -mfpmath=both -mfpmath=sse+387 -ffp-eval-method=double -ffp-eval-method=extended; do
    if "$compiler" "@$flags" "$flag" -fsyntax-only -x c++ - </dev/null 2>/dev/null; then
        refused "$flag"
    fi
done
