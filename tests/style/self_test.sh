#!/bin/sh
# Does each of the checks refuse what it should, and nothing else?
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
# a folder with nothing to check is a wrong folder
mkdir "$work/empty"
for check in words head_comments lines format links; do
    said=$(sh "$here/$check.sh" "$work/empty" </dev/null 2>&1)
    code=$?
    case $code:$said in 1:no\ * | 77:SKIPPED:*) continue ;; esac
    echo "$check: must refuse an empty folder; exit $code, says $said"
    failed=1
done
cp "$here/../../.clang-format" "$work" || exit 1
mkdir -p "$work/include/tessera/nn/detail" "$work/examples" "$work/bench" "$work/tests"
header=$work/include/tessera/nn/scale.hpp

expect() { # expect <check> <exit code> <what it must say>; the sample is in $work
    said=$(sh "$here/$1.sh" "$work" 2>&1)
    code=$?
    [ $code = 77 ] && { echo "$1: $said" && return; }
    if [ $code != "$2" ] || ! printf '%s\n' "$said" | grep -qF "$3"; then
        printf '%s: must exit with %s and say "%s"; exit %s, says\n%s\n' "$1" "$2" "$3" "$code" "$said"
        failed=1
    fi
}
good() {
    cat >"$header" <<'END'
#pragma once
// Scale, ScaleLayer: y = gain x.
//
// An understandable standard paragraph, with a note and a codebook.
//
// Shapes   x, y [batch, ..., C]
//          and a second line
// Params   gain Shape<C> "gain"
// Errors   ArgumentError where C is 0
// Cost     one multiplication for each element

template <class In, class T>
struct ScaleLayer {
    struct Params {
        Param<T, Shape<4>> gain;
    };
    static void check() { throw ArgumentError("Scale"); }
};

struct Scale {
    template <class In, class T>
    using Bind = ScaleLayer<In, T>;
};
END
}
# replace <sed expression> <check> <what it must say>
replace() {
    good
    sed "$1" "$header" >"$work/changed" && mv "$work/changed" "$header"
    expect "$2" 1 "$3"
}

good
echo 'TEST_CASE("Scale: multiplies") { int notes = 1; }' >"$work/tests/scale.cpp"
printf 'Text.\n| a table with %0120d |\n[a link](https://%0120d)\n' 0 0 >"$work/README.md"
for check in words head_comments lines format; do expect $check 0 ''; done

replace 's/with a note/with its notes/' words '"notes": say cache'
replace 's/understandable/Whoever reads it/' words '"Whoever": say'
replace 's/codebook\./dead code./' words '"dead code": say'
replace 's/ScaleLayer: y/ScaleLayer: GrownHeads/' words 'say KvCacheByHead'
replace 's/check()/clear_passed_over()/' words '"passed over": say skipped'
replace 's/check()/GoesInHeaps()/; s/Empty/Heaps/; s/static void/static void theHeaps(); void/' words \
    '"the heaps": say clusters'
good
echo 'TEST_CASE("Scale: stands beside nothing") {}' >"$work/tests/scale.cpp"
expect words 1 'tests/scale.cpp:1: "stands": say'
expect words 1 'tests/scale.cpp:1: "beside": say'
echo 'TEST_CASE("Scale: multiplies") {}' >"$work/tests/scale.cpp"
echo 'A room of its own floor; a build of its own' >"$work/SECURITY.md"
expect words 1 'SECURITY.md:1: "of its own'
echo 'A room of its own floor.' >"$work/SECURITY.md"
expect words 0 ''
echo 'A page for whoever reads.' >"$work/SECURITY.md"
expect words 1 'SECURITY.md:1: "whoever"'
rm "$work/SECURITY.md"

replace '1d' head_comments '1: expected #pragma once'
replace 's/Scale, ScaleLayer: y = gain x./A layer that multiplies./' head_comments 'expected "// Name: what it is"'
replace 's/Scale, ScaleLayer: y/Scale, Shift: y/' head_comments 'the file has no Shift'
replace '/Shapes/d' head_comments 'expected a line "// Shapes'
replace '/Params   gain/d' head_comments 'expected a line "// Params'
replace '/Errors/d' head_comments 'expected a line "// Errors'
replace '/Cost/d' head_comments 'expected a line "// Cost'
replace 's/Cost  /Costs /' head_comments 'label "Costs"'
replace '/Shapes/{h;d;};/Cost/{p;x;}' head_comments 'label Shapes: expected the order'

replace "s/^struct Scale {/struct Scale { \/\/ $(printf %0110d 0)/" lines "scale.hpp:20: 128 columns"
good
printf 'Text of %0120d\n' 0 >"$work/README.md"
expect lines 1 'README.md:1: 128 columns'
printf 'Text.\n' >"$work/README.md"
good
printf '# %0120d\n' 0 >"$work/bench/peer.py"
expect lines 1 'bench/peer.py:1: 122 columns'
rm "$work/bench/peer.py"
printf '# %0120d\n' 0 >"$work/tests/run.sh"
expect lines 1 'tests/run.sh:1: 122 columns'
rm "$work/tests/run.sh"
mkdir -p "$work/cmake"
printf '# %0120d\n' 0 >"$work/cmake/found.cmake"
expect lines 1 'cmake/found.cmake:1: 122 columns'
rm "$work/cmake/found.cmake"
echo 'void f() { for (int i = 0, j = 1; i < 2; ++i, ++j) g(i, j); }' >"$work/tests/scale.cpp"
echo 'void h() { (g(1, 2), ...); const int a = f(1), b = f(2); }' >>"$work/tests/scale.cpp"
expect lines 0 ''
echo 'void h() { if (f(1, 2)) a[i] = 1, b += f(2); }' >"$work/tests/scale.cpp"
expect lines 1 'scale.cpp:1: statements joined by a comma'
printf 'void h() {\n    f(1,\n      2), g(b);\n}\n' >"$work/tests/scale.cpp"
expect lines 1 'scale.cpp:2: statements joined by a comma'
echo 'TEST_CASE("Scale: multiplies") {}' >"$work/tests/scale.cpp"

printf '[a file](include/tessera/nn/scale.hpp), [elsewhere](https://example.org/x#y)\n' >"$work/README.md"
expect links 0 ''
printf '[a file](include/tessera/nn/shift.hpp)\n' >"$work/README.md"
expect links 1 'README.md: the link to include/tessera/nn/shift.hpp leads nowhere'
printf '# Two words, and `more`\n\n[above](#two-words-and-more) [the same](README.md#two-words-and-more)\n' \
    >"$work/README.md"
expect links 0 ''
printf '# Two words\n\n```sh\n# three words\n```\n\n[a comment](#three-words)\n' >"$work/README.md"
expect links 1 'README.md: the link to #three-words leads to no heading of README.md'
printf '```sh\nls\n```\n' >"$work/README.md"
expect links 0 ''
printf '```sh ls ```\nText.\n' >"$work/README.md"
expect links 1 'README.md: a code block is not closed'

replace 's/struct Scale {/struct Scale{/' format 'scale.hpp: 1 differences'
good
echo 'NoSuchOption: 1' >"$work/.clang-format"
expect format 1 'NoSuchOption'
exit $failed
