#!/bin/sh
# The program compiled for AArch64 and run by qemu ends with the SHA-256 of x86-64; every quantizer has its hash.
. "${ROOT:?}/tests/reliability/common.sh"
all=--all
[ -z "${FAST:-}" ] || all=''
target='the bits of x86-64 on AArch64'
# shellcheck disable=SC2086
sh "$ROOT/tests/aarch64/run.sh" "$BUILD" $all --install >"$work/log" 2>&1
code=$?
cat "$work/log" >&2
[ $code -ne 77 ] || skip "$target" "$(sed -n 's/^SKIPPED: //p' "$work/log")"
verdict "$target" \
    "$(grep -c '^the same' "$work/log") comparisons the same, $(grep -c '^DIFFERENT' "$work/log") different" $code
