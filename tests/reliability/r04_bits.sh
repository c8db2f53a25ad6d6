#!/bin/sh
# R4: every bit of a checkpoint turned, every shorter file, up to 16 bytes more.
. "${ROOT:?}/tests/reliability/common.sh"
measured=$("$probe" flips)
verdict R4 'all refused' "$measured" $?
