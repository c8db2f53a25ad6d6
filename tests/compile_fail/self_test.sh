#!/bin/sh
# The checker accepts a correct file and rejects a file that compiles, one with another message, and one that does not
# compile with FIXED either.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

try() { # try <name> <what the checker must say>; the source comes from standard input
    cat >"$work/$1.cpp"
    said=$(sh "$here/check.sh" "$compiler" "$flags" "$work/$1.cpp" 2>&1)
    if ! printf '%s\n' "$said" | grep -q "$2"; then
        printf '%s: the checker must say "%s", it says\n%s\n' "$1" "$2" "$said"
        failed=1
    fi
}
compiler=$1 flags=$2

try good 'refused with the expected message' <<'END'
// expect: two must be [0-9]
#ifdef FIXED
static_assert(sizeof(char) == 1, "two must be 2");
#else
static_assert(sizeof(char) == 2, "two must be 2");
#endif
END
try compiles 'compiles, and must not' <<'END'
// expect: anything
static_assert(sizeof(char) == 1, "FIXED or not");
END
try other_message 'does not say' <<'END'
// expect: three must be 3
#ifndef FIXED
static_assert(sizeof(char) == 2, "two must be 2");
#endif
END
try never_right 'with -DFIXED it must compile' <<'END'
// expect: two must be 2
static_assert(sizeof(char) == 2, "two must be 2");  // FIXED does not help
END
exit $failed
