#!/bin/sh
# Builds the benchmarks, runs them in turns with the installed peers, and writes out/bench.json and out/bench.svg:
#
#     sh bench/run.sh                      what is missing is installed or downloaded first; 30 to 60 minutes
#     sh bench/run.sh --quick              a quick look: two short samples per row, nothing compiled by PyTorch
#     sh bench/run.sh --rows '^train-'     rows by regular expression; --help shows all options
#
# Peers: Eigen is compiled in. PyTorch, JAX, CTranslate2, ONNX Runtime, OpenVINO, FAISS, OpenBLAS (in numpy) and
# vector-quantize-pytorch are used where python3 has them, the report names those that are missing; bench/README.md has
# the line for pip. TESSERA_PYTHON names the python. Nothing else should run on the machine at the same time.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/cmake/setup.sh"

setup_bench "the benchmarks" tessera_bench
mkdir -p "$root/out"

# the first python with torch, else any
python=''
for candidate in ${TESSERA_PYTHON:+"$TESSERA_PYTHON"} python3 /usr/bin/python3 "$root/build/venv/bin/python"; do
    have "$candidate" && "$candidate" -c 'import sys; assert sys.version_info >= (3, 8)' >/dev/null 2>&1 || continue
    [ -n "$python" ] || python=$candidate
    if "$candidate" -c 'import torch' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "no python3: the rows of this library and of Eigen run alone, peers are skipped"
    say "results in out/bench-alone.json"
    exec "$dir/bench/tessera_bench" --benchmark_out="$root/out/bench-alone.json" --benchmark_out_format=json
fi
exec "$python" "$root/bench/run.py" --binary "$dir/bench/tessera_bench" --out "$root/out" "$@"
