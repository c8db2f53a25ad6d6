#!/bin/sh
# A checkpoint with any bit flipped, cut short anywhere, or up to 16 bytes longer is refused.
. "${ROOT:?}/tests/reliability/common.sh"
measured=$("$probe" flips)
verdict 'all refused' "$measured" $?
