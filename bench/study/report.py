"""What is made of the finished runs: a table in Markdown and a chart in SVG."""
from html import escape
from math import log10, log2
from textwrap import wrap

COMMON = ("data", "digest", "size", "fit", "epochs", "batch", "lr", "revive_below", "limit", "limit_prior", "seed")


def settings(run):
    size = f"{run['size']} x {run['size']}" + (f" ({run['fit']})" if run["fit"] else "")
    prior = f", prior {run['epochs_prior']}" if run["epochs_prior"] else ""
    if prior and run.get("limit_prior"):
        prior += f" of {min(run['limit_prior'], run['images']):,} images"
    revive = f", vectors moved below {run['revive_below']:g} of the mean count" if run.get("revive_below") else ""
    return (f"{run['data']}: {run['images']:,} images of {size} for training, {run['test_images']:,} for testing; "
            f"epochs {run['epochs']}{prior}; batch {run['batch']}, learning rate {run['lr']:g}{revive}; "
            f"seed {run['seed']}; "
            f"{run['threads']} thread{'' if run['threads'] == 1 else 's'}, {run['processor']}, "
            f"{run['simd']}, tessera {run['version']}")


def groups(runs):
    """Runs that can be compared: of one group with the same settings, in the order of the file."""
    found = {}
    for run in runs:
        found.setdefault((run["group"], run["epochs_prior"]) + tuple(run[name] for name in COMMON), []).append(run)
    return list(found.values())


def table(runs):
    if not runs:
        return "No finished runs."
    lines = []
    for group in groups(runs):
        prior = any("nats_per_image" in run for run in group)
        head = ["quantizer", "tokens", "vocabulary", "width", "PSNR, dB", "mean PSNR, dB", "perplexity", "usage",
                "quantization MSE"] + (["nats/image"] if prior else []) + ["stage 1, s"] + \
            (["prior, s"] if prior else []) + ["peak, MiB"]
        lines += ([""] if lines else []) + [settings(group[0]), "", "| " + " | ".join(head) + " |",
                                            "|" + "---|" * len(head)]
        for run in group:
            cells = [run["row"], str(run["tokens"]), f"{run['codes']:,}", str(run["width"]), f"{run['psnr_db']:.2f}",
                     f"{run['mean_psnr_db']:.2f}", f"{run['perplexity']:,.0f}", f"{100 * run['usage']:.1f} %",
                     f"{run['quantization_mse']:.2e}"]
            if prior:
                cells.append(f"{run['nats_per_image']:.1f}" if "nats_per_image" in run else "")
            cells.append(f"{run['seconds']:.0f}")
            if prior:
                cells.append(f"{run['prior_seconds']:.0f}" if "prior_seconds" in run else "")
            cells.append(f"{run['peak_mib']:.0f}")
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "PSNR is that of the mean squared error of all test images, mean PSNR the mean of the images' PSNRs; "
              "perplexity, usage and quantization error are over all tokens of the test set; nats per image are those "
              "of the prior on the test tokens; peak is the largest resident size of the process in stage 1."]
    return "\n".join(lines)


COLOURS = ("#2a78b5", "#d1662f", "#3a8f4d", "#8a56a8", "#a08000", "#b03060", "#3a9aa8", "#777777")


def bars(group, top):
    """Horizontal bars of the PSNR, from 2 dB below the lowest."""
    left, width, step = 210, 430, 18
    lowest = min(run["psnr_db"] for run in group) - 2
    highest = max(run["psnr_db"] for run in group)
    out = []
    for i, run in enumerate(group):
        y = top + step * i
        length = width * (run["psnr_db"] - lowest) / (highest - lowest)
        nats = f", {run['nats_per_image']:.1f} nats/image" if "nats_per_image" in run else ""
        out.append(f'<text x="{left - 8}" y="{y + 11}" text-anchor="end" fill="#222222">{escape(run["row"])}</text>')
        out.append(f'<rect x="{left}" y="{y + 1}" width="{length:.1f}" height="{step - 5}" fill="{COLOURS[0]}"/>')
        out.append(f'<text x="{left + width + 8}" y="{y + 11}" fill="#222222">{run["psnr_db"]:.2f} dB, perplexity '
                   f'{run["perplexity"]:,.0f} of {run["codes"]:,}{nats}</text>')
    return out, step * len(group)


def curves(group, top):
    """PSNR and perplexity against the size of the vocabulary, one line for each width and one for FSQ."""
    out, height, width = [], 190, 330
    lines = {}
    for run in group:
        lines.setdefault("FSQ" if run["row"].startswith("fsq") else f"width {run['width']}", []).append(run)
    panels = (("test PSNR, dB", lambda r: r["psnr_db"]),
              ("perplexity (log)", lambda r: log10(max(1.0, r["perplexity"]))))
    xs = [log2(run["codes"]) for run in group]
    low_x, high_x = min(xs), max(max(xs), min(xs) + 1)
    for p, (title, value) in enumerate(panels):
        left = 60 + p * (width + 90)
        ys = [value(run) for run in group]
        low, high = min(ys), max(max(ys), min(ys) + 1e-9)

        def place(run, value=value, left=left, low=low, high=high):
            return (left + width * (log2(run["codes"]) - low_x) / (high_x - low_x),
                    top + height - height * (value(run) - low) / (high - low))

        out.append(f'<text x="{left}" y="{top - 10}" fill="#222222">{title}; x: size of the vocabulary (log)</text>')
        out.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#dddddd"/>')
        shown = (lambda v: f"{10 ** v:,.0f}") if p == 1 else (lambda v: f"{v:.1f}")
        for v, y in ((low, top + height), (high, top + 10)):
            out.append(f'<text x="{left - 6}" y="{y}" text-anchor="end" fill="#666666">{shown(v)}</text>')
        for x, text in ((left, 2 ** low_x), (left + width, 2 ** high_x)):
            out.append(f'<text x="{x}" y="{top + height + 14}" text-anchor="middle" fill="#666666">{text:,.0f}</text>')
        for i, (name, some) in enumerate(lines.items()):
            some.sort(key=lambda r: r["codes"])
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, some))
            colour = COLOURS[i % len(COLOURS)]
            out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in map(place, some)]
            out.append(f'<text x="{left + 8 + 80 * i}" y="{top + height + 30}" fill="{colour}">{escape(name)}</text>')
    return out, height + 40


def chart(runs):
    out, top = [], 30
    for group in groups(runs):
        for line in wrap(settings(group[0]), 140):
            out.append(f'<text x="20" y="{top}" fill="#222222" font-weight="bold">{escape(line)}</text>')
            top += 16
        top -= 16
        drawn, height = curves(group, top + 34) if group[0]["group"] == "sweep" else bars(group, top + 12)
        out += drawn
        top += height + 70
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="{top}" viewBox="0 0 1000 {top}" '
            'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#ffffff"/>')
    return "\n".join([head] + out + ["</svg>"])
