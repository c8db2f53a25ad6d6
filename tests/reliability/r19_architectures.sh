#!/bin/sh
# R19: the same program compiled for x86-64, v2, v3 and v4, as far as this machine runs them. v3 and v4 have the same
# operations and must agree in every bit; without FMA there is a tolerance.
. "${ROOT:?}/tests/reliability/common.sh"
target='v3 and v4 the same bits; to v1: outputs 1e-4, gradients 1e-5 (L2), codes 99.9 %, final losses 1 %'
flags=$(sed -n 's/^CXX_INCLUDES = //p' "$BUILD/tests/CMakeFiles/probe.dir/flags.make" 2>/dev/null) || flags=''
[ -n "$flags" ] || skip R19 "$target" 'the flags of the build are not known (not a Makefile build)'
tbb=$(sed 's/.*-o probe//' "$BUILD/tests/CMakeFiles/probe.dir/link.txt" | tr ' ' '\n' | grep -E 'tbb' | tr '\n' ' ')
bad=0 measured='' reference=''
for compiler in ${CXX_LIST:-g++ clang++-14}; do
    command -v "$compiler" >/dev/null || continue
    for level in ${LEVELS:-x86-64 x86-64-v2 x86-64-v3 x86-64-v4}; do
        # shellcheck disable=SC2086
        "$compiler" -std=c++20 -O1 -march=$level -ffp-contract=off $flags "$ROOT/tests/reliability/probe.cpp" -o "$work/$compiler$level" \
            $tbb ${tbb:+-Wl,-rpath,"$(dirname "${tbb%% *}")"} -lpthread >&2 || { bad=$((bad + 1)) && continue; }
        program=$work/$compiler$level
        sum=$("$program" 2>>"$work/log") && "$program" figures "$program.f" || {
            measured="$measured $compiler/$level: not run here;"
            continue
        }
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
verdict R19 "$target" "$measured" $bad
