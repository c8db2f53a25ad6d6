#!/bin/sh
# A hostile safetensors header (100 MB of spaces, a million entries, endless brackets) is refused or read quickly.
. "${ROOT:?}/tests/reliability/common.sh"
measured=$("$probe" cost)
verdict 'spaces below 1 s, a million entries below 5 s and linear, brackets refused at once' "$measured" $?
