#!/bin/sh
# Runs the scorecard: what the library promises about bits, files, memory and bad input, each promise with its figure.
#
#     sh tests/reliability.sh              what is missing is installed or downloaded first; about 25 minutes on two cores
#     sh tests/reliability.sh --fast       the small version of each check
#     sh tests/reliability.sh r01 r07      these checks only
#
# Writes out/reliability.json and prints a table: id, target, measured, pass, fail or SKIPPED with the reason.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/cmake/setup.sh"

fast='' only=''
for argument; do
    case $argument in
    --fast) fast=1 ;;
    -h | --help)
        sed -n '2,8s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    r[0-9][0-9]*) only="$only $argument" ;;
    *) die "unknown argument $argument (--help shows all)" ;;
    esac
done

setup core examples tests
dir=$root/build/release
configure "$dir" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=ON -DTESSERA_UNITY_TESTS=ON
build "$dir" "what the checks run" --target scorecard

# check <script> <command before it>: its line goes to <name>.tsv, all else to <name>.log
check() {
    name=$(basename "$1" .sh) begun=$(date +%s)
    ROOT=$root BUILD=$dir ${fast:+env FAST=1} $2 sh "$1" >"$dir/$name.tsv" 2>"$dir/$name.log" || :
    [ -s "$dir/$name.tsv" ] || printf '%s\t\t\tfail\tthe check ended without a verdict, see %s\n' "$name" "$dir/$name.log" >"$dir/$name.tsv"
    say "$name: $(cut -f4 "$dir/$name.tsv" | tail -1), $(($(date +%s) - begun)) s"
}
mkdir -p "$root/out"
scripts=''
for script in "$root"/tests/reliability/r[0-9][0-9]_*.sh; do
    chosen=${only:+no}
    for wanted in $only; do case $(basename "$script" .sh) in "$wanted"*) chosen='' ;; esac done
    [ -n "$chosen" ] || scripts="$scripts $(basename "$script" .sh)"
done
# The sanitizers' builds take as long as all the rest: they get what the others leave of the cores.
for name in $scripts; do
    case $name in r10_*) check "$root/tests/reliability/$name.sh" 'nice -n 10' & ;; esac
done
for name in $scripts; do
    case $name in r10_*) ;; *) check "$root/tests/reliability/$name.sh" '' ;; esac
done
wait
table=$dir/reliability.tsv
: >"$table"
for name in $scripts; do cat "$dir/$name.tsv" >>"$table"; done

# no quotes or backslashes come from the checks but those of messages
awk -F '\t' '
function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
BEGIN { print "[" }
{ printf "%s  {\"id\": %s, \"target\": %s, \"measured\": %s, \"pass\": %s, \"reason\": %s}", (NR > 1 ? ",\n" : ""),
         quoted($1), quoted($2), quoted($3), ($4 == "pass" ? "true" : ($4 == "fail" ? "false" : "null")), quoted($5) }
END { print "\n]" }' "$table" >"$root/out/reliability.json"

awk -F '\t' '{ printf "%-4s %-7s %s\n             target: %s\n", $1, $4 == "skipped" ? "SKIPPED" : $4, $3, $2
               if ($5 != "") printf "             %s\n", $5 }' "$table"
failed=$(awk -F '\t' '$4 == "fail"' "$table" | wc -l)
say "$(awk -F '\t' '$4 == "pass"' "$table" | wc -l) passed, $failed failed, $(awk -F '\t' '$4 == "skipped"' "$table" | wc -l) skipped; out/reliability.json"
[ "$failed" -eq 0 ]
