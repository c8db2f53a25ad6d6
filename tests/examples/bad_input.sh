#!/bin/sh
# bad_input.sh <digits> <bundled data>: for everything that a user can get wrong, the program says it in one sentence on
# standard error, exits with a code that is not 0, and writes nothing.
digits=$1 bundled=$2
. "$(dirname -- "$0")/common.sh"

idx_set "$work/good"
for name in short uneven; do cp -R "$work/good" "$work/$name"; done
head -c 9000 "$work/good/train-images-idx3-ubyte" >"$work/short/train-images-idx3-ubyte"
idx_labels 39 "$work/uneven/train-labels-idx1-ubyte"
cp -R "$work/good" "$work/gz"
gzip -n "$work/gz/train-images-idx3-ubyte"
head -c 5000 "$work/gz/train-images-idx3-ubyte.gz" >"$work/half"
mv "$work/half" "$work/gz/train-images-idx3-ubyte.gz"
mkdir -p "$work/pictures/a" "$work/pictures/b" "$work/nothing" "$work/lonely"
cp "$bundled/digits-test.png" "$work/pictures/a/1.png"
echo 'this is text' >"$work/pictures/b/2.png"
cp "$bundled/digits-test.png" "$work/lonely/1.png"
echo file >"$work/file"
mkdir -p "$work/taken/samples.png"

"$digits" --data "$work/good" --label-dropout 0 --epochs-vqvae 1 --epochs-prior 1 --samples 1 --out "$work/trained" \
    >/dev/null || exit 1
model=$work/trained/model.safetensors
head -c 20000 "$model" >"$work/cut.safetensors"
{
    head -c 300000 "$model"
    printf x
    tail -c +300002 "$model"
} >"$work/damaged.safetensors"

# try <what it must say> <options>...: with a folder that does not exist and with one that holds something
try() {
    say=$1
    shift
    for out in "$work/new" "$work/old"; do
        mkdir -p "$work/old"
        echo precious >"$work/old/metrics.json"
        ls -lR --time-style=full-iso "$work/old" >"$work/before" 2>/dev/null || ls -lR "$work/old" >"$work/before"
        "$digits" --out "$out" "$@" >"$work/stdout" 2>"$work/stderr"
        code=$?
        ls -lR --time-style=full-iso "$work/old" >"$work/after" 2>/dev/null || ls -lR "$work/old" >"$work/after"
        why=''
        [ $code != 0 ] || why='exit code 0'
        [ "$(wc -l <"$work/stderr")" -eq 1 ] || why="$why, not one line"
        grep -q "^digits: .*$say" "$work/stderr" || why="$why, not the expected message: $say"
        [ ! -e "$work/new" ] || why="$why, --out was made"
        cmp -s "$work/before" "$work/after" || why="$why, --out was changed"
        if [ -n "$why" ]; then
            echo "digits $*: $why; it says"
            cat "$work/stderr"
            failed=1
        fi
        rm -rf "$work/new" "$work/old"
    done
}

try 'nowhere: there is no such folder' --data "$work/nowhere"
gzip -nc "$work/file" >"$work/file.gz"
try 'file.gz: expected a folder, got a file; it looks like a gzip file' --data "$work/file.gz"
mkdir -p "$work/root/MNIST"
cp -R "$work/good" "$work/root/MNIST/raw"
try 'root: .*; there are IDX files in .*root/MNIST/raw: pass that folder' --data "$work/root"
mkdir -p "$work/empty_test/train/a" "$work/empty_test/train/b" "$work/empty_test/test/a" "$work/empty_test/test/b"
cp "$bundled/digits-test.png" "$work/empty_test/train/a/1.png"
cp "$bundled/digits-test.png" "$work/empty_test/train/b/1.png"
try 'empty_test: expected images in the split test or val, which are folders here, got none' --data "$work/empty_test"
try 'train-images-idx3-ubyte @9000: IDX length: expected 31376, got 9000' --data "$work/short"
try 'train-images-idx3-ubyte.gz @[0-9]*: deflate: the stream ends early' --data "$work/gz"
try 'train-labels-idx1-ubyte.*expected 40 .*got 39' --data "$work/uneven"
try 'file 2 of 2: .*b/2.png @0: neither a PNG nor a JPEG' --data "$work/pictures"
try 'bad files: expected at most a share of 0.400000.* got 1 in the first 2 of 2.*b/2.png' --data "$work/pictures" \
    --skip-bad 0.4
try 'expected the four IDX files .* or PNG or JPEG images, found neither' --data "$work/nothing"
try 'expected at least 2 images' --data "$work/lonely"
mkdir -p "$work/two/set/cat" "$work/two/set/dog" "$work/halves/test" "$work/halves/val" "$work/webp/cat"
cp "$bundled/digits-test.png" "$work/two/set/cat/1.png"
cp "$bundled/digits-test.png" "$work/two/set/dog/1.png"
cp "$bundled/digits-test.png" "$work/halves/test/1.png"
cp "$bundled/digits-test.png" "$work/halves/val/1.png"
printf 'RIFF....WEBP' >"$work/webp/cat/1.webp"
try 'two: the images are two levels down: .* one folder, set, with the folders cat, dog: pass .*two/set' \
    --data "$work/two"
try 'halves: expected a folder train, or folders of classes, got the folders test, val' --data "$work/halves"
try 'webp: expected PNG or JPEG files, got none; left out: 1 WebP image (cat/1.webp)' --data "$work/webp"
cp -R "$work/good" "$work/swapped"
mv "$work/swapped/train-images-idx3-ubyte" "$work/half"
mv "$work/swapped/train-labels-idx1-ubyte" "$work/swapped/train-images-idx3-ubyte"
mv "$work/half" "$work/swapped/train-labels-idx1-ubyte"
try 'train-images-idx3-ubyte @3: IDX rank: expected 3, got 1: .* like a file of labels' --data "$work/swapped"
# the files of MNIST in each spelling of load_mnist, and where torchvision and Kaggle have them
spelling='--label: expected a class from 0 to 9, got 99$'
mkdir -p "$work/torch-gz" "$work/torch-dots/raw" "$work/kaggle" "$work/letters"
cp -R "$work/good" "$work/torch-gz/raw"
gzip -n "$work/torch-gz/raw/"*
for path in "$work/good/"*; do
    name=$(basename "$path") dotted=$(basename "$path" | sed 's/-idx/.idx/')
    cp "$path" "$work/torch-dots/raw/$dotted"
    mkdir "$work/kaggle/$dotted"
    cp "$path" "$work/kaggle/$dotted/$dotted"
    cp "$path" "$work/letters/emnist-letters-$(echo "$name" | sed 's/t10k/test/')"
done
for name in torch-gz torch-gz/raw torch-dots torch-dots/raw kaggle; do
    try "$spelling" --data "$work/$name" --label 99
done
try '--label: expected a class from 0 to 7, got 99$' --data "$work/letters" --label 99
cp -R "$work/good" "$work/part"
rm "$work/part/t10k-images-idx3-ubyte"
try 'load_mnist: .*part: missing: t10k-images-idx3-ubyte (looked for' --data "$work/part"
for path in "$work/letters/"*; do cp "$path" "$(echo "$path" | sed 's/emnist-letters/emnist-digits/')"; done
sets='expected the files of one set, got those of 2 (emnist-digits, emnist-letters): move the four files of one set'
try "--data: .*letters: $sets into a separate folder and pass that\$" --data "$work/letters"
mkdir "$work/torch-letters"
mv "$work/letters" "$work/torch-letters/raw"
try "--data: .*torch-letters/raw: $sets" --data "$work/torch-letters"
rm "$work/torch-letters/raw/"emnist-digits-train-images-*
try '--label: expected a class from 0 to 7, got 99$' --data "$work/torch-letters" --label 99
# and images whose names only look a little like them
mkdir -p "$work/idx-images/idx1_dogs" "$work/idx-images/raw"
cp "$bundled/digits-test.png" "$work/idx-images/idx1_dogs/img_idx1.png"
cp "$bundled/digits-test.png" "$work/idx-images/raw/train-images-idx3-ubyte.png"
echo 'idx1_dogs raw' >"$work/idx-images/labels-ubyte.txt"
try '--label: expected a class (idx1_dogs, raw) or its number from 0 to 1, got 99$' --data "$work/idx-images" --label 99
try '--threads: expected a whole number from 1 to 1024, got 0' --threads 0
try '--threads: .* got -1' --threads -1
try '--label: expected a class from 0 to 9, got 12' --label 12 --bundled "$bundled"
try '--label: expected a class from 0 to 9, got 12' --load "$model" --label 12
try '--label: expected a class from 0 to 9, got cat' --load "$model" --label cat
try '--label: expected a class, got nothing' --load "$model" --label ''
try '--label: expected a class (cat, dog) or its number from 0 to 1, got cow' --data "$work/two/set" --label cow
try '--samples: expected a whole number .* got 0' --samples 0
try '--samples: expected a whole number .* got -5' --samples -5
try '--samples: expected a whole number .* got many' --samples many
try '--samples: expected a whole number .* got 1.5' --samples 1.5
try '--batch: .* got 0' --batch 0
try '--epochs-vqvae: .* got 0' --epochs-vqvae 0
try '--seed: .* got -1' --seed -1
try '--seed: .*expected a whole number without a leading 0, got 010' --seed 010
try '--samples: .*expected a whole number without a leading 0, got 08' --samples 08
try '--temperature: expected a number from 0 to 100, got -1' --temperature -1
try '--temperature: .* got nan' --temperature nan
try '--skip-bad: expected a number from 0 to 1, got 2' --skip-bad 2
try '--skip-bad: .* got nan' --skip-bad nan
try '--top-p: expected a number above 0, at most 1, got 1.5' --top-p 1.5
try '--top-k: .* got few' --top-k few
try '--min-p: expected a number from 0 to 1, got 2' --min-p 2
try '--label-dropout: expected a number from 0 to 0.99, got nan' --label-dropout nan
try '--label-dropout: expected a number from 0 to 0.99, got 1' --label-dropout 1
try '--guidance: expected a number from 0 to 100, got -1' --guidance -1
try '--guidance: expected --label-dropout above 0' --bundled "$bundled" --label-dropout 0 --guidance 2
try 'guidance: expected a prior that learned the null class, with label_dropout above 0' --load "$model" --guidance 2
try '--complete requires --load' --complete half.png
"$digits" --data "$work/good" --order any --label-dropout 0 --epochs-vqvae 1 --epochs-prior 1 --samples 1 \
    --out "$work/any" >/dev/null || exit 1
any=$work/any/model.safetensors
for name in squares black dots; do mask $name "$work/$name.png"; done
half=$bundled/digits-test.png
try '--order: expected raster or any, got random' --order random
try '--load: .*any/model.safetensors: expected a model trained with --order raster, got one trained with --order any$' \
    --load "$any" --order raster
ordered='expected a model trained with --order any, got one trained with --order raster'
try "--load: .*trained/model.safetensors: $ordered\$" --load "$model" --order any
try '--passes: expected a whole number from 1 to 65536, got 0' --order any --passes 0
try '--passes: expected a prior of any order (--order any), .*, got raster$' --bundled "$bundled" --passes 5
try '--passes: expected a prior of any order (--order any), .*, got raster$' --load "$model" --passes 5
try '--guidance: expected --label-dropout above 0' --bundled "$bundled" --order any --label-dropout 0 --guidance 2
try 'guidance: expected a prior that learned the null class, with label_dropout above 0' --load "$any" --guidance 2
try '--unknown requires --complete' --load "$any" --unknown left
part='expected lower, or another part with nothing known after it, .*--order any completes any part)'
try "--unknown: $part, got left\$" --load "$model" --complete "$half" --unknown left
try '--unknown: expected lower, or another part .*, got .*squares.png$' --load "$model" --complete "$half" \
    --unknown "$work/squares.png"
try '--unknown: expected lower, upper, left, right, centre, or the path of a PNG or JPEG file, got below$' \
    --load "$any" --complete "$half" --unknown below
try '--unknown: .*black.png: expected bright pixels, which are unknown, got none$' --load "$any" --complete "$half" \
    --unknown "$work/black.png"
try '--unknown: .*dots.png: expected one of the 7 x 7 squares of 4 x 4 pixels without a bright pixel, .*got none$' \
    --load "$any" --complete "$half" --unknown "$work/dots.png"
try '/file @0: neither a PNG nor a JPEG' --load "$any" --complete "$half" --unknown "$work/file"
ordered='expected a model trained with --order raster, .*, got one trained with --order any'
try "--encode: .*any/model.safetensors: $ordered\$" --load "$any" --encode "$half"
try "--decode: .*any/model.safetensors: $ordered\$" --load "$any" --decode "$work/file"
try '--passes excludes --encode' --load "$any" --encode "$half" --passes 5
try 'none.png' --load "$model" --complete "$work/none.png"
try '--preset: expected small or std, got large' --preset large
try 'not expected: --frobnicate' --frobnicate
try 'not expected: here' here
try 'expected a model of preset std, got one of small' --load "$model" --preset std
try '--quantizer: expected codebook, fsq.* got vq' --quantizer vq
try 'expected a model with the quantizer fsq, got one with codebook' --load "$model" --quantizer fsq
try 'none.safetensors' --load "$work/none.safetensors"
try 'file @5: header too small: expected at least 8 bytes, got 5' --load "$work/file"
try 'digits-test.png @0: header too large: expected at most' --load "$bundled/digits-test.png"
try 'cut.safetensors @[0-9]*: the file is cut off: expected [0-9]* bytes of data, got [0-9]*; missing: [0-9]*' \
    --load "$work/cut.safetensors"
try 'damaged.safetensors.*checksum' --load "$work/damaged.safetensors"

# a model of version 2, or 4 where the prior is of any order, which had GPT-2's block: the metadata of such a file, and
# no tensor
# old_model <file> <more metadata>: the checksum is made to fit
old_model() {
    header='{"__metadata__":{"tessera.gpt.heads":"4","tessera.gpt.classes":"64","tessera.digits.preset":"small",'
    header="$header$2"'"tessera.digits.class_names":"cat","tessera.crc32":"00000000"}}'
    length=$(printf %s "$header" | wc -c)
    printf "\\$(printf %03o $((length & 255)))\\$(printf %03o $((length >> 8)))\\000\\000\\000\\000\\000\\000%s" \
        "$header" >"$1"
    "$digits" --load "$1" --out "$work/no" >"$work/log" 2>&1
    set_checksum "$1" "$work/log"
}
old_model "$work/version2.safetensors" ''
old_model "$work/version2-fsq.safetensors" '"tessera.digits.quantizer":"fsq",'
old_model "$work/version3.safetensors" '"tessera.gpt.positions":"rotary, 7 columns",'
old_model "$work/version4-any.safetensors" '"tessera.digits.order":"any",'
old_model "$work/version5-any.safetensors" \
    '"tessera.digits.order":"any","tessera.any_order_gpt.positions":"rotary, 7 columns",'
old="was written by version 2 or an earlier one of this program, whose prior has GPT-2's block:"
old="$old expected version 3 or later, whose prior has LLaMA's: train the model again\$"
try "--load: .*version2.safetensors: $old" --load "$work/version2.safetensors"
try "version2-fsq.safetensors: $old" --load "$work/version2-fsq.safetensors" --label 3
try "version2.safetensors: $old" --load "$work/version2.safetensors" --complete "$half"
try "version2.safetensors: $old" --load "$work/version2.safetensors" --encode "$half"
try "version2.safetensors: $old" --load "$work/version2.safetensors" --decode "$work/file"
any_old="was written by version 4 or an earlier one of this program, whose prior has GPT-2's block:"
any_old="$any_old expected version 5 or later, whose prior has LLaMA's: train the model again\$"
try "--load: .*version4-any.safetensors: $any_old" --load "$work/version4-any.safetensors"
for name in version3 version5-any; do  # with LLaMA's block
    "$digits" --load "$work/$name.safetensors" --out "$work/no" 2>"$work/stderr" >"$work/stdout" &&
        fail "$name: a model without weights"
    grep -q 'train the model again' "$work/stderr" && fail "$name: $(cat "$work/stderr")"
    grep -q "$name.safetensors" "$work/stderr" || fail "$name: $(cat "$work/stderr")"
    rm -rf "$work/no"
done

# what is compressed, and with which model
"$digits" --data "$work/good" --epochs-vqvae 1 --epochs-prior 1 --samples 1 --seed 2 --out "$work/other" >/dev/null ||
    exit 1
"$digits" --load "$model" --encode "$work/trained/samples.png" --out "$work/coded" >/dev/null || exit 1
coded=$work/coded/images.tsc
head -c 70 "$coded" >"$work/cut.tsc"
{
    cat "$coded"
    printf x
} >"$work/surplus.tsc"
{
    head -c 60 "$coded"
    printf '\377\001\377'
    tail -c +64 "$coded"
} >"$work/damaged.tsc"
try 'images.tsc @12: hash of the model: expected [0-9a-f]\{16\}, got [0-9a-f]\{16\}' \
    --load "$work/other/model.safetensors" --decode "$coded"
try 'cut.tsc @52: bytes after the header: expected' --load "$model" --decode "$work/cut.tsc"
try 'surplus.tsc @52: bytes after the header: expected' --load "$model" --decode "$work/surplus.tsc"
try 'damaged.tsc @48: checksum' --load "$model" --decode "$work/damaged.tsc"
try 'does not begin with TSCODEC' --load "$model" --decode "$model"
try 'none.tsc' --load "$model" --decode "$work/none.tsc"
try 'expected cells of 28x28x1, got 192 x 192 pixels' --load "$model" --encode "$work/trained/codebook.png"
try 'expected PNG or JPEG files, got none' --load "$model" --encode "$work/nothing"
try '--encode requires --load' --encode "$work/trained/samples.png"
try '--encode excludes --decode' --load "$model" --encode "$bundled/digits-test.png" --decode "$coded"
mkdir -p "$work/taken/images.tsc"
try 'images.tsc is in the way' --load "$model" --encode "$work/trained/samples.png" --out "$work/taken"

# the last --out counts: each of these three cannot be written to
try 'file is not a folder' --data "$work/good" --out "$work/file"
for i in $(seq 10 74); do
    mkdir -p "$work/many/$i"
    cp "$bundled/digits-test.png" "$work/many/$i/1.png"
done
try 'label: expected none, as the images have 65 classes and the prior knows at most 64, got 3' --data "$work/many" \
    --label 3
try 'file is not a folder' --data "$work/good" --out "$work/file/below"
try 'samples.png is in the way' --data "$work/good" --out "$work/taken"
try 'samples.png is in the way' --load "$model" --out "$work/taken"
[ ! -d /proc/self ] || try 'cannot write in /proc' --data "$work/good" --out /proc/tessera
if [ "$(id -u)" != 0 ]; then
    mkdir "$work/locked" && chmod 555 "$work/locked"
    try 'cannot write in .*locked' --data "$work/good" --out "$work/locked"
fi

# a limit for the size of files is an error of the write, not a signal
(ulimit -f 10 && exec "$digits" --load "$model" --samples 400 --out "$work/limited" >"$work/stdout" 2>"$work/stderr")
code=$?
[ $code = 1 ] && grep -q '^digits: .*File too large' "$work/stderr" || {
    echo "ulimit -f: exit code $code, $(cat "$work/stderr")"
    failed=1
}

[ $failed = 0 ] && echo "every mistake was refused"
exit $failed
