"""Predicts a training step on many threads from the times of its pieces on one and two (tessera_scaling).

    python3 bench/scaling/model.py out/scaling/pieces.jsonl --out out/scaling

The groups of a batch are simulated with the rules of nn/exec/grouped.hpp and nn/exec/block_order.hpp: a thread takes
whole groups while there is one for each thread, then blocks in their order; a turn of backward begins when the block
before has finished the same turn. Everything else is serial + parallel / threads (Amdahl), both from its times on one
and two threads. Adding up gradients is bound by memory: many threads do it at most --channels times as fast as two.
Starting a parallel loop costs what it does on two threads, times log2(threads).

With several processes (dist/sum_tree.hpp) each has its share of whole groups; then ceil(log2(ranks)) messages with the
gradient follow each other to rank 0, and as many back: --latency and --bandwidth of one message. Their defaults are
those of two processes on one machine (4 MB in 3 ms).

What the model does not know: clocks that fall when many cores work, caches that more cores share, a second socket.
"""
import argparse
import json
import math
import os
import sys
from html import escape

GROUP = 16
THREADS = (1, 2, 4, 8, 16, 64)
RANKS = (1, 2, 4, 8)
HANDOFF = 1e-7  # seconds until a thread sees that another one's turn has ended
LARGEST = {"train-gpt/std": 16}  # samples of a block of a whole group; else 4, see gpt.hpp and nn/exec/grouped.hpp


def block_size(name, batch):
    """Grouped::block_of."""
    return max(1, min(LARGEST.get(name, 4), 1 << ((max(batch, 4) // 4).bit_length() - 1)))


def amdahl(pair, threads):
    one, two = pair
    serial = min(max(0.0, 2 * two - one), one)
    return serial + (one - serial) / threads


class Net:
    def __init__(self, pieces, others, channels):
        self.p, self.name, self.loop, self.channels = pieces, pieces["name"], others["loop"], channels
        self.batches = [int(key.split("/")[1]) for key in pieces if key.startswith("step/")]
        # What the blocks contain beside the nets (quantizer, loss): from 16 samples on one thread.
        size = block_size(self.name, GROUP)
        block = self.block(size)
        rest = self.p[f"gradient/{GROUP}"][0] - self.p["pack"][0] - self.p[f"reduce/{GROUP}"][0]
        self.extra = max(0.0, rest / (GROUP // size) - block["forward"] - sum(block["turns"])) / size
        # Two threads on two groups compared with one on one: shared caches and clocks.
        largest = max(self.batches)
        alone = self.groups(largest, 1, 1.0)
        both = self.p[f"gradient/{largest}"][1] - amdahl(self.p["pack"], 2) - self.p[f"reduce/{largest}"][1]
        self.one = (self.p[f"gradient/{largest}"][0] - self.p["pack"][0] - self.p[f"reduce/{largest}"][0]) / alone
        self.contention = max(1.0, both / self.groups(largest, 2, 1.0) / self.one)

    def block(self, size):
        return self.p[f"block/{size}"]

    def groups(self, batch, threads, contention):
        """Seconds of forward and backward of all groups; threads claim tasks in their order."""
        size, groups = block_size(self.name, batch), math.ceil(batch / GROUP)
        whole = groups if threads == 1 else groups // threads * threads
        free = [0.0] * threads
        samples = lambda g: min(GROUP, batch - g * GROUP)
        times = self.block(size)
        for g in range(whole):
            i = free.index(min(free))
            free[i] += samples(g) * ((times["forward"] + sum(times["turns"])) / size + self.extra) * contention
        # blocks of shared groups are cut where the threads would not have one each
        while size > 4 and (groups - whole) * (GROUP // size) < threads:
            size //= 2
        times = self.block(size)
        forward = (times["forward"] + self.extra * size) * contention
        turns = [t * contention for t in times["turns"]]
        in_block = lambda g, at: max(0, min(size, samples(g) - at * size)) / size
        ended = {}  # group: ends of the turns of its last block
        for task in range((groups - whole) * (GROUP // size)):
            at, g = task // (groups - whole), whole + task % (groups - whole)
            part, i = in_block(g, at), free.index(min(free))
            if not part:
                continue
            now, before, mine = free[i] + part * forward, ended.get(g), []
            for k, turn in enumerate(turns):
                if before:
                    now = max(now, before[k] + HANDOFF)
                now += part * turn
                mine.append(now)
            ended[g], free[i] = mine, now
        return max(free)

    def start(self, threads):
        return 0.0 if threads == 1 else self.loop[1] * max(1.0, math.log2(threads))

    def reduction(self, batch, threads):
        one, two = self.p[f"reduce/{batch}"]
        floor = min(one, two) / self.channels if threads > 2 else 0.0
        return max(amdahl((one, two), threads), floor) + self.start(threads)

    def step(self, batch, threads):
        """The pieces of a step: name -> seconds."""
        contention = self.one * (1.0 if threads == 1 else self.contention)
        out = {"groups": self.groups(batch, threads, contention) + self.start(threads),
               "reduction of groups": self.reduction(batch, threads)}
        for key, label in (("pack", "packing weights"), ("zero", "zeroing"), ("norm", "norm, clipping"),
                           (f"observe/{batch}", "statistics of the codebook"), ("optimizer", "optimiser"),
                           ("averages", "moving averages, revival")):
            if key in self.p:
                out[label] = amdahl(self.p[key], threads)
        return out

    def ranks(self, batch, ranks, threads, latency, bandwidth):
        """Seconds of a step of `batch` samples in all; a process with no group waits for the others."""
        groups = math.ceil(batch / GROUP)
        own = min(batch, GROUP * math.ceil(groups / ranks))
        measured = min((b for b in self.batches if b >= own), default=max(self.batches))
        pieces = dict(self.step(measured, threads))
        contention = self.one * (1.0 if threads == 1 else self.contention)
        pieces["groups"] = self.groups(own, threads, contention) + self.start(threads)
        message = latency + 4 * self.p["parameters"] / bandwidth
        return sum(pieces.values()) + 2 * math.ceil(math.log2(ranks)) * message

    def beside(self, batch, threads):
        return {"copying a batch": self.p[f"copy/{batch}"][0]}


def percent(x):
    return f"{100 * x:.1f} %" if x < 0.1 else f"{100 * x:.0f} %"


def tables(nets, others, latency, bandwidth):
    lines = ["### Check: predicted and measured steps", "",
             "| step | batch | 1 thread, measured ms | predicted | 2 threads, measured ms | predicted "
             "| speedup measured | predicted |", "|---|---|---|---|---|---|---|---|"]
    errors = []
    for net in nets:
        for batch in net.batches:
            measured, made = net.p[f"step/{batch}"], [sum(net.step(batch, n).values()) for n in (1, 2)]
            errors += [abs(a / b - 1) for a, b in zip(made, measured)]
            lines.append(f"| {net.name} | {batch} | {1e3 * measured[0]:.2f} | {1e3 * made[0]:.2f} | "
                         f"{1e3 * measured[1]:.2f} | {1e3 * made[1]:.2f} | {measured[0] / measured[1]:.2f} | "
                         f"{made[0] / made[1]:.2f} |")
    errors.sort()
    lines += ["", f"Error of a prediction: median {percent(errors[len(errors) // 2])}, largest {percent(errors[-1])}.",
              "", "### Predicted: times as fast as one thread", "",
              "| step | batch | " + " | ".join(f"{n} threads" for n in THREADS[1:]) + " |",
              "|---|---|" + "---|" * len(THREADS[1:])]
    for net in nets:
        for batch in net.batches:
            one = sum(net.step(batch, 1).values())
            lines.append(f"| {net.name} | {batch} | " + " | ".join(
                f"{one / sum(net.step(batch, n).values()):.1f}" for n in THREADS[1:]) + " |")
    lines += ["", f"### Predicted: processes of 8 threads, messages of {1e6 * latency:.0f} us and "
              f"{bandwidth / 1e9:.1f} GB/s", "",
              "Times as fast as one process of 8 threads, the same batch in all.", "",
              "| step | batch | " + " | ".join(f"{n} processes" for n in RANKS[1:]) + " |",
              "|---|---|" + "---|" * len(RANKS[1:])]
    for net in nets:
        batch = max(net.batches)
        one = net.ranks(batch, 1, 8, latency, bandwidth)
        lines.append(f"| {net.name} | {batch} | " + " | ".join(
            f"{one / net.ranks(batch, n, 8, latency, bandwidth):.1f}" for n in RANKS[1:]) + " |")
    lines += ["", "### Shares of a step", "", "2 threads: from measured pieces; 16 threads: predicted.", "",
              "| step | batch | piece | 2 threads | 16 threads |", "|---|---|---|---|---|"]
    for net in nets:
        batch = 64 if 64 in net.batches else max(net.batches)
        two, sixteen = net.step(batch, 2), net.step(batch, 16)
        whole = sum(two.values()), sum(sixteen.values())
        for piece in two:
            lines.append(f"| {net.name} | {batch} | {piece} | {percent(two[piece] / whole[0])} | "
                         f"{percent(sixteen[piece] / whole[1])} |")
        copied = net.beside(batch, 2)["copying a batch"]
        lines.append(f"| {net.name} | {batch} | beside: copying a batch | {percent(copied / whole[0])} | "
                     f"{percent(copied / whole[1])} |")
        if "vqvae" in net.name:
            decoded = batch * others["decode"]
            lines.append(f"| {net.name} | {batch} | beside: decoding PNG files, one thread | "
                         f"{percent(decoded / whole[0])} | {percent(decoded / whole[1])} |")
    small = next((net for net in nets if net.name == "train-vqvae/small"), None)
    if small:
        batch = max(small.batches)
        one, two = others["kmeans"]
        many = amdahl((one, two), 16)
        lines += ["", f"k-means before the first step (6272 vectors, 256 codes): {1e3 * one:.1f} ms on one thread, "
                  f"{1e3 * two:.1f} on two, {1e3 * many:.1f} predicted on 16: as long as "
                  f"{many / sum(small.step(batch, 16).values()):.1f} steps of {batch} images."]
    return lines


def chart(nets):
    """Speedup over threads, both axes logarithmic; one panel for each net."""
    side, left, top, gap = 250, 46, 46, 44
    colors = ("#d1662f", "#2a78b5", "#3a8f4d", "#7a4fa3", "#8a6d3b", "#444444")
    width, height = left + len(nets) * (side + gap), top + side + 60
    x = lambda n: side * math.log2(n) / 6
    y = lambda s: side - side * math.log2(max(1.0, s)) / 6
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="#ffffff"/>',
           f'<text x="{left}" y="18" font-size="14" fill="#222222">Training steps, times as fast as one thread: '
           'predicted (lines), measured (dots)</text>']
    for i, net in enumerate(nets):
        out.append(f'<g transform="translate({left + i * (side + gap)},{top})">'
                   f'<text x="0" y="-8" fill="#222222">{escape(net.name)}</text>')
        for power in range(7):
            n = 2 ** power
            out.append(f'<line x1="{x(n):.1f}" y1="0" x2="{x(n):.1f}" y2="{side}" stroke="#eeeeee"/>'
                       f'<line x1="0" y1="{y(n):.1f}" x2="{side}" y2="{y(n):.1f}" stroke="#eeeeee"/>'
                       f'<text x="{x(n):.1f}" y="{side + 14}" text-anchor="middle" fill="#666666">{n}</text>'
                       f'<text x="-6" y="{y(n) + 4:.1f}" text-anchor="end" fill="#666666">{n}</text>')
        out.append(f'<line x1="0" y1="{side}" x2="{side}" y2="0" stroke="#bbbbbb" stroke-dasharray="4 3"/>')
        lowest = side + 12.0  # of the labels; the largest batch ends highest, so they are set from below
        for j, batch in enumerate(net.batches):
            color, one = colors[j % len(colors)], sum(net.step(batch, 1).values())
            points = [(n, one / sum(net.step(batch, n).values())) for n in (1, 2, 4, 8, 16, 32, 64)]
            out.append('<polyline fill="none" stroke-width="1.6" stroke="' + color + '" points="'
                       + " ".join(f"{x(n):.1f},{y(s):.1f}" for n, s in points) + '"/>')
            measured = net.p[f"step/{batch}"]
            out.append(f'<circle cx="{x(2):.1f}" cy="{y(measured[0] / measured[1]):.1f}" r="3" fill="{color}"/>')
            lowest = min(y(points[-1][1]) + 4, lowest - 11)
            out.append(f'<text x="{x(64) + 3:.1f}" y="{lowest:.1f}" fill="{color}">{batch}</text>')
        out.append("</g>")
    out.append(f'<text x="{left}" y="{height - 14}" fill="#666666">threads; the number at a line is the batch</text>')
    return "\n".join(out + ["</svg>"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pieces", help="what tessera_scaling printed")
    parser.add_argument("--out", required=True, help="folder for scaling.md and scaling.svg")
    parser.add_argument("--channels", type=float, default=2,
                        help="bandwidth of memory with many threads, in times that of two, default 2")
    parser.add_argument("--latency", type=float, default=2e-6, help="seconds of a short message, default 2e-6")
    parser.add_argument("--bandwidth", type=float, default=1.3e9, help="bytes per second of a message, default 1.3e9")
    options = parser.parse_args()
    with open(options.pieces) as file:
        lines = [json.loads(line) for line in file if line.strip()]
    others = next((line for line in lines if line["name"] == "others"), None)
    if others is None or len(lines) < 2:
        sys.exit(f"{options.pieces}: expected a line \"others\" and one for each net, got {len(lines)} lines")
    nets = [Net(line, others, options.channels) for line in lines if line is not others]
    text = "\n".join(tables(nets, others, options.latency, options.bandwidth))
    os.makedirs(options.out, exist_ok=True)
    for name, content in (("scaling.md", text), ("scaling.svg", chart(nets))):
        with open(os.path.join(options.out, name), "w") as file:
            file.write(content + "\n")
    print(text)


if __name__ == "__main__":
    main()
