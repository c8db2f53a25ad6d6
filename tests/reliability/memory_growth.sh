#!/bin/sh
# 10,000 steps and 200 saves do not let the heap, the resident memory or the open files grow.
. "${ROOT:?}/tests/reliability/common.sh"
measured=$("$probe" --checkpoint "$work/run" soak 2>&1)
verdict 'heap +0 B, resident at most +1024 KiB, open files +0' "$measured" \
    $(echo "$measured" | awk '{exit !($2 == "+0" && $10 + 0 <= 1024 && $19 == "+0")}'; echo $?)
