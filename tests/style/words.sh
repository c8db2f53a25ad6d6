#!/bin/sh
# words.sh <root>: no word of words.txt in the headers, the examples, the pages and the names of the tests, nor in the
# identifiers of headers and examples, which are split at underscores and capitals.
set -u
root=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
cd "$root" || exit 1
files=$(find include examples -name '*.hpp' -o -name '*.cpp' 2>/dev/null | sort)
for page in README.md CONTRIBUTING.md SECURITY.md TROUBLESHOOTING.md bench/README.md; do
    [ ! -f "$page" ] || files="$files $page"
done
[ -n "$files" ] || { echo "no sources or pages in $root" && exit 1; }
tests=$(find tests -name '*.cpp' 2>/dev/null | grep -vE '^tests/(architecture|golden)/' | sort)
# shellcheck disable=SC2086
LC_ALL=C awk -v list="$here/words.txt" '
    BEGIN {
        while ((getline line < list) > 0) {
            if (line ~ /^#/ || line !~ /\t/) continue
            count++
            word[count] = line
            sub(/\t.*/, "", word[count])
            instead[count] = line
            sub(/^[^\t]*\t/, "", instead[count])
            where[count] = instead[count] ~ /\t/ ? instead[count] : ""
            sub(/^[^\t]*\t/, "", where[count])
            sub(/\t.*/, "", instead[count])
            exact = word[count] ~ /[A-Z]/
            word[count] = "[^A-Za-z0-9_](" word[count] ")[^A-Za-z0-9_]"
            kind[count] = exact
            if (exact) either_exact = either_exact (either_exact == "" ? "" : "|") word[count]
            else either = either (either == "" ? "" : "|") word[count]
        }
        if (count == 0) { print "no words in " list; failed = 1; exit }
    }
    FNR == 1 { open = 0 }
    /words: ok$/ { next }
    FILENAME == "CONTRIBUTING.md" && /^ *\|/ { next }  # its table of words
    {
        text = $0
        if (FILENAME ~ /^tests\//) {  # the name only, which may be on the line after TEST_CASE
            if (text ~ /TEST_CASE/) open = 1
            if (!open) next
            if (text !~ /"/) next
            open = 0
            sub(/^[^"]*"/, "", text)
            sub(/"[^"]*$/, "", text)
        }
        gsub(/[Ss]tands? for /, "", text)  # an abbreviation may
        # an identifier is also read as its words: rename_damaged and RenameDamaged as rename damaged
        split_text = text
        if (FILENAME !~ /^tests\//) {
            while (match(split_text, /[a-z0-9][A-Z]/))
                split_text = substr(split_text, 1, RSTART) " " substr(split_text, RSTART + 1)
            gsub(/_/, " ", split_text)
        }
        text = " " text "  "
        lower = tolower(text)
        split_text = " " tolower(split_text) "  "
        if (lower !~ either && text !~ either_exact && split_text !~ either) next
        for (i = 1; i <= count; ++i) {
            if (FILENAME !~ where[i]) continue
            said = ""
            if (kind[i] ? match(text, word[i]) : match(lower, word[i]))
                said = substr(text, RSTART + 1, RLENGTH - 2)
            else if (!kind[i] && match(split_text, word[i]))
                said = substr(split_text, RSTART + 1, RLENGTH - 2)
            if (said == "") continue
            print FILENAME ":" FNR ": \"" said "\": say " instead[i]
            failed = 1
        }
    }
    END { exit failed }' $files $tests
