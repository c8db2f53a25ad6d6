#!/bin/sh
# links.sh <root>: every relative link of a page leads to a file or folder that exists.
set -u
cd "$1" || exit 1
failed=0
for page in $(find ./*.md include examples tests bench -name '*.md' 2>/dev/null | sed 's|^\./||' | sort); do
    for target in $(grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//; s/#.*$//' | sort -u); do
        case $target in '' | *://* | mailto:*) continue ;; esac
        [ -e "$(dirname "$page")/$target" ] && continue
        echo "$page: the link to $target leads nowhere"
        failed=1
    done
done
exit $failed
