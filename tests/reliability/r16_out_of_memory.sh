#!/bin/sh
# R16: each allocation of loading, saving and decoding fails in turn.
. "${ROOT:?}/tests/reliability/common.sh"
target='no crash; std::bad_alloc passes, models and files stay as they were'
[ -x "$BUILD/tests/oom" ] || skip R16 "$target" 'needs glibc'
measured=$("$BUILD/tests/oom" "$work/run")
verdict R16 "$target" "$measured" $?
