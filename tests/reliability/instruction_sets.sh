#!/bin/sh
# The program compiled for x86-64, v2, v3 and v4 agrees: v3 and v4 in every bit, the others within a tolerance.
# v3 and v4 have the same operations; without FMA the results differ in the last bits. Levels that this machine cannot
# run are only compiled.
. "${ROOT:?}/tests/reliability/common.sh"
target='v3 and v4 the same bits; to v1: outputs 1e-4, gradients 1e-5 (L2), tokens 99.9 %, final losses 1 %'
tbb=$(libtbb)
[ -e "$tbb" ] || { verdict "$target" 'no oneTBB in the build folder' 1 && exit 1; }
bad=0 measured='' reference='' ran=0
for compiler in ${CXX_LIST:-g++ clang++-14}; do
    command -v "$compiler" >/dev/null || continue
    for level in ${LEVELS:-x86-64 x86-64-v2 x86-64-v3 x86-64-v4}; do
        "$compiler" "@$BUILD/tests/flags.rsp" -I "$ROOT/tests" -O1 -march=$level "$ROOT/tests/reliability/probe.cpp" \
            -o "$work/$compiler$level" "$tbb" "-Wl,-rpath,$(dirname "$tbb")" -lpthread >&2 ||
            { bad=$((bad + 1)) && continue; }
        program=$work/$compiler$level
        sum=$("$program" 2>>"$work/log") && "$program" figures "$program.f" || {
            measured="$measured $compiler/$level: not run here;"
            continue
        }
        [ -n "$sum" ] || bad=$((bad + 1))
        ran=$((ran + 1))
        [ -e "$work/v1.f" ] || cp "$program.f" "$work/v1.f"
        difference=$("$program" compare "$work/v1.f" "$program.f") || bad=$((bad + 1))
        measured="$measured $compiler/$level $(echo "$sum" | cut -c1-8): $difference;"
        case $level in x86-64-v3 | x86-64-v4)
            [ -n "$reference" ] || reference=$sum
            [ "$sum" = "$reference" ] || bad=$((bad + 1))
            ;;
        esac
    done
done
[ $ran -gt 1 ] || [ $bad -gt 0 ] || skip "$target" "fewer than two programs run here, nothing to compare:$measured"
verdict "$target" "$measured" $bad
