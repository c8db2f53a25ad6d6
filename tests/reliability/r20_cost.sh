#!/bin/sh
# R20: what a header can cost: 100 MB of spaces, a million entries, brackets without end.
. "${ROOT:?}/tests/reliability/common.sh"
measured=$("$probe" cost)
verdict R20 'spaces below 1 s, a million entries below 5 s and linear, brackets refused at once' "$measured" $?
