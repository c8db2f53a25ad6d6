"""Runs the rows of tessera_bench in turns with their peers: one sample of tessera, one of each peer, and so on.

On a machine whose clock and neighbours change, results of different minutes cannot be compared; medians of alternating
samples can. Each program stays alive between its samples, and only one of them works at a time. Writes bench.json,
bench.md (also printed) and bench.svg.
"""
import argparse
import json
import os
import platform
import re
import select
import statistics
import subprocess
import sys
import time

from peers.peers import PEERS
from report import chart, table

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 900  # seconds: PyTorch compiles a training step in one or two minutes
REST = 0.03     # seconds before each sample: threads of the one before go on spinning for a while (OpenBLAS 20 ms)


class Server:
    """A program that answers "<row> <threads>" with one line of JSON."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                        stderr=subprocess.DEVNULL)
        self.rest = b""
        self.hello = self.read()

    def read(self):
        end = time.monotonic() + PATIENCE
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                self.stop()
                return {"error": "no answer" if not ready else "it ended"}
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        try:
            return json.loads(line)
        except ValueError:
            return self.read()  # a library that prints

    def ask(self, row, threads):
        if self.process.poll() is not None:
            return {"error": "it ended"}
        try:
            self.process.stdin.write(f"{row} {threads}\n".encode())
        except BrokenPipeError:
            return {"error": "it ended"}
        return self.read()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Peer:
    """Ours, Eigen inside it, or another program; prefix is what its rows begin with."""

    def __init__(self, command, prefix="", name=None, share=None):
        self.command, self.prefix = command, prefix
        server = share.servers[None] if share else Server(command)
        self.error = server.hello.get("error")
        self.name = name or server.hello.get("name", command[-2])
        self.versions = server.hello.get("versions", {})
        self.precision = server.hello.get("precision", "float32")
        self.own_process = server.hello.get("own_process", False)
        if self.own_process:  # one for each number of threads, see server()
            server.stop()
        self.servers = {} if self.own_process else {None: server}

    def server(self, threads):
        if not self.own_process:
            return self.servers[None]
        if threads not in self.servers:
            self.servers[threads] = Server([*self.command, str(threads)])
        return self.servers[threads]

    def ask(self, row, threads):
        time.sleep(REST)
        if not row["alone"]:
            return self.server(threads).ask(self.prefix + row["name"], threads)
        server = Server([*self.command, str(threads)] if self.own_process else self.command)
        try:
            return server.ask(self.prefix + row["name"], threads)
        finally:
            server.stop()

    def stop(self):
        for server in self.servers.values():
            server.stop()


def figure(row, answer):
    if "value" in answer:
        return answer["value"]
    return row["factor"] / answer["seconds"] if row["rate"] else row["factor"] * answer["seconds"]


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3


def measure(row, threads, ours, peers, rounds):
    """One line of the results."""
    mine, fractions, others, failed = [], [], {}, {}
    precision = {peer.name: peer.precision for peer in peers}
    peers = list(peers)
    for _ in range(1 if row["factor"] <= 0 else rounds):
        answer = ours.ask(row, threads)
        if "error" in answer:
            raise RuntimeError(f"{row['name']}: {answer['error']}")
        mine.append(figure(row, answer))
        fractions.append(answer.get("fraction", 0))
        for peer in list(peers):
            answer = peer.ask(row, threads)
            if "error" in answer:
                peers.remove(peer)
                others.pop(peer.name, None)
                if answer["error"] != "no such row":
                    failed[peer.name] = answer["error"]
                    print(f"{row['name']}: {peer.name}: {answer['error']}", file=sys.stderr)
            else:
                others.setdefault(peer.name, []).append(figure(row, answer))
    low, middle, high = quartiles(mine)
    result = {
        "name": row["name"], "unit": row["unit"], "threads": threads, "ours": middle,
        "spread": (high - low) / middle if middle else 0,
        "fraction_of_peak": statistics.median(fractions) if row["flops"] > 0 else None,
        "peers": {name: statistics.median(values) for name, values in others.items()},
        "failed": failed, "samples": {"ours": mine, **others},
    }
    for suffix, wanted in (("", "float32"), ("_bf16", "bfloat16")):
        result["best_peer" + suffix], result["ratio" + suffix] = compared(row, middle, {
            name: value for name, value in result["peers"].items() if precision[name] == wanted})
    return result


def compared(row, ours, peers):
    """The best peer, and how many times better ours is: larger is better, whatever the unit."""
    if not peers:
        return None, None
    best = (max if row["rate"] else min)(peers, key=peers.get)
    theirs = peers[best]
    better, worse = (ours, theirs) if row["rate"] else (theirs, ours)
    return best, better / worse if worse else None


def machine():
    def first(path, pattern):
        try:
            with open(path) as file:
                match = re.search(pattern, file.read(), re.M)
            return match and match[1]
        except OSError:
            return None

    memory = first("/proc/meminfo", r"^MemTotal:\s*(\d+)")
    return {
        "processor": first("/proc/cpuinfo", r"^model name\s*: (.*)$") or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory) / 2**20, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()}",
    }


def write(folder, report):
    for name, content in (("bench.json", json.dumps(report, indent=1)), ("bench.md", table(report)),
                          ("bench.svg", chart(report["rows"]))):
        with open(os.path.join(folder, name), "w") as file:
            file.write(content + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="tessera_bench (bench/run.sh gives it)")
    parser.add_argument("--out", required=True, help="folder for bench.json, bench.md and bench.svg")
    parser.add_argument("--rows", default="", metavar="REGEX", help="only rows whose name it finds")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, default 1,2")
    parser.add_argument("--rounds", type=int, help="samples of each program, default 5")
    parser.add_argument("--seconds", type=float, help="of one sample, default 0.2")
    parser.add_argument("--peers", help=f"comma separated, of {', '.join(PEERS)}; Eigen always runs")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 0.05 s, without what PyTorch compiles")
    options = parser.parse_args()
    options.rounds = max(1, options.rounds or (2 if options.quick else 5))
    options.seconds = options.seconds or (0.05 if options.quick else 0.2)
    if options.peers is None:
        options.peers = ",".join(p for p in PEERS if not (options.quick and "compile" in p))
    options.peers = [p for p in options.peers.split(",") if p]
    if unknown := set(options.peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    options.threads = [int(n) for n in options.threads.split(",")]
    return options


def main():
    options = arguments()
    count = ",".join(map(str, options.threads))
    listed = subprocess.run([options.binary, "--list", f"--threads={count}"], capture_output=True, text=True,
                            check=True)
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    eigen = {r["name"] for r in rows if r["name"].startswith("eigen/")}
    rows = [r for r in rows if r["name"] not in eigen and re.search(options.rows, r["name"])]
    work = [(row, n) for row in rows for n in row["threads"] if n in options.threads]
    if not work:
        sys.exit(f"no row matches {options.rows}")

    before = os.getloadavg()[0]
    if before > 0.3 * os.cpu_count():
        print(f"load average {before:.1f}: something else is running, the figures will be lower and noisier",
              file=sys.stderr)
    ours = Peer([options.binary, "--serve", f"--threads={count}", f"--benchmark_min_time={options.seconds}"])
    if ours.error:
        sys.exit(f"{options.binary}: {ours.error}")
    peers = [Peer(ours.command, "eigen/", "Eigen", share=ours)]
    versions, missing = dict(ours.versions), {}
    for name in options.peers:
        peer = Peer([sys.executable, os.path.join(HERE, "peers", "peers.py"), name, str(options.seconds)])
        if peer.error:
            missing[name] = peer.error
            print(f"{name} is missing: {peer.error}", file=sys.stderr)
        else:
            peers.append(peer)
            versions.update(peer.versions)

    os.makedirs(options.out, exist_ok=True)
    start, results = time.monotonic(), []
    report = {"machine": machine(), "versions": versions, "missing": missing, "rounds": options.rounds,
              "seconds": options.seconds, "load_average": before, "rows": results}
    try:
        for i, (row, threads) in enumerate(work):
            able = [p for p in peers if p.prefix == "" or p.prefix + row["name"] in eigen]
            results.append(measure(row, threads, ours, able, options.rounds))
            write(options.out, report)
            last = results[-1]
            print(f"[{i + 1}/{len(work)} {time.monotonic() - start:.0f} s] {last['name']} x{threads}: "
                  f"{last['ours']:.4g} {last['unit']}"
                  + (f", {100 * last['fraction_of_peak']:.0f} % of the peak" if last["fraction_of_peak"] else "")
                  + (f", {last['ratio']:.2f} times {last['best_peer']}" if last["ratio"] else "")
                  + (f", {last['ratio_bf16']:.2f} times {last['best_peer_bf16']}" if last["ratio_bf16"] else ""),
                  file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped: what there is has been written", file=sys.stderr)
    finally:
        for peer in peers[1:] + [ours]:
            peer.stop()

    print(table(report))


if __name__ == "__main__":
    main()
