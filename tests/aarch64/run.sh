#!/bin/sh
# run.sh [<build folder> [--all] [--install]]: the library compiled for AArch64 and run by qemu gives the bits of the
# build, which is x86-64 with FMA: trainings of both stages (Codebook, Fsq, AdamW, Muon), and the kernels against their
# scalar twins. The loops of the register tiles, as g++ -O3 compiles them, broadcast and spill nothing (loops.awk).
#
#     sh tests/aarch64/run.sh                          installs what is missing, builds, and runs everything
#     sh tests/aarch64/run.sh build/release            installs nothing; the short version, which the test suite runs
#     sh tests/aarch64/run.sh build/release --all      with the run of the scorecard and all quantizers
#
# Prints each comparison: both programs must succeed and print the same. Exit code 77: cannot be shown on this machine,
# with the reason, which is known before anything is built.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"
skip() {
    echo "SKIPPED: $*"
    exit 77
}

case $(uname -m) in
x86_64 | amd64) ;;
*) skip "this machine is no x86-64, whose bits are compared" ;;
esac
grep -qw fma /proc/cpuinfo 2>/dev/null || skip "no FMA here, without which x86-64 has other bits"

all='' install=no
if [ $# -gt 0 ]; then
    build=$(CDPATH='' cd -- "$1" && pwd -P)
    shift
    for option; do
        case $option in
        --all) all=1 ;;
        --install) install=yes ;;
        *) die "unknown option $option" ;;
        esac
    done
else
    build=$root/build/release all=1 install=yes
    mkdir -p "$build"
    setup_aarch64 "$build/aarch64" || skip "$reason"
    setup core examples tests
    configure "$build" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=ON \
        -DTESSERA_UNITY_TESTS=ON
    build "$build" "the programs for x86-64" --target probe tiny_run_hash quantizer_family_hashes
    build=$root/build/release # configure and build have changed it
fi
# once more after a configuration, which may have begun with an empty folder
setup_aarch64 "$build/aarch64" || skip "$reason"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Third-party headers below /usr/include cannot be named without the C library's of this machine.
mkdir "$work/include"
for header in xsimd nlohmann CLI doctest stb; do
    [ ! -d "/usr/include/$header" ] || ln -s "/usr/include/$header" "$work/include/$header"
done
libraries=$build/aarch64/root/usr/lib/aarch64-linux-gnu
# compile <name> <options> <sources, of tests/>...
compile() {
    name=$1 options=$2
    shift 2
    # shellcheck disable=SC2086
    (cd "$root/tests" && aarch64-linux-gnu-g++ $options -Wall -Wextra -Werror -I "$root/tests" \
        -isystem "$build/aarch64/root/usr/include" -isystem "$work/include" -isystem "$work/include/stb" \
        "@$build/tests/flags.rsp" "$@" -o "$work/$name" -L "$libraries" "-Wl,-rpath-link,$libraries" -ltbb -lpthread)
}
emulate() {
    program=$1
    shift
    qemu-aarch64 -L /usr/aarch64-linux-gnu -E "LD_LIBRARY_PATH=$libraries" "$work/$program" "$@"
}
failed=0
# The loops of the largest tiles: nothing in the suite can time them.
if ! (cd "$root/tests" && aarch64-linux-gnu-g++ -O3 -march=armv8-a -Wall -Wextra -Werror -isystem "$work/include" \
    "@$build/tests/flags.rsp" -S aarch64/tiles.cpp -o "$work/tiles.s") ||
    ! awk -v expected=7 -f "$root/tests/aarch64/loops.awk" "$work/tiles.s"; then
    failed=1
fi
# same <what> <program of the build> <program for AArch64> [<argument>...]
same() {
    what=$1 ours=$2 theirs=$3 code_ours=0 code_theirs=0
    shift 3
    "$build/tests/$ours" "$@" >"$work/ours" 2>"$work/errors" || code_ours=$?
    emulate "$theirs" "$@" >"$work/theirs" 2>>"$work/errors" || code_theirs=$?
    if [ $code_ours = 0 ] && [ $code_theirs = 0 ] && [ -s "$work/ours" ] && cmp -s "$work/ours" "$work/theirs"; then
        echo "the same on x86-64 and AArch64: $what"
        return
    fi
    printf 'DIFFERENT: %s\nx86-64, exit code %s:\n%s\nAArch64, exit code %s:\n%s\n%s\n' "$what" \
        $code_ours "$(cat "$work/ours")" $code_theirs "$(cat "$work/theirs")" "$(cat "$work/errors")"
    failed=1
}

# One file: they share most of their headers.
for test in main core/fp_environment kernel/simd/simd kernel/simd/vector_math \
    kernel/simd/across_lanes kernel/simd/transpose kernel/gemm/accumulate kernel/gemm/tile kernel/gemm/tile_shape \
    kernel/gemm/narrow_tile kernel/gemm/weight_gradient_tile kernel/attention/attention_tile; do
    echo "#include \"$root/tests/$test.cpp\""
done >"$work/kernels.cpp"
compile kernels -O1 "$work/kernels.cpp" &
kernels=$!
compile tiny -O1 embedding/widths/main.cpp embedding/tiny_run.cpp
wait $kernels
emulate kernels || failed=1
same "two trainings: Codebook, Fsq, AdamW, Muon" tiny_run_hash tiny

if [ -n "$all" ]; then
    compile family -O0 embedding/family/main.cpp embedding/family/family.cpp &
    family=$!
    compile probe -O1 reliability/probe.cpp
    wait $family
    for threads in 1 2 3; do
        same "the run of the scorecard, $threads threads" probe probe --threads $threads
    done
    same "every quantizer" quantizer_family_hashes family
fi
exit $failed
