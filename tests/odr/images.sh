#!/bin/sh
# images.sh <compiler> <flags file> <readelf>
#
# stb_image is `static` in each source file that reads images (image/stb.hpp), and two files may have it with other
# settings. So no function that files share (one that the linker merges, in a section of its own) may call a static one,
# which is in the section .text at -O0: the linker would keep the body of one file, which calls the stb of that file.
set -u
compiler=$1 flags=$2 readelf=$3
here=$(cd "$(dirname "$0")" && pwd)/images
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
command -v "$readelf" >/dev/null || { echo "SKIPPED: no readelf" && exit 77; }
failed() {
    echo "$1" >&2
    exit 1
}

# calls <object>: the shared functions that use something of the section .text
calls() {
    "$readelf" -rW "$work/$1" >"$work/$1.calls" || failed "readelf cannot read $1"
    awk '/^Relocation section/ { section = $3; gsub(/\047/, "", section) }
         section ~ /^\.rela?\.text\._Z/ && $0 ~ / \.text( |$)/ { print section }' "$work/$1.calls" | sort -u
}
compile() { # compile <object> [flags]...
    out=$work/$1
    shift
    "$compiler" "@$flags" -O0 "$@" -c "$here/reader.cpp" -o "$out" || exit 1
}
compile control -DFILE_NAME=control -DCONTROL
"$readelf" -h "$work/control" >/dev/null 2>&1 || { echo "SKIPPED: objects of $compiler are no ELF files" && exit 77; }
calls control >"$work/of_control"
grep -q shared_by_files "$work/of_control" ||
    failed 'a shared function that calls a static one was not found: nothing is tested'
grep -v shared_by_files "$work/of_control" >"$work/found"
compile other -DFILE_NAME=other -DSTBI_NO_SIMD
calls other >>"$work/found"
[ ! -s "$work/found" ] || failed "shared functions that call a static one:
$(sort -u "$work/found" | c++filt)"
echo "no function that files share calls a static one; control found"
