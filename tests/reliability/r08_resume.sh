#!/bin/sh
# R8: both stages resumed after each of 40 steps.
. "${ROOT:?}/tests/reliability/common.sh"
"$BUILD/tests/test_train" --no-colors -tc='Checkpoints: a run resumed after any step*' >"$work/log" 2>&1
code=$?
same=$(sed -n 's/.*assertions: *\([0-9]*\) | *\([0-9]*\) passed.*/\2 of \1/p' "$work/log")
verdict R8 '40 of 40 in each stage' "$same assertions about 2 x 40 resumed runs hold" $code
