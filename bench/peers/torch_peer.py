"""PyTorch on the CPU: eager, with channels_last, compiled, both, and each of them in bfloat16. Each row gets what makes
it fastest for a user who knows PyTorch: fused optimisers, inference_mode, outputs made beforehand,
scaled_dot_product_attention, autocast in training and weights in bfloat16 in inference; compiled sampling has a cache
of constant size and weights that are constants.
"""
import contextlib
import re

import torch
from torch.nn import functional as F

from cases import STEPS, case, opened
from sizes import lookup_sizes
from torch_nets import nearest


class Peer:
    def __init__(self, channels_last=False, compiled=False, bf16=False):
        self.channels_last, self.compiled, self.bf16 = channels_last, compiled, bf16
        self.name = " ".join(["PyTorch"] + ["channels_last"] * channels_last + ["compiled"] * compiled
                             + ["bf16"] * bf16)
        self.precision = "bfloat16" if bf16 else "float32"
        self.versions = {"PyTorch": torch.__version__}
        torch.set_flush_denormal(True)
        if compiled:
            torch.compile(lambda x: x.sin() + 1)(torch.ones(64))  # says at once where there is no compiler

    def row(self, name, threads):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        if self.compiled:
            torch._dynamo.reset()
        if self.has(NETS, name):
            return self.net(case(name))
        if self.bf16:
            return None
        for pattern, eager, last, compiled, make in KERNELS:
            if self.allowed(eager, last, compiled) and (match := re.fullmatch(pattern, name)):
                return make(self, *match.groups())
        return None

    def allowed(self, eager, last, compiled):
        return (last if self.channels_last else True) and (compiled if self.compiled else True) and (
            self.channels_last or self.compiled or eager)

    def has(self, rows, name):
        return any(self.allowed(*allowed) and re.fullmatch(pattern, name) for pattern, *allowed in rows)

    def layout(self, x):
        return x.to(memory_format=torch.channels_last) if self.channels_last and x.dim() == 4 else x

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

    def net(self, case):
        """The call of a case; that of training gives the loss."""
        model = case.model.to(memory_format=torch.channels_last) if self.channels_last else case.model
        if case.kind.startswith("train"):
            return self.training(case, model)
        if self.bf16:
            model = model.to(torch.bfloat16)
        if case.kind == "sample":
            return self.sampling(case, model)
        x = self.layout(case.batches[0]).to(torch.bfloat16 if self.bf16 else torch.float32)
        f = self.constant(model.encode if case.kind == "encode" else model.decoder)
        return without_gradients(lambda: f(x))

    def training(self, case, model):
        gpt = case.kind == "train-gpt"
        loss = self.made(model.loss if gpt else model)
        optimizer = (torch.optim.AdamW(model.parameters(), 3e-4, fused=True) if gpt else
                     torch.optim.Adam(model.parameters(), 1e-3, fused=True))
        batches, turn = [self.layout(x) for x in case.batches], 0

        def step():
            nonlocal turn
            x = batches[turn % len(batches)]
            turn += 1
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16) if self.bf16 else contextlib.nullcontext():
                value = loss(x)
            value.backward()
            if gpt:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            return value.detach()

        return step

    def constant(self, f):
        """Compiled with weights that do not change, packed beforehand."""
        return torch.compile(f, options={"freezing": True}) if self.compiled else f

    def sampling(self, case, model, given=None):
        """Draws sequences; with given tokens, gives the logits instead."""
        if not self.compiled:
            if given is None:
                return without_gradients(lambda: model.sample(case.count))
            return without_gradients(lambda: model(opened(model, given)).float())
        cache = StaticCache(model, case.count)
        step = self.constant(lambda token, at: cache.step(token, at))
        places = [torch.tensor([i]) for i in range(model.context)]

        def call():
            token, drawn = torch.full((case.count,), len(model.token.weight) - 1), []
            for i, at in enumerate(places):
                logits, token = step(token, at)
                drawn.append(token if given is None else logits.float())
                token = token if given is None else given[:, i]
            return torch.stack(drawn, 1)

        return without_gradients(call)

    def probe(self, name):
        """The answers that are compared, see cases.py."""
        if not self.has(NETS, name):
            return None
        if self.compiled:
            torch._dynamo.reset()
        made = case(name)
        if made.kind == "sample":
            model = made.model.to(torch.bfloat16) if self.bf16 else made.model
            return self.sampling(made, model, made.batches[0])().numpy()
        call = self.net(made)
        if made.kind.startswith("train"):
            return torch.stack([call() for _ in range(STEPS)]).float().numpy()
        return call().to(torch.float32 if made.kind == "decode" else torch.int64).contiguous().numpy()

    def memory(self):
        def largest():
            step = self.net(case("train-vqvae/std"))
            for _ in range(10):
                step()
            with open("/proc/self/status") as status:  # ru_maxrss would begin with that of the process that started it
                return int(re.search(r"VmHWM:\s*(\d+)", status.read())[1]) / 1024

        return largest


class StaticCache:
    """Keys and values of all positions, and a step that compiles to one program for all of them."""

    def __init__(self, model, count):
        self.model, self.heads, self.width = model, model.blocks[0].heads, model.position.weight.shape[1]
        shape = (len(model.blocks), count, self.heads, model.context, self.width // self.heads)
        self.keys, self.values = (torch.zeros(shape, dtype=model.position.weight.dtype) for _ in range(2))
        self.all = torch.arange(model.context)

    def step(self, token, at):
        model, seen = self.model, self.all <= at
        x = model.token(token) + model.position.weight[at]
        for block, keys, values in zip(model.blocks, self.keys, self.values):
            q, k, v = block.qkv(block.norm1(x)).view(-1, 3, self.heads, 1, self.width // self.heads).unbind(1)
            keys.index_copy_(2, at, k)
            values.index_copy_(2, at, v)
            y = F.scaled_dot_product_attention(q, keys, values, attn_mask=seen[None])
            x = x + block.out(y.reshape(-1, self.width))
            x = x + block.down(F.gelu(block.up(block.norm2(x)), approximate="tanh"))
        logits = model.head(model.norm(x))
        return logits, torch.multinomial(logits.float().softmax(-1), 1).squeeze(1)


def without_gradients(f):
    def call():
        with torch.inference_mode():
            return f()

    return call


# pattern, whether eager / channels_last / compiled has the row (both, where both have it), what makes it
KERNELS = [
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
    (r"peak-memory/train-std", True, True, False, Peer.memory),
]
NETS = [
    (r"train-vqvae/\w+", True, True, True),
    (r"scale-(batch|image)/\d+", True, True, False),
    (r"train-gpt/\w+", True, False, True),
    (r"scale-(context|sequences)/\d+", True, False, False),
    (r"sample-gpt/\w+/\d+", True, False, True),
    (r"(encode(-1)?|decode)/std", True, True, True),
]
