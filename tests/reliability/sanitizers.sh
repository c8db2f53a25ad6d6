#!/bin/sh
# No report from ASan and UBSan in all suites, from TSan where threads are used, from Valgrind in the parsers.
# TSan uses a oneTBB that is built for it.
. "${ROOT:?}/tests/reliability/common.sh"
target='0 reports'

# part <name> <command before each program> <suites> <cmake option>...: builds the suites, then runs them one after
# another; the result is in <name>.line. Parts run in parallel, so that no core waits for one large file.
part() {
    name=$1 before=$2 suites=$3
    shift 3
    # shellcheck disable=SC2046,SC2086  # a list of words
    if ! cmake -S "$ROOT" -B "$BUILD-$name" -DTESSERA_UNITY_TESTS=ON -DTESSERA_BUILD_TESTS=ON \
        -DTESSERA_BUILD_EXAMPLES=OFF -DCMAKE_RULE_MESSAGES=OFF "$@" >"$work/$name.log" 2>&1 ||
        ! cmake --build "$BUILD-$name" --target $(printf 'test_%s ' $suites) >>"$work/$name.log" 2>&1; then
        tail -n 40 "$work/$name.log" >&2
        echo "1 $name: does not build;" >"$work/$name.line"
        return
    fi
    # a program without the sanitizer reports nothing
    case $name in asan*) symbol=__asan_report ;; tsan) symbol=__tsan_func_entry ;; *) symbol='' ;; esac
    reports=0
    for suite in $suites; do
        grep -q "$symbol" "$BUILD-$name/tests/test_$suite" ||
            { echo "1 $name: test_$suite has no sanitizer;" >"$work/$name.line" && return; }
        (cd "$BUILD-$name/tests" && eval "$before ./test_$suite $options_of_tests") >"$work/log-$name-$suite" 2>&1 &&
            continue
        reports=$((reports + 1))
        {
            echo "---- $name: $suite ----"
            grep -m 1 -A 60 -E 'ERROR: |WARNING: Thread|runtime error|ERROR!|==[0-9]+==' "$work/log-$name-$suite"
            tail -n 5 "$work/log-$name-$suite"
        } >&2
    done
    echo "$reports $name: $reports of $(echo $suites | wc -w) suites with a report, $(($(date +%s) - begun)) s;" \
        >"$work/$name.line"
}
begun=$(date +%s) options_of_tests=''

# clang compiles the tiles with these checks three times faster than g++
for clang in clang++-14 clang++-15 clang++-16 clang++-17 clang++-18 clang++-19 ''; do
    command -v "$clang" >/dev/null && echo 'int main() {}' |
        "$clang" -x c++ -std=c++20 -fsanitize=address,undefined - -o "$work/a" 2>/dev/null && break
done
compiler=${clang:+-DCMAKE_CXX_COMPILER=$clang}
# The kernels use the machine's widest vectors. The layers are the same code for all widths, and AVX2 halves their
# build. Without optimisation it is three times shorter again (nn: 82 s instead of 267), but trainings run 15 times
# longer.
avx2=''
case $(uname -m) in
x86_64 | amd64) ! grep -q avx2 /proc/cpuinfo || avx2='-DTESSERA_NATIVE=OFF -DCMAKE_CXX_FLAGS=-march=x86-64-v3' ;;
esac
# A test asks for 2^63 bytes and expects std::bad_alloc.
options_of_asan=ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1
# three parallel parts of about the same duration: these two, and TSan's
# shellcheck disable=SC2086
{
    part asan "$options_of_asan" 'nn vq data io image files codec dist core testing optim loss' \
        -DCMAKE_BUILD_TYPE=Debug -DTESSERA_SANITIZE=address $compiler $avx2
    part asan-native "$options_of_asan" kernel -DCMAKE_BUILD_TYPE=Debug -DTESSERA_SANITIZE=address $compiler
} &
# shellcheck disable=SC2086
{
    part asan-trained "$options_of_asan" 'train embedding gpt' -DCMAKE_BUILD_TYPE=Release \
        -DTESSERA_SANITIZE=address $compiler $avx2
    if command -v valgrind >/dev/null; then
        # valgrind 3.19 does not support AVX-512; the exhaustive lists take a hundred times longer here, and run in the
        # other suites
        # Leaks: only what is definitely lost; the thread-local memory of oneTBB's sleeping threads is "possibly lost".
        options_of_tests="-tce='*huge*,*every bit*,*beyond 4 GiB*,*every length*'"
        part valgrind 'valgrind -q --error-exitcode=9 --leak-check=full \
            --show-leak-kinds=definite --errors-for-leak-kinds=definite' 'io data image files codec' \
            -DCMAKE_BUILD_TYPE=Release -DTESSERA_NATIVE=OFF -DCMAKE_CXX_FLAGS=-march=x86-64-v2
    else
        echo '0 valgrind: SKIPPED, not installed;' >"$work/valgrind.line"
    fi
} &

# TSan needs a oneTBB that is built for it, without which it reports oneTBB's own atomics
if reason=$(sh "$ROOT/tests/race/instrumented_tbb.sh" "$BUILD-tsan-tbb"); then
    # These cases take most of the time of gpt under TSan (the second one more than 80 s, the last one more than 120 s),
    # and start no thread that the other cases do not start.
    options_of_tests="-tce='*learns eight sequences*,*a trainer teaches it*,*finds the rest of a sequence*,\
*from logits of whole sequences*'"
    # with the default compiler: clang's TSan has an operator new that the counting one of the tests cannot replace
    # shellcheck disable=SC2086
    part tsan TSAN_OPTIONS=second_deadlock_stack=1 'kernel vq gpt train dist embedding' -DCMAKE_BUILD_TYPE=Release \
        -DTESSERA_SANITIZE=thread $avx2 "-DCMAKE_PREFIX_PATH=$BUILD-tsan-tbb/installed"
else
    echo "0 tsan: SKIPPED, $reason;" >"$work/tsan.line"
fi

wait
set -- asan asan-native asan-trained tsan valgrind
lines=$(for name; do
    [ -s "$work/$name.line" ] && cat "$work/$name.line" || echo "1 $name: ended without a result;"
done)
# what did not run has no report: that is not a pass
bad=$(echo "$lines" | awk '{bad += $1} END {print bad + 0}')
case $bad:$lines in 0:*SKIPPED*) skip "$target" "$(echo "$lines" | cut -d' ' -f2- | tr '\n' ' ')" ;; esac
verdict "$target" "$(echo "$lines" | cut -d' ' -f2- | tr '\n' ' ')" "$bad"
