#!/bin/sh
# Measures the pieces of the training steps and predicts the steps on more threads: out/scaling/pieces.jsonl,
# scaling.md and scaling.svg. 5 minutes; at least two cores, on which nothing else runs.
#
#     sh bench/scaling/run.sh [options of model.py, see --help]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"

setup_bench "the pieces" tessera_scaling
mkdir -p "$root/out/scaling"
"$dir/bench/tessera_scaling" >"$root/out/scaling/pieces.jsonl"
exec python3 "$root/bench/scaling/model.py" "$root/out/scaling/pieces.jsonl" --out "$root/out/scaling" "$@"
