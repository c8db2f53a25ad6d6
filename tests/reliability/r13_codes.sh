#!/bin/sh
# R13: every code of an error is thrown in a test, with its message.
. "${ROOT:?}/tests/reliability/common.sh"
"$BUILD/tests/test_core" --no-colors -tc='FormatCode: each code*' >"$work/log" 2>&1
code=$?
cat "$work/log" >&2
values=$(sed -n '/^enum class FormatCode/,/^};/p' "$ROOT/include/tessera/core/format_code.hpp" | grep -cE '^ +[a-z0-9_]+,? ')
verdict R13 '100 % of the values' "$([ $code = 0 ] && echo "$values" || echo 'not all') of $values" $code
