#!/bin/sh
# unknown_part.sh <unknown_part>: runs the program with a mask.
program=$1
. "$(dirname -- "$0")/common.sh"
mask squares "$work/squares.png"
"$program" "$work/squares.png"
