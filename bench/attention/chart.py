"""Reads the lines of tessera_attention_length from standard input; writes attention.md and attention.svg to a folder.

    tessera_attention_length | python3 bench/attention/chart.py out
"""
import json
import math
import pathlib
import sys

HEADS = 4
BLUE, RED, GRAY = "#1f77b4", "#d62728", "#888888"


def table(rows):
    lines = ["| tokens | forward | backward | share of the FMA peak | memory besides inputs and outputs "
             "| a T x T matrix of each head |", "|---|---|---|---|---|---|"]
    for r in rows:
        square = HEADS * 4 * r["tokens"] ** 2
        lines.append(f"| {r['tokens']:,} | {r['forward_us'] / 1000:.3g} ms | {r['backward_us'] / 1000:.3g} ms | "
                     f"{100 * r['forward_peak']:.0f} / {100 * r['backward_peak']:.0f} % | "
                     f"{r['bytes'] / 2 ** 20:.3g} MiB | {square / 2 ** 20:.3g} MiB |")
    return "\n".join(lines)


def panel(left, title, lines):
    """Both axes are logarithmic. `lines`: name, colour, points (x, y)."""
    top, width, height = 50, 380, 260
    xs = [x for _, _, points in lines for x, _ in points]
    ys = [y for _, _, points in lines for _, y in points]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    x_of = lambda x: left + width * math.log(x / min(xs)) / math.log(max(xs) / min(xs))
    y_of = lambda y: top + height * (high - math.log10(y)) / (high - low)
    out = [f'<text x="{left}" y="{top - 14}" font-size="13" fill="#222222">{title}</text>']
    for power in range(low, high + 1):
        y = y_of(10.0 ** power)
        out.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#dddddd"/>')
        out.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#666666">{10.0 ** power:g}</text>')
    for x in sorted(set(xs)):
        if x != max(xs) and x_of(max(xs)) - x_of(x) < 40:
            continue  # their labels would overlap
        out.append(f'<text x="{x_of(x):.1f}" y="{top + height + 16}" text-anchor="middle" fill="#666666">{x}</text>')
    for i, (name, colour, points) in enumerate(lines):
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        out.append(f'<text x="{left + 12}" y="{top + 18 + 16 * i}" fill="{colour}">{name}</text>')
    return out


def chart(rows):
    line = lambda of: [(r["tokens"], of(r)) for r in rows]
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="960" height="350" viewBox="0 0 960 350" '
           'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="#ffffff"/>']
    out += panel(70, "milliseconds against tokens: 4 heads of 32, one thread",
                 [("forward", BLUE, line(lambda r: r["forward_us"] / 1000)),
                  ("backward", RED, line(lambda r: r["backward_us"] / 1000))])
    out += panel(550, "MiB besides inputs and outputs",
                 [("statistics and scratch, forward and backward", BLUE,
                   line(lambda r: r["bytes"] / 2 ** 20)),
                  ("a T x T matrix of each head, for comparison", GRAY,
                   line(lambda r: HEADS * 4 * r["tokens"] ** 2 / 2 ** 20))])
    return "\n".join(out + ["</svg>"])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    rows = [json.loads(line) for line in sys.stdin]
    if not rows:
        sys.exit("chart.py: expected lines of tessera_attention_length, got none")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "attention.md").write_text(table(rows) + "\n", encoding="utf-8")
    (folder / "attention.svg").write_text(chart(rows) + "\n", encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
