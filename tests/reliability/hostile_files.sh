#!/bin/sh
# Malformed images, IDX and gzip files give a typed error within a second, within 512 MiB of address space.
. "${ROOT:?}/tests/reliability/common.sh"
limit_kib=262144
begun=$(now_ms)
code=0
: >"$work/log"
for suite in data image; do
    (ulimit -v $((limit_kib * 2)) && "$BUILD/tests/test_$suite" --no-colors -d=1) >"$work/$suite.log" 2>&1 || code=1
    cat "$work/$suite.log" >&2
    sed -n "s/^\([0-9.]*\) s: /\1 $suite /p" "$work/$suite.log" | sed 's/,/?/g' >>"$work/cases"
    cat "$work/$suite.log" >>"$work/log"
done
# On a busy machine wall-clock time says little, and some cases create a thousand files. A case that took a second is
# run again, and then the processor time of its own code counts.
while read -r seconds suite name; do
    if [ "${seconds%%.*}" -ge 1 ]; then
        # the last line of `times` is about the children: user (0m0.12s) and system
        ("$BUILD/tests/test_$suite" -tc="$name" >&2; times >"$work/times")
        seconds=$(tail -n 1 "$work/times" | tr 'ms' '  ' | awk '{print $1 * 60 + $2}')
    fi
    echo "$seconds"
done <"$work/cases" >"$work/seconds"
longest=$(sort -g "$work/seconds" | tail -n 1)
cases=$(awk '/test cases:/ { gsub(/[^0-9 ]/, ""); all += $1; passed += $2 }
    END { print passed + 0 " of " all + 0 " cases" }' "$work/log")
slow=$(echo "${longest:-9}" | awk '{print ($1 > 1)}')
verdict 'all typed errors, at most 1 s each, within 512 MiB of address space' \
    "$cases, the longest ${longest:-?} s, $(($(now_ms) - begun)) ms in total" $((code + slow))
