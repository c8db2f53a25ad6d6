#!/bin/sh
# Builds and runs the study of quantizers: the same nets, data, seed and steps with each of them.
#
#     sh bench/study/run.sh DATA_FOLDER                     all rows; hours on the full set, finished rows are skipped
#     sh bench/study/run.sh DATA_FOLDER --only quantizers   names or groups of rows
#     sh bench/study/run.sh DATA_FOLDER --limit 2000 --epochs 1 --only codebook,fsq    a quick look
#     sh bench/study/run.sh DATA_FOLDER --size 32 --fit pad images of 32 x 32, 8 x 8 positions
#     sh bench/study/run.sh --list                          --help shows all options
#
# DATA_FOLDER has the four IDX files of MNIST or a similar set (or the bundled sheets, examples/data). Results go to
# out/study: study.jsonl, study.md and study.svg. Nothing else should run on the machine: times are compared.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"

python=''
for candidate in ${TESSERA_PYTHON:+"$TESSERA_PYTHON"} python3 /usr/bin/python3; do
    have "$candidate" && "$candidate" -c 'import sys; assert sys.version_info >= (3, 8)' >/dev/null 2>&1 || continue
    python=$candidate
    break
done
[ -n "$python" ] || { say "python3 is needed: it starts the runs and makes the table"; exit 1; }

side=28 out=$root/out/study before=''
for argument in "$@"; do
    case $before in --size) side=$argument ;; --out) out=$argument ;; esac
    case $argument in --size=*) side=${argument#--size=} ;; --out=*) out=${argument#--out=} ;; esac
    before=$argument
done
case $side in 28 | 32) ;; *) side=28 ;; esac # study.py refuses it

setup_bench "the study" "tessera_study_$side"
exec "$python" "$root/bench/study/study.py" --binary "$dir/bench/study/tessera_study_$side" --out "$out" "$@"
