#!/bin/sh
# Two threads on one core take at most a tenth longer than one: a group of samples, a team of two.
. "${ROOT:?}/tests/reliability/common.sh"
target='at most 10 % longer'
[ -x "$BUILD/tests/one_core" ] || skip "$target" 'threads are bound to a core on Linux only'
measured=$("$BUILD/tests/one_core")
code=$?
verdict "$target" "$measured" $code
