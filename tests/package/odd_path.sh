#!/bin/sh
# odd_path.sh <root> <build> <compiler> <cmake>: the scripts of the repository in a checkout and with a build whose
# paths have spaces and letters that are not ASCII. The checkout is a copy, because scripts resolve links; of the build
# only the programs are used.
set -u
root=$(CDPATH='' cd -- "$1" && pwd -P) build=$(CDPATH='' cd -- "$2" && pwd -P) compiler=$3 cmake=$4
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
odd="$work/Zoë Müller/my checkout"
mkdir -p "$odd/build/release/tests" || exit 1
for name in cmake examples include tests bench; do cp -R "$root/$name" "$odd/$name" || exit 1; done
cp "$root"/*.md "$root"/CMake* "$root"/LICENSE "$odd" || exit 1
cp "$root/.clang-format" "$odd" 2>/dev/null
[ ! -d "$root/.ci" ] || cp -R "$root/.ci" "$odd"
failed=0 count=0
# works <command>...: succeeds, or is skipped, which is said
works() {
    count=$((count + 1))
    "$@" >"$work/log" 2>&1
    case $? in
    0) ;;
    77) echo "skipped: $*: $(tail -n 1 "$work/log" "$work/row" 2>/dev/null | grep -i skipped)" ;;
    *)
        echo "$*: fails in $odd:"
        tail -n 20 "$work/log"
        failed=1
        ;;
    esac
}

for check in words head_comments lines format links; do works sh "$odd/tests/style/$check.sh" "$odd"; done
works sh "$odd/tests/readme/check.sh" "$odd"
works "$cmake" -D "INCLUDE=$odd/include" -D "MAP=$odd/CONTRIBUTING.md" -P "$odd/tests/architecture/floors.cmake"
works sh "$odd/tests/reliability.sh" --list
works sh "$odd/tests/study/driver.sh" "$odd"
# data.sh only defines functions; they are called
works sh -c 'bundled=$1; . "$2"; idx_set "$3"; [ "$(wc -c <"$3/train-images-idx3-ubyte")" -eq 31376 ]' \
    sh "$odd/examples/data" "$odd/tests/examples/data.sh" "$odd/digits"

# a build of which the programs are links, with the flags of a build in the odd path
flags=$odd/build/release/tests/flags.rsp
sed "s|-I \"$root/include\"|-I \"$odd/include\"|" "$build/tests/flags.rsp" >"$flags"
grep -q 'my checkout' "$flags" || { echo "$build/tests/flags.rsp does not name $root/include" && exit 1; }
works sh "$odd/tests/compile_fail/check.sh" "$compiler" "$flags" "$odd/tests/compile_fail/no_exceptions.cpp"
works sh "$odd/tests/compile_fail/math_flags.sh" "$compiler" "$flags"
works sh "$odd/tests/compile_fail/self_test.sh" "$compiler" "$flags"
works sh "$odd/tests/embedding/rounding/run.sh" "$compiler" "$flags"

# the rows of the scorecard that take seconds
row() {
    ROOT=$odd BUILD=$odd/build/release FAST=1 sh "$odd/tests/reliability/$1.sh" >"$work/row" || return
    cut -f4 "$work/row" | grep -q pass
}
for program in probe one_core; do
    [ ! -x "$build/tests/$program" ] || ln -s "$build/tests/$program" "$odd/build/release/tests/$program"
done
mkdir -p "$odd/build/release/examples"
[ ! -x "$build/examples/digits" ] || ln -s "$build/examples/digits" "$odd/build/release/examples/digits"
for object in "$build"/tests/CMakeFiles/everything.dir/reliability/everything.cpp.o; do
    [ ! -e "$object" ] || cp "$object" "$odd/build/release/tests/everything.cpp.o"
done
if [ -x "$build/tests/probe" ]; then
    for name in damaged_checkpoint failing_disk no_global_state; do works row $name; done
fi

echo "$count scripts in $odd"
exit $failed
