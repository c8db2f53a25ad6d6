#!/bin/sh
# head_comments.sh <root>: each header outside detail/ begins with a head comment of one form.
#
#     #pragma once
#     // Name: what it is                 a public name of the file (`name(args)`, `A, B` too), or the name of the file
#     //
#     // Shapes   ...                     these labels only, each once at most and in this order; the text of a label
#     // Params   ...                     continues in indented lines
#     // Errors   ...
#     // Cost     ...
#
# Shapes and Cost are required where the file defines a `Bind`, Params where it defines a `struct Params` with leaves,
# Errors where it has a `throw`.
set -u
cd "$1" || exit 1
files=$(find include -name '*.hpp' 2>/dev/null | grep -v '/detail/' | sort)
[ -n "$files" ] || { echo "no headers in $1" && exit 1; }
# shellcheck disable=SC2086
LC_ALL=C awk '
    function complain(text) { print file ": " text; failed = 1 }
    function finish(   i, n, name, names) {
        if (file == "") return
        if (title !~ ("^// " public "(, " public ")*: .")) {
            complain("2: expected \"// Name: what it is\", got \"" title "\"")
        } else {
            names = substr(title, 4)
            gsub(/\([^)]*\)|<[^>]*>+/, "", names)
            gsub(/::/, "\001", names)
            sub(/: .*/, "", names)
            n = split(names, name, ", ")
            for (i = 1; i <= n; ++i) {
                sub(/.*\001/, "", name[i])
                if (code !~ ("[^A-Za-z0-9_]" name[i] "[^A-Za-z0-9_]") && name[i] != base)
                    complain("2: the file has no " name[i])
            }
        }
        if (binds && !("Shapes" in has)) complain("defines a Bind: expected a line \"// Shapes   ...\"")
        if (binds && !("Cost" in has)) complain("defines a Bind: expected a line \"// Cost     ...\"")
        if (leaves && !("Params" in has)) complain("defines Params with leaves: expected a line \"// Params   ...\"")
        if (throws && !("Errors" in has)) complain("throws: expected a line \"// Errors   ...\"")
    }
    BEGIN { public = "[A-Za-z_][A-Za-z0-9_:]*(<[^>]*>+)?([(][^)]*[)])?" }
    BEGIN { split("Shapes Params Errors Cost", order, " "); for (i in order) rank[order[i]] = i + 0 }
    FNR == 1 {
        finish()
        file = FILENAME
        base = file
        sub(/.*\//, "", base)
        sub(/\.hpp$/, "", base)
        title = code = ""
        head = 1
        last = binds = in_params = leaves = throws = 0
        for (name in has) delete has[name]
        if ($0 !~ /^#pragma once\r?$/) complain("1: expected #pragma once")
        next
    }
    FNR == 2 { title = $0 }
    head && /^\/\// {
        if ($0 ~ /^\/\/ [A-Z][a-z]+(, [A-Z][a-z]+)?  +[^ ]/) {  # a word and two spaces: a label
            label = $0
            sub(/^\/\/ /, "", label)
            sub(/  .*/, "", label)
            if (!(label in rank)) complain(FNR ": label \"" label "\": expected Shapes, Params, Errors or Cost")
            else if (rank[label] <= last)
                complain(FNR ": label " label ": expected the order Shapes, Params, Errors, Cost")
            else last = rank[label]
            has[label] = 1
        }
        next
    }
    { head = 0 }
    {
        text = $0
        sub(/\/\/.*/, "", text)
        if (text !~ /[^ ]/) next
        code = code " " text " "
        if (text ~ /(using|struct|class) Bind([^A-Za-z0-9_]|$)/) binds = 1
        if (text ~ /struct Params \{/) in_params = 1
        if (in_params && text ~ /(^|[^A-Za-z0-9_])Param</) leaves = 1
        if (text ~ /^ *\};/) in_params = 0
        if (text ~ /(^|[^A-Za-z0-9_"])throw [^;]/) throws = 1
    }
    END { finish(); exit failed }' $files
