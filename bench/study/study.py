"""Runs the rows of tessera_study that are not finished, each in a process of its own, and reports all that are.

Writes <out>/study.jsonl (one JSON object a line for each finished run, with its settings), <out>/study.md and
<out>/study.svg. A run that was interrupted is started again; a row with the same settings and data is skipped.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

from report import chart, table

SETTINGS = ("row", "data", "digest", "size", "fit", "epochs", "epochs_prior", "batch", "lr", "revive_below", "limit",
            "limit_prior", "seed")
# of runs from before these were options
DEFAULTS = {"batch": 64, "lr": 0.002, "revive_below": None, "limit_prior": None}


def read(path):
    """The finished runs; a line that was cut off is not one."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    runs = []
    for number, line in enumerate(lines, 1):
        try:
            runs.append({**DEFAULTS, **json.loads(line)})
        except ValueError:
            print(f"{path}:{number}: not a finished run, skipped", file=sys.stderr)
    return runs


def write(path, text):
    """Replaces a file atomically: a temporary file in the same folder, fsynced and renamed."""
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".study-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def digest(folder):
    """Of the names and contents of the IDX files: the name of a folder does not say what is in it."""
    sha = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        if "ubyte" in name or name.startswith("digits-"):
            sha.update(name.encode() + b"\0")
            with open(os.path.join(folder, name), "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    sha.update(block)
    return sha.hexdigest()[:16]


def chosen(rows, only):
    """The rows that --only names, by name or group, in the order of the table."""
    if not only:
        return rows
    words = [word for word in only.split(",") if word]
    known = {r["row"] for r in rows} | {r["group"] for r in rows}
    for word in words:
        if word not in known:
            sys.exit(f"study.py: --only: expected names or groups of rows (--list shows them), got {word}")
    return [r for r in rows if r["row"] in words or r["group"] in words]


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def duration(seconds):
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def weight(row):
    """How long a row takes relative to the others: the search of a large codebook, and the prior of many tokens."""
    search = row["codes"] * row["width"] / 1e6 if "codebook" in row["row"] else 0
    return 1 + search + (row["tokens"] / 49 if row["group"] == "quantizers" else 0)


def run(binary, settings, threads):
    """The result of one row; None where the program failed (it has said why)."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result.json")
        command = [binary, settings["row"], "--data", settings["data"], "--result", result, "--threads", str(threads)]
        for key in ("epochs", "epochs_prior", "batch", "lr", "revive_below", "limit", "limit_prior", "seed", "fit"):
            if settings[key] is not None:
                command += ["--" + key.replace("_", "-"), str(settings[key])]
        if subprocess.run(command, check=False).returncode != 0:
            return None
        with open(result, encoding="utf-8") as file:
            return json.load(file)


def arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="folder with the four IDX files of MNIST or a similar set")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--out", required=True,
                        help="folder for study.jsonl, study.md and study.svg (default: out/study)")
    parser.add_argument("--list", action="store_true", help="print the rows and stop")
    parser.add_argument("--report", action="store_true",
                        help="write the table and the chart of the finished runs and stop")
    parser.add_argument("--only", default="", metavar="NAMES",
                        help="rows or groups (quantizers, sweep), comma separated")
    parser.add_argument("--epochs", type=int, default=6, help="of the VQ-VAE (default: 6)")
    parser.add_argument("--epochs-prior", type=int, default=2, help="of the prior; 0: none (default: 2)")
    parser.add_argument("--batch", type=int, default=DEFAULTS["batch"],
                        help="images in a step of the VQ-VAE (default: 64)")
    parser.add_argument("--lr", type=float, default=DEFAULTS["lr"],
                        help="peak learning rate of the VQ-VAE (default: 0.002)")
    parser.add_argument("--revive-below", type=float,
                        help="share of the mean count below which a codebook vector moves (default: 0.1)")
    parser.add_argument("--limit", type=int, default=0,
                        help="images for training, and at most as many for testing (default: all)")
    parser.add_argument("--limit-prior", type=int, metavar="LIMIT",
                        help="images for training the prior (default: those of --limit)")
    parser.add_argument("--seed", type=int, default=1, help="of all random numbers (default: 1)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="they change the time, never the result")
    parser.add_argument("--size", type=int, choices=(28, 32), default=28, help="pixels of a side (default: 28)")
    parser.add_argument("--fit", choices=("pad", "resize"), help="with --size 32: zeros around the image, or bilinear")
    options = parser.parse_args()
    if (options.size == 32) != (options.fit is not None):
        parser.error("--fit: expected pad or resize with --size 32, and none without")
    if not options.data and not options.list and not options.report:
        parser.error("expected a folder with the four IDX files")
    return options


def main():
    options = arguments()
    os.makedirs(options.out, exist_ok=True)
    path = os.path.join(options.out, "study.jsonl")
    runs = read(path)

    def report():
        write(os.path.join(options.out, "study.md"), table(runs) + "\n")
        write(os.path.join(options.out, "study.svg"), chart(runs) + "\n")

    if options.report:
        report()
        print(table(runs))
        return
    listed = subprocess.run([options.binary, "--list"], capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    rows = chosen(rows, options.only)
    if options.list:
        for row in rows:
            print(f"{row['group']:12} {row['row']:24} {row['tokens']} tokens of {row['codes']}, width {row['width']}")
        return

    data = os.path.abspath(options.data)
    if not os.path.isdir(data):
        sys.exit(f"study.py: {options.data}: there is no such folder")
    common = {"data": os.path.basename(data), "digest": digest(data), "size": options.size, "fit": options.fit,
              "epochs": options.epochs, "epochs_prior": options.epochs_prior, "batch": options.batch, "lr": options.lr,
              "revive_below": options.revive_below,
              "limit": options.limit, "limit_prior": options.limit_prior, "seed": options.seed}

    def settings_of(row):
        # the sweep has no prior: its runs do not depend on the options of one
        if row["group"] == "quantizers" and options.epochs_prior > 0:
            return {"row": row["row"], **common}
        return {"row": row["row"], **common, "epochs_prior": 0, "limit_prior": None}

    def key(settings):
        return tuple(settings[name] for name in SETTINGS if name != "data")

    finished = {key(r) for r in runs if all(name in r for name in SETTINGS)}
    work = [row for row in rows if key(settings_of(row)) not in finished]
    if len(work) < len(rows):
        print(f"{len(rows) - len(work)} of {len(rows)} rows are finished already: {path}")
    failed, done, spent, start = [], 0.0, 0.0, time.monotonic()
    for number, row in enumerate(work, 1):
        left = sum(weight(r) for r in work[number - 1:])
        eta = f", about {duration(spent / done * left)} left" if done > 0 else ""
        print(f"[{number}/{len(work)}] {row['row']}{eta}", flush=True)
        begin = time.monotonic()
        settings = settings_of(row)
        result = run(options.binary, {**settings, "data": data}, options.threads)
        spent += time.monotonic() - begin
        done += weight(row)
        if result is None:
            failed.append(row["row"])
            continue
        # other processes may have added runs of their own meanwhile: the file is read again before it is replaced
        runs = read(path)
        runs.append({**settings, **result, "threads": options.threads, "processor": processor()})
        write(path, "".join(json.dumps(r) + "\n" for r in runs))
        report()
        prior = f", {result['nats_per_image']:.1f} nats/image" if "nats_per_image" in result else ""
        print(f"    test PSNR {result['psnr_db']:.2f} dB, perplexity {result['perplexity']:.0f} of {result['codes']}, "
              f"usage {100 * result['usage']:.1f} %{prior}, {result['peak_mib']:.0f} MiB", flush=True)
    report()
    print(table(runs))
    print(f"{len(work) - len(failed)} runs in {duration(time.monotonic() - start)}; results in {options.out}")
    if failed:
        sys.exit(f"study.py: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
