#!/usr/bin/env python3
"""Writes golden/lfq.hpp: lookup-free and binary spherical quantization as PyTorch computes them, in double.

    python3 make_lfq.py            writes the file
    python3 make_lfq.py --check    makes the numbers again and compares them with the file: exit 1 if they differ,
                                   77 without PyTorch

Both are written down here from their papers (Yu et al. 2023, arXiv:2310.05737; Zhao et al. 2024, arXiv:2406.07548, with
the logits of its published code): the softmax runs over a table of all 2^bits codes, and the entropy of the batch is that
of the mean probability of each bit. Where vector-quantize-pytorch is installed, it is a second witness of what both have
in common. Inputs are short formulas of the index, written once here and once in the tests.
"""

import math
import pathlib
import re
import sys

try:
    import torch
except ImportError:
    print("SKIPPED: no torch")
    sys.exit(77)
try:
    from vector_quantize_pytorch import LFQ
except ImportError:
    LFQ = None

torch.set_default_dtype(torch.float64)
FILE = pathlib.Path(__file__).with_name("lfq.hpp")
ROWS, WEIGHT, GAMMA, COMMITMENT = 12, 0.5, 0.75, 0.25


def latents(bits, scale):
    n = ROWS * bits
    z = torch.tensor([((i * 37) % 97 - 48) / 16 + 1 / 32 for i in range(n)])
    return (z / scale).reshape(ROWS, bits)


def gradient(bits):
    return torch.tensor([((i * 5 + 12) % 13 - 6) / 16 for i in range(ROWS * bits)]).reshape(ROWS, bits)


def all_codes(bits):
    return torch.tensor([[1.0 if k >> i & 1 else -1.0 for i in range(bits)] for k in range(2**bits)])


def entropy(p):
    return -(p * p.clamp(min=1e-300).log()).sum(-1)


def quantize(z, spherical, inv_temperature):
    bits = z.shape[1]
    z = z.clone().requires_grad_()
    u = z / z.norm(dim=1, keepdim=True) if spherical else z
    size = 1 / math.sqrt(bits) if spherical else 1
    sign = torch.where(u > 0, 1.0, -1.0)
    q = size * (u + (sign - u).detach())
    tokens = ((u > 0) * 2 ** torch.arange(bits)).sum(1)
    (grad,) = torch.autograd.grad((q * gradient(bits)).sum(), z, retain_graph=True)

    codes = size * all_codes(bits)
    p = (-inv_temperature * (u[:, None] - codes[None]).square().sum(-1)).softmax(-1)
    of_rows = entropy(p).mean()
    bit = (p @ (codes > 0).double()).mean(0)  # mean probability that a bit is set
    of_batch = entropy(torch.stack([bit, 1 - bit], -1)).sum()
    commitment = (u - q.detach()).square().mean()
    loss = WEIGHT * (of_rows - GAMMA * of_batch) + COMMITMENT * commitment
    (terms_grad,) = torch.autograd.grad(loss, z)
    terms = torch.stack([COMMITMENT * commitment, WEIGHT * of_rows, -WEIGHT * GAMMA * of_batch]).detach()
    return {"q": q.detach().flatten(), "tokens": tokens.double(), "grad": grad.flatten(), "mean": bit.detach(),
            "terms": terms, "terms_grad": terms_grad.flatten()}


def witness(name, z, spherical, inv_temperature, ours):
    """vector-quantize-pytorch agrees where its options can be set to the same."""
    bits = z.shape[1]

    def compare(what, got, expected, tolerance):
        if not torch.allclose(got, expected, rtol=tolerance, atol=tolerance):
            sys.exit(f"{name}: {what}: vector-quantize-pytorch has {got}, here {expected}")

    # one codebook: its token has the first channel as the highest bit; its logarithm is clamped at 1e-5
    whole = LFQ(dim=bits, codebook_size=2**bits, spherical=spherical, force_quantization_f32=False).double()
    x = z.clone().requires_grad_()
    (q, tokens, _), parts = whole(x[None], inv_temperature=inv_temperature, return_loss_breakdown=True)
    reversed_tokens = sum((tokens[0] >> i & 1) << (bits - 1 - i) for i in range(bits))
    compare("q", q[0].flatten(), ours["q"], 1e-12)
    # its gradient lacks the factor 1 / sqrt(bits) of BSQ's own code
    factor = 1 / math.sqrt(bits) if spherical else 1
    (grad,) = torch.autograd.grad((q[0] * gradient(bits)).sum(), x)
    compare("gradient", factor * grad.flatten(), ours["grad"], 1e-10)
    compare("tokens", reversed_tokens.double(), ours["tokens"], 0)
    compare("entropy of rows", WEIGHT * parts.per_sample_entropy, ours["terms"][1], 2e-3)
    if spherical:
        return  # it projects each of several codebooks onto a sphere of its own
    # one codebook for each bit: the mean over codebooks is a sum over bits, divided by their number
    each = LFQ(dim=bits, codebook_size=2, num_codebooks=bits, entropy_loss_weight=WEIGHT * bits, diversity_gamma=GAMMA,
               commitment_loss_weight=COMMITMENT, force_quantization_f32=False).double()
    x = z.clone().requires_grad_()
    result, parts = each(x[None], inv_temperature=inv_temperature, return_loss_breakdown=True)
    (grad,) = torch.autograd.grad(result.entropy_aux_loss, x)
    exact = 1e-10 if inv_temperature * z.abs().max() < 2.5 else 2e-3
    compare("entropy of the batch", -WEIGHT * GAMMA * bits * parts.batch_entropy, ours["terms"][2], exact)
    compare("commitment", COMMITMENT * parts.commitment, ours["terms"][0], 1e-12)
    compare("gradient of the terms", grad.flatten(), ours["terms_grad"], exact)


def cases():
    for name, bits, spherical, inv_temperature, scale in (
        ("lfq_4", 4, False, 0.5, 1),
        ("lfq_4_sharp", 4, False, 100, 64),
        ("lfq_1", 1, False, 0.5, 1),
        ("lfq_10", 10, False, 0.25, 1),
        ("bsq_4", 4, True, 1, 1),
        ("bsq_4_sharp", 4, True, 100, 1),
        ("bsq_9", 9, True, 5, 1),
    ):
        z = latents(bits, scale)
        ours = quantize(z, spherical, inv_temperature)
        if LFQ is not None:
            witness(name, z, spherical, inv_temperature, ours)
        for what, values in ours.items():
            yield f"{name}_{what}", values


def text(values):
    out = ["#pragma once", f"// Written by golden/make_lfq.py with PyTorch {torch.__version__}; not to be edited.", "",
           "namespace golden {", ""]
    for name, value in values:
        numbers = [repr(x) for x in value.tolist()]
        out.append(f"inline constexpr double {name}[] = {{")
        out += ["    " + ", ".join(numbers[i:i + 4]) + "," for i in range(0, len(numbers), 4)]
        out += ["};", ""]
    return "\n".join(out + ["}  // namespace golden", ""])


def check(values):
    stored = dict(re.findall(r"double (\w+)\[\] = \{(.*?)\};", FILE.read_text(), re.S))
    wrong = [name for name in stored if name not in dict(values)]
    for name, value in values:
        numbers = torch.tensor([float(x) for x in stored.get(name, "").replace("\n", " ").split(",") if x.strip()])
        if numbers.shape != value.shape or not torch.allclose(numbers, value, rtol=1e-10, atol=1e-12):
            wrong.append(name)
    second = "no second witness" if LFQ is None else "vector-quantize-pytorch agrees"
    print("differs: " + ", ".join(wrong) if wrong else
          f"{len(values)} cases agree with PyTorch {torch.__version__}; {second}")
    return 1 if wrong else 0


if __name__ == "__main__":
    results = list(cases())
    if "--check" in sys.argv[1:]:
        sys.exit(check(results))
    FILE.write_text(text(results))
