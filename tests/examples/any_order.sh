#!/bin/sh
# any_order.sh <digits> <bundled data> <cmake>: a very small run with --order any trains, samples in few passes,
# completes any part of a picture, and is resumed; the same bits for any number of threads.
digits=$1 bundled=$2 cmake=$3
. "$(dirname -- "$0")/common.sh"

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
differ "$work/any/samples.png" "$work/single/samples.png" "the number of passes changed no sample"
run --load "$model" --samples 20 --seed 7 --passes 1000 --out "$work/more"
cmp "$work/single/samples.png" "$work/more/samples.png" || fail "more passes than tokens are not one token a pass"
# and every figure has the passes that draw
grep -q '^samples  20 images, guidance 3, passes: 49 (--passes 1000: one token in each), ' "$work/stdout" ||
    fail "1000 passes: $(cat "$work/stdout")"
passes_are() { # passes_are <folder> <passes> [passes given]: in its metrics.json
    grep -q "\"passes\": $2,*\$" "$work/$1/metrics.json" ||
        fail "$1: expected $2 passes, got $(grep passes "$work/$1/metrics.json")"
    if [ $# = 3 ]; then
        grep -q "\"passes_given\": $3,*\$" "$work/$1/metrics.json" ||
            fail "$1: metrics.json does not say that $3 passes were given"
    else
        grep -q passes_given "$work/$1/metrics.json" && fail "$1: $(grep passes_given "$work/$1/metrics.json")"
    fi
}
passes_are any 10
passes_are single 49
passes_are more 49 1000
run --load "$model" --samples 3 --label 7 --passes 1 --guidance 1 --temperature 0.5 --top-k 5 --min-p 0.1 \
    --out "$work/again"
size_is 28x84 "$work/again/samples.png"

# any part of a picture; by name and by a mask it is the same part
pictures=$bundled/digits-test.png,$bundled/digits-train.png
for part in lower upper left right centre; do
    run --load "$model" --complete "$pictures" --unknown $part --samples 3 --out "$work/$part"
    size_is 112x56 "$work/$part/completions.png"
    [ "$(grep -c 'digits-.*\.png: class [0-9], [0-9.]* %$' "$work/stdout")" = 2 ] || fail "$part: the classes"
    for other in lower upper left right; do
        [ $other = $part ] && break
        differ "$work/$part/completions.png" "$work/$other/completions.png" "$part and $other are completed alike"
    done
done
for part in lower upper left right; do passes_are $part 10; done
passes_are centre 9  # 3 x 3 unknown tokens, less than the default
run --load "$model" --complete "$pictures" --unknown centre --samples 3 --passes 30 --out "$work/centre-all"
passes_are centre-all 9 30
cmp "$work/centre/completions.png" "$work/centre-all/completions.png" || fail "30 passes of 9 tokens are not 9"
run --load "$model" --complete "$pictures" --samples 3 --threads 1 --out "$work/default"
cmp "$work/lower/completions.png" "$work/default/completions.png" ||
    fail "the default is not the lower half, or one thread gave others"
for name in squares bottom lower; do mask $name "$work/$name.png"; done
run --load "$model" --complete "$pictures" --unknown "$work/lower.png" --samples 3 --out "$work/mask"
cmp "$work/lower/completions.png" "$work/mask/completions.png" || fail "a mask of the lower half is another part"
run --load "$model" --complete "$bundled/digits-test.png" --unknown "$work/squares.png" --label 3 --passes 4 \
    --out "$work/mask"
size_is 280x28 "$work/mask/completions.png"
no_class "a class was chosen where one is given"
# in raster order what is at the end, here the lower half and the last 8 rows
run --load "$raster" --complete "$pictures" --samples 3 --out "$work/lower"
run --load "$raster" --complete "$pictures" --samples 3 --unknown "$work/lower.png" --out "$work/mask"
cmp "$work/lower/completions.png" "$work/mask/completions.png" ||
    fail "raster: a mask of the lower half is another part"
run --load "$raster" --complete "$pictures" --samples 3 --unknown "$work/bottom.png" --out "$work/mask"
differ "$work/lower/completions.png" "$work/mask/completions.png" "raster: the last 8 rows are the lower half"

# other vocabularies, several tokens for each position, no classes, the other preset
for name in fsq residual; do
    run --data "$work/data" --order any --quantizer $name --epochs-vqvae 1 --epochs-prior 1 --samples 10 --passes 500 \
        --out "$work/$name"
    tokens=49
    [ $name = fsq ] || tokens=$(sed -n 's/.*tokens per image<[^0-9]*\([0-9]*\)<.*/\1/p' "$work/$name/report.html")
    passes_are $name "$tokens" 500
    grep -q "$tokens (--passes 500: one token in each)" "$work/$name/report.html" ||
        fail "$name: report.html does not say how many passes draw"
    run --load "$work/$name/model.safetensors" --complete "$pictures" --unknown right --samples 2 --out "$work/$name"
    size_is 84x56 "$work/$name/completions.png"
done
mkdir -p "$work/loose"
for n in 1 2 3 4; do cp "$bundled/digits-test.png" "$work/loose/$n.png"; done
run --data "$work/loose" --order any --preset std --epochs-vqvae 1 --epochs-prior 1 --samples 10 --out "$work/std"
run --load "$work/std/model.safetensors" --complete "$pictures" --unknown upper --samples 2 --out "$work/std"
no_class "a class of a model without classes"

# stopped and resumed: the same bits; and a checkpoint knows the order of its run, which is given once only
long() {  # in a subshell, which becomes the program: signals reach it
    exec "$digits" --bundled "$bundled" --limit 320 --epochs-vqvae 1 --epochs-prior 2 --batch 32 --samples 10 --seed 5 \
        --checkpoint-every 2 "$@" >"$work/log" 2>&1
}
(long --order any --out "$work/whole" --checkpoint "$work/whole-run") ||
    fail "a run with checkpoints: $(cat "$work/log")"
stops=0
while [ $stops -lt 100 ]; do
    order=''
    [ -n "$(newest "$work/asked-run")" ] || order='--order any'
    # shellcheck disable=SC2086  # two words, or none
    long $order --out "$work/asked" --checkpoint "$work/asked-run" --resume &
    pid=$!
    wait_for_progress $pid "$work/asked-run" 0.1
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
(long --order raster --out "$work/no" --checkpoint "$work/whole-run" --resume) &&
    fail "a checkpoint of another order was accepted"
grep -q 'expected a checkpoint of a run with --order raster, got one of a run with --order any$' "$work/log" ||
    fail "$(cat "$work/log")"
# nor the epochs that the recipe has for the order
whole_epochs() {
    exec "$digits" --bundled "$bundled" --limit 2000 --preset std --samples 1 --out "$work/std-out" \
        --checkpoint "$work/std-run" --checkpoint-every 1 "$@" >"$work/log" 2>&1
}
for given in '--order any' --resume; do
    # shellcheck disable=SC2086  # one word, or two
    whole_epochs $given &
    pid=$!
    wait_for_progress $pid "$work/std-run" 0
    kill -TERM $pid 2>/dev/null
    wait $pid || fail "std, $given: $(cat "$work/log")"
done
grep -q '^resuming stage 1 after step' "$work/log" || fail "std is not resumed: $(cat "$work/log")"
# --passes without --order, too; and another value, with which the program would not know what it resumes
(long --passes 1 --out "$work/passes" --checkpoint "$work/whole-run" --resume) ||
    fail "--passes of a run that is resumed: $(cat "$work/log")"
passes_are passes 1
differ "$work/whole/samples.png" "$work/passes/samples.png" "the passes of a run that is resumed changed no sample"
mkdir "$work/odd-run"
last=$(newest "$work/whole-run") odd=$work/odd-run/$(basename "$(newest "$work/whole-run")")
sed 's/"tessera.digits.order":"any"/"tessera.digits.order":"all"/' "$last" >"$odd"
(long --out "$work/no" --checkpoint "$work/odd-run" --resume) && fail "a checkpoint that was edited"
set_checksum "$odd" "$work/log"
(long --out "$work/no" --checkpoint "$work/odd-run" --resume) && fail "a checkpoint of an order that does not exist"
grep -q 'tessera.digits.order: expected raster or any, got all$' "$work/log" || fail "$(cat "$work/log")"
[ ! -e "$work/no" ] || fail "--out was made"

"$digits" --help >"$work/help"
for word in --order --passes --unknown 'raster: the GPT draws' bright; do
    grep -q -e "$word" "$work/help" || fail "--help does not say: $word"
done

[ $failed = 0 ] && echo "any_order.sh: $stops stops; same bits"
exit $failed
