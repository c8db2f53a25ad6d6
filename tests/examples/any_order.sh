#!/bin/sh
# any_order.sh <digits> <bundled data> <cmake>: a very small run with --order any trains, samples in few passes, completes
# any part of a picture, and is resumed; the same bits for any number of threads.
set -u
digits=$1 bundled=$2 cmake=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$here/data.sh"
failed=0
fail() {
    echo "any_order.sh: $*"
    failed=1
}
run() { "$digits" "$@" >"$work/stdout" 2>"$work/stderr" || {
    fail "digits $*: exit code $?"
    cat "$work/stderr"
}; }
png_size() { od -A n -t u1 -j 16 -N 8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'; }
size_is() { [ "$(png_size "$2")" = "$1" ] || fail "$2: expected $1 pixels, got $(png_size "$2")"; }

idx_set "$work/data"
train() { run --data "$work/data" --order any --epochs-vqvae 2 --epochs-prior 2 --batch 16 --samples 20 --seed 7 "$@"; }
train --threads 1 --out "$work/any"
grep -q '^stage 2  test [0-9.]* nats/token in random order, ' "$work/stdout" || fail "stage 2: $(cat "$work/stdout")"
grep -q '^samples  20 images, guidance 3, passes: 10, ' "$work/stdout" || fail "the passes: $(cat "$work/stdout")"
"$cmake" -D FILE="$work/any/metrics.json" -D TRAINED=ON -P "$here/metrics.cmake" || fail "metrics.json of a run"
"$cmake" -D FILE="$work/any/report.html" -P "$here/report.cmake" || fail report.html
grep -q '"order": "any"' "$work/any/metrics.json" || fail "metrics.json does not name the order"
grep -q '"passes": 10' "$work/any/metrics.json" || fail "metrics.json does not have the passes"
grep -q 'in random orders' "$work/any/report.html" || fail "report.html does not name the order"
model=$work/any/model.safetensors
grep -aq '"tessera.digits.order":"any"' "$model" || fail "the model does not name its order"
train --threads 2 --out "$work/two"
for name in model.safetensors samples.png; do
    cmp "$work/any/$name" "$work/two/$name" || fail "two threads gave another $name"
done
run --data "$work/data" --epochs-vqvae 2 --epochs-prior 2 --batch 16 --samples 20 --seed 7 --out "$work/raster"
grep -q '"order": "raster"' "$work/raster/metrics.json" || fail "metrics.json does not name the order raster"
grep -q '"passes"' "$work/raster/metrics.json" && fail "passes in raster order"
raster=$work/raster/model.safetensors

# the model draws what it drew then, in any number of passes
run --load "$model" --samples 20 --seed 7 --out "$work/again"
cmp "$work/any/samples.png" "$work/again/samples.png" || fail "a loaded model gave other samples"
run --load "$model" --order any --samples 20 --seed 7 --passes 49 --out "$work/single"
cmp -s "$work/any/samples.png" "$work/single/samples.png" && fail "the number of passes changed no sample"
run --load "$model" --samples 20 --seed 7 --passes 1000 --out "$work/more"
cmp "$work/single/samples.png" "$work/more/samples.png" || fail "more passes than tokens are not one token a pass"
run --load "$model" --samples 3 --label 7 --passes 1 --guidance 1 --temperature 0.5 --top-k 5 --min-p 0.1 --out "$work/again"
size_is 28x84 "$work/again/samples.png"

# any part of a picture; by name and by a mask it is the same part
pictures=$bundled/digits-test.png,$bundled/digits-train.png
for part in lower upper left right centre; do
    run --load "$model" --complete "$pictures" --unknown $part --samples 3 --out "$work/$part"
    size_is 112x56 "$work/$part/completions.png"
    [ "$(grep -c 'digits-.*\.png: class [0-9], [0-9.]* %$' "$work/stdout")" = 2 ] || fail "$part: the classes"
    for other in lower upper left right; do
        [ $other = $part ] && break
        cmp -s "$work/$part/completions.png" "$work/$other/completions.png" && fail "$part and $other are completed alike"
    done
done
run --load "$model" --complete "$pictures" --samples 3 --threads 1 --out "$work/default"
cmp "$work/lower/completions.png" "$work/default/completions.png" || fail "the default is not the lower half, or one thread gave others"
for name in squares bottom lower; do mask $name "$work/$name.png"; done
run --load "$model" --complete "$pictures" --unknown "$work/lower.png" --samples 3 --out "$work/mask"
cmp "$work/lower/completions.png" "$work/mask/completions.png" || fail "a mask of the lower half is another part"
run --load "$model" --complete "$bundled/digits-test.png" --unknown "$work/squares.png" --label 3 --passes 4 --out "$work/mask"
size_is 280x28 "$work/mask/completions.png"
grep -q ': class' "$work/stdout" && fail "a class was chosen where one is given"
# in raster order what is at the end, here the lower half and the last 8 rows
run --load "$raster" --complete "$pictures" --samples 3 --out "$work/lower"
run --load "$raster" --complete "$pictures" --samples 3 --unknown "$work/lower.png" --out "$work/mask"
cmp "$work/lower/completions.png" "$work/mask/completions.png" || fail "raster: a mask of the lower half is another part"
run --load "$raster" --complete "$pictures" --samples 3 --unknown "$work/bottom.png" --out "$work/mask"
cmp -s "$work/lower/completions.png" "$work/mask/completions.png" && fail "raster: the last 8 rows are the lower half"

# other vocabularies, several tokens for each position, no classes, the other preset
for name in fsq residual; do
    run --data "$work/data" --order any --quantizer $name --epochs-vqvae 1 --epochs-prior 1 --samples 10 --out "$work/$name"
    run --load "$work/$name/model.safetensors" --complete "$pictures" --unknown right --samples 2 --out "$work/$name"
    size_is 84x56 "$work/$name/completions.png"
done
mkdir -p "$work/loose"
for n in 1 2 3 4; do cp "$bundled/digits-test.png" "$work/loose/$n.png"; done
run --data "$work/loose" --order any --preset std --epochs-vqvae 1 --epochs-prior 1 --samples 10 --out "$work/std"
run --load "$work/std/model.safetensors" --complete "$pictures" --unknown upper --samples 2 --out "$work/std"
grep -q ': class' "$work/stdout" && fail "a class of a model without classes"

# stopped and resumed: the same bits; and a checkpoint knows the order of its run
long() {
    "$digits" --bundled "$bundled" --limit 320 --order any --epochs-vqvae 1 --epochs-prior 2 --batch 32 --samples 10 \
        --seed 5 --checkpoint-every 2 "$@" >"$work/log" 2>&1
}
long --out "$work/whole" --checkpoint "$work/whole-run" || fail "a run with checkpoints: $(cat "$work/log")"
newest() { find "$1" -name 'step-*' 2>/dev/null | sort | tail -n 1; }
stops=0
while [ $stops -lt 100 ]; do
    "$digits" --bundled "$bundled" --limit 320 --order any --epochs-vqvae 1 --epochs-prior 2 --batch 32 --samples 10 \
        --seed 5 --checkpoint-every 2 --out "$work/asked" --checkpoint "$work/asked-run" --resume >"$work/log" 2>&1 &
    pid=$!
    before=$(newest "$work/asked-run")
    while kill -0 $pid 2>/dev/null && [ "$(newest "$work/asked-run")" = "$before" ]; do sleep 0.05; done
    sleep 0.1
    kill -TERM $pid 2>/dev/null
    wait $pid || fail "exit code $? after SIGTERM: $(cat "$work/log")"
    [ $failed = 0 ] || break
    grep -q '^resuming stage 2 after step' "$work/log" && resumed=yes
    grep -q '^done in' "$work/log" && break
    stops=$((stops + 1))
done
[ $stops -gt 0 ] || fail "was never stopped"
[ "${resumed:-no}" = yes ] || fail "stage 2 was never resumed"
for name in model.safetensors samples.png; do
    cmp "$work/whole/$name" "$work/asked/$name" || fail "another $name after $stops stops"
done
long --out "$work/no" --checkpoint "$work/whole-run" --resume --order raster && fail "a checkpoint of another order was accepted"
grep -q 'is a checkpoint of a run with --order any: expected --order raster$' "$work/log" || fail "$(cat "$work/log")"

"$digits" --help >"$work/help"
for word in --order --passes --unknown 'raster: the GPT draws' bright; do
    grep -q -e "$word" "$work/help" || fail "--help does not say: $word"
done

[ $failed = 0 ] && echo "any_order.sh: $stops stops; same bits"
exit $failed
