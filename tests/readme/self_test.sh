#!/bin/sh
# Does check.sh refuse a changed line, a missing or empty region, a missing file, a block without a source and a page
# without a block?
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
mkdir "$work/examples"
cat >"$work/examples/01_a.cpp" <<'END'
int main() {
    // [answer]
    int x[2] = {1; 2};

    return x[0] == 1 ? 0 : 42;
    // [/answer]
    // [nothing]
    // [/nothing]
}
END

try() { # try <exit code> <what it must say>; README.md comes from standard input
    cat >"$work/README.md"
    said=$(sh "$here/check.sh" "$work" 2>&1)
    code=$?
    if [ $code != "$1" ] || ! printf '%s\n' "$said" | grep -q "$2"; then
        printf 'must exit with %s and say "%s"; exit %s, says\n%s\n' "$1" "$2" "$code" "$said"
        failed=1
    fi
}

try 0 '1 snippets' <<'END'
Text, then a shell block that is free:
```sh
sh examples/run.sh
```
<!-- snippet: examples/01_a.cpp#answer -->

```cpp
int x[2] = {1; 2};

return x[0] == 1 ? 0 : 42;
```
END
try 1 'README.md:2: differs from examples/01_a.cpp#answer' <<'END'
<!-- snippet: examples/01_a.cpp#answer -->
```cpp
int x[2] = {1; 2};

return x[0] == 1 ? 0 : 43;
```
END
try 1 'has no region question' <<'END'
<!-- snippet: examples/01_a.cpp#question -->
```cpp
int x;
```
END
try 1 'region nothing of examples/01_a.cpp is empty' <<'END'
<!-- snippet: examples/01_a.cpp#nothing -->
```cpp
```
END
try 1 'no cpp block was found' <<'END'
```sh
sh examples/run.sh
```
END
try 1 'examples/02_b.cpp does not exist' <<'END'
<!-- snippet: examples/02_b.cpp#answer -->
```cpp
int x;
```
END
try 1 'README.md:6: a cpp block without' <<'END'
<!-- snippet: examples/01_a.cpp#answer -->

Some text between: the comment no longer belongs to the block.


```cpp
int x;
```
END
exit $failed
