#!/usr/bin/env python3
"""Writes golden/codebook.hpp: the policies of a Codebook as PyTorch's autograd computes them, in double.

    python3 make_codebook.py            writes the file
    python3 make_codebook.py --check    makes the numbers again and compares them with the file: exit 1 if they differ,
                                        77 without PyTorch

Each case is one function of z [12, 4] and the vectors e [6, 4]: the loss is sum(q * g) for an estimator, or a term. Inputs
are short formulas of the index, written once here and once in tests/vq/policy/inputs.hpp. Sources: the rotation trick
(arXiv:2410.06424), DiVeQ without noise (arXiv:2509.26469), SimVQ (arXiv:2411.02038), the orthogonality term as in
vector-quantize-pytorch, commitment and codebook terms (arXiv:1711.00937).
"""

import pathlib
import re
import sys

try:
    import torch
    from torch.nn import functional as F
except ImportError:
    print("SKIPPED: no torch")
    sys.exit(77)

torch.set_default_dtype(torch.float64)
FILE = pathlib.Path(__file__).with_name("codebook.hpp")
ROWS, CODES, WIDTH = 12, 6, 4


def rows():
    return torch.tensor([((i * 37) % 97 - 48) / 32 + 1 / 64 for i in range(ROWS * WIDTH)]).reshape(ROWS, WIDTH)


def vectors():
    return torch.tensor([((i * 29) % 53 - 26) / 16 for i in range(CODES * WIDTH)]).reshape(CODES, WIDTH)


def upstream():
    return torch.tensor([((i * 5 + 12) % 13 - 6) / 16 for i in range(ROWS * WIDTH)]).reshape(ROWS, WIDTH)


def nearest(z, e):
    return torch.cdist(z, e).argmin(1)


def rotation(z, e):
    q = e[nearest(z, e)]
    zh, qh = F.normalize(z, dim=1).detach(), F.normalize(q, dim=1).detach()
    r = F.normalize(zh + qh, dim=1)
    scale = (q.norm(dim=1, keepdim=True) / z.norm(dim=1, keepdim=True)).detach()
    rotated = z - 2 * (z * r).sum(1, keepdim=True) * r + 2 * (z * zh).sum(1, keepdim=True) * qh
    return (scale * rotated * upstream()).sum()


def diveq(z, e):
    q = e[nearest(z, e)]
    u = F.normalize(q - z, dim=1).detach()
    return ((z + (q - z).norm(dim=1, keepdim=True) * u) * upstream()).sum()


def straight_through(z, e):
    return ((z + (e[nearest(z, e)] - z).detach()) * upstream()).sum()


def cosine(z, e):
    return straight_through(F.normalize(z, dim=1), F.normalize(e, dim=1))


def terms(z, e):
    q = e[nearest(z, e)]
    return F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())


def cosine_terms(z, e):
    return terms(F.normalize(z, dim=1), F.normalize(e, dim=1))


def orthogonal(z, e):
    unit = F.normalize(e, dim=1)
    return ((unit @ unit.T) ** 2).sum() / CODES**2 - 1 / CODES


def diversity(z, e):
    p = F.softmax(-torch.cdist(z, e.detach()) ** 2 / 0.5, dim=1)
    mean = p.mean(0)
    return (mean * mean.log()).sum()


def cases():
    for function in (straight_through, rotation, diveq, cosine, terms, cosine_terms, orthogonal, diversity):
        z, e = rows().requires_grad_(), vectors().requires_grad_()
        value = function(z, e)
        value.backward()
        yield function.__name__, value.detach().reshape(1)
        for name, leaf in (("dz", z), ("de", e)):
            if leaf.grad is not None and bool(leaf.grad.any()):
                yield f"{function.__name__}_{name}", leaf.grad.flatten()
    z, table = rows(), vectors()
    w = torch.eye(WIDTH) + torch.tensor([((i * 3) % 7 - 3) / 32 for i in range(WIDTH * WIDTH)]).reshape(WIDTH, WIDTH)
    w.requires_grad_()
    value = terms(z, table @ w)
    value.backward()
    yield "sim_vq", value.detach().reshape(1)
    yield "sim_vq_dw", w.grad.flatten()
    yield "tokens", nearest(rows(), vectors()).to(torch.float64)
    yield "cosine_tokens", nearest(F.normalize(rows(), dim=1), F.normalize(vectors(), dim=1)).to(torch.float64)
    mean = F.softmax(-torch.cdist(rows(), vectors()) ** 2 / 0.5, dim=1).mean(0)
    yield "diversity_mean", mean


def text(values):
    out = ["#pragma once", f"// Written by golden/make_codebook.py with PyTorch {torch.__version__}; not to be edited.",
           "", "namespace golden::codebook {", ""]
    for name, value in values:
        numbers = [repr(x) for x in value.tolist()]
        out.append(f"inline constexpr double {name}[] = {{")
        out += ["    " + ", ".join(numbers[i:i + 4]) + "," for i in range(0, len(numbers), 4)]
        out += ["};", ""]
    return "\n".join(out + ["}  // namespace golden::codebook", ""])


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
