"""What make_gpt2.py and make_gpt2_transformers.py share: the sizes, the input of the net, the check, the options.

Token 40 is the <|endoftext|> that a sequence begins with. The logits are computed in float64 from float32 weights and
rounded once.
"""

import sys

import torch
from safetensors.torch import load_file

VOCAB, CONTEXT, WIDTH, HEADS, LAYERS = 40, 12, 16, 2, 2


def net_input(tensors):
    """The input with which the logits before each token of x are computed; it begins with <|endoftext|>."""
    x = tensors["x"].long()
    return torch.cat([torch.full((x.shape[0], 1), VOCAB), x[:, :-1]], 1)


def check(file, logits, library):
    tensors = load_file(file)
    expected = tensors["logits"]
    error = ((logits(tensors) - expected).abs().max() / expected.abs().max()).item()
    print(f"logits compared with {library}: relative difference {error:.3g}, expected below 1e-6")
    return 0 if error <= 1e-6 else 1


def run(document, write, file, logits, library):
    """The options of both scripts; `document` is their help."""
    if sys.argv[1:] == ["--check"]:
        sys.exit(check(file, logits, library))
    if sys.argv[1:]:
        sys.exit(document)
    write()
