"""JAX on the CPU: whole steps compiled with donated buffers, NHWC, and sampling as one lax.scan over a cache of
constant size. XLA takes the cores that the process may use when it starts: one process for each number of threads.
"""
import os

import jax
import jaxlib

for package in (jax, jaxlib):
    if package.__version__.startswith("0.10.2"):
        raise ImportError(f"{package.__name__} 0.10.2 computes wrong results on the CPU; pip install jax==0.10.1 "
                          "jaxlib==0.10.1")

import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from cases import STEPS, case, opened

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


class Peer:
    name, precision, own_process = "JAX", "float32", True
    versions = {"JAX": jax.__version__, "optax": optax.__version__}

    def __init__(self, threads=1):
        self.threads = threads
        cores = sorted(os.sched_getaffinity(0))[:threads]
        if len(cores) < threads:
            raise RuntimeError(f"{threads} threads, but {len(cores)} cores")
        os.sched_setaffinity(0, cores)
        if threads == 1:
            os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
        jnp.ones(8).block_until_ready()  # makes its pool of threads

    def row(self, name, threads):
        made = case(name)
        return self.net(made) if made else None

    def net(self, made):
        if made.kind == "train-vae":
            return training(vae_step(), *vae_state(made.model), [images(x) for x in made.batches])
        if made.kind == "train-gpt":
            step, opening = gpt_step(made.model), lambda x: opened(made.model, x)
            return training(step, *gpt_state(made.model),
                            [(numbers(opening(x)), numbers(x)) for x in made.batches])
        if made.kind == "sample":
            run, params, keys = sampler(made.model), gpt_params(made.model), iter_keys()
            return lambda: run(params, next(keys), made.count).block_until_ready()
        params, book = vae_params(made.model), jnp.asarray(array(made.model.quantizer.weight))
        x = images(made.batches[0])
        if made.kind == "decode":
            f = jax.jit(decode)
            return lambda: f(params["decoder"], x).block_until_ready()
        f = jax.jit(lambda p, book, x: nearest(rows_of(encode(p, x)), book))
        return lambda: f(params["encoder"], book, x).block_until_ready()

    def probe(self, name):
        made = case(name)
        if made is None:
            return None
        if made.kind == "sample":
            logits = jax.jit(gpt_logits, static_argnums=2)
            full = logits(gpt_params(made.model), numbers(opened(made.model, made.batches[0])), heads(made.model))
            stepped = sampler(made.model)(gpt_params(made.model), jax.random.key(0), made.count,
                                          numbers(made.batches[0].T))
            if not np.allclose(full, stepped, atol=1e-4 * float(jnp.abs(full).max())):
                raise ValueError("sampling of JAX: other logits than its forward pass")
            return np.asarray(stepped)
        call = self.net(made)
        if made.kind.startswith("train"):
            return np.array([float(call()) for _ in range(STEPS)], np.float32)
        y = np.array(call())
        return y.transpose(0, 3, 1, 2) if made.kind == "decode" else y


def array(tensor):
    return tensor.detach().numpy().copy()


def numbers(tensor):
    return jnp.asarray(array(tensor), jnp.int32)


def images(tensor):
    return jnp.asarray(array(tensor.permute(0, 2, 3, 1)))


def training(step, params, state, batches):
    turn = 0

    def call():
        nonlocal params, state, turn
        params, state, loss = step(params, state, batches[turn % len(batches)])
        turn += 1
        return loss.block_until_ready()

    return call


# ---- VQ-VAE ---------------------------------------------------------------------------------------------------------


def conv_params(layer):
    """Windows as HWIO; a transposed one is turned, so that lax.conv_transpose takes it as it is."""
    w, transposed = array(layer.weight), type(layer).__name__ == "ConvTranspose2d"
    w = np.flip(w, (2, 3)).transpose(2, 3, 0, 1) if transposed else w.transpose(2, 3, 1, 0)
    out = {"w": jnp.asarray(np.ascontiguousarray(w))}
    return out if layer.bias is None else {**out, "b": jnp.asarray(array(layer.bias))}


def vae_params(model):
    def branch(b):
        return [conv_params(b.wide), conv_params(b.back)]

    e, d = model.encoder, model.decoder
    return {"encoder": [conv_params(e[0]), conv_params(e[2]), conv_params(e[4]), branch(e[5]), branch(e[6]),
                        conv_params(e[8])],
            "decoder": [conv_params(d[0]), branch(d[1]), branch(d[2]), conv_params(d[4]), conv_params(d[6])]}


def conv(x, p, stride=1, pad=1):
    y = lax.conv_general_dilated(x, p["w"], (stride, stride), [(pad, pad)] * 2, dimension_numbers=DIMENSIONS)
    return y + p["b"] if "b" in p else y


def conv_transpose(x, p):
    return lax.conv_transpose(x, p["w"], (2, 2), [(2, 2)] * 2, dimension_numbers=DIMENSIONS) + p["b"]


def branch(x, p):
    return x + conv(jax.nn.relu(conv(jax.nn.relu(x), p[0])), p[1], 1, 0)


def encode(p, x):
    x = jax.nn.relu(conv(jax.nn.relu(conv(x, p[0], 2)), p[1], 2))
    return conv(jax.nn.relu(branch(branch(conv(x, p[2]), p[3]), p[4])), p[5], 1, 0)


def decode(p, q):
    x = jax.nn.relu(branch(branch(conv(q, p[0]), p[1]), p[2]))
    return conv_transpose(jax.nn.relu(conv_transpose(x, p[3])), p[4])


def rows_of(z):
    return z.reshape(-1, z.shape[-1])


def nearest(z, book):
    return jnp.argmin((book * book).sum(1) - 2 * z @ book.T, 1)


def vae_loss(p, book, x):
    z = encode(p["encoder"], x)
    flat = rows_of(z)
    chosen = nearest(lax.stop_gradient(flat), book)
    q = book[chosen]
    y = decode(p["decoder"], (flat + lax.stop_gradient(q - flat)).reshape(z.shape))
    return ((y - x) ** 2).mean() + 0.25 * ((flat - q) ** 2).mean(), (lax.stop_gradient(flat), chosen)


ADAM = optax.adam(1e-3)


def vae_state(model):
    params, book = vae_params(model), array(model.quantizer.weight)
    moving = {"book": jnp.asarray(book), "count": jnp.ones(len(book)), "sum": jnp.asarray(book.copy())}
    return params, (ADAM.init(params), moving)


def vae_step():
    def step(params, state, x):
        optimizer, m = state
        (loss, (flat, chosen)), gradient = jax.value_and_grad(vae_loss, has_aux=True)(params, m["book"], x)
        update, optimizer = ADAM.update(gradient, optimizer, params)
        codes = len(m["count"])
        hits = jax.nn.one_hot(chosen, codes)
        count, total = 0.99 * m["count"] + 0.01 * hits.sum(0), 0.99 * m["sum"] + 0.01 * hits.T @ flat
        all_hits = count.sum()
        book = total / ((count + 1e-5) / (all_hits + codes * 1e-5) * all_hits)[:, None]
        return optax.apply_updates(params, update), (optimizer, {"book": book, "count": count, "sum": total}), loss

    return jax.jit(step, donate_argnums=(0, 1))


# ---- GPT ------------------------------------------------------------------------------------------------------------


def heads(model):
    return model.blocks[0].heads


def gpt_params(model):
    def affine(layer):
        w = array(layer.weight)
        return {"w": jnp.asarray(np.ascontiguousarray(w.T) if w.ndim == 2 else w), "b": jnp.asarray(array(layer.bias))}

    parts = ("norm1", "qkv", "out", "norm2", "up", "down")
    return {"token": jnp.asarray(array(model.token.weight)), "position": jnp.asarray(array(model.position.weight)),
            "blocks": [{name: affine(getattr(b, name)) for name in parts} for b in model.blocks],
            "norm": affine(model.norm), "head": jnp.asarray(array(model.head.weight.T))}


def norm(x, p):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) * p["w"] + p["b"]


def linear(x, p):
    return x @ p["w"] + p["b"]


def mlp(x, p):
    return x + linear(jax.nn.gelu(linear(norm(x, p["norm2"]), p["up"]), approximate=True), p["down"])


def gpt_logits(p, tokens, count):
    batch, length = tokens.shape
    x, mask = p["token"][tokens] + p["position"][:length], jnp.tril(jnp.ones((length, length), bool))
    for b in p["blocks"]:
        split = linear(norm(x, b["norm1"]), b["qkv"]).reshape(batch, length, 3, count, -1)
        q, k, v = split.transpose(2, 0, 3, 1, 4)
        weights = jax.nn.softmax(jnp.where(mask, q @ k.swapaxes(2, 3) * q.shape[-1] ** -0.5, -1e9))
        x = x + linear((weights @ v).swapaxes(1, 2).reshape(x.shape), b["out"])
        x = mlp(x, b)
    return norm(x, p["norm"]) @ p["head"]


ADAMW = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(3e-4, weight_decay=0.01))


def gpt_state(model):
    params = gpt_params(model)
    return params, ADAMW.init(params)


def gpt_step(model):
    count = heads(model)

    def step(params, state, x):
        loss = lambda p: optax.softmax_cross_entropy_with_integer_labels(gpt_logits(p, x[0], count), x[1]).mean()
        value, gradient = jax.value_and_grad(loss)(params)
        update, state = ADAMW.update(gradient, state, params)
        return optax.apply_updates(params, update), state, value

    return jax.jit(step, donate_argnums=(0, 1))


def iter_keys():
    key = jax.random.key(1)
    while True:
        key, one = jax.random.split(key)
        yield one


def sampler(model):
    """(params, key, sequences, given=None): tokens, or with given tokens (place, sequence) the logits."""
    count, width, context = heads(model), model.position.weight.shape[1], model.context
    opening = len(model.token.weight) - 1

    def run(p, key, batch, given=None):
        d = width // count

        def step(carry, at):
            token, keys, values, key = carry
            x, new_keys, new_values = p["token"][token] + p["position"][at], [], []
            for b, k_all, v_all in zip(p["blocks"], keys, values):
                q, k, v = jnp.split(linear(norm(x, b["norm1"]), b["qkv"]), 3, -1)
                k_all = lax.dynamic_update_index_in_dim(k_all, k.reshape(batch, count, d), at, 2)
                v_all = lax.dynamic_update_index_in_dim(v_all, v.reshape(batch, count, d), at, 2)
                scores = jnp.einsum("bhd,bhtd->bht", q.reshape(batch, count, d), k_all) * d ** -0.5
                weights = jax.nn.softmax(jnp.where(jnp.arange(context) <= at, scores, -1e9))
                x = x + linear(jnp.einsum("bht,bhtd->bhd", weights, v_all).reshape(batch, width), b["out"])
                x = mlp(x, b)
                new_keys.append(k_all)
                new_values.append(v_all)
            logits = norm(x, p["norm"]) @ p["head"]
            key, one = jax.random.split(key)
            drawn = jax.random.categorical(one, logits) if given is None else given[at]
            return (drawn, new_keys, new_values, key), (drawn if given is None else logits)

        empty = [jnp.zeros((batch, count, context, d)) for _ in p["blocks"]]
        start = (jnp.full(batch, opening), empty, empty, key)
        return lax.scan(step, start, jnp.arange(context))[1].swapaxes(0, 1)

    return jax.jit(run, static_argnums=2)
