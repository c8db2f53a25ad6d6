#!/bin/sh
# instrumented_tbb.sh <folder>: builds the oneTBB of this distribution with -fsanitize=thread in <folder>/installed.
#
# ThreadSanitizer does not see the synchronisation inside an uninstrumented oneTBB, or reports its atomics as races; a
# suppression of these would suppress all races inside tasks, whose stacks have oneTBB in them. The package lists are
# private; the system's settings are not changed. oneTBB's own build fails in a path with a space, so it takes place in
# a temporary folder, and only the result has the path of <folder>. Where it cannot be built, the reason goes to
# standard output.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"
mkdir -p "$1" && tbb=$(CDPATH='' cd -- "$1" && pwd -P) || exit 1
[ ! -e "$tbb/installed/lib/cmake/TBB/TBBConfig.cmake" ] || exit 0
fail() {
    echo "$1"
    exit 1
}
command -v apt-get >/dev/null && command -v dpkg-source >/dev/null ||
    fail 'no apt-get and dpkg-dev to fetch the source of oneTBB'
work=$(mktemp -d) || exit 1
case $work in *[!A-Za-z0-9_./-]*)
    rm -r "$work"
    work=$(TMPDIR=/tmp mktemp -d) || exit 1
    ;;
esac
trap 'rm -rf "$work"' EXIT
rm -rf "$tbb/installed" && mkdir -p "$work/lists/partial" || exit 1
# shellcheck disable=SC2016
apt_targets "$work/targets" --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' \
    >"$work/sources.list" &&
    [ -s "$work/sources.list" ] || fail 'apt-get knows no package source'
private_apt() {
    apt-get -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}
(cd "$work" && private_apt update && { private_apt source onetbb || private_apt source tbb; }) >&2 ||
    fail 'apt-get source onetbb fails'
for source in "$work"/onetbb-* "$work"/tbb-* "$work"/oneTBB-*; do [ ! -d "$source/src/tbb" ] || break; done
cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTBB_SANITIZE=thread -DTBB_TEST=OFF \
    -DTBB_STRICT=OFF -DTBBMALLOC_BUILD=OFF -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_INSTALL_PREFIX="$tbb/installed" >&2 &&
    cmake --build "$work/build" --target install >&2 ||
        fail 'the source of oneTBB does not build with -fsanitize=thread'
