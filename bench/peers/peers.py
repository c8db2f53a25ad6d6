"""What others reach on the rows of tessera_bench, one process for each peer.

    peers.py <peer> [seconds] [threads]       peer: a key of PEERS

The first line on stdout is {"name": ..., "versions": {...}, "precision": ...}, with "own_process": true where the
number of threads holds for the life of a process; {"error": ...} where the peer is not installed. Then, for each line
"<row> <threads>" on stdin, one JSON object: {"seconds": of one call}, {"value": ...} or {"error": ...}, which also says
that the peer has no such row. What a row made stays until another one is asked for.

A peer is a module with a class Peer: name, versions, and row(name, threads), which gives what is timed or None. Nets
have probe(name) as well: the answers that are compared once with those of PyTorch eager, see cases.py. A peer that
computes something else has no time.
"""
import importlib
import json
import math
import sys
import time

PEERS = {
    "torch": ("torch_peer", {}),
    "torch-channels-last": ("torch_peer", {"channels_last": True}),
    "torch-compile": ("torch_peer", {"compiled": True}),
    "torch-channels-last-compile": ("torch_peer", {"channels_last": True, "compiled": True}),
    "torch-bf16": ("torch_peer", {"bf16": True}),
    "torch-channels-last-bf16": ("torch_peer", {"channels_last": True, "bf16": True}),
    "torch-compile-bf16": ("torch_peer", {"compiled": True, "bf16": True}),
    "torch-channels-last-compile-bf16": ("torch_peer", {"channels_last": True, "compiled": True, "bf16": True}),
    "jax": ("jax_peer", {}),
    "ctranslate2": ("ctranslate2_peer", {}),
    "ctranslate2-bf16": ("ctranslate2_peer", {"bf16": True}),
    "onnxruntime": ("onnxruntime_peer", {}),
    "openvino": ("openvino_peer", {}),
    "openvino-bf16": ("openvino_peer", {"bf16": True}),
    "faiss": ("faiss_peer", {}),
    "openblas": ("openblas_peer", {}),
    "vq": ("vq_peer", {}),
}


def timed(call, seconds):
    """Seconds of one call: one to warm up, unless it is long, then as many as fill the time."""
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    if once > 4 * seconds:
        return once
    count = max(1, math.ceil(seconds / once))
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def compare(peer, row, precision):
    """Whether the peer computes what PyTorch eager does, where it has the row and is not PyTorch eager itself."""
    got = peer.probe(row) if hasattr(peer, "probe") and peer.name != "PyTorch" else None
    if got is not None:
        from cases import check
        difference = check(row, got, precision)
        print(f"{peer.name}: {row}: differs by {difference:.1e}", file=sys.stderr)


def main():
    say = lambda answer: print(json.dumps(answer), flush=True)
    module, options = PEERS[sys.argv[1]]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.2
    try:
        made = importlib.import_module(module).Peer
        if getattr(made, "own_process", False) and len(sys.argv) > 3:
            options = {**options, "threads": int(sys.argv[3])}
        peer = made(**options)
    except Exception as error:  # not installed, or does not run here: the others go on
        say({"error": f"{error}".splitlines()[0] if str(error) else type(error).__name__})
        return
    precision = getattr(peer, "precision", "float32")
    say({"name": peer.name, "versions": peer.versions, "precision": precision,
         "own_process": getattr(peer, "own_process", False)})
    current, call, compared = None, None, set()
    for line in sys.stdin:
        asked = tuple(line.split())
        try:
            if asked != current:
                current, call = asked, None
                if asked[0] not in compared:
                    compare(peer, asked[0], precision)
                    compared.add(asked[0])
                call = peer.row(asked[0], int(asked[1]))
                if call is not None and not asked[0].startswith("peak-memory/"):
                    call()  # the first call builds plans and compiles
            if call is None:
                say({"error": "no such row"})
            elif asked[0].startswith("peak-memory/"):
                say({"value": call()})
            else:
                say({"seconds": timed(call, seconds)})
        except Exception as error:
            current = None
            say({"error": f"{type(error).__name__}: {error}".splitlines()[0]})


if __name__ == "__main__":
    main()
