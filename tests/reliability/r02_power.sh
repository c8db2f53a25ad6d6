#!/bin/sh
# R2: every state that a loss of power can leave, from the log of the calls of 48 saves in 6 processes.
. "${ROOT:?}/tests/reliability/common.sh"
"$BUILD/tests/test_train" -s --no-colors -tc='Checkpoints: a loss of power*' >"$work/log" 2>&1
code=$?
states=$(sed -n 's/.*MESSAGE: \([0-9]*\) states.*/\1/p' "$work/log")
verdict R2 '0 violations in at least 2000 states' "$([ $code = 0 ] && echo 0 violations || echo violations) in ${states:-no} states" \
    $([ $code = 0 ] && [ "${states:-0}" -ge 2000 ]; echo $?)
