#!/bin/sh
# run.sh <compiler> <flags file> <libtbb>
#
# The library's copy of stb and a host's, in one program: two files with ours; the host's in a separate file, declared
# before or after ours; the host's in the same file, before or after ours; the host's options. And no macro remains.
set -u
compiler=$1 flags=$2 tbb=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() {
    printf '%s\n' "$*"
    exit 1
}
command -v "${NM:-nm}" >/dev/null || {
    echo 'SKIPPED: no nm'
    exit 77
}
compile() { # compile <options> <source>...: one object each
    options=$1
    shift
    for source in "$@"; do
        # shellcheck disable=SC2086
        "$compiler" "@$flags" $options -Wall -Wextra -Werror -c "$here/$source.cpp" -o "$work/$source.o" ||
            fail "$source: does not compile with $options"
    done
}
run() { # run <options> <object>...
    options=$1
    shift
    what=$*
    for object do
        shift
        set -- "$@" "$work/$object.o"
    done
    # shellcheck disable=SC2086
    "$compiler" $options "$@" -o "$work/program" "$tbb" || fail "$what: does not link with $options"
    LD_LIBRARY_PATH=$(dirname "$tbb")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$work/program" ||
        fail "$what: fails with $options"
}

for options in -O0 -O2 "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all"; do
    compile "$options" main_two ours_one ours_two
    run "$options" main_two ours_one ours_two
    run "$options" main_two ours_two ours_one
done
# the library's functions that call stb are local to their file
"${NM:-nm}" -C --defined-only "$work/ours_one.o" >"$work/symbols" || fail "ours_one: nm cannot read the object"
grep -q ' T ours_one()' "$work/symbols" || fail "ours_one: nm shows no functions, so nothing is tested"
grep -E ' [TW] .*(stbi_|stbiw_|decode_image|encode_png)' "$work/symbols" && fail "these have external linkage"

compile -O1 host_stb declares_before declares_after unity_before unity_after options
for source in declares_before declares_after; do
    run -O1 $source host_stb
    run -O1 host_stb $source
done
for source in unity_before unity_after options; do run -O1 $source; done

# macros <file>: those after the source in standard input
macros() {
    "$compiler" "@$flags" -dM -E -x c++ - >"$1.unsorted" || fail "the preprocessor fails"
    LC_ALL=C sort "$1.unsorted" >"$1"
    grep -q '^#define TESSERA_ABI ' "$1" || fail "no macro of the library, so nothing is tested"
}
standard='#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <tessera/core/error.hpp>
#include <new>'
echo "$standard" >"$work/before.cpp"
macros "$work/before" <"$work/before.cpp"
{
    echo "$standard"
    echo '#include <tessera/image/stb.hpp>'
    echo '#include <tessera/image/stb_write.hpp>'
} >"$work/after.cpp"
macros "$work/after" <"$work/after.cpp"
cmp -s "$work/before" "$work/after" || fail "macros that are left behind:
$(diff "$work/before" "$work/after")"
