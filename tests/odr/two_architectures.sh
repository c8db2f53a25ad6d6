#!/bin/sh
# two_architectures.sh <compiler> <flags file> <nm> <libtbb>
#
# One program, two objects, one with AVX2 and one without. Promises:
#   1. they share no defined symbol of tessera (otherwise the linker keeps one, and the plain object may run AVX2 code);
#   2. a Tensor passed from one to the other is a link error, not an illegal instruction;
#   3. objects of one architecture do link and run: 1 and 2 are not true for a trivial reason.
set -u
compiler=$1 flags=$2 nm=$3 tbb=$4
here=$(cd "$(dirname "$0")" && pwd)
case $(uname -m) in
x86_64 | amd64) ;;
*)
    echo "SKIPPED: two -march of x86-64 are compared, this machine is a $(uname -m)"
    exit 77
    ;;
esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() {
    printf '%s\n' "$*"
    exit 1
}

# -O0: nothing is inlined away, every function that is used is a symbol
compile() { # compile <source> <object> [flags]...
    in=$here/$1 out=$work/$2
    shift 2
    "$compiler" "@$flags" -O0 "$@" -c "$in" -o "$out" || fail "$in: does not compile with $*"
}
compile taker.cpp taker_plain.o -march=x86-64
compile taker.cpp taker_avx2.o -mavx2 -mfma
compile giver.cpp giver_plain.o -march=x86-64

symbols() { # defined, global or weak: what the linker merges
    "$nm" -C --defined-only "$work/$1" | sed -n 's/^[0-9a-fA-F]* [A-TV-Zuvw] //p' | grep tessera |
        LC_ALL=C sort -u >"$work/$1.symbols"
    [ -s "$work/$1.symbols" ] || fail "$1: no symbol of tessera, so nothing is tested"
}
symbols taker_avx2.o
symbols taker_plain.o
symbols giver_plain.o

LC_ALL=C comm -12 "$work/taker_avx2.o.symbols" "$work/giver_plain.o.symbols" >"$work/shared"
[ -s "$work/shared" ] && fail "shared by objects of two architectures:
$(cat "$work/shared")"
LC_ALL=C comm -12 "$work/taker_plain.o.symbols" "$work/giver_plain.o.symbols" >"$work/control"
[ -s "$work/control" ] || fail "objects of one architecture share nothing either, so nothing is tested"

"$compiler" "$work/giver_plain.o" "$work/taker_plain.o" -o "$work/same" "$tbb" || fail "one architecture: does not link"
LD_LIBRARY_PATH=$(dirname "$tbb")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$work/same" ||
    fail "one architecture: does not run"

if said=$("$compiler" "$work/giver_plain.o" "$work/taker_avx2.o" -o "$work/mixed" "$tbb" 2>&1); then
    fail "a Tensor passes from one architecture to the other and the linker does not object"
fi
printf '%s\n' "$said" | grep -q 'undefined reference.*takes.*tessera' || fail "the linker refuses for another reason:
$said"

count() { wc -l <"$work/$1" | tr -d ' '; }
echo "0 shared symbols ($(count taker_avx2.o.symbols) and $(count giver_plain.o.symbols), control $(count control));" \
    "the mixed link is refused"
