#!/bin/sh
# run.sh [<build folder> [--all] [--install]]: the library compiled for AArch64 and run by qemu gives the bits of the
# build, which is x86-64 with FMA: a training of both stages with Codebook and Fsq, and the kernels against their scalar
# twins.
#
#     sh tests/aarch64/run.sh                          installs what is missing, builds, and runs everything
#     sh tests/aarch64/run.sh build/release            installs nothing; the short version, which the test suite runs
#     sh tests/aarch64/run.sh build/release --all      with the run of the scorecard and all quantizers
#
# Prints each comparison. Exit code 77: cannot be shown on this machine, with the reason.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"
skip() {
    echo "SKIPPED: $*"
    exit 77
}

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
    setup core examples tests
    configure "$build" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=ON -DTESSERA_UNITY_TESTS=ON
    build "$build" "the programs for x86-64" --target probe tiny_run_hash quantizer_family_hashes
    build=$root/build/release # configure and build have changed it
fi
case $(uname -m) in
x86_64 | amd64) ;;
*) skip "this machine is no x86-64, whose bits are compared" ;;
esac
grep -qw fma /proc/cpuinfo 2>/dev/null || skip "no FMA here, without which x86-64 has other bits"
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
# same <what> <x86-64's text> <AArch64's text>
same() {
    if [ -n "$2" ] && [ "$2" = "$3" ]; then
        echo "the same on x86-64 and AArch64: $1"
    else
        printf 'DIFFERENT: %s\nx86-64:  %s\nAArch64: %s\n' "$1" "$2" "$3"
        failed=1
    fi
}

# One file: they share most of their headers.
for test in main core/fp_environment kernel/simd/simd kernel/simd/vector_math kernel/gemm/tile \
    kernel/gemm/weight_gradient_tile kernel/attention/attention_tile; do
    echo "#include \"$root/tests/$test.cpp\""
done >"$work/kernels.cpp"
compile kernels -O1 "$work/kernels.cpp" &
kernels=$!
compile tiny -O1 embedding/widths/main.cpp embedding/tiny_run.cpp
wait $kernels
emulate kernels || failed=1
same "a training with Codebook and Fsq" "$("$build/tests/tiny_run_hash")" "$(emulate tiny)"

if [ -n "$all" ]; then
    compile family -O0 embedding/family/main.cpp embedding/family/family.cpp &
    family=$!
    compile probe -O1 reliability/probe.cpp
    wait $family
    for threads in 1 2 3; do
        same "the run of the scorecard, $threads threads" "$("$build/tests/probe" --threads $threads)" "$(emulate probe --threads $threads)"
    done
    same "every quantizer" "$("$build/tests/quantizer_family_hashes")" "$(emulate family)"
fi
exit $failed
