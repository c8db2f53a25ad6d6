#!/bin/sh
# R12: memory and open files.
. "${ROOT:?}/tests/reliability/common.sh"
measured=$("$probe" --checkpoint "$work/run" soak 2>&1)
verdict R12 'heap +0 B, resident at most +1024 KiB, open files +0' "$measured" \
    $(echo "$measured" | awk '{exit !($2 == "+0" && $10 + 0 <= 1024 && $19 == "+0")}'; echo $?)
