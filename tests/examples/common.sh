# Sourced by the tests of the program, after they have set `digits` and `bundled`: a folder for their files, small data
# (data.sh), and how the program is run and its files are looked at.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$here/data.sh"
failed=0
# fail <message>: the test goes on, and ends with `exit $failed`
fail() {
    echo "$(basename -- "$0"): $*"
    failed=1
}

# run <option>...: the program, which must succeed; its output is in $work/stdout and $work/stderr
run() { "$digits" "$@" >"$work/stdout" 2>"$work/stderr" || {
    fail "digits $*: exit code $?"
    cat "$work/stderr"
}; }

# differ <file> <file> <message>: both are there, and differ
differ() {
    cmp -s "$1" "$2"
    [ $? = 1 ] && [ -s "$1" ] && [ -s "$2" ] || fail "$3"
}
# no_class <message>: the program has drawn, and has chosen no class
no_class() {
    grep -q '^samples ' "$work/stdout" || fail "nothing was drawn: $(cat "$work/stdout")"
    ! grep -q ': class' "$work/stdout" || fail "$1"
}

# png_size <file>: width x height, from the header
png_size() { od -A n -t u1 -j 16 -N 8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'; }
# size_is <width x height> <file>
size_is() { [ "$(png_size "$2")" = "$1" ] || fail "$2: expected $1 pixels, got $(png_size "$2")"; }

# newest <folder>: its newest checkpoint
newest() { find "$1" -name 'step-*' 2>/dev/null | sort | tail -n 1; }
# wait_for_progress <process> <folder> <seconds>: until the run has kept a checkpoint more, so that a slow machine gets
# on too, or has ended; then some steps more
wait_for_progress() {
    before=$(newest "$2")
    while kill -0 "$1" 2>/dev/null && [ "$(newest "$2")" = "$before" ]; do sleep 0.05; done
    sleep "$3"
}

# set_checksum <file> <log>: where the log says that the checksum of a file is another one than its metadata have,
# writes that one
set_checksum() {
    sums=$(sed -n 's/.*checksum: expected \([0-9a-f]*\), got \([0-9a-f]*\):.*/\1 \2/p' "$2" | head -n 1)
    sed "s/\"tessera.crc32\":\"${sums% *}\"/\"tessera.crc32\":\"${sums#* }\"/" "$1" >"$work/edited" &&
        mv "$work/edited" "$1"
}
