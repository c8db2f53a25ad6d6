#!/bin/sh
# R5: the list of malformed safetensors, and the valid ones that look odd.
. "${ROOT:?}/tests/reliability/common.sh"
"$BUILD/tests/test_io" --no-colors -tc='safetensors: each malformed*,safetensors: valid files that look odd*' >"$work/log" 2>&1
code=$?
cat "$work/log" >&2
verdict R5 '48 of 48 kinds refused with code and offset, 12 of 12 oddities read' \
    "$([ $code = 0 ] && echo '48 of 48 and 12 of 12'): $(sed -n 's/.*assertions: *\([0-9]*\) | *\([0-9]*\) passed.*/\2 of \1 assertions/p' "$work/log")" $code
