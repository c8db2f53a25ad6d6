#!/bin/sh
# R15: what the suites io and data run of the parsers' headers, by clang's coverage.
. "${ROOT:?}/tests/reliability/common.sh"
target='lines 100 %, branches at least 95 %'
for version in '' -14 -15 -16 -17 -18 -19; do
    command -v "clang++$version" >/dev/null && command -v "llvm-cov$version" >/dev/null && break
done
command -v "llvm-cov$version" >/dev/null || skip R15 "$target" 'no clang++ with llvm-cov'
dir=$BUILD-coverage
cmake -S "$ROOT" -B "$dir" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=OFF \
    -DCMAKE_CXX_COMPILER="clang++$version" -DCMAKE_CXX_FLAGS='-fprofile-instr-generate -fcoverage-mapping' >&2 &&
    cmake --build "$dir" -j "$(getconf _NPROCESSORS_ONLN)" --target test_io test_data >&2 || exit 1
for suite in io data; do
    LLVM_PROFILE_FILE=$work/$suite.raw "$dir/tests/test_$suite" >&2 || exit 1
done
"llvm-profdata$version" merge -o "$work/all" "$work/io.raw" "$work/data.raw" || exit 1
headers=''
for name in io/json_reader io/safetensors io/safetensors_header io/utf8 io/dtype data/idx data/idx_file data/gzip data/inflate \
    data/check_png data/check_jpeg data/check_image_size; do headers="$headers $ROOT/include/tessera/$name.hpp"; done
# shellcheck disable=SC2086
"llvm-cov$version" report "$dir/tests/test_io" -object "$dir/tests/test_data" -instr-profile="$work/all" $headers >"$work/table"
cat "$work/table" >&2
# filename regions missed cover functions missed executed lines missed cover branches missed cover
measured=$(awk '$1 == "TOTAL" {print $10, $13}' "$work/table")
verdict R15 "$target" "lines ${measured% *}, branches ${measured#* }" \
    "$(echo "$measured" | awk '{exit !($1 + 0 >= 100 && $2 + 0 >= 95)}'; echo $?)"
