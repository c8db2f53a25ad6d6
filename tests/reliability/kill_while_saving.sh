#!/bin/sh
# A process killed before or after any system call of a save, or at a random time, resumes to the same bits.
. "${ROOT:?}/tests/reliability/common.sh"
target='0 unusable states, all runs end with the same bits'
every=${FAST:+20} every=${every:-5} random_kills=${FAST:+3} random_kills=${random_kills:-200}
golden=$("$probe") || exit 1
# Without a count of the calls there would be nothing to kill at.
calls=$("$probe" --checkpoint "$work/count" --every "$every" 2>&1 >/dev/null | sed -n 's/^calls //p')
points=0 killed=0 bad=0
[ "${calls:-0}" -gt 0 ] || exit 1

# A run that begins anew has the same bits, too: it must continue the newest checkpoint that is there.
resume_and_compare() {
    newest=$(find "$1" -name 'step-*.safetensors' 2>/dev/null |
        sed 's/.*step-0*//; s/\.safetensors//' | sort -n | tail -n 1)
    result=$("$probe" --checkpoint "$1" --every "$every" --resume 2>"$work/log") || result="$(cat "$work/log")"
    resumed=$(sed -n 's/^resumed at step //p' "$work/log")
    [ "$result" = "$golden" ] && [ "$resumed" = "$newest" ] && return
    bad=$((bad + 1))
    echo "$2: resumed at step $resumed, expected $newest: $result" >&2
}
k=0
while [ $k -lt "$calls" ]; do
    for after in '' --after; do
        rm -rf "$work/run"
        # shellcheck disable=SC2086
        "$probe" --checkpoint "$work/run" --every "$every" --kill-call $k $after >/dev/null 2>&1
        [ $? -eq 137 ] || { echo "call $k $after: was not killed" >&2 && bad=$((bad + 1)); }
        resume_and_compare "$work/run" "call $k $after"
        points=$((points + 1))
    done
    k=$((k + 1))
done

# at random times, up to five times in a row
i=0 most=$((20 * random_kills)) # where no process lives long enough to be killed
while [ $killed -lt "$random_kills" ] && [ $i -lt $most ]; do
    rm -rf "$work/run"
    row=$((1 + $(random 5)))
    while [ $row -gt 0 ] && [ $killed -lt "$random_kills" ]; do
        "$probe" --checkpoint "$work/run" --every 2 --pause 4 --resume >/dev/null 2>&1 &
        pid=$!
        sleep "0.$(printf %03d "$(random 160)")"
        kill -KILL $pid 2>/dev/null
        wait $pid 2>/dev/null
        [ $? -ne 137 ] || killed=$((killed + 1))
        row=$((row - 1)) i=$((i + 1))
    done
    resume_and_compare "$work/run" "random kill $i"
done
[ $killed -ge "$random_kills" ] || { echo "only $killed of $random_kills kills in $i runs" >&2 && bad=$((bad + 1)); }
[ -z "$(find "$work" -name '*.tmp')" ] || { echo 'a temporary file remains' >&2 && bad=$((bad + 1)); }
verdict "$target" "$bad bad of $points kills at system calls and $killed at random times" $bad
