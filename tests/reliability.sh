#!/bin/sh
# Runs the scorecard: what the library promises about bits, files, memory and bad input, each promise with its figure.
#
#     sh tests/reliability.sh                        all checks, an hour on two cores; installs what is missing
#     sh tests/reliability.sh --fast                 the small version of each check
#     sh tests/reliability.sh same_bits fuzzing      these checks only
#     sh tests/reliability.sh --list                 the checks and what each of them checks
#
# Writes out/reliability.json and prints a table: name, target, measured, pass, fail or SKIPPED with the reason.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/cmake/setup.sh"

# Every script in tests/reliability/ is a check, except for what they share; the second line of each says what it
# checks.
checks=''
for script in "$root"/tests/reliability/*.sh; do
    name=$(basename "$script" .sh)
    [ "$name" = common ] || checks="$checks $name"
done
list() {
    for name in $checks; do printf '%-20s %s\n' "$name" "$(sed -n '2s/^# //p' "$root/tests/reliability/$name.sh")"; done
    cat <<'END'

Promises that the test suite checks by itself (sh tests/run.sh):
train                Every state that a power loss can leave keeps what was saved (at least 2000 states); both stages
                     resumed after each of 40 steps end with the same bits; any call of a save may fail with any reason.
files                write_file: a failure at any system call leaves the old file and nothing else.
io                   48 kinds of malformed safetensors files are refused with code and offset; 12 odd valid ones are
                     read.
core                 Every FormatCode is thrown by a test, with its place and its message.
compile_fail.*       Misuse that must not compile gives our message; the correct code next to it compiles.
END
}

fast='' only=''
for argument; do
    case $argument in
    --fast) fast=1 ;;
    -h | --help)
        sed -n '2,9s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --list)
        list
        exit 0
        ;;
    '') die "an empty argument (--help shows the options, --list the checks)" ;;
    *)
        case " $checks " in
        *" $argument "*) only="$only $argument" ;;
        *) die "unknown argument $argument (--help shows the options, --list the checks)" ;;
        esac
        ;;
    esac
done

setup core examples tests
chosen=${only:-$checks}
# shellcheck disable=SC2086  # a list of words
setup_scorecard $chosen
dir=$root/build/release
configure "$dir" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_TESTS=ON -DTESSERA_BUILD_EXAMPLES=ON \
    -DTESSERA_UNITY_TESTS=ON
build "$dir" "what the checks run" --target scorecard

# check <script> <command before it>: the line of the result goes to <name>.tsv, everything else to <name>.log
check() {
    name=$(basename "$1" .sh) begun=$(date +%s)
    ROOT=$root BUILD=$dir ${fast:+env FAST=1} $2 sh "$1" >"$dir/$name.tsv" 2>"$dir/$name.log" || :
    [ -s "$dir/$name.tsv" ] ||
        printf '%s\t\t\tfail\tthe check ended without a result, see %s\n' "$name" "$dir/$name.log" >"$dir/$name.tsv"
    say "$name: $(cut -f4 "$dir/$name.tsv" | tail -1), $(($(date +%s) - begun)) s"
}
mkdir -p "$root/out"
# The builds with sanitizers take as long as all other checks together: they run at low priority next to them.
for name in $chosen; do
    case $name in sanitizers) check "$root/tests/reliability/$name.sh" 'nice -n 10' & ;; esac
done
for name in $chosen; do
    case $name in sanitizers) ;; *) check "$root/tests/reliability/$name.sh" '' ;; esac
done
wait
table=$dir/reliability.tsv
: >"$table"
for name in $chosen; do cat "$dir/$name.tsv" >>"$table"; done

# quotes and backslashes occur in messages
awk -F '\t' '
function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
BEGIN { print "[" }
{ printf "%s  {\"name\": %s, \"target\": %s, \"measured\": %s, \"pass\": %s, \"reason\": %s}", (NR > 1 ? ",\n" : ""),
         quoted($1), quoted($2), quoted($3), ($4 == "pass" ? "true" : ($4 == "fail" ? "false" : "null")), quoted($5) }
END { print "\n]" }' "$table" >"$root/out/reliability.json"

awk -F '\t' '{ printf "%-20s %-7s %s\n", $1, $4 == "skipped" ? "SKIPPED" : $4, $3
               printf "                             target: %s\n", $2
               if ($5 != "") printf "                             %s\n", $5 }' "$table"
count() { awk -F '\t' -v result="$1" '$4 == result' "$table" | wc -l; }
failed=$(count fail)
say "$(count pass) passed, $failed failed, $(count skipped) skipped; out/reliability.json"
[ "$failed" -eq 0 ]
