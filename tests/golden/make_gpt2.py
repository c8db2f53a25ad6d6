#!/usr/bin/env python3
"""Writes golden/gpt2.safetensors: a small GPT-2 with nanoGPT's names of weights, tokens, and the logits of PyTorch.

    python3 make_gpt2.py            writes the file
    python3 make_gpt2.py --check    computes the logits again from the weights in the file and compares them: exit 1 if
                                    they differ, 77 without PyTorch

The model is that of nanoGPT's model.py with GPT-2's GELU (the tanh form) and the embedding as head;
gpt2_common.py has the sizes and the check.
"""

import pathlib
import sys

try:
    import torch
    from safetensors.torch import save_file
    from torch import nn
    from torch.nn import functional as F
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from gpt2_common import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH, net_input, run

FILE = pathlib.Path(__file__).with_name("gpt2.safetensors")


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn = nn.Linear(WIDTH, 3 * WIDTH)
        self.c_proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        batch, tokens, _ = x.shape
        q, k, v = (m.view(batch, tokens, HEADS, -1).transpose(1, 2) for m in self.c_attn(x).split(WIDTH, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(batch, tokens, WIDTH))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_fc = nn.Linear(WIDTH, 4 * WIDTH)
        self.c_proj = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1 = nn.LayerNorm(WIDTH)
        self.attn = Attention()
        self.ln_2 = nn.LayerNorm(WIDTH)
        self.mlp = Mlp()

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt2(nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(VOCAB + 1, WIDTH),
                "wpe": nn.Embedding(CONTEXT, WIDTH),
                "h": nn.ModuleList([Block() for _ in range(LAYERS)]),
                "ln_f": nn.LayerNorm(WIDTH),
            }
        )

    def forward(self, x):
        t = self.transformer
        h = t.wte(x) + t.wpe(torch.arange(x.shape[1]))
        for block in t.h:
            h = block(h)
        return F.linear(t.ln_f(h), t.wte.weight)[:, :, :VOCAB]


def logits(tensors):
    """Those before each token of x."""
    model = Gpt2()
    model.load_state_dict({k: v for k, v in tensors.items() if k.startswith("transformer.")})
    return model.double()(net_input(tensors)).detach().float().contiguous()


def write():
    torch.manual_seed(1)
    tensors = {k: p.detach() + 0.2 * torch.randn(p.shape) for k, p in Gpt2().named_parameters()}
    tensors["x"] = torch.randint(VOCAB, (3, CONTEXT), dtype=torch.int32)
    tensors["logits"] = logits(tensors)
    save_file(tensors, FILE)
    print(f"wrote {FILE.name}, torch {torch.__version__}")


if __name__ == "__main__":
    run(__doc__, write, FILE, logits, f"torch {torch.__version__}")
