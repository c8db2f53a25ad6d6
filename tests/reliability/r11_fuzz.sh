#!/bin/sh
# R11: each fuzz target for a while; FUZZ_EXECUTIONS says how often (default 20,000).
. "${ROOT:?}/tests/reliability/common.sh"
target='no crash, leak, timeout (1 s) or use of more than 256 MiB at once'
lines=$(sh "$ROOT/tests/fuzz/run.sh" "$BUILD" --executions "${FUZZ_EXECUTIONS:-20000}" --seconds 60)
case $? in
0) verdict R11 "$target" "$(echo "$lines" | tr '\n' ';')" 0 ;;
77) skip R11 "$target" "$lines" ;;
*) verdict R11 "$target" "$(echo "$lines" | tr '\n' ';')" 1 ;;
esac
