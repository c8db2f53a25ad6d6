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
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
find include examples tests bench \( -name '*.hpp' -o -name '*.cpp' \) 2>/dev/null |
    grep -vE '^tests/(architecture|golden)/' | sort >"$work/files"
[ -s "$work/files" ] || { echo "no sources in $1" && exit 1; }
xargs -n 40 -P "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)" "$program" --style=file --dry-run -Werror \
    <"$work/files" >"$work/log" 2>&1
code=$?
grep -E '^[^ ]*[.][hc]pp:[0-9:]+ error' "$work/log" | cut -d: -f1 | sort | uniq -c |
    awk -v program="$program" '{ print $2 ": " $1 " differences: run " program " -i " $2 }
        END { exit NR > 0 }' || exit 1
# without a difference it must have succeeded: a .clang-format that it cannot read is no difference either
[ $code = 0 ] || { cat "$work/log" && exit 1; }
