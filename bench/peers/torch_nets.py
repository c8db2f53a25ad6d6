"""The nets of both presets as a PyTorch user would write them; sizes and parameters as in examples/support/nets.hpp."""
import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 64  # labels that the prior knows; one more row of its table stands for none


class Branch(nn.Module):
    def __init__(self, channels, inner):
        super().__init__()
        self.wide = nn.Conv2d(channels, inner, 3, padding=1, bias=False)
        self.back = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x):
        return x + self.back(F.relu(self.wide(F.relu(x))))


class Quantizer(nn.Module):
    """Nearest code, straight through; the codes are moving averages of the vectors that chose them."""

    def __init__(self, codes, width, decay=0.99, eps=1e-5):
        super().__init__()
        self.decay, self.eps = decay, eps
        start = torch.randn(codes, width)
        self.register_buffer("weight", start)
        self.register_buffer("count", torch.ones(codes))
        self.register_buffer("sum", start.clone())

    def forward(self, z):
        rows = z.permute(0, 2, 3, 1)
        flat = rows.reshape(-1, rows.shape[-1]).to(self.weight.dtype)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):  # averages in float32
            chosen = nearest(flat, self.weight)
            q = self.weight[chosen]
            if self.training:
                hits = F.one_hot(chosen, len(self.weight)).to(flat.dtype)
                counts = hits.sum(0)
                self.count.lerp_(counts, 1 - self.decay)
                self.sum.lerp_(hits.t() @ flat, 1 - self.decay)
                total = self.count.sum()
                smooth = (self.count + self.eps) / (total + len(counts) * self.eps) * total
                self.weight.copy_(self.sum / smooth[:, None])
                share = counts / counts.sum()
                self.perplexity = torch.exp(-(share * (share + 1e-10).log()).sum())
        commitment = F.mse_loss(flat, q)
        q = flat + (q - flat).detach()
        return q.view_as(rows).permute(0, 3, 1, 2), commitment, chosen


def nearest(x, codes):
    distance = x.square().sum(1, keepdim=True) - 2 * x @ codes.t() + codes.square().sum(1)
    return distance.argmin(1)


class VqVae(nn.Module):
    def __init__(self, channels, width, codes, inner=32):
        super().__init__()
        half = channels // 2
        body = lambda: [Branch(channels, inner), Branch(channels, inner), nn.ReLU()]
        self.encoder = nn.Sequential(
            nn.Conv2d(1, half, 4, 2, 1), nn.ReLU(), nn.Conv2d(half, channels, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1), *body(), nn.Conv2d(channels, width, 1))
        self.quantizer = Quantizer(codes, width)
        self.decoder = nn.Sequential(
            nn.Conv2d(width, channels, 3, padding=1), *body(),
            nn.ConvTranspose2d(channels, half, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(half, 1, 4, 2, 1))

    def forward(self, x):
        q, commitment, _ = self.quantizer(self.encoder(x))
        return F.mse_loss(self.decoder(q), x) + 0.25 * commitment

    def encode(self, x):
        return self.quantizer(self.encoder(x))[2]


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, cache=None):
        batch, tokens, width = x.shape
        split = self.qkv(self.norm1(x)).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        if cache is not None:  # keys and values of what came before
            if cache:
                k, v = torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2)
            cache[:] = k, v
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, vocab, context, width, layers, heads):
        super().__init__()
        self.vocab, self.context = vocab, context
        self.token, self.position = nn.Embedding(vocab + CLASSES + 1, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocab, bias=False)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, 0, 0.02)

    def forward(self, tokens, first=0, caches=None):
        x = self.token(tokens) + self.position.weight[first:first + tokens.shape[1]]
        for i, block in enumerate(self.blocks):
            x = block(x, None if caches is None else caches[i])
        return self.head(self.norm(x))

    def loss(self, tokens):
        opening = torch.full((len(tokens), 1), self.vocab + CLASSES)
        logits = self(torch.cat((opening, tokens[:, :-1]), 1))
        return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())

    def sample(self, count):
        caches, drawn = [[] for _ in self.blocks], []
        token = torch.full((count, 1), self.vocab + CLASSES)
        for at in range(self.context):
            logits = self(token, at, caches)[:, -1]
            token = torch.multinomial(logits.softmax(-1), 1)
            drawn.append(token)
        return torch.cat(drawn, 1)
