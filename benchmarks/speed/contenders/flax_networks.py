"""The networks in Flax NNX."""

import itertools
from functools import partial
from typing import Any

import jax
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
from flax import nnx


def network(workload: Workload, dtype: Any) -> nnx.Module:
    """Return the workload's network; parameters are float32, computing is in `dtype`."""
    rngs = nnx.Rngs(0)
    linear = partial(nnx.Linear, dtype=dtype, rngs=rngs)
    if workload.family == "mlp":
        sizes = (784, *workload.units)
        hidden = [part for pair in itertools.pairwise(sizes) for part in (linear(*pair), nnx.relu)]
        return nnx.Sequential(*hidden, linear(sizes[-1], CLASSES))
    if workload.family == "cnn":
        conv = partial(nnx.Conv, kernel_size=(3, 3), dtype=dtype, rngs=rngs)
        pool = partial(nnx.max_pool, window_shape=(2, 2), strides=(2, 2))
        parts = conv(1, 32), nnx.relu, pool, conv(32, 64), nnx.relu, pool, lambda x: x.reshape(len(x), -1)
        return nnx.Sequential(*parts, linear(7 * 7 * 64, CLASSES))
    return {"resnet": ResidualNetwork, "lstm": Recurrent, "gpt": Transformer}[workload.family](dtype, rngs)


class Block(nnx.Module):
    """A basic block of a residual network."""

    def __init__(self, before: int, width: int, dtype: Any, rngs: nnx.Rngs):
        stride = 1 if before == width else 2
        start = nnx.initializers.he_normal()
        conv = partial(nnx.Conv, use_bias=False, dtype=dtype, kernel_init=start, rngs=rngs)
        norm = partial(nnx.BatchNorm, momentum=0.9, dtype=dtype, rngs=rngs)
        self.conv1, self.norm1 = conv(before, width, (3, 3), strides=stride), norm(width)
        self.conv2, self.norm2 = conv(width, width, (3, 3)), norm(width)
        widened = nnx.Sequential(conv(before, width, (1, 1), strides=stride), norm(width))
        self.shortcut = widened if stride == 2 else nnx.identity

    def __call__(self, x: jax.Array) -> jax.Array:
        """Add, then bend."""
        y = self.norm2(self.conv2(nnx.relu(self.norm1(self.conv1(x)))))
        return nnx.relu(y + self.shortcut(x))


class ResidualNetwork(nnx.Module):
    """ResNet-20."""

    def __init__(self, dtype: Any, rngs: nnx.Rngs):
        before = RESIDUAL_WIDTHS[0]
        start = nnx.initializers.he_normal()
        stem = nnx.Conv(3, before, (3, 3), use_bias=False, dtype=dtype, kernel_init=start, rngs=rngs)
        parts: list[Any] = [stem, nnx.BatchNorm(before, momentum=0.9, dtype=dtype, rngs=rngs), nnx.relu]
        for width in RESIDUAL_WIDTHS:
            for _ in range(RESIDUAL_BLOCKS):
                parts.append(Block(before, width, dtype, rngs))
                before = width
        self.body = nnx.Sequential(*parts)
        self.head = nnx.Linear(before, CLASSES, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return logits."""
        return self.head(self.body(x).mean((1, 2)))


class Recurrent(nnx.Module):
    """An LSTM over symbols."""

    def __init__(self, dtype: Any, rngs: nnx.Rngs):
        self.embedding = nnx.Embed(SYMBOLS, EMBEDDING, dtype=dtype, rngs=rngs)
        self.lstm = nnx.RNN(nnx.OptimizedLSTMCell(EMBEDDING, MEMORY, dtype=dtype, rngs=rngs), rngs=rngs)
        self.head = nnx.Linear(MEMORY, SYMBOLS, dtype=dtype, rngs=rngs)

    def __call__(self, ids: jax.Array) -> jax.Array:
        """Return logits at every step."""
        return self.head(self.lstm(self.embedding(ids)))


class TransformerBlock(nnx.Module):
    """Causal attention and a feed-forward part, each after a norm."""

    def __init__(self, dtype: Any, rngs: nnx.Rngs):
        norm = partial(nnx.LayerNorm, WIDTH, dtype=dtype, rngs=rngs)
        self.norm1, self.norm2 = norm(), norm()
        self.attention = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, dtype=dtype, rngs=rngs)
        self.hidden = nnx.Linear(WIDTH, HIDDEN, dtype=dtype, rngs=rngs)
        self.output = nnx.Linear(HIDDEN, WIDTH, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Attend and think."""
        x = x + self.attention(self.norm1(x), is_causal=True)
        return x + self.output(nnx.gelu(self.hidden(self.norm2(x)), approximate=False))


class Transformer(nnx.Module):
    """A small GPT."""

    def __init__(self, dtype: Any, rngs: nnx.Rngs):
        start = nnx.initializers.normal(0.02)
        self.embedding = nnx.Embed(SYMBOLS, WIDTH, dtype=dtype, embedding_init=start, rngs=rngs)
        self.positions = nnx.Param(start(rngs.params(), (STEPS, WIDTH)))
        self.blocks = nnx.Sequential(*(TransformerBlock(dtype, rngs) for _ in range(LAYERS)))
        self.norm = nnx.LayerNorm(WIDTH, dtype=dtype, rngs=rngs)
        self.head = nnx.Linear(WIDTH, SYMBOLS, dtype=dtype, rngs=rngs)

    def __call__(self, ids: jax.Array) -> jax.Array:
        """Return logits at every step."""
        x = self.embedding(ids)
        return self.head(self.norm(self.blocks(x + self.positions.astype(x.dtype))))
