#!/bin/sh
# R6: malformed images, IDX and gzip: a typed error each, within a second, without memory for what they claim.
. "${ROOT:?}/tests/reliability/common.sh"
limit_kib=262144
begun=$(now_ms)
(ulimit -v $((limit_kib * 2)) && "$BUILD/tests/test_data" --no-colors -d=1) >"$work/log" 2>&1
code=$?
cat "$work/log" >&2
# A busy machine makes a second on the wall short, and some cases have the system make a thousand files: what seems slow is run
# again, and the processor time of its own code counts.
sed -n 's/^\([0-9.]*\) s: /\1 /p' "$work/log" | sed 's/,/?/g' | while read -r seconds name; do
    if [ "${seconds%%.*}" -ge 1 ]; then
        # the last line of `times` is of the children: user, 0m0.12s, and system
        ("$BUILD/tests/test_data" -tc="$name" >&2; times >"$work/times")
        seconds=$(tail -n 1 "$work/times" | tr 'ms' '  ' | awk '{print $1 * 60 + $2}')
    fi
    echo "$seconds"
done >"$work/seconds"
longest=$(sort -g "$work/seconds" | tail -n 1)
cases=$(sed -n 's/.*test cases: *\([0-9]*\) | *\([0-9]*\) passed.*/\2 of \1 cases/p' "$work/log")
slow=$(echo "${longest:-9}" | awk '{print ($1 > 1)}')
verdict R6 'all typed errors, at most 1 s each, within 512 MiB of address space' \
    "$cases, the longest ${longest:-?} s, $(($(now_ms) - begun)) ms in all" $((code + slow))
