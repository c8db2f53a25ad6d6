"""OpenBLAS, through the numpy that carries it.

Where OpenBLAS does not know the processor it falls back to kernels for an old one. Then the nearest that it knows is
named in OPENBLAS_CORETYPE and the process starts again.
"""
import ctypes
import os
import re
import sys

OLD = {"Prescott", "Core2", "Penryn", "Nehalem", "Sandybridge", "Generic", "Unknown"}


def library():
    """The OpenBLAS that numpy has loaded."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            path = line.split()[-1]
            if "openblas" in os.path.basename(path):
                return ctypes.CDLL(path)
    raise ImportError("numpy does not use OpenBLAS here")


def function(blas, name, result, *arguments):
    for pattern in ("{}", "{}64_", "scipy_{}", "scipy_{}64_"):
        try:
            found = getattr(blas, pattern.format(name))
        except AttributeError:
            continue
        found.restype, found.argtypes = result, arguments
        return found
    raise ImportError(f"OpenBLAS has no {name}")


def better_core(name):
    """A core that OpenBLAS knows for a processor that it does not."""
    with open("/proc/cpuinfo") as info:
        flags = set(re.search(r"^flags\s*: (.*)$", info.read(), re.M)[1].split())
    if "avx512f" in flags and "avx512bw" in flags and name in OLD | {"Haswell", "Zen"}:
        return "SkylakeX"
    if "avx2" in flags and name in OLD:
        return "Haswell"
    return None


import numpy as np

from sizes import lookup_sizes

_blas = library()
_core = function(_blas, "openblas_get_corename", ctypes.c_char_p)().decode()
if "OPENBLAS_CORETYPE" not in os.environ and (_better := better_core(_core)):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OPENBLAS_CORETYPE": _better})
_set_threads = function(_blas, "openblas_set_num_threads", None, ctypes.c_int)
_config = function(_blas, "openblas_get_config", ctypes.c_char_p)().decode().split()


class Peer:
    name = "OpenBLAS"
    versions = {"OpenBLAS": f"{_config[1]} ({_core})", "numpy": np.__version__}

    def row(self, name, threads):
        _set_threads(threads)
        rng = np.random.default_rng(0)
        numbers = lambda *shape: rng.uniform(-1, 1, shape).astype(np.float32)
        if match := re.fullmatch(r"gemm(-weight-gradient)?/(\d+)x(\d+)x(\d+)", name):
            m, k, n = map(int, match.groups()[1:])
            x = numbers(m, k)
            if match[1]:
                dy, db = numbers(m, n), np.empty((k, n), np.float32)
                return lambda: np.matmul(x.T, dy, out=db)
            b, y = numbers(k, n), np.empty((m, n), np.float32)
            return lambda: np.matmul(x, b, out=y)
        if sizes := lookup_sizes(name):
            n, k, d = sizes
            x, codes = numbers(n, d), numbers(k, d)
            half, block = 0.5 * np.square(codes).sum(1), 784
            scores = np.empty((block, k), np.float32)

            def search():  # in blocks: all scores at once are 3 GB in the largest row
                for first in range(0, n, block):
                    part = x[first:first + block]
                    out = np.matmul(part, codes.T, out=scores[:len(part)])
                    out -= half
                    out.argmax(1)

            return search
        return None
