#!/bin/sh
# happy_run.sh <digits> <bundled data> <cmake>: a very small run, with every file that it writes looked at; then samples
# of its model, images from a folder, and the promise that the number of threads changes nothing.
digits=$1 bundled=$2 cmake=$3
. "$(dirname -- "$0")/common.sh"
# files_are <folder> <name>...
files_are() {
    folder=$1
    shift
    [ "$(ls -A "$folder" | LC_ALL=C sort | tr '\n' ' ')" = "$* " ] ||
        fail "$folder: expected $*, got $(ls -A "$folder")"
}

idx_set "$work/data"
run --data "$work/data" --epochs-vqvae 3 --epochs-prior 2 --batch 16 --samples 40 --seed 7 --threads 1 --out "$work/a/b"
[ ! -s "$work/stderr" ] || fail "standard error: $(cat "$work/stderr")"
grep -q '^tessera [0-9.]*, .*, 1 thread, images of .*: 40 for training, 10 for testing$' "$work/stdout" ||
    fail "the first line"
out=$work/a/b
files_are "$out" codebook.png metrics.json model.safetensors reconstructions.png report.html samples.png
size_is 112x280 "$out/samples.png"          # 10 classes, 4 of each
size_is 280x56 "$out/reconstructions.png"   # 10 test images above their reconstructions
size_is 192x192 "$out/codebook.png"         # 16 x 16 tiles
"$cmake" -D FILE="$out/metrics.json" -D TRAINED=ON -P "$here/metrics.cmake" || fail "metrics.json of a run"
"$cmake" -D FILE="$out/report.html" -P "$here/report.cmake" || fail report.html

# the same with two threads: the same bits
run --data "$work/data" --epochs-vqvae 3 --epochs-prior 2 --batch 16 --samples 40 --seed 7 --threads 2 --out "$work/two"
for name in model.safetensors samples.png reconstructions.png codebook.png; do
    cmp "$out/$name" "$work/two/$name" || fail "two threads gave another $name"
done

# the model draws what it drew then; and one class
run --load "$out/model.safetensors" --samples 40 --seed 7 --out "$work/again"
files_are "$work/again" metrics.json samples.png
cmp "$out/samples.png" "$work/again/samples.png" || fail "a loaded model gave other samples"
"$cmake" -D FILE="$work/again/metrics.json" -D TRAINED=OFF -P "$here/metrics.cmake" ||
    fail "metrics.json of a loaded model"
run --load "$out/model.safetensors" --label 7 --samples 23 --top-k 5 --temperature 0.5 --preset small \
    --out "$work/again"
size_is 84x280 "$work/again/samples.png"
grep -q '^samples  23 images, class 7, ' "$work/stdout" || fail "the class of the samples: $(cat "$work/stdout")"
label_is() { # label_is <folder> <number> <name>: in its metrics.json
    grep -q "\"label\": $2,\$" "$work/$1/metrics.json" && grep -q "\"class\": \"$3\"\$" "$work/$1/metrics.json" ||
        fail "$1: expected class $2, $3, got $(grep -e '"label"' -e '"class"' "$work/$1/metrics.json")"
}
label_is again 7 7
run --load "$out/model.safetensors" --samples 3 --out "$work/again"
size_is 28x84 "$work/again/samples.png"

# images compressed by the model: the same bytes for any number of threads, and decoded again
run --load "$out/model.safetensors" --encode "$out/samples.png" --threads 1 --out "$work/coded"
files_are "$work/coded" images.tsc
grep -q '^encoded 40 images in [0-9,]* bytes, [0-9.]* bits each (the model.s probabilities: [0-9.]*), ' "$work/stdout" \
    || fail "the sizes"
run --load "$out/model.safetensors" --encode "$out/samples.png" --threads 2 --out "$work/coded-two"
cmp "$work/coded/images.tsc" "$work/coded-two/images.tsc" || fail "two threads gave another file"
run --load "$out/model.safetensors" --decode "$work/coded/images.tsc" --out "$work/decoded"
files_are "$work/decoded" decoded.png
size_is 196x168 "$work/decoded/decoded.png"  # 40 images, 7 in a row
# a folder of images; what was changed is said
mkdir -p "$work/folder"
cp "$work/decoded/decoded.png" "$work/folder/1.png"
cp "$bundled/digits-test.png" "$work/folder/2.png"
run --load "$out/model.safetensors" --encode "$work/folder" --out "$work/coded"
grep -q '^encoded 2 images in ' "$work/stdout" || fail "the images of a folder"
grep -q '^2 of 2 were cut to a square of 28 x 28$' "$work/stdout" || fail "what was changed: $(cat "$work/stdout")"

# two pictures whose lower halves are finished, three times each: the class is the likeliest one, or the one of --label
run --load "$out/model.safetensors" --complete "$bundled/digits-test.png,$bundled/digits-train.png" --samples 3 \
    --out "$work/finished"
files_are "$work/finished" completions.png metrics.json
size_is 112x56 "$work/finished/completions.png"
[ "$(grep -c 'digits-.*\.png: class [0-9], [0-9.]* %$' "$work/stdout")" = 2 ] || fail "the classes of the upper halves"
grep -q '^1 of 2 were scaled to 28 x 28, 1 of 2 were cut to a square of 28 x 28$' "$work/stdout" ||
    fail "what was changed: $(cat "$work/stdout")"
run --load "$out/model.safetensors" --complete "$bundled/digits-test.png" --complete "$bundled/digits-train.png" \
    --samples 3 --threads 1 --out "$work/finished-one"
cmp "$work/finished/completions.png" "$work/finished-one/completions.png" || fail "one thread gave other completions"
run --load "$out/model.safetensors" --complete "$bundled/digits-test.png" --label 3 --out "$work/finished"
size_is 280x28 "$work/finished/completions.png"
no_class "a class was chosen where one is given"
label_is finished 3 3

# guidance, which needs a prior trained with label dropout, is on by default where there are classes; the settings of
# sampling change nothing before
grep -q '"guidance": 2' "$out/metrics.json" || fail "a run with classes does not use guidance"
run --data "$work/data" --label-dropout 0 --epochs-vqvae 1 --epochs-prior 1 --batch 16 --samples 10 --seed 7 \
    --out "$work/plain"
grep -q '"guidance": 1' "$work/plain/metrics.json" || fail "guidance where the prior does not know the null class"
run --load "$work/plain/model.safetensors" --samples 10 --seed 7 --out "$work/plain-again"
cmp "$work/plain/samples.png" "$work/plain-again/samples.png" ||
    fail "a loaded model without guidance gave other samples"
run --data "$bundled" --limit 40 --epochs-vqvae 1 --epochs-prior 20 --batch 16 --label-dropout 0.2 --guidance 5 \
    --min-p 0.02 --samples 10 --seed 7 --out "$work/guided"
run --load "$work/guided/model.safetensors" --guidance 5 --min-p 0.02 --samples 10 --seed 7 --out "$work/guided-again"
cmp "$work/guided/samples.png" "$work/guided-again/samples.png" || fail "a loaded model gave other guided samples"
grep -q '"guidance": 5' "$work/guided-again/metrics.json" || fail "metrics.json does not have the guidance"
run --load "$work/guided/model.safetensors" --samples 10 --seed 7 --out "$work/less-guided"
differ "$work/guided/samples.png" "$work/less-guided/samples.png" "guidance changed no sample"
run --load "$out/model.safetensors" --temperature 0 --label 7 --samples 2 --out "$work/again"
size_is 28x56 "$work/again/samples.png"

# another quantizer: its model says so itself, and is none of the first kind
run --data "$work/data" --quantizer fsq --epochs-vqvae 1 --epochs-prior 1 --batch 16 --samples 10 --seed 7 \
    --out "$work/fsq"
size_is 480x300 "$work/fsq/codebook.png"    # 40 x 25 tiles
grep -q '"quantizer": "fsq"' "$work/fsq/metrics.json" || fail "metrics.json does not name the quantizer"
"$digits" --load "$work/fsq/model.safetensors" --quantizer codebook --out "$work/no" 2>"$work/stderr" &&
    fail "another quantizer"
grep -q 'expected a model with the quantizer codebook, got one with fsq$' "$work/stderr" || fail "$(cat "$work/stderr")"

# every quantizer, as the message of a misspelt one lists them: with both presets, and its model draws what it drew then
names=$("$digits" --quantizer none-of-them 2>&1 | sed 's/.*expected //; s/, got .*//; s/,//g; s/ or / /')
[ "$(echo "$names" | wc -w)" -ge 3 ] || fail "the quantizers: $names"
for name in $names; do
    run --data "$work/data" --quantizer "$name" --epochs-vqvae 1 --epochs-prior 1 --samples 10 --seed 7 \
        --out "$work/$name"
    grep -q "\"quantizer\": \"$name\"" "$work/$name/metrics.json" || fail "metrics.json does not name $name"
    run --load "$work/$name/model.safetensors" --samples 10 --seed 7 --out "$work/$name-again"
    cmp "$work/$name/samples.png" "$work/$name-again/samples.png" || fail "a loaded model of $name gave other samples"
    run --data "$work/data" --preset std --quantizer "$name" --epochs-vqvae 1 --epochs-prior 1 --samples 10 \
        --out "$work/$name-std"
done

# images in subfolders: three classes, so three rows
for class in cat dog owl; do
    mkdir -p "$work/pets/$class"
    for n in 1 2 3 4; do cp "$bundled/digits-test.png" "$work/pets/$class/$n.png"; done
done
run --data "$work/pets" --epochs-vqvae 1 --epochs-prior 1 --samples 7 --out "$work/pets-out"
size_is 84x84 "$work/pets-out/samples.png"
grep -q '<li>owl</li>' "$work/pets-out/report.html" || fail "report.html does not name the classes"
# what was loaded, in one line, also in the report; and that so few images cannot fill the vocabulary
grep -q '^3 classes: cat ([34]), dog ([34]), owl ([34]); 12 of 12 were cut to a square of 28 x 28$' "$work/stdout" ||
    fail "no line about the data: $(cat "$work/stdout")"
grep -q '^note: too few images: 11 for training give 539 vectors for a vocabulary of 256 tokens; expect' \
    "$work/stdout" || fail "no word that 11 images are few"
grep -q '3 classes: cat ([34]), dog ([34]), owl ([34]); 12 of 12' "$work/pets-out/report.html" ||
    fail "report.html does not say what the data are"
grep -q 'too few images: 11 for training' "$work/pets-out/report.html" ||
    fail "report.html does not say that 11 images are few"
# one class, by its name, or by its number where no class has that name
run --load "$work/pets-out/model.safetensors" --label dog --samples 3 --out "$work/pet"
grep -q '^samples  3 images, class dog, ' "$work/stdout" || fail "--label dog: $(cat "$work/stdout")"
label_is pet 1 dog
cp "$work/pet/samples.png" "$work/dogs.png"
run --load "$work/pets-out/model.safetensors" --label 1 --samples 3 --out "$work/pet"
label_is pet 1 dog
cmp "$work/pet/samples.png" "$work/dogs.png" || fail "--label 1 is not the second class"
run --load "$work/pets-out/model.safetensors" --complete "$bundled/digits-test.png" --label owl --out "$work/pet"
label_is pet 2 owl
for class in 0 1 2 3 4 5 6 7 8 9 10 11; do  # in the order 0, 1, 10, 11, 2, ...
    mkdir -p "$work/numbers/$class"
    for n in 1 2; do cp "$bundled/digits-test.png" "$work/numbers/$class/$n.png"; done
done
run --data "$work/numbers" --epochs-vqvae 1 --epochs-prior 1 --samples 2 --label 2 --out "$work/two"
grep -q '^samples  2 images, class 2, ' "$work/stdout" || fail "--label 2: $(cat "$work/stdout")"
label_is two 4 2
grep -q '>class</th><td>2</td>' "$work/two/report.html" || fail "report.html does not have the class"
run --load "$work/two/model.safetensors" --samples 2 --label 10 --out "$work/two"
label_is two 2 10
# with a bad one among them, which may be skipped
echo 'this is text' >"$work/pets/dog/3.png"
run --data "$work/pets" --skip-bad 0.1 --epochs-vqvae 1 --epochs-prior 1 --samples 7 --out "$work/pets-out"
grep -q 'pets without 1 bad file of 12: 10 for training, 1 for testing$' "$work/stdout" || fail "how many files are bad"
grep -q '^skipped: file 7 of 12: .*dog/3.png @0: neither a PNG nor a JPEG; it looks like text$' "$work/stdout" ||
    fail "which files are bad"
# splits, other types and files of the system
mkdir -p "$work/splits"
cp -R "$work/pets" "$work/splits/train"
cp -R "$work/pets" "$work/splits/test"
rm "$work/splits/train/dog/3.png" "$work/splits/test/dog/"*
printf 'GIF89a' >"$work/splits/train/cat/animated.gif"
cp "$bundled/digits-test.png" "$work/splits/preview.png"
touch "$work/splits/.DS_Store" "$work/splits/test/Thumbs.db"
run --data "$work/splits" --lr-vqvae 0 --epochs-vqvae 1 --epochs-prior 1 --samples 7 --out "$work/splits-out"
grep -q ': 11 for training, 8 for testing$' "$work/stdout" || fail "splits: $(cat "$work/stdout")"
left='1 GIF image (train/cat/animated.gif), 1 image next to the folders that were read (preview.png)'
grep -q "^left out: $left, 2 hidden (.DS_Store)\$" "$work/stdout" || fail "left out: $(cat "$work/stdout")"
grep -q '^note: --lr-vqvae 0: the weights of stage 1 stay as they are initialised$' "$work/stdout" || fail "a rate of 0"
run --data "$work/data" --threads 999 --epochs-vqvae 1 --epochs-prior 1 --samples 1 --out "$work/threads-out"
grep -q '^note: --threads 999: there \(is\|are\) [0-9]* cores*: more threads are slower' "$work/stdout" ||
    fail "999 threads"
# black images: reconstructions are exact, and no figure is lost
mkdir -p "$work/black"
for name in train-images-idx3-ubyte t10k-images-idx3-ubyte; do
    head -c 16 "$work/data/$name" >"$work/black/$name"
    head -c $(($(wc -c <"$work/data/$name") - 16)) /dev/zero >>"$work/black/$name"
done
cp "$work/data/"*labels* "$work/black"
run --data "$work/black" --epochs-vqvae 20 --epochs-prior 1 --batch 16 --samples 10 --out "$work/black-out"
grep -q '"test_psnr_db": \("inf"\|[0-9]\)' "$work/black-out/metrics.json" ||
    fail "$(grep psnr "$work/black-out/metrics.json")"
grep -q 'null' "$work/black-out/metrics.json" && fail "metrics.json has null"
"$cmake" -D FILE="$work/black-out/report.html" -P "$here/report.cmake" || fail "report.html of black images"
# white, half of it transparent: the white page of a viewer leaves nothing to see
mkdir -p "$work/ghosts"
ghost=iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAQAAADYBBcfAAAAHUlEQVR42mP4z4AH4gEMoxpHNY5qHNU4qnGkagQAwdmTpY8Zbo8AAAAASUVO
echo "${ghost}RK5CYII=" | base64 -d >"$work/ghosts/1.png"
run --load "$out/model.safetensors" --encode "$work/ghosts" --out "$work/coded"
shown='1 of 1 have an alpha channel and are shown on white, 1 of 1 have one value in all pixels now'
grep -q "^$shown\$" "$work/stdout" ||
    fail "a white image on white: $(cat "$work/stdout")"
# and loose ones: no classes, hence no guidance, and the lower temperature, also of the model that is loaded
run --data "$work/pets/cat" --epochs-vqvae 1 --epochs-prior 1 --samples 20 --seed 7 --out "$work/loose-out"
size_is 56x280 "$work/loose-out/samples.png"
run --load "$work/loose-out/model.safetensors" --samples 20 --seed 7 --out "$work/loose-again"
cmp "$work/loose-out/samples.png" "$work/loose-again/samples.png" ||
    fail "a loaded model without classes gave other samples"
for metrics in "$work/loose-out/metrics.json" "$work/loose-again/metrics.json"; do
    grep -q '"guidance": 1\(\.0\)\{0,1\},\{0,1\}$' "$metrics" ||
        fail "$metrics: guidance without classes: $(grep guidance "$metrics")"
    grep -q '"temperature": 0\.9,\{0,1\}$' "$metrics" ||
        fail "$metrics: without guidance: $(grep temperature "$metrics")"
done
"$digits" --data "$work/pets/cat" --guidance 2 --out "$work/no" 2>"$work/stderr" && fail "guidance without classes"
grep -q -e '--guidance: expected 1, as the prior has no classes, got 2$' "$work/stderr" || fail "$(cat "$work/stderr")"

[ $failed = 0 ] && echo "every file is what it should be"
exit $failed
