#!/bin/sh
# Builds and runs the measurement of attention against the number of tokens; writes out/attention.md and .svg.
#
#     sh bench/attention/run.sh        half a minute after the build; nothing else should run on the machine
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"

have python3 || { say "python3 is needed: it makes the table and the chart"; exit 1; }
setup_bench "the measurement" tessera_attention_length
"$dir/bench/tessera_attention_length" >"$dir/attention.jsonl"
python3 "$root/bench/attention/chart.py" "$root/out" <"$dir/attention.jsonl"
