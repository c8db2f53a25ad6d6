#!/bin/sh
# check.sh <root>: every ```cpp block of README.md is a region of a compiled example. The block is preceded by
#     <!-- snippet: examples/NN_name.cpp#region -->
# and it must be equal to the text between `// [region]` and `// [/region]` in that file, apart from a common
# indentation. A block without such a comment is an error, because it would not be compiled.
set -u
root=$1
if [ ! -f "$root/README.md" ]; then
    echo "SKIPPED: no README.md"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# one file per block: first line its comment (or "none"), then its text
awk -v work="$work" '
    /^[ \t]*<!-- snippet: .* -->[ \t]*\r?$/ {
        source = $0
        sub(/^.*<!-- snippet: */, "", source)
        sub(/ *-->.*$/, "", source)
        next
    }
    !inside && /^[ \t]*```(cpp|c\+\+)[ \t]*\r?$/ {
        inside = 1
        file = sprintf("%s/block%03d", work, ++count)
        print (source == "" ? "none" : source) > file
        print NR > (file ".line")
        next
    }
    inside && /^[ \t]*```[ \t]*\r?$/ { inside = 0; source = ""; close(file); next }
    inside { print > file; next }
    /[^ \t\r]/ { source = "" }  # the comment belongs to the block that follows at once
' "$root/README.md"

# without the indentation that all lines share
dedent() {
    awk '{ line[NR] = $0 }
        /[^ \t]/ { match($0, /^ */); if (least == "" || RLENGTH < least) least = RLENGTH }
        END { for (i = 1; i <= NR; ++i) print substr(line[i], least + 1) }'
}

failed=0
count=0
for block in "$work"/block[0-9][0-9][0-9]; do
    [ -f "$block" ] || continue
    count=$((count + 1))
    where="README.md:$(cat "$block.line")"
    source=$(head -n 1 "$block")
    if [ "$source" = none ]; then
        echo "$where: a cpp block without <!-- snippet: file#region --> before it"
        failed=1
        continue
    fi
    file=${source%%#*}
    region=${source#*#}
    if [ ! -f "$root/$file" ]; then
        echo "$where: $file does not exist"
        failed=1
        continue
    fi
    awk -v begin="// [$region]" -v end="// [/$region]" '
        { text = $0; sub(/^[ \t]*/, "", text); sub(/[ \t\r]*$/, "", text) }
        text == end { inside = 0; closed = 1 }
        inside { print }
        text == begin { inside = 1 }
        END { exit !closed }
    ' "$root/$file" >"$work/region" || {
        echo "$where: $file has no region $region"
        failed=1
        continue
    }
    grep -q '[^[:space:]]' "$work/region" || {
        echo "$where: the region $region of $file is empty"
        failed=1
        continue
    }
    dedent <"$work/region" >"$work/expected"
    tail -n +2 "$block" | dedent >"$work/shown"
    if ! diff -u "$work/expected" "$work/shown" >"$work/diff"; then
        echo "$where: differs from $source (- the file, + README.md)"
        tail -n +3 "$work/diff"
        failed=1
    fi
done
[ $count -gt 0 ] || {
    echo "README.md: no cpp block was found, so nothing is compared"
    failed=1
}
[ $failed = 0 ] && echo "$count snippets of README.md are what their examples say"
exit $failed
