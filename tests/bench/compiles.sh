#!/bin/sh
# Compiles every source of bench/, with warnings as errors and without code: sh tests/bench/compiles.sh [ROOT]
#
# The benchmarks are no part of the tests' build, and several are no part of "all", so that a changed header could leave
# one that does not compile. CXX names the compiler; of the study's table, the first of 16 parts is
# compiled. The folders of Eigen and stb are those of build/release, else those of Debian's packages.
set -eu
root=$(CDPATH='' cd -- "${1:-$(dirname -- "$0")/../..}" && pwd -P)
cxx=${CXX:-c++}
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT INT TERM

printf '#include <benchmark/benchmark.h>\n' >"$log/probe.cpp"
if ! "$cxx" -std=c++20 -fsyntax-only "$log/probe.cpp" 2>/dev/null; then
    echo "SKIPPED: no Google Benchmark (Debian, Ubuntu: apt-get install libbenchmark-dev)"
    exit 77
fi

flags=$root/build/release/tests/flags.rsp
if [ ! -f "$flags" ]; then
    flags=$log/flags.rsp
    printf '%s\n' '-isystem /usr/include/eigen3' '-isystem /usr/include/stb' >"$flags"
fi

# one process a core; a source that fails leaves its messages in a file of its name
cat >"$log/one" <<'ONE'
name=$(printf '%s' "$1" | tr '/ ' '__')
"$cxx" -std=c++20 -fsyntax-only -march=native -Wall -Wextra -Wconversion -Wshadow -Werror -I"$root/include" -I"$root" \
    "@$flags" -DSTUDY_SIDE=28 -DSTUDY_PARTS=16 -DSTUDY_PART=0 "$1" \
    >"$log/$name.log" 2>&1 || { echo "FAILED: $1"; cat "$log/$name.log"; exit 1; }
ONE
export cxx root log flags
count=$(find "$root/bench" -name '*.cpp' | wc -l)
cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
[ "$count" -gt 0 ] || { echo "no sources in $root/bench" >&2; exit 1; }
find "$root/bench" -name '*.cpp' -print0 | sort -z | xargs -0 -n 1 -P "$cores" sh "$log/one" ||
    { echo "a benchmark does not compile" >&2; exit 1; }
echo "all $count sources of bench/ compile"
