"""What is made of the results: a table in Markdown and a chart of ratios in SVG.

    python3 bench/report.py bench/README.md bench/peers.svg    # the chart of the ratios that a page has
"""
import math
import re
import sys
from html import escape


def short(value):
    """Three significant digits, without an exponent."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def best(row, suffix=""):
    """The two cells of the best peer of one precision: its figure and the ratio."""
    name, ratio = row.get("best_peer" + suffix), row.get("ratio" + suffix)
    if not name:
        return "| "
    return f"{short(row['peers'][name])} {name} | " + (f"**{ratio:.2f}**" if ratio and ratio >= 1 else short(ratio))


def table(report):
    m, both = report["machine"], any(r.get("best_peer_bf16") for r in report["rows"])
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    lines = [
        f"{m['processor']}, {m['cores']} cores, {m['system']}; {versions}.",
        f"Medians of {report['rounds']} samples that take turns with the peers'; spread is the distance of the "
        "quartiles. The ratio is to the best peer in float32, above 1 where ours, in float32, is better"
        + ("; the last two columns have the best peer in bfloat16." if both else "."),
        "",
        "| row | threads | ours | spread | FMA peak | best peer | ratio |" + " bfloat16 | ratio |" * both,
        "|---|---|---|---|---|---|---|" + "---|---|" * both,
    ]
    for r in report["rows"]:
        peak = f"{100 * r['fraction_of_peak']:.0f} %" if r["fraction_of_peak"] else ""
        lines.append(f"| {r['name']} | {r['threads']} | {short(r['ours'])} {r['unit']} | {100 * r['spread']:.0f} % "
                     f"| {peak} | {best(r)} |" + f" {best(r, '_bf16')} |" * both)
    if alone := sorted({r["name"] for r in report["rows"] if not r["peers"]}):
        lines += ["", f"No peer answered for {', '.join(alone)}."]
    failed = {(peer, why): r["name"] for r in report["rows"] for peer, why in r.get("failed", {}).items()}
    if failed:
        lines += ["", "Failed: " + "; ".join(f"{peer} on {row} ({why})" for (peer, why), row in failed.items()) + "."]
    if report.get("missing"):
        lines += ["", "Missing here: " + "; ".join(f"{name} ({why})" for name, why in report["missing"].items()) + "."]
    return "\n".join(lines)


def chart(results):
    """Horizontal bars from 1 to the ratio, logarithmic: to the right where ours is better."""
    rows = [r for r in results if r["ratio"]]
    left, width, step, top, right = 330, 520, 16, 56, 230
    powers = [math.log2(r["ratio"]) for r in rows]
    low, high = math.floor(min([0.0] + powers)), math.ceil(max([1.0] + powers))
    x = lambda ratio: left + width * (math.log2(ratio) - low) / (high - low)
    height = top + step * len(rows) + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + right}" height="{height}" '
        f'viewBox="0 0 {left + width + right} {height}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{left}" y="20" font-size="14" fill="#222222">tessera against the best peer (ratio, larger is better)'
        '</text>',
    ]
    for power in range(low, high + 1):
        at = x(2.0 ** power)
        out.append(f'<line x1="{at:.1f}" y1="{top - 8}" x2="{at:.1f}" y2="{height - 20}" '
                   f'stroke="{"#222222" if power == 0 else "#dddddd"}"/>')
        label = f"{2 ** power}" if power >= 0 else f"1/{2 ** -power}"
        out.append(f'<text x="{at:.1f}" y="{top - 14}" text-anchor="middle" fill="#666666">{label}</text>')
    for i, r in enumerate(rows):
        y, at, one = top + step * i, x(r["ratio"]), x(1.0)
        color = "#2a78b5" if r["ratio"] >= 1 else "#d1662f"
        name = r["name"] + (f" x{r['threads']}" if r["threads"] > 1 else "")
        out.append(f'<text x="{left - 8}" y="{y + 10}" text-anchor="end" fill="#222222">{escape(name)}</text>')
        out.append(f'<rect x="{min(at, one):.1f}" y="{y + 1}" width="{max(1.0, abs(at - one)):.1f}" '
                   f'height="{step - 5}" fill="{color}"/>')
        out.append(f'<text x="{left + width + 8}" y="{y + 10}" fill="#222222">{r["ratio"]:.2f}  '
                   f'{escape(r["best_peer"])}</text>')
    out.append("</svg>")
    return "\n".join(out)


def rows_of_page(text):
    """The rows of a page's table of whole nets: work, threads, ours, share of the peak, best peer, ratio, ..."""
    works = r"\| (VQ-VAE training step|GPT training step|encode|decode|sample)"
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if re.match(works, line)]
    return [{"name": c[0].replace("`", ""), "threads": int(c[1]), "ratio": float(c[5]),
             "best_peer": c[4].split(", ", 1)[1]} for c in cells if len(c) == 8]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as page, open(sys.argv[2], "w", encoding="utf-8") as picture:
        picture.write(chart(rows_of_page(page.read())) + "\n")
