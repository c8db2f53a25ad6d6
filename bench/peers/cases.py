"""The rows that are nets: model, data and sizes, the same for each peer, and the answers that all of them must give.

A peer takes its weights from the PyTorch twin of a case (torch_nets.py, seed 0), so that its first answer can be
compared with that of PyTorch eager in float32: the losses of three training steps, the codes of a batch, the images
of a batch, or the logits of all positions of sequences whose tokens are given.
"""
import re

import numpy as np
import torch

from torch_nets import Gpt, VqVae

VAES = {"small": (64, 32, 256), "std": (128, 64, 512)}                 # channels, width of a code, codes
PRIORS = {"small": (256, 49, 128, 4, 4), "std": (512, 49, 256, 6, 8)}  # vocabulary, context, width, layers, heads
STORE = 8  # batches that take turns
STEPS = 3  # whose losses are compared
# largest difference: of a loss and of logits or images relative to the largest value, of codes the share that differs
TOLERANCE = {"float32": {"train": 2e-4, "values": 1e-4, "codes": 2e-3},
             "bfloat16": {"train": 3e-2, "values": 6e-2, "codes": 0.15}}


class Case:
    """kind: train-vae, train-gpt, sample, encode or decode; batches: what the calls take in turn."""

    def __init__(self, kind, preset, model, batches, count=0):
        self.kind, self.preset, self.model, self.batches, self.count = kind, preset, model, batches, count


def _vae(preset="std"):
    return VqVae(*VAES[preset])


def _train_vae(preset, batch=128, side=28):
    model = _vae(preset)
    return Case("train-vae", preset, model, [torch.rand(int(batch), 1, int(side), int(side)) for _ in range(STORE)])


def _train_gpt(preset, batch=64, context=49):
    vocab, _, *rest = PRIORS[preset]
    model = Gpt(vocab, int(context), *rest)
    return Case("train-gpt", preset, model, [torch.randint(0, vocab, (int(batch), int(context))) for _ in range(STORE)])


def _sample(preset, count):
    model, count = Gpt(*PRIORS[preset]).eval(), int(count)
    return Case("sample", preset, model, [torch.randint(0, model.vocab, (count, model.context))], count)


def _encode(single):
    model = _vae().eval()
    return Case("encode", "std", model, [torch.rand(1 if single else 128, 1, 28, 28)])


def _decode():
    model = _vae().eval()
    return Case("decode", "std", model, [torch.randn(128, 64, 7, 7)])


NETS = [
    (r"train-vqvae/(\w+)", _train_vae),
    (r"scale-batch/(\d+)", lambda batch: _train_vae("small", batch)),
    (r"scale-image/(\d+)", lambda side: _train_vae("small", 64, side)),
    (r"train-gpt/(\w+)", _train_gpt),
    (r"scale-sequences/(\d+)", lambda batch: _train_gpt("small", batch)),
    (r"scale-context/(\d+)", lambda context: _train_gpt("small", 32, context)),
    (r"sample-gpt/(\w+)/(\d+)", _sample),
    (r"encode(-1)?/std", _encode),
    (r"decode/std", _decode),
]


def case(name):
    """The case of a row, or None."""
    for pattern, make in NETS:
        if match := re.fullmatch(pattern, name):
            torch.manual_seed(0)
            return make(*match.groups())
    return None


def opened(model, tokens):
    """What the net reads: the opening token, then all but the last."""
    opening = torch.full((len(tokens), 1), len(model.token.weight) - 1)
    return torch.cat((opening, tokens[:, :-1]), 1)


def reference(name):
    """The answers of PyTorch eager."""
    from torch_peer import Peer
    return Peer().probe(name)


def check(name, got, precision):
    """Raises ValueError where the answers of a peer are not those of PyTorch eager within the tolerance."""
    want, tolerance = reference(name), TOLERANCE[precision]
    got = np.asarray(got)
    if got.shape != want.shape:
        raise ValueError(f"other results than PyTorch eager: expected shape {want.shape}, got {got.shape}")
    if np.issubdtype(want.dtype, np.integer):
        kind, wrong = "codes", float((got != want).mean())
    else:
        kind = "train" if want.ndim == 1 else "values"
        wrong = float(np.abs(got - want).max() / np.abs(want).max())
    if not wrong <= tolerance[kind]:
        raise ValueError(f"other results than PyTorch eager: {kind} differ by {wrong:.2g}, expected at most "
                         f"{tolerance[kind]:g}")
    return wrong
