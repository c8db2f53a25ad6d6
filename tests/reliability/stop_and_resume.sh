#!/bin/sh
# SIGTERM at a random time: exit code 0 after the step and a save, and the resumed run ends with the same bits.
. "${ROOT:?}/tests/reliability/common.sh"
target='exit within 5 s with code 0, resumed to the same bits'
digits=$BUILD/examples/digits
[ -x "$digits" ] || skip "$target" 'the examples are not built'
run() {
    exec "$digits" --limit 320 --epochs-vqvae 3 --epochs-prior 2 --batch 32 --samples 10 --checkpoint-every 3 "$@" \
        >"$work/log" 2>&1
}
(run --out "$work/whole" --checkpoint "$work/whole-run") || exit 1
golden=$work/whole/model.safetensors
[ -s "$golden" ] || exit 1
stops=0 longest=0 bad=0 wanted=${FAST:+5} wanted=${wanted:-50}
runs=0
while [ $stops -lt "$wanted" ]; do
    runs=$((runs + 1))
    if [ $runs -gt $((20 * wanted)) ]; then
        [ $bad = 0 ] || verdict "$target" "$bad bad runs" $bad "of $runs runs, $stops of them stopped"
        skip "$target" "a run ends before it can be stopped: $stops stops in $runs runs"
    fi
    rm -rf "$work/run" "$work/out"
    early=0
    while :; do
        there=$(find "$work/run" -name 'step-*.safetensors' 2>/dev/null | head -n 1)
        run --out "$work/out" --checkpoint "$work/run" --resume &
        pid=$!
        sleep "0.$(printf %03d $((200 + $(random 800))))"
        begun=$(now_ms)
        kill -TERM $pid 2>/dev/null
        wait $pid
        code=$?
        took=$(($(now_ms) - begun))
        # 143: the signal arrived before the program had installed its handler, which it does before it opens a
        # checkpoint
        if [ $code = 143 ] && ! grep -q 'stage' "$work/log" && [ $early -lt 100 ]; then
            early=$((early + 1))
            continue
        fi
        ended=0
        ! grep -q '^done in' "$work/log" || ended=1
        # a run that begins anew has the same bits, too; and one that has written everything may still end with a crash
        if [ $code != 0 ] || { [ -n "$there" ] && ! grep -q '^resuming stage' "$work/log"; }; then
            echo "exit code $code, after this output:" >&2
            bad=$((bad + 1))
            cat "$work/log" >&2
            stops=$((stops + 1))
            break
        fi
        [ $ended = 0 ] || break
        [ $took -le $longest ] || longest=$took
        stops=$((stops + 1))
    done
    cmp "$golden" "$work/out/model.safetensors" >&2 || bad=$((bad + 1))
done
[ $longest -le 5000 ] || bad=$((bad + 1))
verdict "$target" "$stops stops, the longest took $longest ms, $bad bad" $bad
