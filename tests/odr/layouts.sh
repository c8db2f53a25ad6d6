#!/bin/sh
# layouts.sh <compiler> <flags file> <libtbb>
#
# A net does not depend on includes: each net of nets.txt has the same number of bound layers and the same sizes
#   1. with the umbrella (what the others are compared with),
#   2. with the headers of its names only,
#   3. with those of all nets in the reverse order,
#   4. with all others of nn/ before them.
set -u
compiler=$1 flags=$2 tbb=$3
here=$(cd "$(dirname "$0")" && pwd)
include=$(cd "$here/../../include/tessera" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

cat >"$work/layout.hpp" <<'END'
#include <cstddef>
using namespace tessera;
using namespace tessera::nn;
struct Layout {
    std::size_t count, params, packed, cache;
    bool operator==(const Layout&) const = default;
};
template <class Net>
constexpr Layout layout{Net::count, sizeof(typename Net::Params), sizeof(typename Net::Packed),
                        sizeof(typename Net::Cache)};
// Named in the message of a failed comparison.
template <int line, std::size_t count, std::size_t params, std::size_t packed, std::size_t cache>
struct Got {
    static constexpr bool is(const Layout& expected) { return Layout{count, params, packed, cache} == expected; }
};
#define SAME_LAYOUT(line, ...) \
    static_assert(Got<line, layout<__VA_ARGS__>.count, layout<__VA_ARGS__>.params, layout<__VA_ARGS__>.packed, \
                      layout<__VA_ARGS__>.cache>::is(expected_##line), "nets.txt, that line: another layout")
END
grep -v '^#' "$here/nets.txt" >"$work/nets"
[ -s "$work/nets" ] || { echo "no nets"; exit 1; }

{
    echo '#include <tessera/tessera.hpp>'
    echo '#include "layout.hpp"'
    echo '#include <cstdio>'
    echo 'int main() {'
    number=0
    while IFS= read -r line; do
        number=$((number + 1))
        printf 'using Net%d = %s;\n' $number "${line#*: }"
        printf 'std::printf("constexpr Layout expected_%d{%%zu, %%zu, %%zu, %%zu};\\n", layout<Net%d>.count, ' \
            $number $number
        printf 'layout<Net%d>.params, layout<Net%d>.packed, layout<Net%d>.cache);\n' $number $number $number
    done <"$work/nets"
    echo '}'
} >"$work/umbrella.cpp"
"$compiler" "@$flags" -O0 "$work/umbrella.cpp" -o "$work/umbrella" "$tbb" || exit 1
LD_LIBRARY_PATH=$(dirname "$tbb")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$work/umbrella" >"$work/expected.hpp" || exit 1

compiled=0
check() { # check <headers> <numbers of nets>
    {
        for header in $1; do echo "#include <tessera/$header.hpp>"; done
        echo '#include "layout.hpp"'
        echo '#include "expected.hpp"'
        for n in $2; do
            printf 'SAME_LAYOUT(%d, %s);\n' "$n" "$(sed -n "${n}s/^[^:]*: //p" "$work/nets")"
        done
    } >"$work/parts.cpp"
    "$compiler" "@$flags" -fsyntax-only "$work/parts.cpp" || {
        echo "with the includes: $1"
        exit 1
    }
    compiled=$((compiled + 1))
}

number=0
while IFS= read -r line; do
    number=$((number + 1))
    check "${line%%:*}" $number
done <"$work/nets"
all=$(seq 1 $number)
named=$(sed 's/:.*//' "$work/nets" | tr ' ' '\n' | LC_ALL=C sort -u)
check "$(echo "$named" | LC_ALL=C sort -r)" "$all"
others=
for path in "$include"/nn/*.hpp; do
    header=nn/$(basename "$path" .hpp)
    echo "$named" | grep -qx "$header" || others="$others $header"
done
check "$others $(echo $named)" "$all"
echo "$number nets, $compiled choices of includes, one layout"
