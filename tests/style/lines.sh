#!/bin/sh
# lines.sh <root>: no line over 120 columns in sources and pages, in shell scripts, the Python of bench/ and the files
# of CMake that users include, and no statements joined by commas. Tables and lines with links of pages may be longer,
# an expected message of compile_fail/ is one line, and the samples of architecture/ and golden/ are left out.
set -u
root=$1
cd "$root" || exit 1
set -- include examples tests bench ./*.md
files=$(find "$@" \( -name '*.hpp' -o -name '*.cpp' -o -name '*.md' \) 2>/dev/null | sed 's|^\./||' |
    grep -vE '^(build|out|data)/|^tests/(architecture|golden)/' | sort)
scripts=$(find bench \( -name '*.py' -o -name CMakeLists.txt \) 2>/dev/null | sort
    find bench cmake examples tests -name '*.sh' 2>/dev/null | sort
    find .ci -type f 2>/dev/null | sort
    find CMakeLists.txt cmake \( -name '*.cmake' -o -name '*.in' -o -name CMakeLists.txt \) 2>/dev/null | sort)
sources=$(printf '%s\n' "$files" | grep -v '\.md$')
[ -n "$sources" ] || { echo "no sources in $root" && exit 1; }
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
    END { exit failed }' $files $scripts
lines=$?

# A statement up to its ; { or } on one line, every bracket as one character: ( ) is @, [ ] and { } are #. Two
# assignments or calls with a comma between them are then side by side. The commas of a for, of a fold and of arguments
# are inside of brackets, and those of a declaration follow a type.
# shellcheck disable=SC2086
LC_ALL=C awk '
    FNR == 1 { statement = "" }
    {
        text = $0
        gsub(/\\./, "", text)
        gsub(/"[^"]*"/, "0", text)
        gsub(/\047[^\047]\047/, "0", text)
        sub(/\/\/.*/, "", text)
        if (text ~ /^ *#/ || text !~ /[^ ]/) next
        if (statement == "") from = FNR
        statement = statement " " text
        if (text !~ /[;{}] *$/) next
        text = statement
        statement = ""
        if (text !~ /,/) next
        do {
            before = text
            gsub(/\([^()]*\)/, "@", text)
            gsub(/\[[^][]*\]/, "#", text)
            gsub(/\{[^{};]*\}/, "#", text)
            gsub(/<[^<>;=&|]*>/, "", text)
        } while (text != before)
        part = "[A-Za-z_*][A-Za-z0-9_.:>*#-]*(@|[#@]* *[-+*\/|&^]?=[^=;,][^;,]*)"
        if (text ~ ("(^ *|[;{}@] *|else +|do +)" part "(, *" part ")+;")) {
            print FILENAME ":" from ": statements joined by a comma"
            failed = 1
        }
    }
    END { exit failed }' $sources
[ $? = 0 ] && [ $lines = 0 ]
