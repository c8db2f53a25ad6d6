#!/bin/sh
# links.sh <root>: every relative link of a page leads to a file or folder that exists, and where it names a heading
# (page.md#heading) to one that the page has. Every code block is closed: an odd number of lines that begin with ```
# shows the rest of the page as code.
set -u
cd "$1" || exit 1
failed=0
# the names of a page's headings, as GitHub and GitLab make them: lower case, no punctuation, hyphens for blanks. Only
# for headings in ASCII of which no other has the same words, as those of this repository that are linked are.
headings() {
    sed -n '/^ *```/,/^ *```/d; s/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}
pages=$(find ./*.md include examples tests bench -name '*.md' 2>/dev/null | sed 's|^\./||' | sort)
[ -n "$pages" ] || { echo "no pages in $1" && exit 1; }
for page in $pages; do
    if [ $(($(grep -c '^ *```' "$page") % 2)) != 0 ]; then
        echo "$page: a code block is not closed: an odd number of lines begin with \`\`\`"
        failed=1
    fi
    for link in $(grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//' | sort -u); do
        case $link in *://* | mailto:*) continue ;; esac
        target=$(dirname "$page")/${link%%#*}
        [ -n "${link%%#*}" ] || target=$page
        if [ ! -e "$target" ]; then
            echo "$page: the link to $link leads nowhere"
            failed=1
            continue
        fi
        case $link in *.md#* | '#'*) headings "$target" | grep -qxF -- "${link#*#}" && continue ;; *) continue ;; esac
        echo "$page: the link to $link leads to no heading of $target"
        failed=1
    done
done
exit $failed
