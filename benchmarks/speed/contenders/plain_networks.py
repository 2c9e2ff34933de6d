"""The networks as functions of JAX alone: a function that draws parameters, and one that computes logits."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from benchmarks.speed.workloads import (
    CLASSES,
    EMBEDDING,
    HEADS,
    HIDDEN,
    LAYERS,
    MEMORY,
    RESIDUAL_BLOCKS,
    RESIDUAL_WIDTHS,
    STEPS,
    SYMBOLS,
    WIDTH,
    Workload,
)
from jax import Array

Params = dict[str, Any]
Network = tuple[Callable[[Array], Params], Callable[[Params, Array], Array]]


def network(workload: Workload) -> Network:
    """Return how to draw the workload's parameters, and how to compute its logits."""
    families: dict[str, Network] = {
        "mlp": (lambda key: _mlp_params(key, workload.units), _mlp),
        "cnn": (_cnn_params, _cnn),
        "resnet": (_resnet_params, _resnet),
        "lstm": (_lstm_params, _lstm),
        "gpt": (_gpt_params, _gpt),
    }
    return families[workload.family]


def _linear(key: Array, inputs: int, outputs: int) -> Params:
    return {"w": jax.nn.initializers.glorot_uniform()(key, (inputs, outputs)), "b": jnp.zeros(outputs)}


def _kernel(key: Array, size: int, inputs: int, outputs: int) -> Array:
    return jax.nn.initializers.he_normal()(key, (size, size, inputs, outputs))


def _map(p: Params, x: Array) -> Array:
    return x @ p["w"] + p["b"]


def _conv(w: Array, x: Array, stride: int = 1) -> Array:
    return jax.lax.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _pool(x: Array) -> Array:
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


# ------------------------------------------------------------------------------------------------- perceptrons, CNN


def _mlp_params(key: Array, units: tuple[int, ...]) -> Params:
    sizes = itertools.pairwise((784, *units, CLASSES))
    return {"layers": [_linear(jax.random.fold_in(key, n), *size) for n, size in enumerate(sizes)]}


def _mlp(p: Params, x: Array) -> Array:
    for layer in p["layers"][:-1]:
        x = jax.nn.relu(_map(layer, x))
    return _map(p["layers"][-1], x)


def _cnn_params(key: Array) -> Params:
    one, two, three = jax.random.split(key, 3)
    first = {"w": _kernel(one, 3, 1, 32), "b": jnp.zeros(32)}
    second = {"w": _kernel(two, 3, 32, 64), "b": jnp.zeros(64)}
    return {"first": first, "second": second, "head": _linear(three, 7 * 7 * 64, CLASSES)}


def _cnn(p: Params, x: Array) -> Array:
    for name in ("first", "second"):
        x = _pool(jax.nn.relu(_conv(p[name]["w"], x) + p[name]["b"]))
    return _map(p["head"], x.reshape(len(x), -1))


# ------------------------------------------------------------------------------------------------- residual network


def _normed_params(key: Array, size: int, inputs: int, outputs: int) -> Params:
    return {"w": _kernel(key, size, inputs, outputs), "scale": jnp.ones(outputs), "offset": jnp.zeros(outputs)}


def _normed(p: Params, x: Array, stride: int = 1) -> Array:
    """Convolve and normalise over the batch; running averages are left out, which only saves work."""
    y = _conv(p["w"], x, stride)
    wide = y.astype(jnp.float32)
    mean = wide.mean((0, 1, 2))
    variance = (wide * wide).mean((0, 1, 2)) - mean * mean
    normed = (wide - mean) * jax.lax.rsqrt(variance + 1e-5)
    return (normed * p["scale"] + p["offset"]).astype(x.dtype)


def _resnet_params(key: Array) -> Params:
    keys = iter(jax.random.split(key, 64))
    before = RESIDUAL_WIDTHS[0]
    stem, blocks = _normed_params(next(keys), 3, 3, before), []
    for width in RESIDUAL_WIDTHS:
        for _ in range(RESIDUAL_BLOCKS):
            first, second = _normed_params(next(keys), 3, before, width), _normed_params(next(keys), 3, width, width)
            block = {"first": first, "second": second}
            if before != width:
                block["shortcut"] = _normed_params(next(keys), 1, before, width)
            blocks.append(block)
            before = width
    return {"stem": stem, "blocks": blocks, "head": _linear(next(keys), before, CLASSES)}


def _resnet(p: Params, x: Array) -> Array:
    x = jax.nn.relu(_normed(p["stem"], x))
    for block in p["blocks"]:
        stride = 2 if "shortcut" in block else 1
        y = _normed(block["second"], jax.nn.relu(_normed(block["first"], x, stride)))
        x = jax.nn.relu(y + (_normed(block["shortcut"], x, stride) if stride == 2 else x))
    return _map(p["head"], x.mean((1, 2)))


# -------------------------------------------------------------------------------------------------------- sequences


def _lstm_params(key: Array) -> Params:
    one, two, three, four = jax.random.split(key, 4)
    start = jax.nn.initializers.glorot_uniform()
    return {
        "table": 0.02 * jax.random.normal(one, (SYMBOLS, EMBEDDING)),
        "inputs": start(two, (EMBEDDING, 4 * MEMORY)),
        "memory": start(three, (MEMORY, 4 * MEMORY)),
        "bias": jnp.zeros(4 * MEMORY),
        "head": _linear(four, MEMORY, SYMBOLS),
    }


def _lstm(p: Params, ids: Array) -> Array:
    gates = p["table"][ids] @ p["inputs"] + p["bias"]  # (rows, time, 4 units), one product for all steps

    def step(carry: Any, gates: Array) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(gates + h @ p["memory"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((len(ids), MEMORY), gates.dtype)
    _, hs = jax.lax.scan(step, (zeros, zeros), gates.swapaxes(0, 1))
    return _map(p["head"], hs.swapaxes(0, 1))


def _norm_params() -> Params:
    return {"scale": jnp.ones(WIDTH), "offset": jnp.zeros(WIDTH)}


def _norm(p: Params, x: Array) -> Array:
    wide = x.astype(jnp.float32)
    normed = (wide - wide.mean(-1, keepdims=True)) * jax.lax.rsqrt(wide.var(-1, keepdims=True) + 1e-5)
    return (normed * p["scale"] + p["offset"]).astype(x.dtype)


def _gpt_params(key: Array) -> Params:
    keys = iter(jax.random.split(key, 8 + 4 * LAYERS))
    blocks = [
        {
            "norm1": _norm_params(),
            "norm2": _norm_params(),
            "attention": _linear(next(keys), WIDTH, 3 * WIDTH),
            "mixed": _linear(next(keys), WIDTH, WIDTH),
            "hidden": _linear(next(keys), WIDTH, HIDDEN),
            "output": _linear(next(keys), HIDDEN, WIDTH),
        }
        for _ in range(LAYERS)
    ]
    return {
        "table": 0.02 * jax.random.normal(next(keys), (SYMBOLS, WIDTH)),
        "positions": 0.02 * jax.random.normal(next(keys), (STEPS, WIDTH)),
        "blocks": blocks,
        "norm": _norm_params(),
        "head": _linear(next(keys), WIDTH, SYMBOLS),
    }


def _gpt(p: Params, ids: Array) -> Array:
    x = p["table"][ids] + p["positions"]
    shape = (*ids.shape, HEADS, WIDTH // HEADS)
    for block in p["blocks"]:
        q, k, v = jnp.split(_map(block["attention"], _norm(block["norm1"], x)), 3, axis=-1)
        seen = jax.nn.dot_product_attention(q.reshape(shape), k.reshape(shape), v.reshape(shape), is_causal=True)
        x = x + _map(block["mixed"], seen.reshape(x.shape))
        hidden = jax.nn.gelu(_map(block["hidden"], _norm(block["norm2"], x)), approximate=False)
        x = x + _map(block["output"], hidden)
    return _map(p["head"], _norm(p["norm"], x))
