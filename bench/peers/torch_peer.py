"""PyTorch on the CPU: eager, with channels_last, or compiled. Each row gets what makes it fastest for a user who knows
PyTorch: fused optimisers, inference_mode, outputs made beforehand, scaled_dot_product_attention.
"""
import re

import torch
from torch.nn import functional as F

from sizes import lookup_sizes
from torch_nets import Gpt, VqVae, nearest

VAES = {"small": (64, 32, 256), "std": (128, 64, 512)}               # channels, width of a code, codes
PRIORS = {"small": (256, 49, 128, 4, 4), "std": (512, 49, 256, 6, 8)}  # vocabulary, context, width, layers, heads
STORE = 8  # batches that take turns


class Peer:
    def __init__(self, channels_last=False, compiled=False):
        self.channels_last, self.compiled = channels_last, compiled
        self.name = "PyTorch" + (" channels_last" if channels_last else " compiled" if compiled else "")
        self.versions = {"PyTorch": torch.__version__}
        torch.set_flush_denormal(True)
        if compiled:
            torch.compile(lambda x: x.sin() + 1)(torch.ones(64))  # says at once where there is no compiler

    def row(self, name, threads):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        if self.compiled:
            torch._dynamo.reset()
        for pattern, eager, last, compiled, make in ROWS:
            allowed = last if self.channels_last else compiled if self.compiled else eager
            if allowed and (match := re.fullmatch(pattern, name)):
                return make(self, *match.groups())
        return None

    def layout(self, x):
        return x.to(memory_format=torch.channels_last) if self.channels_last else x

    def made(self, f):
        return torch.compile(f) if self.compiled else f

    # ---- kernels ----------------------------------------------------------------------------------------------------

    def gemm(self, m, k, n):
        m, k, n = int(m), int(k), int(n)
        x, b, y = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
        return without_gradients(lambda: torch.mm(x, b, out=y))

    def gemm_weight_gradient(self, m, k, n):
        m, k, n = int(m), int(k), int(n)
        x, dy, db = torch.randn(m, k), torch.randn(m, n), torch.zeros(k, n)
        return without_gradients(lambda: db.addmm_(x.t(), dy))

    def lookup(self, name):
        n, k, d = lookup_sizes(name)
        x, codes, search = torch.randn(n, d), torch.randn(k, d), self.made(nearest)
        return without_gradients(lambda: search(x, codes))

    def convolution(self, what, kind, window, halves, height, width, channels, out, images):
        height, width, channels, out, images, window = map(int, (height, width, channels, out, images, window))
        transposed, stride, pad = kind == "convt", 2 if halves else 1, 0 if window == 1 else 1
        x = self.layout(torch.randn(images, channels, height, width))
        shape = (channels, out) if transposed else (out, channels)
        weight = self.layout(torch.randn(*shape, window, window) * 0.05)
        of_branch = (window == 3 and out == 32) or (window == 1 and channels == 32)
        bias = None if of_branch else torch.randn(out)
        forward = F.conv_transpose2d if transposed else F.conv2d
        run = lambda: forward(x, weight, bias, stride, pad)
        if what == "forward":
            return without_gradients(run)
        dy = torch.randn_like(run())
        mask = [what == "backward", what == "wgrad", what == "wgrad" and bias is not None]
        pair = lambda v: [v, v]
        return without_gradients(lambda: torch.ops.aten.convolution_backward(
            dy, x, weight, [out], pair(stride), pair(pad), pair(1), transposed, pair(0), 1, mask))

    def attention(self, what, tokens, d):
        tokens, d, heads = int(tokens), int(d), 4
        batch = 16 if tokens == 49 else 2
        split = torch.randn(batch, tokens, 3, heads, d).permute(2, 0, 3, 1, 4)
        attend = lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if what == "forward":
            q, k, v = split
            return without_gradients(lambda: attend(q, k, v))
        q, k, v = (part.clone(memory_format=torch.preserve_format).requires_grad_() for part in split)
        y = attend(q, k, v)
        dy = torch.randn_like(y)
        return lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True)

    def gelu_forward(self):
        x, f = torch.randn(196, 512), self.made(lambda x: F.gelu(x, approximate="tanh"))
        return without_gradients(lambda: f(x))

    def gelu_backward(self):
        x, dy = torch.randn(196, 512), torch.randn(196, 512)
        return without_gradients(lambda: torch.ops.aten.gelu_backward(dy, x, approximate="tanh"))

    def softmax(self):
        x, f = torch.randn(196, 512), self.made(lambda x: x.softmax(-1))
        return without_gradients(lambda: f(x))

    def layer_norm(self, what):
        x, dy, weight, bias = torch.randn(196, 256), torch.randn(196, 256), torch.randn(256), torch.randn(256)
        if what == "forward":
            f = self.made(lambda x: F.layer_norm(x, (256,), weight, bias))
            return without_gradients(lambda: f(x))
        _, mean, rstd = torch.native_layer_norm(x, (256,), weight, bias, 1e-5)
        return without_gradients(lambda: torch.ops.aten.native_layer_norm_backward(
            dy, x, (256,), mean, rstd, weight, bias, [True, True, True]))

    def adamw(self):
        p = torch.nn.Parameter(torch.randn(1_000_000))
        p.grad = torch.randn_like(p)
        return torch.optim.AdamW([p], 1e-3, fused=True).step

    # ---- nets -------------------------------------------------------------------------------------------------------

    def vae(self, preset="std"):
        return self.layout(VqVae(*VAES[preset]))

    def train_vae(self, preset, batch=128, side=28):
        model, batch, side = self.vae(preset), int(batch), int(side)
        return training(self.made(model), torch.optim.Adam(model.parameters(), 1e-3, fused=True),
                        [self.layout(torch.rand(batch, 1, side, side)) for _ in range(STORE)])

    def train_gpt(self, preset, batch=64, context=49):
        vocab, _, *rest = PRIORS[preset]
        model = Gpt(vocab, int(context), *rest)
        return training(self.made(model.loss), torch.optim.AdamW(model.parameters(), 3e-4, fused=True),
                        [torch.randint(0, vocab, (batch, int(context))) for _ in range(STORE)],
                        clip=lambda: torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0))

    def sample(self, preset, count):
        model, count = Gpt(*PRIORS[preset]).eval(), int(count)
        return without_gradients(lambda: model.sample(count))

    def encode(self, single):
        model = self.vae().eval()
        x, f = self.layout(torch.rand(1 if single else 128, 1, 28, 28)), self.made(model.encode)
        return without_gradients(lambda: f(x))

    def decode(self):
        model = self.vae().eval()
        q, f = self.layout(torch.randn(128, 64, 7, 7)), self.made(model.decoder)
        return without_gradients(lambda: f(q))

    def memory(self):
        def largest():
            step = self.train_vae("std")
            for _ in range(10):
                step()
            with open("/proc/self/status") as status:  # ru_maxrss would begin with that of the process that started it
                return int(re.search(r"VmHWM:\s*(\d+)", status.read())[1]) / 1024

        return largest


def without_gradients(f):
    def call():
        with torch.inference_mode():
            return f()

    return call


def training(loss, optimizer, batches, clip=None):
    turn = 0

    def step():
        nonlocal turn
        x = batches[turn % len(batches)]
        turn += 1
        optimizer.zero_grad()
        loss(x).backward()
        if clip:
            clip()
        optimizer.step()

    return step


# pattern, whether eager / channels_last / compiled has the row, what makes it
ROWS = [
    (r"gemm/(\d+)x(\d+)x(\d+)", True, False, False, Peer.gemm),
    (r"gemm-weight-gradient/(\d+)x(\d+)x(\d+)", True, False, False, Peer.gemm_weight_gradient),
    (r"(lookup/.*|scale-codes/.*|scale-width/.*)", True, False, True, Peer.lookup),
    (r"conv-(forward|backward|wgrad)/\w+-(convt?)(\d)(s2)?-(\d+)x(\d+)x(\d+)-(\d+)/(\d+)", True, True, False,
     Peer.convolution),
    (r"attention-(forward|backward)/(\d+)/(\d+)", True, False, False, Peer.attention),
    (r"gelu-forward", True, False, True, Peer.gelu_forward),
    (r"gelu-backward", True, False, False, Peer.gelu_backward),
    (r"softmax", True, False, True, Peer.softmax),
    (r"layer_norm-(forward)", True, False, True, Peer.layer_norm),
    (r"layer_norm-(backward)", True, False, False, Peer.layer_norm),
    (r"adamw", True, False, False, Peer.adamw),
    (r"train-vqvae/(\w+)", True, True, True, Peer.train_vae),
    (r"scale-batch/(\d+)", True, True, False, lambda self, batch: self.train_vae("small", batch)),
    (r"scale-image/(\d+)", True, True, False, lambda self, side: self.train_vae("small", 64, side)),
    (r"train-gpt/(\w+)", True, False, True, Peer.train_gpt),
    (r"scale-context/(\d+)", True, False, False, lambda self, context: self.train_gpt("small", 32, context)),
    (r"sample-gpt/(\w+)/(\d+)", True, False, False, Peer.sample),
    (r"encode(-1)?/std", True, True, True, Peer.encode),
    (r"decode/std", True, True, True, Peer.decode),
    (r"peak-memory/train-std", True, True, False, Peer.memory),
]
