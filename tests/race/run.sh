#!/bin/sh
# run.sh <race>: ThreadSanitizer reports nothing about what the library does, and each of the seeded races.
set -u
race=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export TSAN_OPTIONS='halt_on_error=0 exitcode=66 report_signal_unsafe=0'
run=''
"$race" >"$work/log" 2>&1
code=$?
if grep -q 'unexpected memory mapping' "$work/log"; then # g++ 12 and clang 14 on a kernel with more random bits
    run="setarch $(uname -m) -R"
    $run true 2>/dev/null || { echo "SKIPPED: ThreadSanitizer does not run on this kernel" && exit 77; }
    $run "$race" >"$work/log" 2>&1
    code=$?
fi
failed=0
if [ $code -ne 0 ]; then
    grep -m 1 -A 60 'WARNING: ThreadSanitizer' "$work/log"
    tail -n 5 "$work/log"
    echo "the library: exit code $code, expected 0"
    failed=1
else
    echo "the library: no report"
fi
for seed in order team loop; do
    $run "$race" $seed >"$work/log" 2>&1
    code=$?
    reports=$(grep -c 'WARNING: ThreadSanitizer: data race' "$work/log")
    echo "seeded race, $seed: $reports reports, exit code $code"
    if [ "$reports" -eq 0 ] || [ $code -ne 66 ]; then
        echo "expected a report and exit code 66"
        failed=1
    fi
done
exit $failed
