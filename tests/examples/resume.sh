#!/bin/sh
# resume.sh <digits> <bundled data>: a run that is stopped by SIGTERM, and one that is killed, end after --resume in the
# model of a run that was never stopped, bit for bit; and the folder of checkpoints is guarded.
digits=$1 bundled=$2
. "$(dirname -- "$0")/common.sh"
# in a subshell, which becomes the program: signals reach it
run() {
    exec "$digits" --bundled "$bundled" --limit 320 --epochs-vqvae 3 --epochs-prior 2 --batch 32 --samples 10 --seed 5 \
        --checkpoint-every 3 "$@"
}
# same <folder>: its model and pictures are those of the run that was never stopped
same() {
    for name in model.safetensors samples.png reconstructions.png; do
        [ -s "$1/$name" ] && cmp "$1/$name" "$work/whole/$name" || return 1
    done
}

(run --out "$work/whole" --checkpoint "$work/whole-run" >"$work/log" 2>&1) || {
    cat "$work/log"
    exit 1
}

# asked to stop again and again, each time after some checkpoints more
stops=0
while :; do
    run --out "$work/asked" --checkpoint "$work/asked-run" --resume >"$work/log" 2>&1 &
    pid=$!
    wait_for_progress $pid "$work/asked-run" 0.1
    kill -TERM $pid 2>/dev/null
    wait $pid || fail "exit code $? after SIGTERM: $(cat "$work/log")"
    [ $failed = 0 ] || exit 1
    grep -q '^done in' "$work/log" && break
    grep -q '^stopped: the state of the run is in .*, --resume continues it' "$work/log" ||
        fail "no sentence: $(cat "$work/log")"
    stops=$((stops + 1))
    [ $stops -lt 100 ] || break
done
[ $stops -gt 0 ] || fail "was never stopped"
same "$work/asked" || fail "another model after $stops stops"

# killed
kills=0
while :; do
    run --out "$work/killed" --checkpoint "$work/killed-run" --resume >"$work/log" 2>&1 &
    pid=$!
    wait_for_progress $pid "$work/killed-run" 0.$((kills % 3))
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    code=$?
    [ $code != 0 ] || break
    [ $code = 137 ] || fail "exit code $code after SIGKILL: $(cat "$work/log")"
    [ $failed = 0 ] || exit 1
    grep -q '^done in' "$work/log" && break
    kills=$((kills + 1))
    [ $kills -lt 100 ] || break
done
[ $kills -gt 0 ] || fail "no run was killed before it ended"
same "$work/killed" || fail "another model after $kills kills"
[ "$(find "$work/killed-run" -name '*.tmp' | wc -l)" -eq 0 ] || fail "a temporary file is left"

# the guards
(run --out "$work/no" --checkpoint "$work/killed-run" >"$work/log" 2>&1) && fail "a second run in the folder of another"
grep -q 'holds the checkpoints of an earlier run: --resume continues it' "$work/log" || fail "$(cat "$work/log")"
(run --out "$work/no" --checkpoint "$work/killed-run" --resume --seed 6 >"$work/log" 2>&1) &&
    fail "another seed was accepted"
grep -q 'seed: expected 6, file has 5' "$work/log" || fail "$(cat "$work/log")"
(run --out "$work/no" --checkpoint "$work/killed-run" --resume --seed 6 --accept seed >"$work/log" 2>&1) &&
    fail "other images were accepted"
grep -q 'with another --seed these images differ: it chooses those of --limit and .*; the checkpoint has 5$' \
    "$work/log" || fail "$(cat "$work/log")"
grep -q 'program: expected' "$work/log" && fail "its own version is refused"

# on purpose: a finished run goes on for another epoch, with another rate; what was not named is still compared
(run --out "$work/no" --checkpoint "$work/killed-run" --resume --epochs-prior 3 >"$work/log" 2>&1) &&
    fail "more epochs were taken silently"
grep -q 'epochs.prior: expected 3, file has 2; --accept epochs keeps 3$' "$work/log" || fail "$(cat "$work/log")"
(run --out "$work/no" --checkpoint "$work/killed-run" --resume --lr-prior 0.001 >"$work/log" 2>&1) &&
    fail "another rate was taken silently"
grep -q ' lr.prior: expected 0.001, file has 0.008; --accept lr keeps 0.001$' "$work/log" || fail "$(cat "$work/log")"
(run --out "$work/no" --checkpoint "$work/killed-run" --resume --accept lr,epcohs >"$work/log" 2>&1) &&
    fail "a misspelt --accept"
grep -q 'expected lr, clip_norm, weight_decay, seed or epochs, got epcohs' "$work/log" || fail "$(cat "$work/log")"
[ ! -e "$work/no" ] || fail "--out was made"
# what belongs to stage 1 has no effect after it, accepted or not: one line for each that differs, and the same model
for accept in '' '--accept lr,epochs'; do
    # shellcheck disable=SC2086  # two words, or none
    (run --out "$work/late" --checkpoint "$work/killed-run" --resume --lr-vqvae 0.001 --epochs-vqvae 2 $accept \
        >"$work/log" 2>&1) || fail "settings of a complete stage 1: $(cat "$work/log")"
    for line in '--lr-vqvae 0.001 has no effect on it; the checkpoint has 0.002' \
        '--epochs-vqvae 2 has no effect on it; the checkpoint has 3'; do
        [ "$(grep -c "^stage 1 is complete: $line\$" "$work/log")" = 1 ] || fail "no line $line: $(cat "$work/log")"
    done
    [ "$(grep -c 'stage 1 is complete' "$work/log")" = 2 ] || fail "other lines: $(cat "$work/log")"
    grep -q 'as accepted' "$work/log" && fail "accepted, without effect: $(cat "$work/log")"
    same "$work/late" || fail "settings of a complete stage 1 changed the model"
done
(run --out "$work/more" --checkpoint "$work/killed-run" --resume --epochs-prior 3 --lr-prior 0.001 --lr-vqvae 0.001 \
    --accept lr,epochs >"$work/log" 2>&1) ||
    fail "more epochs on purpose: $(cat "$work/log")"
grep -q '^digits.epochs.prior is 3 from here on, as accepted; the checkpoint has 2' "$work/log" ||
    fail "$(cat "$work/log")"
grep -q '^digits.lr.prior is 0.001 from here on, as accepted; the checkpoint has 0.008' "$work/log" ||
    fail "$(cat "$work/log")"
[ "$(grep -c 'from here on' "$work/log")" = 2 ] || fail "another line says what is accepted: $(cat "$work/log")"
grep -aq '"tessera.digits.lr.vqvae":"0.002"' "$(newest "$work/killed-run")" ||
    fail "a checkpoint has another rate than that of its stage 1"
differ "$work/more/model.safetensors" "$work/whole/model.safetensors" "another epoch changed nothing"
(run --out "$work/no" --checkpoint "$work/killed-run" --resume --quantizer fsq >"$work/log" 2>&1) &&
    fail "another quantizer was accepted"
grep -q 'quantizer: expected fsq, file has codebook' "$work/log" || fail "$(cat "$work/log")"
(run --out "$work/no" --checkpoint "$work/killed-run" --resume --order any >"$work/log" 2>&1) &&
    fail "another order was accepted"
grep -q 'expected a checkpoint of a run with --order any, got one of a run with --order raster$' "$work/log" ||
    fail "$(cat "$work/log")"
(run --out "$work/no" --checkpoint "$work/asked-run" --resume --passes 5 >"$work/log" 2>&1) &&
    fail "passes in raster order"
grep -q -e '--passes: expected a prior of any order .*, got raster$' "$work/log" || fail "$(cat "$work/log")"
(run --out "$work/no" --resume >"$work/log" 2>&1) && fail "--resume alone"

# a checkpoint of another version of the program is refused by name; its checksum is made to fit
last=$(newest "$work/killed-run")
mkdir "$work/old-run"
old=$work/old-run/$(basename "$last")
sed 's/"tessera.digits.program":"6"/"tessera.digits.program":"1"/' "$last" >"$old"
differ "$last" "$old" "the checkpoint does not name the version of the program"
(run --out "$work/no" --checkpoint "$work/old-run" --resume >"$work/log" 2>&1) && fail "a checkpoint that was edited"
set_checksum "$old" "$work/log"
(run --out "$work/no" --checkpoint "$work/old-run" --resume >"$work/log" 2>&1) && fail "another version was accepted"
grep -q 'is a checkpoint of version 1 of this program: expected version 6' "$work/log" ||
    fail "version: $(cat "$work/log")"

# checkpoints that nothing would read are no reason to begin a new run next to them
mkdir -p "$work/copied" "$work/above"
cp "$last" "$work/copied/$(basename "$last" .safetensors) (1).safetensors"
(run --out "$work/no" --checkpoint "$work/copied" --resume >"$work/log" 2>&1) && fail "a copy was passed over"
grep -q 'expected files called step-000000000500.safetensors, got step-[0-9]* (1).safetensors: give it its name' \
    "$work/log" || fail "copy: $(cat "$work/log")"
cp -R "$work/asked-run" "$work/above/run"
(run --out "$work/no" --checkpoint "$work/above" --resume >"$work/log" 2>&1) && fail "the folder above was accepted"
grep -q 'got them in the folder run: pass --checkpoint .*above/run$' "$work/log" || fail "above: $(cat "$work/log")"
(run --load "$last" --out "$work/no" >"$work/log" 2>&1) && fail "a checkpoint was accepted as a model"

# while stage 1 is trained, a checkpoint knows what both stages depend on: every option of --help that changes the
# training is compared
idx_set "$work/others"
"$digits" --help >"$work/help"
options=$(awk '/^[A-Z]/ { on = $1 == "Data:" || $1 == "Training:" } on && /^  --/ { print $1 }' "$work/help")
[ "$(echo "$options" | wc -w)" -ge 19 ] || fail "the options of --help: $options"
run --out "$work/early" --checkpoint "$work/early-run" --checkpoint-every 1 >"$work/log" 2>&1 &
pid=$!
wait_for_progress $pid "$work/early-run" 0
kill -TERM $pid
wait $pid || fail "exit code $? after SIGTERM: $(cat "$work/log")"
for option in $options; do
    case $option in
    --data | --bundled) other=$work/others ;;
    --limit) other=300 ;;
    --preset) other=std ;;
    --quantizer) other=fsq ;;
    --order) other=any ;;
    --epochs-vqvae | --epochs-prior) other=7 ;;
    --batch) other=16 ;;
    --lr-vqvae | --lr-prior) other=0.001 ;;
    --clip-norm) other=2 ;;
    --label-dropout) other=0.2 ;;
    --seed) other=6 ;;
    --skip-bad) continue ;;  # only which images there are, which are compared
    --threads | --checkpoint | --checkpoint-every | --resume | --accept) continue ;;  # no bits depend on them
    *)
        fail "$option: does the training depend on it? Then the table in run.cpp needs a line for it; name it here, too"
        continue
        ;;
    esac
    (run --out "$work/no" --checkpoint "$work/early-run" --resume "$option" "$other" >"$work/log" 2>&1) &&
        fail "$option $other was taken silently in stage 1"
    # of the checkpoint: options are refused with such words, too
    { grep -q '^digits: .*early-run/step-' "$work/log" && grep -q 'expected .*, \(file has\|got\) ' "$work/log"; } ||
        fail "$option $other: $(cat "$work/log")"
done
(run --out "$work/no" --checkpoint "$work/early-run" --resume --label-dropout 0.2 >"$work/log" 2>&1)
dropout='label_dropout: expected 0.2, file has 0.1; a run with another value needs another folder of --checkpoint$'
grep -q " $dropout" "$work/log" || fail "$(cat "$work/log")"
(run --out "$work/early" --checkpoint "$work/early-run" --resume --lr-prior 0.001 --accept lr >"$work/log" 2>&1) ||
    fail "another rate of stage 2 in stage 1: $(cat "$work/log")"
grep -q '^resuming stage 1 after step' "$work/log" || fail "not stage 1: $(cat "$work/log")"
accepted='digits.lr.prior is 0.001 from here on, as accepted; the checkpoint has 0.008'
[ "$(grep 'as accepted' "$work/log")" = "$accepted" ] || fail "$(cat "$work/log")"
differ "$work/early/model.safetensors" "$work/whole/model.safetensors" "another rate changed nothing"

# the classes of a folder, whose images stay the same
for class in ant bee dee; do
    mkdir -p "$work/animals/$class"
    for n in 1 2 3 4; do cp "$bundled/digits-test.png" "$work/animals/$class/$n.png"; done
done
animals() {
    exec "$digits" --data "$work/animals" --epochs-vqvae 1 --epochs-prior 1 --samples 1 \
        --checkpoint "$work/animals-run" "$@"
}
(animals --out "$work/animals-out" >"$work/log" 2>&1) || fail "animals: $(cat "$work/log")"
mv "$work/animals/bee" "$work/animals/cow"
(animals --out "$work/no" --resume >"$work/log" 2>&1) && fail "another name of a class was accepted"
grep -q ': classes: expected 3 with cow, file has 3 with bee$' "$work/log" || fail "$(cat "$work/log")"
mv "$work/animals/cow" "$work/animals/bee"
mkdir "$work/animals/eel"
(animals --out "$work/no" --resume >"$work/log" 2>&1) && fail "another number of classes was accepted"
grep -q ': classes: expected 4 with eel, file has 3$' "$work/log" || fail "$(cat "$work/log")"
rmdir "$work/animals/eel"
(animals --out "$work/animals-out" --resume >"$work/log" 2>&1) || fail "animals, resumed: $(cat "$work/log")"

# a run with figures that are not finite (black images: an infinite PSNR) is resumed in stage 2
mkdir -p "$work/black"
for set in train:64 t10k:10; do
    count=${set#*:}
    { printf '\000\000\010\003'; be32 "$count"; be32 28; be32 28; head -c $((count * 784)) /dev/zero; } \
        >"$work/black/${set%:*}-images-idx3-ubyte"
    { printf '\000\000\010\001'; be32 "$count"; head -c "$count" /dev/zero; } >"$work/black/${set%:*}-labels-idx1-ubyte"
done
black() {
    exec "$digits" --data "$work/black" --epochs-vqvae 20 --epochs-prior 2 --batch 16 --samples 1 \
        --out "$work/black-out" --checkpoint "$work/black-run" --checkpoint-every 1 "$@"
}
(black >"$work/log" 2>&1) || fail "black images: $(cat "$work/log")"
(black --resume --epochs-prior 4 --accept epochs >"$work/log" 2>&1) || fail "black images, resumed: $(cat "$work/log")"
grep -q '^resuming stage 2 after step' "$work/log" || fail "not stage 2: $(cat "$work/log")"
grep -q 'stage 1 is complete' "$work/log" && fail "no setting of stage 1 differs: $(cat "$work/log")"
[ ! -e "$work/no" ] || fail "--out was made"

echo "resume.sh: $stops stops and $kills kills; same bits"
exit $failed
