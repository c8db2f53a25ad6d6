#!/bin/sh
# R6: malformed images, IDX and gzip: a typed error each, within a second, without memory for what they claim.
. "${ROOT:?}/tests/reliability/common.sh"
limit_kib=262144
begun=$(now_ms)
(ulimit -v $((limit_kib * 2)) && "$BUILD/tests/test_data" --no-colors -d=1) >"$work/log" 2>&1
code=$?
cat "$work/log" >&2
longest=$(sed -n 's/^\([0-9.]*\) s: .*/\1/p' "$work/log" | sort -g | tail -1)
cases=$(sed -n 's/.*test cases: *\([0-9]*\) | *\([0-9]*\) passed.*/\2 of \1 cases/p' "$work/log")
slow=$(echo "${longest:-9}" | awk '{print ($1 > 1)}')
verdict R6 'all typed errors, at most 1 s each, within 512 MiB of address space' \
    "$cases, the longest ${longest:-?} s, $(($(now_ms) - begun)) ms in all" $((code + slow))
