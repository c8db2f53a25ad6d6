#!/bin/sh
# links.sh <root>: every relative link of a page leads to a file or folder that exists, and every code block is closed:
# an odd number of lines that begin with ``` shows the rest of the page as code.
set -u
cd "$1" || exit 1
failed=0
for page in $(find ./*.md include examples tests bench -name '*.md' 2>/dev/null | sed 's|^\./||' | sort); do
    if [ $(($(grep -c '^ *```' "$page") % 2)) != 0 ]; then
        echo "$page: a code block is not closed: an odd number of lines begin with \`\`\`"
        failed=1
    fi
    for target in $(grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//; s/#.*$//' | sort -u); do
        case $target in '' | *://* | mailto:*) continue ;; esac
        [ -e "$(dirname "$page")/$target" ] && continue
        echo "$page: the link to $target leads nowhere"
        failed=1
    done
done
exit $failed
