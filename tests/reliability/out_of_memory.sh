#!/bin/sh
# Each allocation of loading, saving, decoding and training fails in turn; models and files stay unchanged.
. "${ROOT:?}/tests/reliability/common.sh"
target='no crash; std::bad_alloc reaches the caller, models and files are unchanged'
[ -x "$BUILD/tests/oom" ] || skip "$target" 'glibc only'
measured=$("$BUILD/tests/oom" "$work/run")
verdict "$target" "$measured" $?
