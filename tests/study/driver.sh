#!/bin/sh
# driver.sh <root>: bench/study/study.py with a program that pretends to train: finished rows are skipped, other
# settings or data are other runs, a row that fails and a line that was cut off are run again, and table and chart show
# what is finished.
set -u
root=$1
command -v python3 >/dev/null 2>&1 || {
    echo "SKIPPED: no python3"
    exit 77
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
    echo "driver.sh: $*"
    failed=1
}

cat >"$work/program" <<'EOF'
#!/bin/sh
if [ "$1" = --list ]; then
    echo '{"row": "codebook", "group": "quantizers", "codes": 512, "width": 64, "tokens": 49}'
    echo '{"row": "fsq", "group": "quantizers", "codes": 1000, "width": 4, "tokens": 49}'
    echo '{"row": "codebook-64x4", "group": "sweep", "codes": 64, "width": 4, "tokens": 49}'
    echo '{"row": "codebook-256x4", "group": "sweep", "codes": 256, "width": 4, "tokens": 49}'
    exit
fi
row=$1
echo "$@" >>"$WORK/calls"
[ ! -e "$WORK/broken-$row" ] || { echo "tessera_study: broken" >&2; exit 1; }
while [ $# -gt 0 ]; do
    [ "$1" != --result ] || result=$2
    [ "$1" != --epochs-prior ] || prior=$2
    shift
done
case $row in codebook-*) group=sweep codes=${row#codebook-} codes=${codes%x4} ;; *) group=quantizers codes=512 ;; esac
nats=''
[ "$prior" = 0 ] || nats=', "nats_per_image": 101.5, "prior_seconds": 4'
line="{\"row\": \"$row\", \"group\": \"$group\", \"codes\": $codes, \"psnr_db\": 2$codes.25, \"mean_psnr_db\": 24"
line="$line"', "width": 4, "tokens": 49, "images": 60, "test_images": 10, "perplexity": 33, "usage": 0.5'
line="$line"', "quantization_mse": 0.25, "seconds": 3, "peak_mib": 60, "simd": "AVX2", "version": "0.1.0"'
echo "$line$nats}" >"$result"
EOF
chmod +x "$work/program"
mkdir "$work/data" "$work/other"
echo images >"$work/data/train-images-idx3-ubyte"
echo shirts >"$work/other/train-images-idx3-ubyte"
export WORK="$work"

# study <options>...: what it says goes to $work/log
study() { python3 "$root/bench/study/study.py" --binary "$work/program" --out "$work/out" "$@" >"$work/log" 2>&1; }
# calls_are <number> <why>: how often the program was started since the last check
calls_are() {
    calls=$(wc -l <"$work/calls" 2>/dev/null || echo 0)
    [ "$calls" -eq "$1" ] || fail "$2: expected $1 runs, got $calls: $(cat "$work/log")"
    : >"$work/calls"
}
: >"$work/calls"

study "$work/data" --only quantizers --limit 60 --epochs 3 --threads 2 || fail "a first run: $(cat "$work/log")"
options='--threads 2 --epochs 3 --epochs-prior 2 --batch 64 --lr 0.002 --limit 60 --seed 1'
grep -q "^fsq --data .*/data --result .* $options\$" "$work/calls" ||
    fail "the command line: $(cat "$work/calls")"
calls_are 2 "two rows"
study "$work/data" --limit 60 --epochs 3 || fail "all rows: $(cat "$work/log")"
grep -q '^2 of 4 rows are finished already' "$work/log" || fail "what is finished: $(cat "$work/log")"
calls_are 2 "only what is missing"
study "$work/data" --limit 60 --epochs 3 || fail "nothing left"
calls_are 0 "everything is finished"
study "$work/data" --limit 60 --epochs 4 --only codebook || fail "other settings"
calls_are 1 "other settings are another run"
study "$work/data" --limit 60 --epochs 3 --batch 16 --lr 0.001 --only codebook || fail "smaller steps"
grep -q -- ' --batch 16 --lr 0.001 ' "$work/calls" || fail "--batch, --lr: $(cat "$work/calls")"
calls_are 1 "smaller steps are another run"
study "$work/data" --limit 60 --epochs 3 --revive-below 0.3 --only codebook || fail "--revive-below"
grep -q -- ' --lr 0.002 --revive-below 0.3 --limit 60' "$work/calls" || fail "--revive-below: $(cat "$work/calls")"
calls_are 1 "vectors that move sooner are another run"
sed -i 's/"batch": 64, "lr": 0.002, //' "$work/out/study.jsonl"
study "$work/data" --limit 60 --epochs 3 || fail "lines without a batch"
calls_are 0 "lines that were written before --batch"
study "$work/data" --limit 60 --epochs 3 --epochs-prior 1 --only sweep || fail "the sweep"
calls_are 0 "the sweep has no prior"
study "$work/data" --limit 60 --epochs 3 --limit-prior 20 --only sweep || fail "the sweep, fewer images for the prior"
calls_are 0 "the sweep has no prior to train on fewer images"
study "$work/data" --limit 60 --epochs 3 --limit-prior 20 --only codebook || fail "--limit-prior"
grep -q -- ' --limit 60 --limit-prior 20 --seed 1' "$work/calls" || fail "--limit-prior: $(cat "$work/calls")"
calls_are 1 "a prior of fewer images is another run"
study "$work/other" --limit 60 --epochs 3 --only codebook || fail "other data"
calls_are 1 "other data are another run"
cp -R "$work/data" "$work/renamed"
study "$work/renamed" --limit 60 --epochs 3 --only codebook || fail "the same data"
calls_are 0 "the same data under another name"

# a line that was cut off, and a row that fails
head -c 40 "$work/out/study.jsonl" >"$work/cut"
{ sed 1d "$work/out/study.jsonl"; cat "$work/cut"; } >"$work/new" && mv "$work/new" "$work/out/study.jsonl"
touch "$work/broken-codebook"
study "$work/data" --limit 60 --epochs 3 && fail "a failed row: exit code 0"
grep -q 'study.py: failed: codebook$' "$work/log" || fail "the failed row is not named: $(cat "$work/log")"
grep -q 'study.jsonl:[0-9]*: not a finished run, skipped$' "$work/log" || fail "the cut line: $(cat "$work/log")"
calls_are 1 "a row that fails"
rm "$work/broken-codebook"
study "$work/data" --limit 60 --epochs 3 || fail "again: $(cat "$work/log")"
calls_are 1 "a row that had failed"
[ "$(wc -l <"$work/out/study.jsonl")" -eq 9 ] || fail "expected 9 finished runs, got $(cat "$work/out/study.jsonl")"

# what is made of them
study --report || fail "--report: $(cat "$work/log")"
grep -q '^| codebook | 49 | 512 | 4 | 2512.25 | 24.00 | 33 | 50.0 % | 2.50e-01 | 101.5 | 3 | 4 | 60 |$' \
    "$work/out/study.md" || fail "the table: $(cat "$work/out/study.md")"
python3 -c 'import sys, xml.dom.minidom as m
texts = [t.firstChild.data for t in m.parse(sys.argv[1]).getElementsByTagName("text")]
sys.exit(0 if any("101.5 nats/image" in t for t in texts) and "width 4" in texts else str(texts))' \
    "$work/out/study.svg" || fail "the chart"
[ -z "$(find "$work/out" -name '*.tmp')" ] || fail "a temporary file is left"

# mistakes
study "$work/nowhere" && fail "no folder: exit code 0"
grep -q 'there is no such folder$' "$work/log" || fail "no folder: $(cat "$work/log")"
study "$work/data" --only codebok && fail "no such row: exit code 0"
grep -q -- '--only: expected names or groups of rows (--list shows them), got codebok$' "$work/log" ||
    fail "$(cat "$work/log")"
study "$work/data" --size 32 && fail "32 x 32 without --fit: exit code 0"
grep -q -- '--fit: expected pad or resize with --size 32, and none without$' "$work/log" || fail "$(cat "$work/log")"
study && fail "no data: exit code 0"
calls_are 0 "mistakes"

[ $failed = 0 ] && echo "driver.sh: finished rows are skipped, others are run"
exit $failed
