#!/bin/sh
# R10: the unit suites with ASan and UBSan; those that use threads with TSan and a oneTBB that was built for it; the parsers
# under Valgrind.
. "${ROOT:?}/tests/reliability/common.sh"
target='0 reports'
jobs=$(getconf _NPROCESSORS_ONLN)
bad=0 measured='' skipped=''
suites='core kernel nn loss optim data io vq gpt train testing golden'

# build_and_run <name> <cmake options> -- <suites>
build_and_run() {
    name=$1
    shift
    options=''
    while [ "$1" != -- ]; do options="$options $1" && shift; done
    shift
    targets=''
    for suite; do targets="$targets test_$suite"; done
    # shellcheck disable=SC2086
    cmake -S "$ROOT" -B "$BUILD-$name" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=OFF \
        $options >&2 && cmake --build "$BUILD-$name" -j "$jobs" --target $targets >&2 || {
        bad=$((bad + 1)) measured="$measured $name: does not build;"
        return
    }
    reports=0
    for suite; do
        (cd "$BUILD-$name/tests" && ASAN_OPTIONS=detect_stack_use_after_return=1 TSAN_OPTIONS=second_deadlock_stack=1 \
            "./test_$suite") >"$work/$name-$suite.log" 2>&1 || {
            reports=$((reports + 1))
            tail -30 "$work/$name-$suite.log" >&2
        }
    done
    bad=$((bad + reports)) measured="$measured $name: $reports of $# suites with a report;"
}
# shellcheck disable=SC2086
build_and_run asan -DTESSERA_SANITIZE=address -- $suites

# A thread of an uninstrumented oneTBB hides its hand-overs from TSan: its source is needed.
if [ -n "${TSAN_TBB:-}" ] && [ -d "$TSAN_TBB" ]; then
    build_and_run tsan -DTESSERA_SANITIZE=thread "-DCMAKE_PREFIX_PATH=$TSAN_TBB" -- kernel vq gpt train
else
    skipped='TSan: no oneTBB built for it (TSAN_TBB=<its prefix>);'
fi

if command -v valgrind >/dev/null; then
    # valgrind 3.19 knows no AVX-512
    cmake -S "$ROOT" -B "$BUILD-valgrind" -DCMAKE_BUILD_TYPE=Release -DTESSERA_NATIVE=OFF -DCMAKE_CXX_FLAGS=-march=x86-64-v2 \
        -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=OFF >&2 &&
        cmake --build "$BUILD-valgrind" -j "$jobs" --target test_io test_data >&2 || bad=$((bad + 1))
    for suite in io data; do
        # the exhaustive lists run a hundred times longer here; they are in the other suites
        valgrind -q --error-exitcode=9 --leak-check=full "$BUILD-valgrind/tests/test_$suite" \
            -tce='*huge*,*every bit*,*beyond 4 GiB*,*every length*' >"$work/log" 2>&1 || {
            bad=$((bad + 1))
            tail -30 "$work/log" >&2
        }
    done
    measured="$measured valgrind: io and data;"
else
    skipped="$skipped no valgrind;"
fi
verdict R10 "$target" "$measured" $bad "$skipped"
