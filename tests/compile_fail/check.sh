#!/bin/sh
# check.sh <compiler> <flags file> <source> [<header> [refused]]: the source must not compile, the compiler's output
# must match every `// expect:` line of the source, and with -DFIXED it must compile (otherwise the error may be a mere
# typing error). The header, which may be precompiled, is included before the source. `refused`: without the last check,
# which one compiler answers for all; it is half of the time.
set -u
compiler=$1 flags=$2 source=$3 header=${4-} only=${5-}
LC_ALL=C
export LC_ALL

if ! grep -q '^// expect: .' "$source"; then
    echo "$source: no line \`// expect: <regex>\`"
    exit 1
fi
if ! grep -q 'FIXED' "$source"; then
    echo "$source: does not ask for FIXED, so nobody knows what is wrong with it"
    exit 1
fi
compile() {
    "$compiler" "@$flags" -fdiagnostics-color=never ${header:+-include "$header"} -fsyntax-only "$@" "$source" 2>&1
}
if output=$(compile); then
    echo "$source: compiles, and must not"
    exit 1
fi

missing=$(
    sed -n 's|^// expect: ||p' "$source" | while IFS= read -r expected; do
        printf '%s\n' "$output" | grep -Eq -e "$expected" || printf '  %s\n' "$expected"
    done
)
if [ -n "$missing" ]; then
    printf '%s: the compiler does not say\n%s\n---- it says ----\n%s\n' "$source" "$missing" "$output"
    exit 1
fi

if [ "$only" != refused ] && ! output=$(compile -DFIXED); then
    printf '%s: with -DFIXED it must compile; the compiler says\n%s\n' "$source" "$output"
    exit 1
fi
echo "$source: refused with the expected message"
