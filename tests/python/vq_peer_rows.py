#!/usr/bin/env python3
"""The peer of the quantizer rows of bench/: each row is in ROWS or, with the reason, in WITHOUT, and no other name is.

    python3 vq_peer_rows.py            reads the tables as text: needs neither torch nor a build
"""
import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS, STUDY, PEER = "examples/support/quantizers.hpp", "bench/study/table.hpp", "bench/peers/vq_peer.py"


def between(text, first, last):
    return text.split(first, 1)[1].split(last, 1)[0]


def names_of_digits(text):
    """The string that follows `}>>{` or `}>{`: a name, then the help text."""
    return re.findall(r'>\{\s*"([a-z0-9-]+)"\s*,', between(text, "quantizer_table{", "\n};"))


def names_of_study(text):
    return re.findall(r'\{"quantizers", "([a-z0-9-]+)"\}', between(text, "only_here{", "\n};"))


def keys(text, name):
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return [ast.literal_eval(key) for key in node.value.keys]
    sys.exit(f"{PEER}: expected {name} = {{...}}, found none")


def read(path):
    return (ROOT / path).read_text()


def complaints(rows, peers, without):
    wrong = [f"{row}: expected in ROWS or WITHOUT of {PEER}, found in neither" for row in rows
             if row not in peers and row not in without]
    wrong += [f"{name}: expected a row of {DIGITS} or {STUDY}, found none" for name in peers + without
              if name not in rows]
    return wrong + [f"{name}: expected in one of ROWS and WITHOUT, found in both" for name in peers if name in without]


rows = names_of_digits(read(DIGITS)) + names_of_study(read(STUDY))
if len(rows) < 20 or len(set(rows)) != len(rows):
    sys.exit(f"expected at least 20 different rows in {DIGITS} and {STUDY}, found {rows}")
# the comparison itself
assert len(complaints(["a", "b"], ["a", "c"], ["a"])) == 3
wrong = complaints(rows, keys(read(PEER), "ROWS"), keys(read(PEER), "WITHOUT"))
print("\n".join(wrong) or f"{len(rows)} rows")
sys.exit(bool(wrong))
