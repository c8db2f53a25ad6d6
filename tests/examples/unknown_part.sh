#!/bin/sh
# unknown_part.sh <unknown_part>: runs the program with a mask.
set -u
program=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$here/data.sh"
mask squares "$work/squares.png"
"$program" "$work/squares.png"
