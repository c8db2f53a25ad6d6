#!/bin/sh
# R14: misuse that must not compile, each with its message; what is right beside it compiles (tests/compile_fail).
. "${ROOT:?}/tests/reliability/common.sh"
ctest --test-dir "$BUILD" -L compile_fail -j "$(getconf _NPROCESSORS_ONLN)" >"$work/log" 2>&1
code=$?
cat "$work/log" >&2
cases=$(find "$ROOT/tests/compile_fail" -name '*.cpp' | wc -l)
verdict R14 '20 of 20 cases, each with our sentence, and their twins compile' \
    "$cases cases with each compiler there is: $(grep 'tests passed' "$work/log")" \
    $((code + (cases < 20)))
