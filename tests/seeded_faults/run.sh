#!/bin/sh
# run.sh <build> [<row>...]: each row of the scorecard that has a fault in faults.txt passes, and fails with the fault.
#
#     sh tests/reliability.sh --fast && sh tests/seeded_faults/run.sh build/release               12 minutes
#     sh tests/seeded_faults/run.sh build/release same_bits kill_while_saving                     these rows only
#
# <build> is a build with the target scorecard; the programs with a fault are compiled with its include folders, in a
# temporary folder. The rows run in their small version. Prints a line for each fault; what a row said is in
# <build>/seeded_faults. Exit code 77 where every row is skipped.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
build=$(CDPATH='' cd -- "${1:?the build folder}" && pwd -P)
shift
rows=" $* "
compiler=${CXX:-c++}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
logs=$build/seeded_faults
mkdir -p "$logs" "$work/tree" "$work/build" || exit 1
[ -x "$build/tests/probe" ] || { echo "$build is no build with the target scorecard" && exit 1; }
native=''
case $(uname -m) in x86_64 | amd64) native=-march=native ;; esac
number=0 tried=0 seen=0 failed=0

# row <root> <build> <log>: prints the verdict and what was measured
row() {
    ROOT=$1 BUILD=$2 FAST=1 CXX_LIST=$compiler LEVELS='x86-64-v3 x86-64-v4' \
        timeout 600 sh "$1/tests/reliability/$row.sh" >"$3" 2>"$3.log"
    awk -F '\t' 'END { print $4 == "" ? "no verdict" : $4 ": " $3 }' "$3"
}
compile() { # compile <program, in tests/> <options> <source, in tests/>...
    output=$work/build/tests/$1 options=$2
    shift 2
    # shellcheck disable=SC2086  # a list of words
    (cd "$root/tests" && "$compiler" "@$work/build/tests/flags.rsp" -I "$root/tests" ${OPTIMIZE:--O1} $native $options \
        "-DTESSERA_TESTS_DIR=\"$root/tests\"" "$@" -o "$output" "$tbb" "-Wl,-rpath,$(dirname "$tbb")" -lpthread) 2>&1
}
# make <program>: compiles it from the copy of the headers
make() {
    case $1 in
    none) ;;
    probe | one_core | oom) compile "$1" '' "reliability/$1.cpp" ;;
    everything)
        mkdir -p "$work/build/tests/CMakeFiles/everything.dir/reliability"
        "$compiler" "@$work/build/tests/flags.rsp" -I "$root/tests" ${OPTIMIZE:--O1} $native -DNDEBUG \
            -c "$root/tests/reliability/everything.cpp" \
            -o "$work/build/tests/CMakeFiles/everything.dir/reliability/everything.cpp.o" 2>&1
        ;;
    test_image) # one file of its suite is enough, and that of data is not meant
        compile test_image '' main.cpp support/counting_allocator.cpp image/check_jpeg.cpp &&
            cp "$work/build/tests/test_image" "$work/build/tests/test_data"
        ;;
    *) echo "faults.txt: unknown program $1" && return 1 ;;
    esac
}
# seed: makes the tree with the fault, and what the row runs; prints why it cannot
seed() {
    rm -rf "$work/tree" "$work/build" && mkdir -p "$work/tree" "$work/build/tests" "$work/build/examples" || return 1
    cp -R "$root/include" "$work/tree/include" && ln -s "$root/tests" "$work/tree/tests" || return 1
    sed "s|-I \"$root/include\"|-I \"$work/tree/include\"|" "$build/tests/flags.rsp" >"$work/build/tests/flags.rsp"
    grep -qF "$work/tree/include" "$work/build/tests/flags.rsp" ||
        { echo "$build is a build of another tree" && return 1; }
    cp "$build"/tests/libtbb.*.path "$work/build/tests" && tbb=$(cat "$build"/tests/libtbb.*.path | head -n 1) ||
        return 1
    if [ -n "$from" ]; then
        FROM=$from TO=$to awk '{
            at = index($0, ENVIRON["FROM"])
            if (at) { n++; $0 = substr($0, 1, at - 1) ENVIRON["TO"] substr($0, at + length(ENVIRON["FROM"])) }
            print
        } END { exit n != 1 }' "$root/$file" >"$work/tree/$file" ||
            { echo "$file has not one place: $from" && return 1; }
    else
        [ -x "$build/$file" ] || { echo "$build/$file is not built" && return 1; }
        printf '#!/bin/sh\nprogram="%s"\n%s\n' "$build/$file" "$to" >"$work/build/$file" && chmod +x "$work/build/$file"
    fi
    make "$program"
}
try() {
    number=$((number + 1)) log=$logs/$number-$row
    case $rows in '  ' | *" $row "*) ;; *) return ;; esac
    tried=$((tried + 1))
    if [ ! -e "$work/passes-$row" ]; then # with a fault that it has already, it would prove nothing
        said=$(row "$root" "$build" "$logs/0-$row")
        case $said in
        pass:*) ;;
        skipped:*)
            echo "SKIPPED: $row: $said"
            return
            ;;
        *)
            echo "$row without a fault: $said, see $logs/0-$row.log"
            failed=1
            return
            ;;
        esac
        : >"$work/passes-$row"
    fi
    seed >"$log.build.log" || {
        echo "$row: $what The fault cannot be made: $(tail -n 1 "$log.build.log")"
        failed=1
        return
    }
    said=$(row "$work/tree" "$work/build" "$log")
    case $said in
    fail:*)
        echo "seen by $row: $what ($said)"
        seen=$((seen + 1))
        ;;
    *)
        echo "NOT SEEN by $row: $what ($said)"
        failed=1
        ;;
    esac
}

what='' row='' program='' file='' from='' to=''
while IFS= read -r line; do
    case $line in
    '# '*) what=${line#\# } ;;
    -*) from=${line#-} ;;
    +*)
        to=${line#+}
        try </dev/null
        from=''
        ;;
    '') ;;
    *)
        row=${line%% *} file=${line##* }
        program=${line#* } && program=${program%% *}
        ;;
    esac
done <"$root/tests/seeded_faults/faults.txt"
[ $tried -gt 0 ] || { echo "faults.txt has no fault for:$rows" && failed=1; }
[ $failed != 0 ] || [ $seen -gt 0 ] || { echo 'SKIPPED: no row runs here' && exit 77; }
exit $failed
