#!/bin/sh
# run.sh <build> [--executions N] [--seconds S] [target...]: fuzzes with clang's libFuzzer, ASan and UBSan.
#
#     sh tests/run.sh && sh tests/fuzz/run.sh build/release --executions 1000000 f1_header
#
# <build> is a build with tests, for its include folders and its seeds. Each target starts from its seeds and from the
# corpus of earlier runs in <build>/fuzz. N: executions of each target (default 100000); S: its time limit in seconds
# (default 600; 0: no limit). Prints a line for each target; exit code 77 without clang. Inputs that crash a target, or
# run for more than a second, are kept in <build>/fuzz/<target>-crash-* and so on.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
build=$(CDPATH='' cd -- "${1:?the build folder}" && pwd -P)
shift
executions=100000 seconds=600 targets=''
while [ $# -gt 0 ]; do
    case $1 in
    --executions) executions=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    *) targets="$targets $1" ;;
    esac
    shift
done
[ -n "$targets" ] ||
    targets='f1_header f2_header_json f3_checkpoint f4_idx_gzip f5_png_jpeg f6_writer f7_options f8_calls f9_codec'

clang=''
for candidate in clang++ clang++-14 clang++-15 clang++-16 clang++-17 clang++-18 clang++-19; do
    command -v "$candidate" >/dev/null &&
        echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
            "$candidate" -x c++ -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null && clang=$candidate && break
done
[ -n "$clang" ] || { echo 'SKIPPED: no clang++ with libFuzzer' && exit 77; }
tbb=$(cat "$build"/tests/libtbb.*.path 2>/dev/null | head -n 1)
[ -e "$tbb" ] && [ -x "$build/tests/fuzz/fuzz_seeds" ] || { echo "$build is no build with tests" && exit 1; }

work=$build/fuzz failed=0
mkdir -p "$work"
[ -d "$build/tests/fuzz/corpora" ] || "$build/tests/fuzz/fuzz_seeds" "$build/tests/fuzz/corpora" || exit 1
for target in $targets; do
    coverage='' search='' longest=4096
    # a slow target, of words or of choices, has few numbers to be guessed: without the search for them it runs twice as
    # often; 20 calls are made of less than 128 choices, and the longest option has 20 letters
    case $target in
    f7_options | f8_calls) coverage=-fno-sanitize-coverage=trace-cmp search=-entropic=0 longest=128 ;;
    esac
    set -- "$root/tests/fuzz/$target.cpp" "$root/tests/fuzz/entry.cpp"
    [ "$target" != f7_options ] ||
        for name in options quantizer_names system text; do set -- "$@" "$root/examples/support/$name.cpp"; done
    # shellcheck disable=SC2086  # no coverage is no word
    "$clang" "@$build/tests/flags.rsp" -I "$root/tests" -I "$root/examples" -O2 -gline-tables-only \
        -fsanitize=fuzzer,address,undefined,float-cast-overflow -fno-sanitize-recover=all $coverage "$@" \
        "$tbb" "-Wl,-rpath,$(dirname "$tbb")" -o "$work/$target" >"$work/$target.build.log" 2>&1 || {
        echo "$target: does not compile, see $work/$target.build.log"
        failed=1
        continue
    }
    mkdir -p "$work/$target.found"
    done=0 stalls=0
    while :; do
        # shellcheck disable=SC2086  # no search is no word
        ASAN_OPTIONS=malloc_context_size=5:quarantine_size_mb=16 "$work/$target" $search \
            -runs="$((executions - done))" -max_total_time="$seconds" -rss_limit_mb=512 -malloc_limit_mb=256 \
            -timeout=1 -max_len=$longest -print_final_stats=1 -artifact_prefix="$work/$target-" \
            "$work/$target.found" "$build/tests/fuzz/corpora/$target" >"$work/$target.log" 2>&1
        code=$?
        executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log")
        rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$work/$target.log")
        done=$((done + ${executed:-0}))
        [ $code = 70 ] && [ $stalls -lt 20 ] && [ $done -lt "$executions" ] || break
        # libFuzzer measures by the clock on the wall: an input that is quick when it is alone was stopped together with
        # a machine that slept or was busy
        slow=$(sed -n 's/.*Test unit written to //p' "$work/$target.log" | tail -n 1)
        [ -n "$slow" ] && "$work/$target" -timeout=1 -runs=10 "$slow" >>"$work/$target.log" 2>&1 || break
        rm -f "$slow"
        stalls=$((stalls + 1))
    done
    end='no crash'
    [ $done -gt 0 ] || end="NOTHING WAS EXECUTED, see $work/$target.log"
    [ $code = 0 ] || end="CRASH, see $work/$target.log"
    echo "$target: $done executions, ${rate:-0} a second, $end"
    [ "$end" = 'no crash' ] || failed=1
done
exit $failed
