#!/bin/sh
# architectures.sh <compiler> <flags file> <nm> <libtbb>
#
# Objects of one program that were compiled for different vector instructions, or with other containers
# (_GLIBCXX_DEBUG), share no defined symbol of tessera, any two of the sets below: otherwise the linker keeps one of two
# bodies, and the numbers (or an illegal instruction) depend on the order of linking.
# The same flags twice do share, link and run; and NDEBUG changes neither a symbol nor the size of a function.
set -u
compiler=$1 flags=$2 nm=$3 tbb=$4
here=$(cd "$(dirname "$0")" && pwd)
case $(uname -m) in
x86_64 | amd64) ;;
*)
    echo "SKIPPED: vector instructions of x86-64 are compared, this machine is a $(uname -m)"
    exit 77
    ;;
esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() {
    printf '%s\n' "$*"
    exit 1
}
LC_ALL=C
export LC_ALL

# -O0: nothing is inlined away, every function that is used is a symbol
compile() { # compile <object> [flags]...
    out=$work/$1
    shift
    "$compiler" "@$flags" -O0 "$@" -c "$here/kernels.cpp" -o "$out" || fail "does not compile with $*"
}
symbols() { # size and name of what is defined, global or weak: what the linker merges
    "$nm" -C -S --defined-only "$work/$1" | sed -n 's/^[0-9a-fA-F]* \([0-9a-fA-F]*\) [A-TV-Zuvw] /\1 /p' |
        grep tessera | sort -u >"$work/$1.sizes"
    sed 's/^[^ ]* //' "$work/$1.sizes" | sort -u >"$work/$1.symbols"
    [ -s "$work/$1.symbols" ] || fail "$1: no symbol of tessera, so nothing is tested"
}

number=0
while IFS= read -r set; do
    number=$((number + 1))
    # shellcheck disable=SC2086
    compile "$number" $set
    symbols $number
    other=1
    while [ $other -lt $number ]; do
        comm -12 "$work/$other.symbols" "$work/$number.symbols" >"$work/shared"
        [ -s "$work/shared" ] && fail "shared by objects with \"$set\" and \"$(sed -n ${other}p "$work/sets")\":
$(cat "$work/shared")"
        other=$((other + 1))
    done
    echo "$set" >>"$work/sets"
done <<END
-march=x86-64
-march=x86-64 -D_GLIBCXX_DEBUG
-msse3
-mssse3
-msse4.1
-march=x86-64-v2
-mavx
-mavx -mfma
-mavx2
-march=x86-64-v3
-mavx2 -mfma -mavx512f
-march=x86-64-v4
-march=icelake-client
END

compile first -march=x86-64 -DFIRST
compile release -march=x86-64 -DNDEBUG
symbols first
symbols release
comm -12 "$work/1.symbols" "$work/first.symbols" >"$work/control"
[ -s "$work/control" ] || fail "objects with the same flags share nothing either, so nothing is tested"
cmp -s "$work/1.sizes" "$work/release.sizes" || fail "NDEBUG changes functions of ours:
$(diff "$work/1.sizes" "$work/release.sizes")"
for second in 1 release; do
    "$compiler" "$work/first" "$work/$second" -o "$work/program" "$tbb" || fail "the same flags: does not link"
    LD_LIBRARY_PATH=$(dirname "$tbb")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$work/program" ||
        fail "the same flags: other results"
done
echo "0 shared symbols between any two of $number sets of flags; control $(wc -l <"$work/control" | tr -d ' ')"
