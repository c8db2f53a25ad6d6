#!/bin/sh
# R10: all unit suites with ASan and UBSan; those that use threads with TSan and a oneTBB that is built for it; the
# parsers under Valgrind.
. "${ROOT:?}/tests/reliability/common.sh"
target='0 reports'

# part <name> <command before each program> <cmake options> -- <suites>: builds and runs them one after another. <name>.line
# says how it went. Parts run side by side, so that no core waits for the end of a large file.
part() {
    name=$1 before=$2
    shift 2
    options=''
    while [ "$1" != -- ]; do options="$options $1" && shift; done
    shift
    # shellcheck disable=SC2086
    if ! cmake -S "$ROOT" -B "$BUILD-$name" -DTESSERA_UNITY_TESTS=ON -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=OFF \
        -DCMAKE_RULE_MESSAGES=OFF $options >"$work/$name.log" 2>&1 ||
        ! cmake --build "$BUILD-$name" --target $(printf 'test_%s ' "$@") >>"$work/$name.log" 2>&1; then
        tail -n 40 "$work/$name.log" >&2
        echo "1 $name: does not build;" >"$work/$name.line"
        return
    fi
    reports=0
    for suite; do
        (cd "$BUILD-$name/tests" && eval "$before ./test_$suite $options_of_tests") >"$work/log-$name-$suite" 2>&1 && continue
        reports=$((reports + 1))
        {
            echo "---- $name: $suite ----"
            grep -m 1 -A 60 -E 'ERROR: |WARNING: |runtime error|ERROR!|==[0-9]+==' "$work/log-$name-$suite"
            tail -n 5 "$work/log-$name-$suite"
        } >&2
    done
    echo "$reports $name: $reports of $# suites with a report, $(($(date +%s) - begun)) s;" >"$work/$name.line"
}
begun=$(date +%s) options_of_tests=''

# clang compiles the tiles with these checks three times faster than g++
for clang in clang++-14 clang++-15 clang++-16 clang++-17 clang++-18 clang++-19 ''; do
    command -v "$clang" >/dev/null && echo 'int main() {}' |
        "$clang" -x c++ -std=c++20 -fsanitize=address,undefined - -o "$work/a" 2>/dev/null && break
done
compiler=${clang:+-DCMAKE_CXX_COMPILER=$clang}
# The kernels with the machine's widest vectors; the layers are the same code for all widths, and AVX2 halves their build.
# Without optimisation it is three times shorter again (nn: 82 s instead of 267), but trainings run 15 times longer.
avx2=''
case $(uname -m) in x86_64 | amd64) ! grep -q avx2 /proc/cpuinfo || avx2='-DTESSERA_NATIVE=OFF -DCMAKE_CXX_FLAGS=-march=x86-64-v3' ;; esac
after_return=ASAN_OPTIONS=detect_stack_use_after_return=1
# three lanes of about the same length: these two, and TSan's
# shellcheck disable=SC2086
{
    part asan "$after_return" -DCMAKE_BUILD_TYPE=Debug -DTESSERA_SANITIZE=address $compiler $avx2 -- nn gpt vq data io core testing optim loss
    part asan-native "$after_return" -DCMAKE_BUILD_TYPE=Debug -DTESSERA_SANITIZE=address $compiler -- kernel
} &
# shellcheck disable=SC2086
{
    part asan-trained "$after_return" -DCMAKE_BUILD_TYPE=Release -DTESSERA_SANITIZE=address $compiler $avx2 -- train embedding
    if command -v valgrind >/dev/null; then
        # valgrind 3.19 knows no AVX-512; the exhaustive lists run a hundred times longer here, and are in the other suites
        options_of_tests="-tce='*huge*,*every bit*,*beyond 4 GiB*,*every length*'"
        part valgrind 'valgrind -q --error-exitcode=9 --leak-check=full' -DCMAKE_BUILD_TYPE=Release -DTESSERA_NATIVE=OFF \
            -DCMAKE_CXX_FLAGS=-march=x86-64-v2 -- io data
    else
        echo '0 valgrind: SKIPPED, it is not installed;' >"$work/valgrind.line"
    fi
} &

# An uninstrumented oneTBB hides its hand-overs from TSan, or shows its own atomics as races: where the system can tell
# its source, one is built for it. The lists of sources are our own; the system's settings stay as they are.
tsan_tbb() {
    tbb=$BUILD-tsan-tbb
    [ ! -e "$tbb/installed/lib/cmake/TBB/TBBConfig.cmake" ] || return 0
    command -v apt-get >/dev/null && command -v dpkg-source >/dev/null || {
        reason='no apt-get and dpkg-dev to fetch the source of oneTBB'
        return 1
    }
    rm -rf "$tbb" && mkdir -p "$tbb/lists/partial" || return 1
    apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | sort -u >"$tbb/sources.list"
    reason='apt-get source onetbb fails'
    (cd "$tbb" && apt="apt-get -o Dir::Etc::SourceList=$tbb/sources.list -o Dir::Etc::SourceParts=- -o Dir::State::Lists=$tbb/lists \
        -o APT::Sandbox::User=$(id -un)" && $apt update && { $apt source onetbb || $apt source tbb; }) >&2 || return 1
    for source in "$tbb"/onetbb-* "$tbb"/tbb-* "$tbb"/oneTBB-*; do [ ! -d "$source/src/tbb" ] || break; done
    reason='the source of oneTBB does not build with -fsanitize=thread'
    cmake -S "$source" -B "$tbb/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTBB_SANITIZE=thread -DTBB_TEST=OFF -DTBB_STRICT=OFF \
        -DTBBMALLOC_BUILD=OFF -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_INSTALL_PREFIX="$tbb/installed" >&2 &&
        cmake --build "$tbb/build" --target install >&2
}
if tsan_tbb; then
    # by the build's own compiler: clang's TSan has an operator new that the counting one of the tests cannot replace
    # shellcheck disable=SC2086
    part tsan TSAN_OPTIONS=second_deadlock_stack=1 -DCMAKE_BUILD_TYPE=Release -DTESSERA_SANITIZE=thread $avx2 \
        "-DCMAKE_PREFIX_PATH=$BUILD-tsan-tbb/installed" -- kernel vq gpt train dist embedding
else
    echo "0 tsan: SKIPPED, $reason;" >"$work/tsan.line"
fi

wait
set -- asan asan-native asan-trained tsan valgrind
lines=$(for name; do cat "$work/$name.line" || echo "1 $name: ended without a verdict;"; done)
verdict R10 "$target" "$(echo "$lines" | cut -d' ' -f2- | tr '\n' ' ')" "$(echo "$lines" | awk '{bad += $1} END {print bad + 0}')"
