#!/bin/sh
# The suites of files, image, data, io and codec run every line and 95 % of the branches of the parsers' headers.
. "${ROOT:?}/tests/reliability/common.sh"
target='lines 100 %, branches at least 95 %'
found=''
for version in '' -14 -15 -16 -17 -18 -19; do
    command -v "clang++$version" >/dev/null && command -v "llvm-profdata$version" >/dev/null || continue
    "llvm-cov$version" --version 2>/dev/null | grep -q "version $("clang++$version" -dumpversion | cut -d. -f1)\." ||
        continue
    found=yes
    break
done
[ -n "$found" ] || skip "$target" 'no clang++ with llvm-cov of its version'
dir=$BUILD-coverage suites='files image data io codec'
cmake -S "$ROOT" -B "$dir" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=OFF \
    -DCMAKE_CXX_COMPILER="clang++$version" -DCMAKE_CXX_FLAGS='-fprofile-instr-generate -fcoverage-mapping' >&2 &&
    cmake --build "$dir" -j "$(getconf _NPROCESSORS_ONLN)" --target test_files test_image test_data test_io \
        test_codec >&2 || exit 1
for suite in $suites; do
    LLVM_PROFILE_FILE=$work/$suite.raw "$dir/tests/test_$suite" >&2 || exit 1
done
"llvm-profdata$version" merge -o "$work/all" "$work"/*.raw || exit 1
set --
for name in files/json_reader files/utf8 io/dtype io/safetensors io/safetensors_header data/idx data/idx_file \
    image/gzip image/inflate image/check_png image/check_jpeg image/check_image_size \
    image/exif_orientation image/file_type image/detail/jpeg_bits image/detail/jpeg_walk image/detail/normal_jpeg \
    codec/codec_header codec/range_decoder codec/detail/chunks; do
    [ -f "$ROOT/include/tessera/$name.hpp" ] || {
        echo "include/tessera/$name.hpp does not exist" >&2
        exit 1
    }
    set -- "$@" "$ROOT/include/tessera/$name.hpp"
done
for suite in image data io codec; do set -- -object "$dir/tests/test_$suite" "$@"; done
# the first program is a positional argument
"llvm-cov$version" report "$dir/tests/test_files" -instr-profile="$work/all" "$@" >"$work/table"
cat "$work/table" >&2
# filename regions missed cover functions missed executed lines missed cover branches missed cover
measured=$(awk '$1 == "TOTAL" {print $10, $13}' "$work/table")
verdict "$target" "lines ${measured% *}, branches ${measured#* }" \
    "$(echo "$measured" | awk '{exit !($1 + 0 >= 100 && $2 + 0 >= 95)}'; echo $?)"
