#!/bin/sh
# Each fuzz target runs without a crash, leak, timeout or large allocation.
# FUZZ_EXECUTIONS: executions of each target (default 20,000).
. "${ROOT:?}/tests/reliability/common.sh"
target='no crash, leak, timeout (1 s) or use of more than 256 MiB at once'
lines=$(sh "$ROOT/tests/fuzz/run.sh" "$BUILD" --executions "${FUZZ_EXECUTIONS:-20000}" --seconds 60)
case $? in
0) verdict "$target" "$(echo "$lines" | tr '\n' ';')" 0 ;;
77) skip "$target" "$lines" ;;
*) verdict "$target" "$(echo "$lines" | tr '\n' ';')" 1 ;;
esac
