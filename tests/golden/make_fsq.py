#!/usr/bin/env python3
"""Writes golden/fsq.hpp: finite scalar quantization and the Gaussian loss as PyTorch computes them, in double.

    python3 make_fsq.py            writes the file
    python3 make_fsq.py --check    makes the numbers again and compares them with the file: exit 1 if they differ,
                                   77 without PyTorch

FSQ is written down here as in its paper (Mentzer et al. 2023, arXiv:2309.15505, appendix A.1; the shift is atanh, as in
vector-quantize-pytorch, so that 0 stays 0), with the gradient of round taken as 1. Where vector-quantize-pytorch is
installed, it is a second witness of the symmetric bound. Inputs are short formulas of the index (multiples of 1/32, exact
in float, none of which is rounded from a half), written once here and once in the tests.
"""

import pathlib
import re
import sys

try:
    import torch
except ImportError:
    print("SKIPPED: no torch")
    sys.exit(77)

try:
    from vector_quantize_pytorch import FSQ
except ImportError:
    FSQ = None

torch.set_default_dtype(torch.float64)
FILE = pathlib.Path(__file__).with_name("fsq.hpp")
ROWS = 12


def latents(n):
    return torch.tensor([((i * 37) % 97 - 48) / 16 + 1 / 32 for i in range(n)])


def start(n):
    return torch.tensor([((i * 7) % 11 - 5) / 8 for i in range(n)])


def gradient(n, step):
    return torch.tensor([((i * 5 + step * 3) % 13 - 6) / 16 for i in range(n)])


def round_straight_through(x):
    return x + (x.round() - x).detach()


def tanh_bound(z, levels):
    half = (levels - 1) * (1 - 1e-3) / 2
    offset = torch.where(levels % 2 == 0, 0.5, 0.0)
    shift = (offset / half).atanh()
    return round_straight_through((z + shift).tanh() * half - offset) / (levels // 2)


def symmetric_bound(z, levels):
    span = levels - 1
    return 2 / span * round_straight_through(span * (z.tanh() + 1) / 2) - 1


def scaled_sigmoid_bound(z, levels):
    """iFSQ (arXiv:2601.17124); its code has odd levels only, for which this is round(h b) / h with h = (L - 1) / 2."""
    span, b = levels - 1, 2 * (1.6 * z).sigmoid() - 1
    return 2 / span * round_straight_through(span * (b + 1) / 2) - 1


def fsq(bound, levels):
    levels = torch.tensor(levels)
    z = latents(ROWS * len(levels)).reshape(ROWS, len(levels)).requires_grad_()
    q = bound(z, levels)
    if bound is tanh_bound:
        digits = q.detach() * (levels // 2) + levels // 2
    else:
        digits = (q.detach() + 1) * (levels - 1) / 2
    basis = torch.cumprod(torch.tensor([1] + levels.tolist()[:-1]), 0)
    tokens = (digits.round() * basis).sum(1)
    (q * gradient(z.numel(), 4).reshape(z.shape)).sum().backward()
    return q.detach().flatten(), tokens, z.grad.flatten()


def witness(name, levels, ours):
    """vector-quantize-pytorch agrees about its symmetric form; its other bound has 1 + 1e-3 where the paper has 1 - 1e-3."""
    z = latents(ROWS * len(levels)).reshape(1, ROWS, len(levels)).requires_grad_()
    q, tokens = FSQ(levels, preserve_symmetry=True, force_quantization_f32=False).double()(z)
    (grad,) = torch.autograd.grad((q * gradient(z.numel(), 4).reshape(z.shape)).sum(), z)
    for what, got, expected in zip(("q", "tokens", "grad"), (q, tokens.double(), grad), ours):
        if not torch.allclose(got.flatten(), expected, rtol=1e-12, atol=1e-12):
            sys.exit(f"{name}: {what}: vector-quantize-pytorch has {got}, here {expected}")


def cases():
    from torch.nn import functional as F

    for name, bound, levels in (
        ("fsq_8_5_5_5", tanh_bound, [8, 5, 5, 5]),
        ("fsq_8_6_5", tanh_bound, [8, 6, 5]),
        ("fsq_3_3", tanh_bound, [3, 3]),
        ("fsq_7_5_5_5_5", tanh_bound, [7, 5, 5, 5, 5]),
        ("fsq_symmetric_4_4_4", symmetric_bound, [4, 4, 4]),
        ("fsq_symmetric_2_2_2_2", symmetric_bound, [2, 2, 2, 2]),
        ("fsq_symmetric_8_5", symmetric_bound, [8, 5]),
        ("fsq_scaled_sigmoid_17_17", scaled_sigmoid_bound, [17, 17]),
        ("fsq_scaled_sigmoid_16_5_2", scaled_sigmoid_bound, [16, 5, 2]),
    ):
        numbers = fsq(bound, levels)
        if FSQ is not None and bound is symmetric_bound:
            witness(name, levels, numbers)
        for what, values in zip(("q", "tokens", "grad"), numbers):
            yield f"{name}_{what}", values

    for name, log_variance in (("gaussian_nll_narrow", -1.5), ("gaussian_nll_wide", 0.75)):
        y = start(33).requires_grad_()
        learned = torch.tensor([log_variance]).requires_grad_()
        variance = (learned.exp() + 1e-6).expand(33)
        loss = F.gaussian_nll_loss(y, gradient(33, 2), variance)
        loss.backward()
        yield name, loss.detach().reshape(1)
        yield name + "_grad", y.grad
        yield name + "_variance_grad", learned.grad


def text(values):
    out = ["#pragma once", f"// Written by golden/make_fsq.py with PyTorch {torch.__version__}; not to be edited.", "",
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
    print("differs: " + ", ".join(wrong) if wrong else f"{len(values)} cases agree with PyTorch {torch.__version__}")
    return 1 if wrong else 0


if __name__ == "__main__":
    results = list(cases())
    if "--check" in sys.argv[1:]:
        sys.exit(check(results))
    FILE.write_text(text(results))
