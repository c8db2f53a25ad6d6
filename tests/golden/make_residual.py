#!/usr/bin/env python3
"""Writes golden/residual.hpp: quantizers of several tokens for each position as PyTorch computes them, in double.

    python3 make_residual.py            writes the file
    python3 make_residual.py --check    makes the numbers again and compares them with the file: exit 1 if they differ,
                                        77 without PyTorch. With vector-quantize-pytorch 1.32 its tokens, values and losses
                                        are compared as well.

The formulas are written down here from the papers: residual quantization (Lee et al. 2022, arXiv:2203.01941), its gradient
as autograd finds it in r_{l+1} = r_l - q_l with straight-through q_l; groups; the residual FSQ of vector-quantize-pytorch;
the binary rounds of arXiv:2604.13030. Inputs are short formulas of the index, written once here and once in the tests; no
two distances are closer than 1e-3, so that a float finds the same tokens.
"""

import pathlib
import re
import sys

try:
    import torch
except ImportError:
    print("SKIPPED: no torch")
    sys.exit(77)

torch.set_default_dtype(torch.float64)
FILE = pathlib.Path(__file__).with_name("residual.hpp")
ROWS = 12
BETA = 0.25


def latents(n):
    return torch.tensor([((i * 37) % 97 - 48) / 32 + ((i * 11) % 7) / 256 for i in range(n)])


def gradient(n):
    return torch.tensor([((i * 5 + 12) % 13 - 6) / 16 for i in range(n)])


def vectors(codes, width, level):
    n = codes * width
    return torch.tensor([((i * 29 + 17 * level) % 53 - 26) / 16 / 2**level for i in range(n)]).reshape(codes, width)


def weight(rows, columns, which):
    n = rows * columns
    return torch.tensor([((i * 11 + 3 * which) % 17 - 8) / 16 for i in range(n)]).reshape(rows, columns)


def bias(n, which):
    return torch.tensor([((i * 7 + which) % 5 - 2) / 32 for i in range(n)])


def straight_through(r, q):
    return r + (q - r).detach()


def nearest(r, book):
    distance = torch.cdist(r, book) ** 2
    two = distance.topk(min(2, len(book)), largest=False).values
    assert (two[:, 1] - two[:, 0]).min() > 1e-3, "a tie"
    return distance.argmin(1)


def residual(books):
    """tokens, q, terms, dz of (q * dq).sum() + the mean of the levels' commitment terms"""
    width = books[0].shape[1]
    z = latents(ROWS * width).reshape(ROWS, width).requires_grad_()
    r, hard, q, tokens, terms = z, torch.zeros(ROWS, width), 0, [], []
    for book in books:
        at = nearest(r.detach(), book)
        e = book[at]
        terms.append(BETA * torch.mean((z - hard - e) ** 2) / len(books))
        level = straight_through(r, e)
        r, q, hard = r - level, q + level, hard + e
        tokens.append(at)
    ((q * gradient(z.numel()).reshape(z.shape)).sum() + sum(terms)).backward()
    return torch.stack(tokens, 1), hard, torch.stack(terms).detach(), z.grad


def projected(depth, width, inner, codes):
    """the same with a linear map in and out around each level; and the gradients of all maps"""
    z = latents(ROWS * width).reshape(ROWS, width).requires_grad_()
    maps = [[weight(width, inner, 4 * l), bias(inner, l), weight(inner, width, 4 * l + 2), bias(width, 3 + l)]
            for l in range(depth)]
    for level in maps:
        for leaf in level:
            leaf.requires_grad_()
    r, hard, q, tokens, terms = z, torch.zeros(ROWS, width), 0, [], []
    for l, (w_in, b_in, w_out, b_out) in enumerate(maps):
        book = vectors(codes, inner, l)
        x = r @ w_in + b_in
        at = nearest(x.detach(), book)
        e = book[at]
        terms.append(BETA * torch.mean(((z - hard) @ w_in + b_in - e) ** 2) / depth)
        level = straight_through(x, e) @ w_out + b_out
        r, q, hard = r - level, q + level, hard + (e @ w_out + b_out).detach()
        tokens.append(at)
    ((q * gradient(z.numel()).reshape(z.shape)).sum() + sum(terms)).backward()
    leaves = torch.cat([leaf.grad.flatten() for level in maps for leaf in level])
    return torch.stack(tokens, 1), q.detach(), torch.stack(terms).detach(), z.grad, leaves


def grouped(books, groups):
    width = books[0].shape[1]
    z = latents(ROWS * width * groups).reshape(ROWS, groups, width).requires_grad_()
    tokens = torch.stack([nearest(z[:, g].detach(), books[g % len(books)]) for g in range(groups)], 1)
    q = torch.stack([books[g % len(books)][tokens[:, g]] for g in range(groups)], 1)
    terms = BETA * ((z - q) ** 2).mean((0, 2)) / groups
    loss = (straight_through(z, q) * gradient(z.numel()).reshape(z.shape)).sum() + terms.sum()
    loss.backward()
    return tokens, q, terms.detach(), z.grad


def residual_fsq(depth, levels):
    levels = torch.tensor(levels)
    bound = 1 + 1 / (levels - 1)
    z = (3 * latents(ROWS * len(levels))).reshape(ROWS, len(levels)).requires_grad_()
    x = (z / bound).tanh() * bound
    r, q, tokens = x.detach(), 0, []
    basis = torch.cumprod(torch.tensor([1] + levels.tolist()[:-1]), 0)
    for l in range(depth):
        scale = levels.double() ** -l
        u = (levels - 1) * ((r / scale).clamp(-1, 1) + 1) / 2 + 0.5
        assert (u - u.round()).abs().min() > 1e-5, "a tie"
        digit = u.floor()
        part = (2 / (levels - 1) * digit - 1) * scale
        r, q = r - part, q + part
        tokens.append((digit * basis).sum(1))
    # tanh(z / c), the derivative of c tanh(z / c)
    (straight_through(x, q) * gradient(z.numel()).reshape(z.shape)).sum().backward()
    return torch.stack(tokens, 1), q, z.grad


def binary(rounds, width):
    z = (2 * latents(ROWS * width)).reshape(ROWS, width).requires_grad_()
    f = z.tanh()
    q, bits = torch.zeros_like(f), []
    for m in range(1, rounds + 1):
        assert (f - q).abs().min() > 1e-5, "a tie"
        bits.append((f > q).long())
        q = (q + (2 * bits[-1] - 1) * 2.0**-m).detach()
    (straight_through(f, q) * gradient(z.numel()).reshape(z.shape)).sum().backward()
    by_round = torch.stack([(b * 2 ** torch.arange(width)).sum(1) for b in bits], 1)
    by_channel = sum(b * 2 ** (rounds - 1 - m) for m, b in enumerate(bits))
    assert torch.equal((2 * by_channel + 1) / 2**rounds - 1, q)
    return by_round, by_channel, q, z.grad


RESIDUAL = [vectors(8, 4, 0), vectors(5, 4, 1), vectors(8, 4, 2)]
OWN = [vectors(6, 2, 0), vectors(6, 2, 1)]
SHARED = [vectors(6, 2, 0)]


def cases():
    for name, books in (("residual", RESIDUAL), ("residual_shared", [vectors(8, 4, 1)] * 3)):
        for what, value in zip(("tokens", "q", "terms", "grad"), residual(books)):
            yield f"{name}_{what}", value
    for what, value in zip(("tokens", "q", "terms", "grad", "leaves"), projected(2, 4, 3, 5)):
        yield f"residual_projected_{what}", value
    for name, books in (("grouped", OWN), ("grouped_shared", SHARED)):
        for what, value in zip(("tokens", "q", "terms", "grad"), grouped(books, 2)):
            yield f"{name}_{what}", value
    for depth, levels in ((2, [5, 4, 3]), (3, [3, 2])):
        for what, value in zip(("tokens", "q", "grad"), residual_fsq(depth, levels)):
            yield f"residual_fsq_{depth}_{'_'.join(map(str, levels))}_{what}", value
    for what, value in zip(("rounds", "channels", "q", "grad"), binary(4, 3)):
        yield f"binary_{what}", value


def second_witness():
    """What vector-quantize-pytorch gives for the same inputs: a list of what differs."""
    try:
        from vector_quantize_pytorch import GroupedResidualVQ, ResidualFSQ, ResidualVQ
    except ImportError:
        print("no second witness: vector-quantize-pytorch is not installed")
        return []
    wrong = []

    def compare(name, expected, got):
        if expected.shape != got.shape or not torch.allclose(expected.double(), got.double(), atol=1e-6):
            wrong.append("vector-quantize-pytorch: " + name)

    options = {"commitment_weight": BETA, "rotation_trick": False}
    books, z = RESIDUAL, latents(ROWS * 4).reshape(1, ROWS, 4)
    model = ResidualVQ(dim=4, codebook_size=tuple(len(b) for b in books), **options)
    for layer, book in zip(model.layers, books):
        layer._codebook.embed.data = book[None].clone()
    tokens, q, terms, _ = residual(books)
    got = model(z, freeze_codebook=True)
    compare("residual tokens", tokens, got[1][0])
    compare("residual q", q, got[0][0].detach())
    compare("residual losses", terms * len(books), got[2].flatten())  # a loss for each level, not their mean

    z = latents(ROWS * 4).reshape(1, ROWS, 4)
    model = GroupedResidualVQ(dim=4, groups=2, num_quantizers=1, codebook_size=6, **options)
    for rvq, book in zip(model.rvqs, OWN):
        rvq.layers[0]._codebook.embed.data = book[None].clone()
    tokens, q, terms, _ = grouped(OWN, 2)
    got = model(z, freeze_codebook=True)
    compare("grouped tokens", tokens, got[1][:, 0, :, 0].T)
    compare("grouped q", q.flatten(1), got[0][0].detach())
    compare("grouped losses", terms * 2, got[2].flatten())

    for depth, levels in ((2, [5, 4, 3]), (3, [3, 2])):
        z = 3 * latents(ROWS * len(levels)).reshape(1, ROWS, len(levels))
        model = ResidualFSQ(levels=levels, num_quantizers=depth, force_quantization_f32=False)
        tokens, q, _ = residual_fsq(depth, levels)
        got = model.double()(z)
        compare(f"residual FSQ {levels} tokens", tokens, got[1][0])
        compare(f"residual FSQ {levels} q", q, got[0][0].detach())
    return wrong


def text(values):
    out = ["#pragma once", f"// Written by golden/make_residual.py with PyTorch {torch.__version__}; not to be edited.", "",
           "namespace golden {", ""]
    for name, value in values:
        numbers = [repr(float(x)) for x in value.flatten().tolist()]
        out.append(f"inline constexpr double {name}[] = {{")
        out += ["    " + ", ".join(numbers[i:i + 4]) + "," for i in range(0, len(numbers), 4)]
        out += ["};", ""]
    return "\n".join(out + ["}  // namespace golden", ""])


def check(values):
    stored = dict(re.findall(r"double (\w+)\[\] = \{(.*?)\};", FILE.read_text(), re.S))
    wrong = [name for name in stored if name not in dict(values)]
    for name, value in values:
        numbers = torch.tensor([float(x) for x in stored.get(name, "").replace("\n", " ").split(",") if x.strip()])
        value = value.flatten().double()
        if numbers.shape != value.shape or not torch.allclose(numbers, value, rtol=1e-10, atol=1e-12):
            wrong.append(name)
    wrong += second_witness()
    print("differs: " + ", ".join(wrong) if wrong else f"{len(values)} cases agree with PyTorch {torch.__version__}")
    return 1 if wrong else 0


if __name__ == "__main__":
    results = list(cases())
    if "--check" in sys.argv[1:]:
        sys.exit(check(results))
    FILE.write_text(text(results))
