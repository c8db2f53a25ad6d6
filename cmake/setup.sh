# The common part of examples/run.sh, tests/run.sh and bench/run.sh; POSIX sh, sourced. Sets `cmake` and `jobs`.
#
# Installed packages are used. Missing ones are installed, and listed, where that works without a question (apt-get as
# root or with `sudo -n`, brew on macOS). CMake downloads what is still missing as pinned sources, except for a compiler
# and cmake. Nothing is interactive.
#
#   root=...; . "$root/cmake/setup.sh"
#   setup core examples tests                      # groups of libraries
#   configure <build folder> [cmake options]...
#   build <build folder> <what to call it> [cmake --build options]...
#
# Environment: CXX, CMAKE_PREFIX_PATH and CMAKE_BUILD_PARALLEL_LEVEL have the meaning that CMake gives them;
# TESSERA_MIRROR is a folder or address with the pinned tarballs, for machines without internet access.

say() { printf 'tessera: %s\n' "$*"; }
die() {
    printf 'tessera: %s\n' "$*" >&2
    exit 1
}

# phase <name> <log> <command>...: prints one line with the seconds it took. The output goes to the log; when the
# command fails, the first errors and the end of the log are shown.
phase() {
    phase_name=$1 phase_log=$2
    shift 2
    printf 'tessera: %s ... ' "$phase_name"
    phase_start=$(date +%s)
    if "$@" >"$phase_log" 2>&1; then
        printf '%s s\n' "$(($(date +%s) - phase_start))"
        return 0
    fi
    printf 'failed after %s s\n' "$(($(date +%s) - phase_start))"
    {
        grep -n -E -m 5 '([Ee]rror|ERROR|FAILED|No space left)[ :(]' "$phase_log"
        printf -- '---- the end of %s ----\n' "$phase_log"
        tail -n 40 "$phase_log"
    } >&2
    return 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# ---- what is installed ----------------------------------------------------------------------------------------------

# the first cmake that runs and is at least 3.22 (a shim in PATH may not run)
find_cmake() {
    cmake='' cmake_old=''
    for candidate in cmake /usr/bin/cmake /usr/local/bin/cmake /opt/homebrew/bin/cmake; do
        have "$candidate" || continue
        version=$("$candidate" --version 2>/dev/null | sed -n 's/^cmake version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
        [ -n "$version" ] || continue
        if [ "${version% *}" -gt 3 ] || { [ "${version% *}" = 3 ] && [ "${version#* }" -ge 22 ]; }; then
            cmake=$candidate
            return 0
        fi
        cmake_old="$candidate is version ${version% *}.${version#* }"
    done
    return 1
}
find_compiler() {
    for candidate in ${CXX:-} c++ g++ clang++; do
        if have "$candidate" && printf 'int main() {}\n' | "$candidate" -x c++ -fsyntax-only - >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}
find_make() { have ninja || have make || have gmake; }

# Is one of these files below a usual prefix, or one of CMAKE_PREFIX_PATH (separated by colons; prefixes may have
# spaces)?
find_header() {
    prefixes=/usr:/usr/local:/opt/homebrew:/opt/local:${CMAKE_PREFIX_PATH:-}:
    while [ -n "$prefixes" ]; do
        prefix=${prefixes%%:*} prefixes=${prefixes#*:}
        for file in "$@"; do
            [ -n "$prefix" ] && [ -e "$prefix/include/$file" ] && return 0
        done
    done
    return 1
}

need() { # need <package for apt-get> <package for brew>
    apt_packages="$apt_packages $1"
    brew_packages="$brew_packages $2"
}
look() { # look <group>...: fills apt_packages and brew_packages with what is missing
    apt_packages='' brew_packages=''
    find_compiler || need g++ ''
    find_cmake || need cmake cmake
    find_make || need make ''
    for group in "$@"; do
        case $group in
        core)
            find_header eigen3/Eigen/Core Eigen/Core || need libeigen3-dev eigen
            find_header tbb/parallel_for.h || need libtbb-dev tbb
            find_header xsimd/xsimd.hpp || need libxsimd-dev xsimd
            find_header stb/stb_image.h stb_image.h || need libstb-dev ''
            ;;
        examples)
            find_header CLI/CLI.hpp || need libcli11-dev cli11
            find_header nlohmann/json.hpp || need nlohmann-json3-dev nlohmann-json
            ;;
        tests) find_header doctest/doctest.h || need doctest-dev doctest ;;
        bench) find_header benchmark/benchmark.h || need libbenchmark-dev google-benchmark ;;
        esac
    done
    apt_packages=${apt_packages# } brew_packages=$(printf '%s\n' "$brew_packages" | tr -s ' ' | sed 's/^ //; s/ $//')
}

# ---- installing ----------------------------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}
can_apt() { have apt-get && { [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"; }
apt_install() { apt_get install -y --no-install-recommends "$@" </dev/null; }

# The package lists are fetched only when the first attempt fails (a fresh container has none). A package that this
# distribution lacks must not prevent the installation of the others.
apt_install_all() {
    apt_install "$@" && return 0
    apt_get update </dev/null
    apt_install "$@" && return 0
    for package in "$@"; do
        apt_install "$package"
    done
    return 0
}

setup() { # setup <group>...
    mkdir -p "$root/build" || die "cannot write to $root"
    look "$@"
    if [ -n "$apt_packages" ] && can_apt; then
        # shellcheck disable=SC2086  # a list of words
        phase "installing $apt_packages (apt-get)" "$root/build/setup.log" apt_install_all $apt_packages || :
        hash -r 2>/dev/null || :
        look "$@"
    elif [ -n "$brew_packages" ] && have brew; then
        # shellcheck disable=SC2086
        phase "installing $brew_packages (brew)" "$root/build/setup.log" \
            env HOMEBREW_NO_AUTO_UPDATE=1 brew install $brew_packages || :
        hash -r 2>/dev/null || :
        look "$@"
    fi

    if ! find_compiler || ! find_cmake || ! find_make; then
        missing=''
        find_compiler || missing='a C++20 compiler'
        find_cmake || missing="${missing:+$missing, }cmake 3.22 or newer${cmake_old:+ ($cmake_old)}"
        find_make || missing="${missing:+$missing, }make or ninja"
        if [ "$(uname -s)" = Darwin ]; then
            how='xcode-select --install; brew install cmake eigen tbb xsimd cli11 nlohmann-json doctest'
        else
            how="apt-get install $apt_packages  (Debian, Ubuntu; other systems: the packages of the same names)"
        fi
        die "missing: $missing. It cannot be installed from here; as an administrator: $how"
    fi
    [ -z "$apt_packages" ] || say "not installed, CMake looks further and downloads pinned sources: $apt_packages"
    count_jobs
}

# clang_is_complete <-14, or nothing>: has this clang++ libFuzzer and ASan, and are there the tools of LLVM of its
# version?
clang_is_complete() {
    have "clang++$1" && have "llvm-cov$1" && have "llvm-profdata$1" || return 1
    major=$("clang++$1" -dumpversion | cut -d. -f1)
    "llvm-cov$1" --version | grep -q "version $major\." || return 1
    echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
        "clang++$1" -x c++ -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null
}
# need_clang: adds to `tools` what completes a clang: the one that is there, or apt-get's; all packages are of one
# version
need_clang() {
    major=''
    for version in '' -14 -15 -16 -17 -18 -19; do
        ! clang_is_complete "$version" || return 0
        [ -n "$major" ] || ! have "clang++$version" || major=$("clang++$version" -dumpversion | cut -d. -f1)
    done
    apt_clang() { apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1; }
    [ -n "$major" ] || major=$(apt_clang)
    if [ -z "$major" ]; then # no package lists, as in a fresh container
        apt_get update </dev/null >/dev/null 2>&1 || :
        major=$(apt_clang)
    fi
    if [ -n "$major" ]; then
        tools="$tools clang-$major llvm-$major libclang-rt-$major-dev"
    else
        tools="$tools clang llvm"
    fi
}

# setup_scorecard <check>...: what these checks of the scorecard are skipped without: a clang with libFuzzer and
# llvm-cov, valgrind, strace, and what unpacks the source of a package. Installed where that works without a question.
setup_scorecard() {
    can_apt || return 0
    tools=''
    case " $* " in *' fuzzing '* | *' parser_coverage '* | *' sanitizers '* | *' instruction_sets '*) need_clang ;; esac
    case " $* " in *' sanitizers '*)
        have valgrind || tools="$tools valgrind"
        have dpkg-source || tools="$tools dpkg-dev"
        ;;
    esac
    case " $* " in *' failing_disk '*) have strace || tools="$tools strace" ;; esac
    [ -n "$tools" ] || return 0
    mkdir -p "$root/build"
    # shellcheck disable=SC2086  # a list of words
    phase "installing$tools (apt-get)" "$root/build/setup-scorecard.log" apt_install_all $tools || :
    hash -r 2>/dev/null || :
}

# apt_targets <folder> <argument of apt-get indextargets>...: its lines, sorted. Where this machine has no package lists
# (a fresh container), which leaves indextargets without a line, they are fetched into the folder; the system has none
# then.
apt_targets() {
    apt_lists=$1
    shift
    if apt-get indextargets 'Created-By: Packages' | grep -q .; then
        apt-get indextargets "$@" | sort -u
        return
    fi
    apt_private() {
        apt-get -o Dir::State::Lists="$apt_lists/system" -o Dir::Cache="$apt_lists/cache" \
            -o APT::Sandbox::User="$(id -un)" "$@"
    }
    if [ ! -d "$apt_lists/system" ]; then
        mkdir -p "$apt_lists/system/partial" "$apt_lists/cache/archives/partial" && apt_private update >&2 || return 1
    fi
    apt_private indextargets "$@" | sort -u
}

# setup_aarch64 <folder>: what compiles programs for AArch64 and runs them here: Debian's cross compiler, qemu, and
# oneTBB's arm64 packages unpacked into the folder. The lists of apt-get are the folder's, the system keeps its
# architectures. With install=no nothing is installed. Where something is missing: returns 1, with `reason`.
setup_aarch64() {
    aarch64=$1 missing=''
    have aarch64-linux-gnu-g++ || missing="$missing g++-aarch64-linux-gnu"
    have qemu-aarch64 || missing="$missing qemu-user"
    if [ -n "$missing" ] && [ "${install:-yes}" = yes ] && can_apt; then
        mkdir -p "$root/build"
        # shellcheck disable=SC2086
        phase "installing$missing (apt-get)" "$root/build/setup-aarch64.log" apt_install_all $missing >&2 || :
        hash -r 2>/dev/null || :
    fi
    reason='no g++ for AArch64 (Debian, Ubuntu: apt-get install g++-aarch64-linux-gnu)'
    have aarch64-linux-gnu-g++ || return 1
    reason='no qemu to run programs for AArch64 (Debian, Ubuntu: apt-get install qemu-user)'
    have qemu-aarch64 || return 1
    [ ! -e "$aarch64/root/usr/include/tbb/parallel_for.h" ] || return 0
    reason="oneTBB's packages for arm64 need apt-get and dpkg"
    have apt-get && have dpkg || return 1
    rm -rf "$aarch64" && mkdir -p "$aarch64/lists/partial" "$aarch64/cache/archives/partial" "$aarch64/new" || return 1
    : >"$aarch64/status"
    # shellcheck disable=SC2016
    reason="apt-get cannot download oneTBB's packages for arm64, see $aarch64/apt.log"
    apt_targets "$aarch64" --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' \
        >"$aarch64/sources.list" 2>"$aarch64/apt.log" || return 1
    [ -s "$aarch64/sources.list" ] || # Ubuntu has arm64 on another server
        apt_targets "$aarch64" --format 'deb http://ports.ubuntu.com/ubuntu-ports $(RELEASE) $(COMPONENT)' \
            'Created-By: Packages' 'Origin: Ubuntu' >"$aarch64/sources.list" 2>>"$aarch64/apt.log" || return 1
    [ -s "$aarch64/sources.list" ] || {
        echo 'apt-get indextargets names no package source of Debian or Ubuntu' >>"$aarch64/apt.log"
        return 1
    }
    (
        cd "$aarch64/new" || exit 1
        arm64() {
            apt-get -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
                -o Dir::Etc::SourceList="$aarch64/sources.list" -o Dir::Etc::SourceParts=- \
                -o Dir::State::Lists="$aarch64/lists" -o Dir::State::status="$aarch64/status" \
                -o Dir::Cache="$aarch64/cache" -o APT::Sandbox::User="$(id -un)" "$@"
        }
        arm64 update && arm64 download libtbb12 libtbb-dev &&
            for package in *.deb; do dpkg -x "$package" . || exit 1; done
    ) >>"$aarch64/apt.log" 2>&1 || return 1
    mv "$aarch64/new" "$aarch64/root"
}

# One compiler process for each core, but no more than fit into memory (3 GB each).
count_jobs() {
    jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-}
    [ -n "$jobs" ] && return 0
    jobs=$(nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
    memory=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null)
    if [ -n "$memory" ]; then
        fit=$((memory / 3000000))
        [ "$fit" -ge 1 ] || fit=1
        [ "$jobs" -le "$fit" ] || jobs=$fit
    fi
}

# ---- building ------------------------------------------------------------------------------------------------------

configure() { # configure <build folder> [cmake options]...
    build_dir=$1
    shift
    # a copied tree has the CMake cache of another folder, which CMake refuses
    if [ -f "$build_dir/CMakeCache.txt" ]; then
        home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build_dir/CMakeCache.txt")
        if [ -z "$home" ] || [ "$(CDPATH='' cd -- "$home" 2>/dev/null && pwd -P)" != "$root" ]; then
            say "$build_dir is the build of ${home:-an interrupted configuration}: it is removed and made again"
            rm -rf "$build_dir"
        fi
    fi
    mkdir -p "$build_dir"
    [ -z "${TESSERA_MIRROR:-}" ] || set -- "-DTESSERA_MIRROR=$TESSERA_MIRROR" "$@"
    if ! phase configuring "$build_dir/configure.log" "$cmake" -S "$root" -B "$build_dir" "$@"; then
        [ -z "$apt_packages" ] ||
            say "installing these, or a TESSERA_MIRROR, makes the download unnecessary: $apt_packages" >&2
        exit 1
    fi
    grep -A 3 'CMake Warning' "$build_dir/configure.log" | grep '^  ' || :
}

build() { # build <build folder> <what to call it> [cmake --build options]...
    build_dir=$1 build_name=$2
    shift 2
    phase "building $build_name" "$build_dir/build.log" "$cmake" --build "$build_dir" --parallel "$jobs" "$@" || exit 1
}

setup_bench() { # setup_bench <what to call it> <target>: builds it; its folder is in $dir/bench
    setup core bench
    dir=$root/build/bench
    configure "$dir" -DCMAKE_BUILD_TYPE=Release -DTESSERA_BUILD_BENCH=ON -DTESSERA_BUILD_TESTS=OFF \
        -DTESSERA_BUILD_EXAMPLES=OFF
    build "$dir" "$1" --target "$2"
}
