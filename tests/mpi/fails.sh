#!/bin/sh
# fails.sh <mpirun> <program> <how>: the program must end by itself within 20 s, with its message, and not with success.
mpirun=$1 program=$2 how=$3
start=$(date +%s)
said=$(timeout 20 "$mpirun" -np 2 "$program" "$how" 2>&1)
code=$?
seconds=$(($(date +%s) - start))
printf '%s\n' "$said"
printf 'exit code %s after %s s\n' "$code" "$seconds"
[ "$code" != 124 ] || { echo 'WRONG: the job hangs'; exit 1; }
[ "$code" != 0 ] || { echo 'WRONG: it ends as if all were well'; exit 1; }
case $said in
*"cannot read tiles.bin"*) ;;
*) echo 'WRONG: its message is lost'; exit 1 ;;
esac
[ "$how" != run ] || case $said in
*"rank 1 of 2: cannot read tiles.bin"*) ;;
*) echo 'WRONG: the message does not say which rank'; exit 1 ;;
esac
