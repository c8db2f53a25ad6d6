#!/bin/sh
# lines.sh <root>: no line over 120 columns in sources and pages. Tables and lines with links of pages may be longer, an
# expected message of compile_fail/ is one line, and the samples of architecture/ and golden/ are left out.
set -u
cd "$1" || exit 1
set -- include examples tests bench ./*.md
files=$(find "$@" \( -name '*.hpp' -o -name '*.cpp' -o -name '*.md' \) 2>/dev/null | sed 's|^\./||' |
    grep -vE '^(build|out|data)/|^tests/(architecture|golden)/' | sort)
# shellcheck disable=SC2086
LC_ALL=C awk '
    {
        text = $0
        sub(/\r$/, "", text)
        if (length(text) <= 120) next
        gsub(/[\200-\277]/, "", text)  # a character of several bytes is one column
        if (length(text) <= 120 || FILENAME ~ /\.md$/ && (text ~ /^ *\|/ || text ~ /\]\(|https?:/)) next
        if (FILENAME ~ /compile_fail\// && text ~ /^\/\/ expect:/) next
        print FILENAME ":" FNR ": " length(text) " columns, at most 120"
        failed = 1
    }
    END { exit failed }' $files
