#!/bin/sh
# Two threads on one core: a team takes at most a tenth longer than one thread, a group waits 2 % of its time at most.
. "${ROOT:?}/tests/reliability/common.sh"
target='a team at most 10 % longer, a group waits at most 2 %'
[ -x "$BUILD/tests/one_core" ] || skip "$target" 'threads are bound to a core on Linux only'
measured=$("$BUILD/tests/one_core")
code=$?
[ $code != 77 ] || skip "$target" "$measured"
verdict "$target" "$measured" $code
