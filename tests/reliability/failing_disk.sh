#!/bin/sh
# A full disk, a file-size limit, a read-only mount, missing rights or a failing fsync leave the last checkpoint intact.
# The failures come from the kernel. The test suite lets each call of a save fail with each reason inside one process:
# ctest train (Checkpoints: whatever fails in a save) and files (write_file: a failure at any call).
. "${ROOT:?}/tests/reliability/common.sh"
target='the previous checkpoint is kept, no temporary file, an error with path and reason, training continues'
bad=0 done_cases='' skipped=''
golden=$("$probe") || exit 1

# good <name> <folder> <message>: the run finished, reported the reason, and left only whole checkpoints
good() {
    name=$1
    [ "$(cat "$work/out")" = "$golden" ] ||
        { bad=$((bad + 1)) && echo "$name: the run did not finish: $(cat "$work/out" "$work/err")" >&2; }
    grep -q "not saved: Checkpoints: .*$2/step-.*: $3" "$work/err" ||
        { bad=$((bad + 1)) && echo "$name: $(cat "$work/err")" >&2; }
    [ "$(cat "$work/left")" = 0 ] || { bad=$((bad + 1)) && echo "$name: a temporary file is left" >&2; }
    rm -f "$work/left" "$work/out"
    done_cases="$done_cases $name"
}

if unshare -m true 2>/dev/null; then
    cat >"$work/tmpfs.sh" <<'X'
mkdir -p "$2" && mount -t tmpfs -o size=$3 tmpfs "$2" || exit 9
"$1" --checkpoint "$2" --every 5 >"$4/out" 2>"$4/err"
ls -A "$2" | grep -c '\.tmp$' >"$4/left"
[ "$(ls "$2" | grep -c '^step-')" -ge 1 ] || echo 'no checkpoint is left' >>"$4/out"
X
    size=$("$probe" --checkpoint "$work/size" --every 40 >/dev/null 2>&1 &&
        wc -c <"$work/size/step-000000000040.safetensors")
    if unshare -m sh "$work/tmpfs.sh" "$probe" "$work/full" "$((size * 5 / 2))" "$work"; then
        good no-space "$work/full" '.*No space left on device; the checkpoint of step [0-9]* is kept'
    else
        skipped="$skipped tmpfs"
    fi
    cat >"$work/ro.sh" <<'X'
mkdir -p "$2" && mount -t tmpfs tmpfs "$2" && mount -o remount,ro "$2" || exit 9
"$1" --checkpoint "$2" >"$3/out" 2>"$3/err"
[ $? = 3 ] && grep -q 'probe: .*Read-only file system' "$3/err"
X
    unshare -m sh "$work/ro.sh" "$probe" "$work/ro" "$work"
    case $? in
    0) done_cases="$done_cases read-only" ;;
    9) skipped="$skipped read-only" ;;
    *) bad=$((bad + 1)) && cat "$work/err" >&2 ;;
    esac
else
    skipped="$skipped no-space read-only (no unshare)"
fi

if command -v prlimit >/dev/null; then
    mkdir "$work/limit"
    prlimit --fsize=20000 "$probe" --ignore-xfsz --checkpoint "$work/limit" >"$work/out" 2>"$work/err"
    find "$work/limit" -name '*.tmp' | wc -l >"$work/left"
    good file-size "$work/limit" '.*File too large'
else
    skipped="$skipped file-size"
fi
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    mkdir "$work/mine" && chmod 755 "$work" "$work/mine"
    setpriv --reuid=65534 --regid=65534 --clear-groups "$probe" --checkpoint "$work/mine" >"$work/out" 2>"$work/err"
    [ $? = 3 ] && grep -q 'probe: .*Permission denied' "$work/err" || { bad=$((bad + 1)) && cat "$work/err" >&2; }
    done_cases="$done_cases unprivileged"
else
    skipped="$skipped unprivileged"
fi
if command -v strace >/dev/null && strace -f -o /dev/null true 2>/dev/null; then
    # the first two calls sync the parent folder and the probe file of the start
    strace -f -o /dev/null -e trace=fsync -e inject=fsync:error=EIO:when=4 "$probe" --checkpoint "$work/fsync" \
        >"$work/out" 2>"$work/err"
    find "$work/fsync" -name '*.tmp' | wc -l >"$work/left"
    good fsync "$work/fsync" '.*Input/output error'
else
    skipped="$skipped fsync"
fi
[ -n "$done_cases" ] || skip "$target" "not run:$skipped"
verdict "$target" "$bad bad;$done_cases" $bad "${skipped:+not run:$skipped}"
