#!/bin/sh
# R10: all unit suites with ASan and UBSan; those that use threads with TSan and a oneTBB that is built for it; the
# parsers under Valgrind.
. "${ROOT:?}/tests/reliability/common.sh"
target='0 reports'
jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(getconf _NPROCESSORS_ONLN)}
bad=0 measured='' options_of_tests=''

# build <name> <cmake options> -- <suites>
build() {
    name=$1 && shift
    options=''
    while [ "$1" != -- ]; do options="$options $1" && shift; done
    shift
    targets=''
    for suite; do targets="$targets test_$suite"; done
    # shellcheck disable=SC2086
    cmake -S "$ROOT" -B "$BUILD-$name" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=OFF \
        $options >&2 && cmake --build "$BUILD-$name" -j "$jobs" --target $targets >&2 && return 0
    bad=$((bad + 1)) measured="$measured $name: does not build;"
    return 1
}
# run_each <name> <command before the program> -- <suites>: as many at a time as there are cores
run_each() {
    name=$1 && shift
    before=''
    while [ "$1" != -- ]; do before="$before $1" && shift; done
    shift
    # shellcheck disable=SC2016  # the inner shell expands them
    printf '%s\n' "$@" | (cd "$BUILD-$name/tests" && xargs -P "$jobs" -I{} sh -c \
        "$before ./test_{} $options_of_tests >$work/$name-{}.log 2>&1 || echo {} >>$work/$name.reports")
    reports=0
    [ ! -s "$work/$name.reports" ] || reports=$(wc -l <"$work/$name.reports")
    for suite in $(cat "$work/$name.reports" 2>/dev/null); do
        echo "---- $name: $suite ----" >&2
        grep -m 1 -A 60 -E 'ERROR: |WARNING: |runtime error|ERROR!|==[0-9]+==' "$work/$name-$suite.log" >&2
        tail -n 5 "$work/$name-$suite.log" >&2
    done
    bad=$((bad + reports)) measured="$measured $name: $reports of $# suites with a report;"
}

suites='core kernel nn loss optim data io vq gpt train testing embedding'
# clang compiles the tiles with these checks three times faster than g++
for clang in clang++-14 clang++-15 clang++-16 clang++-17 clang++-18 clang++-19 ''; do
    command -v "$clang" >/dev/null && echo 'int main() {}' |
        "$clang" -x c++ -std=c++20 -fsanitize=address,undefined - -o "$work/a" 2>/dev/null && break
done
# shellcheck disable=SC2086
build asan -DTESSERA_SANITIZE=address ${clang:+-DCMAKE_CXX_COMPILER=$clang} -- $suites &&
    run_each asan ASAN_OPTIONS=detect_stack_use_after_return=1 -- $suites

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
        cmake --build "$tbb/build" -j "$jobs" --target install >&2
}
threaded='kernel vq gpt train embedding'
if tsan_tbb; then
    # shellcheck disable=SC2086
    build tsan -DTESSERA_SANITIZE=thread "-DCMAKE_PREFIX_PATH=$BUILD-tsan-tbb/installed" -- $threaded &&
        run_each tsan TSAN_OPTIONS=second_deadlock_stack=1 -- $threaded
else
    measured="$measured tsan: SKIPPED, $reason;"
fi

if command -v valgrind >/dev/null; then
    # valgrind 3.19 knows no AVX-512; the exhaustive lists run a hundred times longer here, and are in the other suites
    options_of_tests="-tce='*huge*,*every bit*,*beyond 4 GiB*,*every length*'"
    build valgrind -DTESSERA_NATIVE=OFF -DCMAKE_CXX_FLAGS=-march=x86-64-v2 -- io data &&
        run_each valgrind valgrind -q --error-exitcode=9 --leak-check=full -- io data
else
    measured="$measured valgrind: SKIPPED, it is not installed;"
fi
verdict R10 "$target" "$measured" $bad
