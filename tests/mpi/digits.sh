#!/bin/sh
# digits.sh <digits with TESSERA_MPI> <mpirun> <folder of digits>: two processes end in the file of weights of one, only
# the first one prints and writes, a run of two is resumed by one and by two, and an error of one ends the job with its
# message.
set -eu
digits=$1 mpirun=$2 data=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    printf 'mpi digits: %s\n' "$*" >&2
    exit 1
}
# mpirun of OpenMPI: root, more processes than cores, and no binding of a process to one core
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
    OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe \
    PRTE_MCA_hwloc_default_binding_policy=none OMPI_MCA_btl_vader_single_copy_mechanism=none \
    OMPI_MCA_mpi_yield_when_idle=1
run() { # run <processes> <out> [options]...
    processes=$1 out=$2
    shift 2
    "$mpirun" -np "$processes" "$digits" --bundled "$data" --threads 1 --out "$work/$out" --samples 4 "$@" \
        >"$work/log" 2>&1
}
# same <out> <out>: both have weights, the same
same() { [ -s "$work/$1/model.safetensors" ] && cmp "$work/$1/model.safetensors" "$work/$2/model.safetensors"; }
epochs='--epochs-vqvae 1 --epochs-prior 1 --batch 128'

# shellcheck disable=SC2086  # a list of words
run 1 one $epochs || fail "one process: $(cat "$work/log")"
# shellcheck disable=SC2086
run 2 two $epochs --checkpoint "$work/run" --checkpoint-every 50 || fail "two processes: $(cat "$work/log")"
same one two || fail "two processes end in other weights than one"
[ "$(grep -c '^done in' "$work/log")" = 1 ] || fail "both processes print: $(cat "$work/log")"

# one process and two processes continue the checkpoint of two for another epoch of the prior
cp -r "$work/run" "$work/run2"
more='--epochs-vqvae 1 --epochs-prior 2 --batch 128 --resume --accept epochs'
# shellcheck disable=SC2086
run 1 more1 $more --checkpoint "$work/run" || fail "resumed by one: $(cat "$work/log")"
# shellcheck disable=SC2086
run 2 more2 $more --checkpoint "$work/run2" || fail "resumed by two: $(cat "$work/log")"
same more1 more2 || fail "a run that two processes resume ends in other weights than with one"

printf 'x' >"$work/file"
start=$(date +%s)
if run 2 file/below $epochs; then fail "--out below a file was accepted"; fi
[ $(($(date +%s) - start)) -lt 60 ] || fail "the other process did not end"
grep -q 'rank 0 of 2: --out: ' "$work/log" || fail "no message: $(cat "$work/log")"
echo 'mpi digits: 1 and 2 processes end in the same weights'
