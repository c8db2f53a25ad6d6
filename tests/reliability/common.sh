# What the checks of the scorecard share. Each check is a script whose second line says what it checks; it gets ROOT
# (the repository) and BUILD (a Release build with tests), and prints one line:
#     name <tab> target <tab> measured <tab> pass|fail|skipped <tab> reason
# and ends with exit code 77 where it is skipped. Everything else goes to standard error. FAST=1: the small version,
# which the test suite runs.
set -u
: "${ROOT:?}" "${BUILD:?}"
export LC_ALL=C
probe=$BUILD/tests/probe
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
check=$(basename "$0" .sh)

# verdict <target> <measured> <0: pass> [reason]
verdict() {
    if [ "$3" -eq 0 ]; then word=pass; else word=fail; fi
    printf '%s\t%s\t%s\t%s\t%s\n' "$check" "$1" "$2" "$word" "${4-}"
    [ "$word" = pass ]
    exit
}
# skip <target> <reason>
skip() {
    printf '%s\t%s\t\tskipped\t%s\n' "$check" "$1" "$2"
    exit 77
}
# libtbb: the file of oneTBB that the build links
libtbb() { cat "$BUILD"/tests/libtbb.*.path | head -n 1; }
# random <below>: from /dev/urandom, because sh has no generator
random() { echo $(($(od -An -N4 -tu4 /dev/urandom) % $1)); }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
