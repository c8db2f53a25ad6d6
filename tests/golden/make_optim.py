#!/usr/bin/env python3
"""Writes golden/optim.hpp: what PyTorch makes of the small cases in tests/optim and tests/loss, in double.

    python3 make_optim.py            writes the file
    python3 make_optim.py --check    makes the numbers again and compares them with the file: exit 1 if they differ,
                                     77 without PyTorch

Inputs are short formulas of the index (multiples of 1/16, exact in float), written once here and once in the tests.
No g + decay p is zero in exact arithmetic: Adam would make a whole step of the rounding error.
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
FILE = pathlib.Path(__file__).with_name("optim.hpp")


def start(n):
    return torch.tensor([((i * 7) % 11 - 5) / 8 for i in range(n)])


def gradient(n, step):
    return torch.tensor([((i * 5 + step * 3) % 13 - 6) / 16 for i in range(n)])


def leaves():
    """A weight [3, 7] and a bias [7]."""
    return [start(21).reshape(3, 7).requires_grad_(), start(7).requires_grad_()]


def run(make, steps=8, rates=None):
    params = leaves()
    optimizer = make(params)
    for step in range(steps):
        if rates:
            for group in optimizer.param_groups:
                group["lr"] = rates(step)
        params[0].grad = gradient(21, step).reshape(3, 7)
        params[1].grad = gradient(7, step)
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in params])


def decay_of_weights(params, decay):
    return [{"params": params[:1], "weight_decay": decay}, {"params": params[1:], "weight_decay": 0.0}]


class Muon:
    """The formula of torch.optim.Muon in the type of the leaves, for the weight; AdamW for the bias."""

    def __init__(self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True, ns_steps=5, adjust_lr_fn=None):
        self.weight = params[0]
        self.bias = torch.optim.AdamW(params[1:], lr=lr, weight_decay=0.0)
        self.lr, self.decay, self.momentum = lr, weight_decay, momentum
        self.nesterov, self.ns_steps = nesterov, ns_steps
        rows, columns = self.weight.shape
        self.factor = max(1, rows / columns) ** 0.5 if adjust_lr_fn == "original" else 0.2 * max(rows, columns) ** 0.5
        self.mean = torch.zeros_like(self.weight)

    @torch.no_grad()
    def step(self):
        grad = self.weight.grad
        self.mean.lerp_(grad, 1 - self.momentum)
        x = grad.lerp(self.mean, self.momentum) if self.nesterov else self.mean.clone()
        x /= x.norm().clamp(min=1e-7)
        for _ in range(self.ns_steps):
            gram = x @ x.T
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
        self.weight.mul_(1 - self.lr * self.decay).sub_(self.lr * self.factor * x)
        self.bias.step()


def muon(**options):
    """Also compares with torch.optim.Muon, which computes the iteration in bfloat16."""
    exact = run(lambda p: Muon(p, **options))
    torchs = run(lambda p: torch.optim.Muon(p[:1], **{"adjust_lr_fn": "match_rms_adamw", **options}))
    moved = (exact - run(lambda p: torch.optim.SGD(p, lr=0)))[:21].abs().max()
    assert (torchs - exact)[:21].abs().max() < 0.05 * moved
    return exact


def lr_of(make, lr, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return torch.tensor(rates)


def cases():
    from torch.nn import functional as F
    from torch.optim import Adam, AdamW
    from torch.optim import lr_scheduler as sched

    yield "adamw_defaults", run(lambda p: AdamW(decay_of_weights(p, 1e-2)))
    yield "adamw_strong", run(lambda p: AdamW(decay_of_weights(p, 0.1), lr=0.05, betas=(0.9, 0.95), eps=1e-6))
    yield "adamw_rates", run(lambda p: AdamW(decay_of_weights(p, 0.1)), rates=lambda t: 0.01 * (t + 1))
    yield "adam_defaults", run(Adam)
    yield "muon_defaults", muon()
    yield "muon_original", muon(lr=0.02, weight_decay=0.2, momentum=0.9, nesterov=False, ns_steps=3,
                                adjust_lr_fn="original")
    yield "adam_decay", run(lambda p: Adam(p, lr=0.05, weight_decay=0.07))

    params = leaves()
    for p in params:
        p.grad = gradient(p.numel(), 1).reshape(p.shape)
    norm = torch.nn.utils.clip_grad_norm_(params, 0.75)
    yield "clip_norm", norm.reshape(1)
    yield "clipped", torch.cat([p.grad.flatten() for p in params])

    def warmup_cosine(o):
        warm = sched.LinearLR(o, start_factor=1 / 6, total_iters=5)
        return sched.SequentialLR(o, [warm, sched.CosineAnnealingLR(o, T_max=15, eta_min=0.01)], milestones=[5])

    def warm_stable_decay(o):
        warm = sched.LinearLR(o, start_factor=1 / 5, total_iters=4)
        stable = sched.ConstantLR(o, factor=1.0, total_iters=6)
        decay = sched.LinearLR(o, start_factor=1.0, end_factor=0.25, total_iters=8)
        return sched.SequentialLR(o, [warm, stable, decay], milestones=[4, 10])

    yield "warmup_cosine", lr_of(warmup_cosine, 0.2, 21)
    yield "warm_stable_decay", lr_of(warm_stable_decay, 0.2, 22)

    module = torch.nn.Linear(7, 3, bias=False)
    average = torch.optim.swa_utils.AveragedModel(
        module, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    for step in range(6):
        module.weight.data = gradient(21, step).reshape(3, 7)
        average.update_parameters(module)
    yield "ema", average.module.weight.detach().flatten()

    y = start(33).requires_grad_()
    target = gradient(33, 2)
    for name, loss in (("mse", F.mse_loss(y, target)), ("l1", F.l1_loss(y, target))):
        y.grad = None
        loss.backward()
        yield name, loss.detach().reshape(1)
        yield name + "_grad", y.grad

    counts = (torch.arange(33) % 3 != 1).to(y.dtype)
    for name, each in (("mse_masked", (y - target) ** 2), ("l1_masked", (y - target).abs())):
        y.grad = None
        loss = (each * counts).sum() / target.numel()
        loss.backward()
        yield name, loss.detach().reshape(1)
        yield name + "_grad", y.grad

    logits = (8 * start(5 * 9)).reshape(5, 9).requires_grad_()
    targets = torch.tensor([0, 8, -100, 3, 4])
    loss = F.cross_entropy(logits, targets)
    loss.backward()
    yield "cross_entropy", loss.detach().reshape(1)
    yield "cross_entropy_grad", logits.grad.flatten()
    yield "softmax", torch.softmax(logits.detach()[1], 0)


def text(values):
    out = ["#pragma once", f"// Written by golden/make_optim.py with PyTorch {torch.__version__}; not to be edited.", "",
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
