"""What others reach on the rows of tessera_bench, one process for each peer.

    peers.py <peer> [seconds]       peer: torch, torch-channels-last, torch-compile, faiss, openblas, vq

The first line on stdout is {"name": ..., "versions": {...}}, or {"error": ...} where the peer is not installed. Then,
for each line "<row> <threads>" on stdin, one JSON object: {"seconds": of one call}, {"value": ...} or {"error": ...},
which also says that the peer has no such row. What a row made stays until another one is asked for.
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


def main():
    say = lambda answer: print(json.dumps(answer), flush=True)
    module, options = PEERS[sys.argv[1]]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.2
    try:
        peer = importlib.import_module(module).Peer(**options)
    except Exception as error:  # not installed, or does not run here: the others go on
        say({"error": str(error)})
        return
    say({"name": peer.name, "versions": peer.versions})
    current, call = None, None
    for line in sys.stdin:
        asked = tuple(line.split())
        try:
            if asked != current:
                current, call = asked, None
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
