#!/bin/sh
# Training ends with one SHA-256 for every number of threads, in its own or the host's arena, at any address.
. "${ROOT:?}/tests/reliability/common.sh"
repeats=${FAST:+1} repeats=${repeats:-10}
runs=0
for threads in 1 2 3 4 8; do
    for arena in '' --host-arena; do
        i=1
        while [ $i -le "$repeats" ]; do
            # shellcheck disable=SC2086
            "$probe" --threads $threads $arena --jitter $i >>"$work/sums" || echo "failed $runs" >>"$work/sums"
            "$probe" --threads $threads $arena >>"$work/sums" || echo "failed $runs" >>"$work/sums"
            runs=$((runs + 2)) i=$((i + 1))
        done
    done
done
distinct=$(sort -u "$work/sums" | wc -l)
verdict '1 distinct SHA-256' "$distinct distinct in $runs runs" $((distinct - 1))
