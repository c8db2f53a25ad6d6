"""Seconds, peak memory and template instantiations of compiling this library. See run.sh."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDES = [f"-I{ROOT}/include"]
for folder in ("/usr/include/eigen3", "/usr/include/stb", "/opt/homebrew/include", "/opt/homebrew/include/eigen3"):
    if os.path.isdir(folder):
        INCLUDES += ["-isystem", folder]
FLAGS = ["-std=c++20", "-march=native", "-ffp-contract=off", *INCLUDES]


def compilers():
    """The first g++ and the first clang++ there are."""
    for family in (["g++", "g++-14", "g++-13", "g++-12"], ["clang++", *(f"clang++-{v}" for v in range(22, 13, -1))]):
        for name in family:
            if shutil.which(name):
                yield name
                break


def run(command):
    """(user and system seconds, MiB of the largest process)"""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{errors.decode()[-2000:]}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


def instantiations(compiler, source, folder):
    """Total of classes and functions, from clang's time trace."""
    trace = os.path.join(folder, "trace.o")
    run([compiler, *FLAGS, "-O0", "-ftime-trace", "-ftime-trace-granularity=1000000", "-c", source, "-o", trace])
    with open(os.path.join(folder, "trace.json")) as file:
        events = json.load(file)["traceEvents"]
    total = {e["name"]: e["args"]["count"] for e in events if e["name"].startswith("Total Instantiate")}
    return total.get("Total InstantiateClass", 0), total.get("Total InstantiateFunction", 0)


def main():
    quick = "--quick" in sys.argv[1:]
    version = lambda c: subprocess.run([c, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    found = list(compilers())
    if not found:
        sys.exit("no compiler")
    headers = sorted(glob.glob(f"{ROOT}/include/tessera/core/*.hpp")) + [f"{ROOT}/include/tessera/tessera.hpp"]
    sources = [] if quick else [f"{ROOT}/examples/digits.cpp", *sorted(glob.glob(f"{ROOT}/examples/support/*.cpp"))]
    with tempfile.TemporaryDirectory() as folder:
        for compiler in found:
            clang = "clang" in compiler
            print(f"\n{version(compiler)}\n")
            print("| file | what | seconds | peak MiB |" + (" classes | functions |" if clang else ""))
            print("|---|---|---|---|" + ("---|---|" if clang else ""))
            for source in headers + sources:
                name = os.path.relpath(source, ROOT)
                file, what = source, ["-O2", "-c", "-o", os.path.join(folder, "out.o")]
                if source in headers:
                    file, what = os.path.join(folder, "one.cpp"), ["-fsyntax-only"]
                    with open(file, "w") as out:
                        out.write(f"#include <{os.path.relpath(source, f'{ROOT}/include')}>\n")
                best = min(run([compiler, *FLAGS, *what, file]) for _ in range(2 if source in headers else 1))
                line = f"| {name} | {what[0]} | {best[0]:.2f} | {best[1]:.0f} |"
                if clang:
                    line += " {} | {} |".format(*instantiations(compiler, file, folder))
                print(line, flush=True)


if __name__ == "__main__":
    main()
