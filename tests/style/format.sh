#!/bin/sh
# format.sh <root>: each source is what clang-format 14 makes of it, with .clang-format. Other versions format
# differently. The samples of architecture/ and golden/ are left out. CLANG_FORMAT: the program.
set -u
cd "$1" || exit 1
for program in "${CLANG_FORMAT:-clang-format-14}" clang-format; do
    "$program" --version 2>/dev/null | grep -q 'version 14\.' && break
    program=''
done
[ -n "$program" ] || { echo 'SKIPPED: no clang-format 14' && exit 77; }
find include examples tests bench \( -name '*.hpp' -o -name '*.cpp' \) 2>/dev/null |
    grep -vE '^tests/(architecture|golden)/' | sort |
    xargs -n 40 -P "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)" "$program" --style=file --dry-run -Werror 2>&1 |
    grep -E '^[^ ]*: error' | cut -d: -f1 | sort | uniq -c |
    awk -v program="$program" '{ print $2 ": " $1 " differences: run " program " -i " $2 } END { exit NR > 0 }'
