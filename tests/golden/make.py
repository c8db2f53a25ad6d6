#!/usr/bin/env python3
"""Writes the golden files of tests/golden: what PyTorch computes for one layer each.

    make.py            writes <case>.safetensors beside this script
    make.py --check    recomputes every file from the x, dy and parameters that it holds, and compares

A file holds x, y, dy, dx and, for each parameter, param.<name> and grad.<name>, under PyTorch's names, in PyTorch's
layout (images [N, C, H, W], convolutions OIHW) and in float32; and the places of the rows of x where the module takes
them. The numbers are computed in float64 from the float32 inputs and rounded once, so that the files do not depend on
the machine.
"""

import pathlib
import sys

try:
    import torch
    from safetensors.torch import load_file, save_file
    from torch import nn
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent


class CausalAttention(nn.MultiheadAttention):
    """Self-attention in which no token sees a later one."""

    def forward(self, x):
        tokens = x.shape[1]
        hidden = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
        return super().forward(x, x, x, attn_mask=hidden, need_weights=False)[0]


class TwoStreamAttention(nn.MultiheadAttention):
    """Contents, then as many queries; each row attends to the contents up to its index in its half."""

    def forward(self, x):
        contents = x.shape[1] // 2
        hidden = torch.ones(contents, contents, dtype=torch.bool).triu(1)
        hidden = torch.cat([hidden, torch.ones_like(hidden)], 1).repeat(2, 1)
        return super().forward(x, x, x, attn_mask=hidden, need_weights=False)[0]


class TokenAndPlace(nn.Module):
    """x holds place * vocab + token."""

    def __init__(self, vocab, places, width):
        super().__init__()
        self.token = nn.Embedding(vocab, width)
        self.position = nn.Embedding(places, width)

    def forward(self, x):
        vocab = self.token.num_embeddings
        return self.token(x % vocab) + self.position(x // vocab)


class TokenAndPosition(nn.Module):
    def __init__(self, vocab, tokens, width):
        super().__init__()
        self.token = nn.Embedding(vocab, width)
        self.position = nn.Embedding(tokens, width)

    def forward(self, x):
        return self.token(x) + self.position(torch.arange(x.shape[1]))


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class TiedHead(nn.Sequential):
    """Modules after an embedding, then the products with its first `vocab` rows."""

    def __init__(self, vocab, *modules):
        super().__init__(*modules)
        self.vocab = vocab

    def forward(self, x):
        return nn.functional.linear(super().forward(x), self[0].weight[: self.vocab])


class ModernAttention(nn.Module):
    """Causal attention with fewer heads of keys and values, rotary positions, and with or without biases.

    columns: of a grid, whose rows turn the first half of the pairs and whose columns turn the second; 0: a sequence.
    """

    def __init__(self, width, heads, kv_heads, rotary=True, columns=0, bias=False, base=10000.0):
        super().__init__()
        self.heads, self.kv_heads, self.rotary, self.columns, self.base = heads, kv_heads, rotary, columns, base
        self.d = width // heads
        row = width + 2 * kv_heads * self.d
        self.in_proj_weight = nn.Parameter(torch.randn(row, width) / width**0.5)
        if bias:
            self.in_proj_bias = nn.Parameter(torch.zeros(row))
        self.out_proj = nn.Linear(width, width, bias=bias)

    def angles(self, places):  # [..., tokens]
        def of(places, pairs):
            return places[..., None] * self.base ** (-torch.arange(pairs, dtype=torch.float64) / pairs)

        t, pairs = places.double(), self.d // 2
        if self.columns == 0:
            return of(t, pairs)
        return torch.cat([of(t // self.columns, pairs // 2), of(t % self.columns, pairs // 2)], -1)

    def turn(self, x, places=None):  # x [batch, heads, tokens, d], places [batch, tokens]
        a = self.angles(torch.arange(x.shape[2]) if places is None else places[:, None])
        cos, sin = torch.cat([a.cos(), a.cos()], -1).to(x), torch.cat([a.sin(), a.sin()], -1).to(x)
        low, high = x.chunk(2, -1)
        return x * cos + torch.cat([-high, low], -1) * sin  # LLaMA's rotate_half

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = nn.functional.linear(x, self.in_proj_weight, getattr(self, "in_proj_bias", None))
        kv = self.kv_heads * self.d
        q, k, v = (
            m.view(batch, tokens, -1, self.d).transpose(1, 2) for m in qkv.split([width, kv, kv], dim=-1)
        )
        if self.rotary:
            q, k = self.turn(q), self.turn(k)
        k, v = (m.repeat_interleave(self.heads // self.kv_heads, dim=1) for m in (k, v))
        o = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(o.transpose(1, 2).reshape(batch, tokens, width))


class ModernTwoStreamAttention(ModernAttention):
    """TwoStreamAttention with rotary positions: each row is turned by its place, of those that come with x."""

    def forward(self, x, places):
        batch, tokens, width = x.shape
        contents = tokens // 2
        kv = self.kv_heads * self.d
        q, k, v = (
            m.view(batch, tokens, -1, self.d).transpose(1, 2)
            for m in nn.functional.linear(x, self.in_proj_weight).split([width, kv, kv], dim=-1)
        )
        q, k = self.turn(q, places), self.turn(k, places)
        # both streams read the contents only
        k, v = (m[:, :, :contents].repeat_interleave(self.heads // self.kv_heads, dim=1) for m in (k, v))
        seen = torch.ones(contents, contents, dtype=torch.bool).tril().repeat(2, 1)
        o = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out_proj(o.transpose(1, 2).reshape(batch, tokens, width))


class SwiGlu(nn.Module):
    """w1 and w3 of LLaMA's MLP."""

    def __init__(self, width, hidden, bias):
        super().__init__()
        self.w1 = nn.Linear(width, hidden, bias=bias)
        self.w3 = nn.Linear(width, hidden, bias=bias)

    def forward(self, x):
        return nn.functional.silu(self.w1(x)) * self.w3(x)


def attention(width, heads):
    return CausalAttention(width, heads, batch_first=True)


# name: (module, shape of x with the batch, or (shape, vocab) where x holds tokens)
CASES = {
    "linear": (lambda: nn.Linear(19, 33), (3, 5, 19)),
    "linear_no_bias": (lambda: nn.Linear(8, 16, bias=False), (2, 8)),
    "conv2d_same3": (lambda: nn.Conv2d(3, 33, 3, padding=1), (2, 3, 5, 6)),
    "conv2d_down2": (lambda: nn.Conv2d(3, 17, 4, stride=2, padding=1), (2, 3, 8, 10)),
    "conv2d_pointwise": (lambda: nn.Conv2d(16, 9, 1), (2, 16, 5, 3)),
    "conv2d_no_bias": (lambda: nn.Conv2d(1, 8, 3, stride=2, bias=False), (2, 1, 9, 7)),
    "conv_transpose2d_up2": (lambda: nn.ConvTranspose2d(9, 5, 4, stride=2, padding=1), (2, 9, 4, 3)),
    "conv_transpose2d_odd": (lambda: nn.ConvTranspose2d(4, 9, 3, stride=2, padding=1), (2, 4, 3, 5)),
    "conv_transpose2d_one": (lambda: nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1), (2, 16, 3, 3)),
    "causal_attention": (lambda: attention(12, 3), (2, 7, 12)),
    "causal_attention_wide": (lambda: attention(32, 2), (1, 17, 32)),
    "layer_norm": (lambda: nn.LayerNorm(33), (3, 5, 33)),
    "group_norm": (lambda: nn.GroupNorm(3, 18), (2, 18, 5, 4)),
    "relu": (lambda: nn.Sequential(nn.ReLU()), (2, 5, 33)),
    "gelu": (lambda: nn.GELU(approximate="tanh"), (2, 5, 33)),
    "silu": (nn.SiLU, (2, 5, 33)),
    "sigmoid": (nn.Sigmoid, (2, 5, 33)),
    "tanh": (nn.Tanh, (2, 5, 33)),
    "upsample": (lambda: nn.Upsample(scale_factor=2, mode="nearest"), (2, 9, 3, 4)),
    "avg_pool2d": (lambda: nn.AvgPool2d(3, stride=2, padding=1), (2, 17, 5, 4)),
    "max_pool2d": (lambda: nn.MaxPool2d(3, stride=2, padding=1), (2, 17, 5, 4)),
    "embedding": (lambda: TokenAndPosition(13, 7, 9), ((4, 7), 13)),
    "chain": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 8, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            Residual(nn.ReLU(), nn.Conv2d(16, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 1)),
            nn.Conv2d(16, 4, 1),
        ),
        (2, 1, 12, 12),
    ),
    "block": (
        lambda: nn.Sequential(
            Residual(nn.LayerNorm(16), attention(16, 2)),
            Residual(nn.LayerNorm(16), nn.Linear(16, 48), nn.GELU(approximate="tanh"), nn.Linear(48, 16)),
        ),
        (2, 9, 16),
    ),
    "rms_norm": (lambda: nn.RMSNorm(33, eps=1e-5), (3, 5, 33)),
    "rms_norm_epsilon": (lambda: nn.RMSNorm(33, eps=0.1), (3, 5, 33)),
    "swiglu": (lambda: SwiGlu(19, 40, bias=False), (3, 5, 19)),
    "swiglu_bias": (lambda: SwiGlu(19, 9, bias=True), (3, 5, 19)),
    "swiglu_mlp": (lambda: nn.Sequential(SwiGlu(19, 40, bias=False), nn.Linear(40, 19, bias=False)), (3, 5, 19)),
    "attention_rotary": (lambda: ModernAttention(12, 3, 3, bias=True), (2, 7, 12)),
    "attention_grouped": (lambda: ModernAttention(32, 4, 2, rotary=False), (1, 17, 32)),
    "attention_modern": (lambda: ModernAttention(48, 6, 2), (2, 21, 48)),
    "attention_grid": (lambda: ModernAttention(48, 3, 1, columns=5, base=100.0), (2, 20, 48)),
    "layer_norm_no_bias": (lambda: nn.LayerNorm(33, bias=False), (3, 5, 33)),
    "token_embedding": (lambda: nn.Embedding(13, 9), ((4, 7), 13)),
    "tied_head": (lambda: TiedHead(11, nn.Embedding(13, 9), nn.LayerNorm(9)), ((4, 7), 13)),
    "block_modern": (
        lambda: nn.Sequential(
            Residual(nn.RMSNorm(16, eps=1e-5), ModernAttention(16, 4, 2)),
            Residual(nn.RMSNorm(16, eps=1e-5), SwiGlu(16, 64, bias=False), nn.Linear(64, 16, bias=False)),
        ),
        (2, 9, 16),
    ),
    "two_stream_attention": (lambda: TwoStreamAttention(12, 3, batch_first=True), (2, 14, 12)),
    "placed_embedding": (lambda: TokenAndPlace(5, 3, 9), ((4, 7), 15)),
    "two_stream_attention_rotary": (lambda: ModernTwoStreamAttention(24, 2, 1), (3, 14, 24)),
    "two_stream_attention_grid": (lambda: ModernTwoStreamAttention(48, 6, 2, columns=5, base=100.0), (2, 20, 48)),
}


def others(tensors):
    return [tensors["places"]] if "places" in tensors else []


def compute(module, tensors):
    """y, dx and the gradients for the x, dy and parameters in `tensors`."""
    module = module.double()
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_(tensors["param." + name].double())
    x = tensors["x"]
    x = x.long() if x.dtype == torch.int32 else x.double().requires_grad_()
    y = module(x, *others(tensors))
    y.backward(tensors["dy"].double())
    made = {"y": y}
    if x.requires_grad:
        made["dx"] = x.grad
    for name, p in module.named_parameters():
        made["grad." + name] = p.grad
    return {k: v.detach().float().contiguous() for k, v in made.items()}


def inputs(module, shape, seed):
    torch.manual_seed(seed)
    if isinstance(shape[0], tuple):
        x = torch.randint(shape[1], shape[0], dtype=torch.int32)
        like = x.long()
    else:
        x = 1.5 * torch.randn(shape)
        like = x
    tensors = {"x": x}
    if isinstance(module, ModernTwoStreamAttention):
        tensors["places"] = torch.randint(shape[1], shape[:2], dtype=torch.int32)
    tensors["dy"] = torch.randn(module(like, *others(tensors)).shape)
    for name, p in module.named_parameters():
        # Not the start values: a gain of one or a bias of zero would hide a mistake.
        tensors["param." + name] = (p + 0.2 * torch.randn(p.shape)).detach()
    return tensors


def write():
    for seed, (name, (build, shape)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        module = build()
        tensors = inputs(module, shape, seed)
        tensors.update(compute(module, tensors))
        save_file(tensors, HERE / f"{name}.safetensors")
    print(f"wrote {len(CASES)} files, torch {torch.__version__}")


def check():
    failures = 0
    committed = {path.stem for path in HERE.glob("*.safetensors")}
    for name in CASES.keys() - committed:
        print(f"{name}: no file")
        failures += 1
    for name, (build, shape) in CASES.items():
        if name not in committed:
            continue
        tensors = load_file(HERE / f"{name}.safetensors")
        wanted = shape[0] if isinstance(shape[0], tuple) else shape
        if tuple(tensors["x"].shape) != tuple(wanted):
            print(f"{name}: x: expected {tuple(wanted)}, got {tuple(tensors['x'].shape)}")
            failures += 1
            continue
        for key, value in compute(build(), tensors).items():
            error = (value - tensors[key]).abs().max().item() / max(value.abs().max().item(), 1e-30)
            if not error <= 1e-6:
                print(f"{name}: {key}: expected a relative difference below 1e-6, got {error:.3g}")
                failures += 1
    print(f"{len(CASES)} files compared with torch {torch.__version__}, {failures} differ")
    return 1 if failures else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    if sys.argv[1:]:
        sys.exit(__doc__)
    write()
