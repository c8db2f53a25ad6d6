"""FAISS: exact search in a flat index, what a user would take for a codebook lookup."""
import faiss
import numpy as np

from sizes import lookup_sizes


class Peer:
    name = "FAISS"
    versions = {"FAISS": faiss.__version__}

    def row(self, name, threads):
        sizes = lookup_sizes(name)
        if not sizes:
            return None
        n, k, d = sizes
        rng = np.random.default_rng(0)
        x = rng.uniform(-1, 1, (n, d)).astype(np.float32)
        index = faiss.IndexFlatL2(d)
        index.add(rng.uniform(-1, 1, (k, d)).astype(np.float32))
        faiss.omp_set_num_threads(threads)
        return lambda: index.search(x, 1)
