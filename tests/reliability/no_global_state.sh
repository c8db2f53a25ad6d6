#!/bin/sh
# An object file of the whole library has no writable globals and no call that ends, prints or changes the host.
. "${ROOT:?}/tests/reliability/common.sh"
target='no writable globals, no abort, exit, printf, rand, setlocale or signal'
object=$BUILD/tests/CMakeFiles/everything.dir/reliability/everything.cpp.o
[ -e "$object" ] || object=$(find "$BUILD/tests" -name 'everything.cpp.o*' | head -1)
for tool in objdump nm; do
    command -v $tool >/dev/null || skip "$target" "no $tool installed"
done
[ -e "$object" ] || skip "$target" 'the object is not built'
nm -C "$object" >"$work/symbols" && [ "$(grep -c tessera "$work/symbols")" -gt 100 ] || {
    verdict "$target" 'the object has no symbols to inspect' 1
    exit 1
}
# .data.rel.ro: constants that hold addresses, read-only once the program is loaded
objdump -tC "$object" >"$work/table" && grep -q '[[:space:]]\.text.*tessera' "$work/table" &&
    grep -qE '^ +U ' "$work/symbols" || {
    verdict "$target" 'the object has no sections or no calls to inspect' 1
    exit 1
}
writable=$(grep -E '[[:space:]]\.(data|bss|tdata|tbss)' "$work/table" |
    grep -vE '[[:space:]]\.data\.rel\.ro|[[:space:]]d[[:space:]]+\.|DW\.ref\.')
unwanted='abort|exit|_exit|_Exit|quick_exit|raise|signal|sigaction|__assert_fail'
unwanted="$unwanted|(__)?v?f?printf(_chk)?|puts|putchar|fputs|fwrite|std::cout|std::cerr"
unwanted="$unwanted|rand|srand|random|setlocale|getenv|setenv"
calls=$(grep -E '^ +U ' "$work/symbols" | sed 's/^ *U //; s/@.*//' | grep -xE "$unwanted")
echo "$writable" >&2
echo "$calls" >&2
count() { printf '%s' "$1" | grep -c . || :; }
verdict "$target" \
    "$(count "$writable") writable globals, $(count "$calls") such calls, of $(wc -l <"$work/symbols") symbols" \
    $(($(count "$writable") + $(count "$calls"))) "$(printf '%s %s' "$writable" "$calls" | tr '\n' ' ' | cut -c1-300)"
