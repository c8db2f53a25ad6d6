#!/usr/bin/env python3
"""Writes golden/gaussian_quant.hpp: GaussianQuant as PyTorch computes it, in double.

    python3 make_gaussian_quant.py            writes the file
    python3 make_gaussian_quant.py --check    makes the numbers again and compares them with the file: exit 1 if they
                                              differ, 77 without PyTorch

The formulas are those of arXiv:2512.06609 and its code, with log densities of torch.distributions and gradients by
autograd. The codebook and the noise come from a second implementation of the library's generator (Philox4x32-10, Salmon
et al. 2011). Inputs are short formulas of the index, written once here and once in the tests.
"""

import math
import pathlib
import re
import struct
import sys

try:
    import torch
except ImportError:
    print("SKIPPED: no torch")
    sys.exit(77)

torch.set_default_dtype(torch.float64)
FILE = pathlib.Path(__file__).with_name("gaussian_quant.hpp")
ROWS, SEED, FIRST = 12, 251206609, 3
LAMBDA, LAMBDA_MAX, LAMBDA_MIN, WEIGHT, TOLERANCE, FACTOR = 0.75, 3.0, 0.25, 0.5, 0.5, 1.01
MASK = 0xFFFFFFFF


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & MASK, a >> 32 ^ c[3] ^ k[1], a & MASK]
        k = [k[0] + 0x9E3779B9 & MASK, k[1] + 0xBB67AE85 & MASK]
    return c


class Rng:
    def __init__(self, seed, stream=0):
        self.seed, self.stream, self.position = seed, stream, 0

    def split(self, i):
        r = philox((i & MASK, i >> 32, self.stream & MASK, self.stream >> 32),
                   (self.seed & MASK ^ 0x74657373, self.seed >> 32))
        return Rng(self.seed, r[1] << 32 | r[0])

    def bits(self):
        index = self.position // 4 + 1
        block = philox((index & MASK, index >> 32, self.stream & MASK, self.stream >> 32),
                       (self.seed & MASK, self.seed >> 32))
        self.position += 1
        return block[(self.position - 1) % 4]

    def uniform(self):
        high, low = self.bits() >> 5, self.bits() >> 6
        return (high << 26 | low) * 2.0**-53

    def normal(self):
        u, v = 1 - self.uniform(), self.uniform()
        x = math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)
        return struct.unpack("f", struct.pack("f", x))[0]


def latents(width):
    z = torch.tensor([((i * 37) % 97 - 48) / 16 + 1 / 32 for i in range(ROWS * 2 * width)]).reshape(ROWS, 2 * width)
    z[0, width] = -31  # below the clamp; above it the divergence of 3e8 bits would hide all others
    return z


def gaussian_quant(codes, width):
    z = latents(width).requires_grad_()
    dq = torch.tensor([((i * 5 + 12) % 13 - 6) / 16 for i in range(ROWS * width)]).reshape(ROWS, width)
    mean, log_variance = z[:, :width], z[:, width:].clamp(-30, 20)
    sigma = (log_variance / 2).exp()

    streams = [Rng(SEED).split(k) for k in range(codes)]
    codebook = torch.tensor([[s.normal() for _ in range(width)] for s in streams])
    noise = [Rng(11).split(2).split(FIRST + n) for n in range(ROWS)]
    eps = torch.tensor([[s.normal() for _ in range(width)] for s in noise])

    posterior = torch.distributions.Normal(mean[:, None], sigma[:, None])
    prior = torch.distributions.Normal(0.0, 1.0)
    ratio = (posterior.log_prob(codebook[None]) - prior.log_prob(codebook)[None]).sum(-1)
    best = ratio.topk(2, dim=1).values
    assert (best[:, 0] - best[:, 1] > 1e-4 * best[:, 0].abs()).all(), "two vectors are nearly as likely"
    tokens = ratio.argmax(1)

    q = mean + eps * sigma
    (grad,) = torch.autograd.grad((q * dq).sum(), z, retain_graph=True)

    bits = 0.5 * (mean**2 + sigma**2 - 1 - log_variance).sum(1) / math.log(2)
    target = math.log2(codes)
    weight = torch.where(bits > target + TOLERANCE, LAMBDA_MAX,
                         torch.where(bits < target - TOLERANCE, LAMBDA_MIN, 1.0)).detach()
    kl = WEIGHT * LAMBDA * (weight * bits).mean()
    (kl_grad,) = torch.autograd.grad(kl, z)
    grow = lambda x, grows, low, high: min(max(x * FACTOR if grows else x / FACTOR, low), high)
    updated = torch.tensor([grow(LAMBDA, bits.mean() > target, 1e-3, 1e3),
                            grow(LAMBDA_MAX, (bits > target + TOLERANCE).any(), 1, 1e3),
                            grow(LAMBDA_MIN, not (bits < target - TOLERANCE).any(), 1e-3, 1)])
    return {"codebook": codebook.flatten(), "tokens": tokens.double(), "q": q.detach().flatten(), "grad": grad.flatten(),
            "kl": kl.detach().reshape(1), "kl_grad": kl_grad.flatten(), "bits": bits.detach(), "lambdas": updated}


def cases():
    for codes, width in ((64, 2), (100, 5), (16, 1)):
        for what, values in gaussian_quant(codes, width).items():
            yield f"gaussian_quant_{codes}_{width}_{what}", values


def text(values):
    out = ["#pragma once",
           f"// Written by golden/make_gaussian_quant.py with PyTorch {torch.__version__}; not to be edited.", "",
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
