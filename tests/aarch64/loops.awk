# loops.awk <assembly of tiles.cpp>: what is in the loop with the most multiply-adds of each function.
#
# Fails where a number is broadcast, a vector copied or the stack used in such a loop, where its loads per multiply-add
# are more than those of the shape in the function's name (lanes: (R / 4 + NV) / (R NV)), or where a function is missing.

function finish(   i, j, text, most, first, last, fmla, loads, broadcasts, copies, stack, shape, allowed, wrong) {
    if (name == "") return
    most = 0
    for (i = 1; i <= loops; ++i) {
        fmla = 0
        for (j = begin[i]; j <= end[i]; ++j) fmla += text_of[j] ~ /^fmla/
        if (fmla > most) {
            most = fmla
            first = begin[i]
            last = end[i]
        }
    }
    if (most > 0) {
        for (j = first; j <= last; ++j) {
            text = text_of[j]
            if (text ~ /^ldp [qds]/) loads += 2
            else if (text ~ /^ld(u?r) [qds]/ || text ~ /^ld1 /) ++loads
            if (text ~ /^(ld1r|dup) /) ++broadcasts
            if (text ~ /^mov v[0-9]+\.16b/) ++copies
            if (text ~ /\[(sp|x29)/) ++stack
        }
        split(name, shape, /_|x/)
        j = name
        sub(/.*_/, "", j)
        split(j, shape, "x")
        allowed = (shape[1] / 4 + shape[2]) / (shape[1] * shape[2])
        wrong = broadcasts + copies + stack > 0 || loads > allowed * most
        printf "%s%s: a loop of %d instructions, %d fmla, %d vectors loaded, %d broadcast, %d copied, the stack used %d times\n", \
            wrong ? "WRONG: " : "", name, last - first + 1, most, loads, broadcasts, copies, stack
        failed += wrong
        ++found
    }
    name = ""
}
/^[a-z][a-z0-9_]*:/ { # a function
    name = $1
    sub(/:.*/, "", name)
    lines = loops = 0
    split("", at)
    next
}
/^\.L[A-Za-z0-9_]*:/ { # a label
    sub(/:.*/, "", $1)
    at[$1] = lines + 1
    next
}
/^\t[a-z]/ { # an instruction
    text = $0
    gsub(/[ \t]+/, " ", text)
    sub(/^ /, "", text)
    text_of[++lines] = text
    if (text ~ /^(b\.?[a-z]+|b|cbn?z|tbn?z) / && $NF in at) { # back to a label: a loop, if no other one is in it
        inner = 0
        for (i = 1; i <= loops; ++i) inner += begin[i] >= at[$NF]
        if (inner) next
        begin[++loops] = at[$NF]
        end[loops] = lines
    }
}
/^\t\.size/ { finish() }
END {
    if (found != expected) {
        print "WRONG: expected the loops of " expected " functions, got " found + 0
        failed = 1
    }
    exit failed > 0
}
