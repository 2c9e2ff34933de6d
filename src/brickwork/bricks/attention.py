"""Multi-head attention."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Bool, Float, Int

from brickwork.bricks.checks import check_sequences
from brickwork.bricks.dense import Dense
from brickwork.bricks.dropout import Dropout
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import dot_product_attention, rotate_by_position, weighted_values


class AttentionMemory(NamedTuple):
    """The keys and values of the steps so far, and how many these are."""

    keys: Float[Array, "rows length kv_heads size"]
    values: Float[Array, "rows length kv_heads size"]
    steps: Int[Array, ""]


class ContextMemory(NamedTuple):
    """What attention needs of a context, computed once: keys, values, and which positions are real (None: all)."""

    keys: Float[Array, "rows time ..."]
    values: Float[Array, "rows time ..."]
    mask: Bool[Array, "rows time"] | None


@brick
class Attention(Brick):
    """Every position asks all others, and takes a mean of their values, weighted by how well keys match its query.

        q, k, v = x Wq + bq, context Wk + bk, context Wv + bv, each split into heads
        y = concat over heads of (softmax(q kᵀ / sqrt(head size)) v) Wo + bo

    Self-attention: `scope("attention", Attention(8), x)`. Cross-attention: `scope("attention", Attention(8), x,
    context)`. Shapes: x (rows, time, inputs), context (rows, other time, inputs'), y (rows, time, features). The four
    maps are Dense bricks named `query`, `key`, `value` and `output` (`query/weight`, ...). The tap `weights` is the
    softmax (rows, heads, time, context time). Positions past the ends of `Padded` sequences are looked at by
    nobody, and come out as 0. A third input `mask` (rows, time, context time), each axis of that size or 1, is true
    where a query may look; one that may look nowhere gives only bo.

    Decoding step by step: `y, memory = attention.step(scope, x, memory)` for causal self-attention, from
    `memory = attention.memory(rows, length=most steps)`; x is one step (rows, inputs) or several (rows, time,
    inputs). Steps beyond the memory's length give NaN. A context that many queries look at is mapped to keys and
    values once by `attention.context_memory(scope, context)`, which then stands in the context's place.

    Args:
        heads: how many means are taken side by side.
        features: width of q and of y; None: as wide as x.
        causal: whether a position looks only at itself and what came before.
        kv_heads: how many heads keys and values have, each shared by heads / kv_heads queries; None: as many.
        rotary: whether self-attention turns queries and keys by their positions, so that scores know distances.
        rotary_base: how slow the slowest of these turns is; longer sequences want more.
        window: self-attention looks at positions fewer than this many steps away; None: at all.
        dropout: rate at which weights are dropped in training.
        bias: whether the four maps have biases.
        weights: name of the initialiser of the four maps.

    Raises:
        SettingError: heads that do not divide features, kv_heads that do not divide heads, a rate outside 0 ... 1, a
            window below 1; a context where it is causal, has rotary positions or a window.
        ShapeError: inputs that are no sequences, a context, mask or memory that does not fit.

    Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.2; kv_heads: Ainslie et al. 2023, "GQA: Training
    Generalized Multi-Query Transformer Models from Multi-Head Checkpoints", section 2.2; rotary: Su et al. 2021,
    "RoFormer: Enhanced Transformer with Rotary Position Embedding", section 3.2.2 (pairs are halves of a head, not
    neighbours: see `brickwork.ops.rotate_by_position`); window: Beltagy et al. 2020, "Longformer", section 3.1.

    >>> import jax, jax.numpy as jnp
    >>> net, x = Attention(heads=2, causal=True), jnp.ones((3, 5, 8))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.shape
    (3, 5, 8)
    """

    padded = "aware"

    heads: int
    features: int | None = None
    causal: bool = False
    kv_heads: int | None = None
    rotary: bool = False
    rotary_base: float = 10_000.0
    window: int | None = None
    dropout: float = 0.0
    bias: bool = True
    weights: str = "glorot_uniform"

    def validate(self) -> None:
        """Check that heads divide, and ranges."""
        self.require(self.heads >= 1, "heads", "at least 1")
        if self.features is not None:
            ok = self.features >= 1 and self.features % self.heads == 0
            self.require(ok, "features", f"a multiple of the {self.heads} heads")
        if self.kv_heads is not None:
            ok = self.kv_heads >= 1 and self.heads % self.kv_heads == 0
            self.require(ok, "kv_heads", f"a divisor of the {self.heads} heads")
        self.require(self.rotary_base > 0, "rotary_base", "above 0")
        self.require(self.window is None or self.window >= 1, "window", "at least 1")
        Dense(1, weights=self.weights)
        Dropout(self.dropout)

    def __call__(
        self,
        scope: Scope,
        x: Float[Array, "rows time inputs"] | Padded,
        context: Float[Array, "rows other_time inputs2"] | Padded | ContextMemory | None = None,
        mask: Bool[Array, "#rows #time #other_time"] | None = None,
    ) -> Array | Padded:
        """Attend from x to context, or to x itself."""
        tokens = x.finite if isinstance(x, Padded) else x
        check_sequences(tokens)
        width = self._width(tokens.shape[-1])
        q = self._heads(scope, "query", tokens, self.heads, width)
        if context is None:
            keys, values, real = self._remembered(scope, x, width)
            q, keys = self._placed(q, 0), self._placed(keys, 0)
        else:
            if self.causal or self.rotary or self.window is not None:
                raise SettingError(
                    "causal attention, rotary positions and windows compare places in one sequence, and its context is "
                    "another. Leave out causal, rotary and window for attention to a context."
                )
            given = context if isinstance(context, ContextMemory) else self._remembered(scope, context, width)
            keys, values, real = self._fitting(given, tokens.shape[0], width)
        real = None if real is None else real[:, None, None, :]
        if mask is not None:
            if mask.ndim != 3 or mask.dtype != bool:
                raise ShapeError(f"its mask must be flags (rows, queries, keys), got {mask.dtype} {mask.shape}.")
            real = mask[:, None] if real is None else real & mask[:, None]
        y = self._mix(scope, q, scope.cast(keys), scope.cast(values), real, 0)
        if not isinstance(x, Padded):
            return y
        return x.with_values(jnp.where(x.mask[..., None], y, jnp.zeros_like(y)))

    def context_memory(
        self,
        scope: Scope,
        context: Float[Array, "rows other_time inputs2"] | Padded,
        *,
        features: int | None = None,
    ) -> ContextMemory:
        """Return the keys and values of a context, to give as the context of many calls.

        `features` are those of x where the brick has none.
        """
        width = self.features or features
        if width is None:
            raise SettingError("Attention.context_memory needs features=, here or in the brick.")
        return self._remembered(scope, context, width)

    def memory(
        self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None, features: int | None = None
    ) -> AttentionMemory:
        """Return an empty memory with room for `length` steps; `features` are those of x where the brick has none."""
        width = self.features or features
        if length is None or width is None:
            what = "length=, the most steps to come" if length is None else "features=, here or in the brick"
            raise SettingError(f"Attention.memory needs {what}.")
        kv_heads = self.kv_heads or self.heads
        shape = (rows, length, kv_heads, self._width(width) // self.heads)
        return AttentionMemory(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype), jnp.zeros((), jnp.int32))

    def step(
        self, scope: Scope, x: Float[Array, "rows inputs"] | Float[Array, "rows time inputs"], memory: AttentionMemory
    ) -> tuple[Array, AttentionMemory]:
        """Attend from the next step, or steps, to all so far; return y like x, and the memory after it."""
        if not self.causal:
            raise SettingError("Only causal attention can run step by step: Attention(..., causal=True).")
        steps = x[:, None] if x.ndim == 2 else x
        check_sequences(steps)
        width = self._width(x.shape[-1])
        q = self._placed(self._heads(scope, "query", steps, self.heads, width), memory.steps)
        new_keys, new_values, _ = self._remembered(scope, steps, width)
        new = self._placed(new_keys, memory.steps), new_values
        shape = (new[0].shape[0], memory.keys.shape[1], *new[0].shape[2:])
        if memory.keys.shape != shape or memory.values.shape != shape:
            raise ShapeError(f"the memory's keys and values must be {shape}, got {memory.keys.shape}.")
        keys, values = (
            jax.lax.dynamic_update_slice_in_dim(old, one.astype(old.dtype), memory.steps, axis=1)
            for old, one in zip((memory.keys, memory.values), new, strict=True)
        )
        y = self._mix(scope, q, scope.cast(keys), scope.cast(values), None, memory.steps)
        after = memory.steps + jnp.asarray(steps.shape[1], memory.steps.dtype)
        y = jnp.where(after <= keys.shape[1], y, jnp.asarray(jnp.nan, y.dtype))
        return (y[:, 0] if x.ndim == 2 else y), AttentionMemory(keys, values, after)

    def _width(self, inputs: int) -> int:
        width = self.features or inputs
        if width % self.heads:
            raise ShapeError(
                f"its {self.heads} heads do not divide the {width} features of the input. "
                "Set features to a multiple of the heads."
            )
        return width

    def _heads(self, scope: Scope, name: str, x: Array, heads: int, width: int) -> Array:
        dense = Dense(heads * (width // self.heads), bias=self.bias, weights=self.weights)
        return scope(name, dense, x).reshape(*x.shape[:2], heads, width // self.heads)

    def _remembered(self, scope: Scope, source: Array | Padded, width: int) -> ContextMemory:
        values, mask = (source.finite, source.mask) if isinstance(source, Padded) else (source, None)
        check_sequences(values)
        heads = self.kv_heads or self.heads
        keys = self._heads(scope, "key", values, heads, width)
        return ContextMemory(keys, self._heads(scope, "value", values, heads, width), mask)

    def _fitting(self, context: ContextMemory, rows: int, width: int) -> ContextMemory:
        """Return the memory of a context, if it is one for x."""
        shape = (rows, context.keys.shape[1], self.kv_heads or self.heads, width // self.heads)
        if context.keys.shape != shape or context.values.shape != shape:
            raise ShapeError(
                f"x and its context must have the same rows: with this x keys and values are {shape}, the context's "
                f"are {context.keys.shape} and {context.values.shape}."
            )
        return context

    def _placed(self, x: Array, before: int | Array) -> Array:
        """Return queries or keys, turned by their positions if that is asked for; `before` steps came first."""
        if not self.rotary:
            return x
        positions = jnp.asarray(before, jnp.int32) + jnp.arange(x.shape[1], dtype=jnp.int32)
        return rotate_by_position(x, positions, base=self.rotary_base)

    def _mix(self, scope: Scope, q: Array, k: Array, v: Array, mask: Array | None, before: int | Array) -> Array:
        rows, time, heads, size = q.shape
        attend = partial(
            dot_product_attention, q, k, v, mask=mask, causal=self.causal, window=self.window, query_offset=before
        )
        dropout = scope.child("dropout", Dropout(self.dropout))
        rate = dropout.setting("rate", self.dropout)  # declared in every pass, so that a run may vary it
        none = isinstance(rate, int | float) and rate == 0
        if (scope.training and not none) or scope.watched("weights"):
            _, weights = attend(return_weights=True)
            weights = dropout.run(Dropout(self.dropout), scope.tap("weights", weights))
            y = weighted_values(weights, v)
        else:
            y = attend()
        y = y.reshape(rows, time, heads * size)
        return scope("output", Dense(heads * size, bias=self.bias, weights=self.weights), y)
