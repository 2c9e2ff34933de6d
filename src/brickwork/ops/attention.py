"""Attention: rows of values mixed by how well their keys match a query."""

from functools import partial
from typing import Literal, overload

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Integer

from brickwork.core.errors import ShapeError
from brickwork.ops.implementation import choose
from brickwork.ops.native_attention import attention_native
from brickwork.ops.precision import narrow, wide_type

Values = Float[Array, "batch queries heads value_size"]
Weights = Float[Array, "batch heads queries keys"]


@overload
def dot_product_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Array | None = ...,
    bias: Array | None = ...,
    causal: bool = ...,
    window: int | None = ...,
    query_offset: int | Array = ...,
    scale: float | None = ...,
    return_weights: Literal[False] = ...,
) -> Array: ...
@overload
def dot_product_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Array | None = ...,
    bias: Array | None = ...,
    causal: bool = ...,
    window: int | None = ...,
    query_offset: int | Array = ...,
    scale: float | None = ...,
    return_weights: Literal[True],
) -> tuple[Array, Array]: ...
def dot_product_attention(
    q: Float[Array, "batch queries heads size"],
    k: Float[Array, "batch keys key_heads size"],
    v: Float[Array, "batch keys key_heads value_size"],
    *,
    mask: Bool[Array, "#batch #heads #queries #keys"] | None = None,
    bias: Float[Array, "#batch #heads #queries #keys"] | None = None,
    causal: bool = False,
    window: int | None = None,
    query_offset: int | Integer[Array, ""] | Integer[Array, " batch"] = 0,
    scale: float | None = None,
    return_weights: bool = False,
) -> Values | tuple[Values, Weights]:
    """Mix values by the softmax of the products of queries and keys.

    weights = softmax(scale q k^T + bias),   y = weights v,   scale = 1 / sqrt(size) unless given

    - `mask` is true where a query may look; `bias` is added to the scores. Both have four axes (batch, heads,
      queries, keys), each of full size or 1.
    - `causal` lets query i see keys j <= i + query_offset. When decoding with a cache, `query_offset` is the number
      of keys that came before the first query (one for all, or one per row).
    - `window` hides keys that are `window` or more steps away from i + query_offset; all scores are computed still.
    - Fewer heads of keys than of queries: query head h uses key head h // (heads / key_heads).
    - A query that may look nowhere gives 0, with gradients 0, never nan.

    Scores and softmax are computed in float32 at least; the result, and the weights (batch, heads, queries, keys)
    that `return_weights` adds, have the type of `q`.

    Raises `ShapeError` when shapes do not fit. Sources: Vaswani et al. (2017), "Attention is all you need", section
    3.2.1; Ainslie et al. (2023), "GQA", for shared key heads; Beltagy et al. (2020), "Longformer", section 3.1, for
    windows.
    """
    _check(q, k, v, mask, bias, query_offset)
    wide = wide_type(q.dtype)
    factor = q.shape[3] ** -0.5 if scale is None else scale
    from_start = isinstance(query_offset, int) and query_offset == 0
    bare = mask is None and bias is None and window is None and from_start and isinstance(factor, int | float)
    if bare and not return_weights and q.size and narrow(q, k, v):
        settings = {"causal": causal, "scale": float(factor)}
        return choose({"xla": partial(_attend, **settings), "native": partial(_attend_native, **settings)}, q, k, v)
    scores = _scores(q, k, factor)
    if bias is not None:
        scores = scores + bias.astype(wide)
    seen = _visible(mask, causal, window, query_offset, q.shape[1], k.shape[1])
    weights = _masked_softmax(scores, seen).astype(q.dtype)
    y = weighted_values(weights, v.astype(q.dtype))
    return (y, weights) if return_weights else y


def _attend(q: Array, k: Array, v: Array, *, causal: bool, scale: float) -> Array:
    """Attend from every query to all keys, or to those up to its own place."""
    seen = _visible(None, causal, None, 0, q.shape[1], k.shape[1])
    weights = _masked_softmax(_scores(q, k, scale), seen).astype(q.dtype)
    return weighted_values(weights, v.astype(q.dtype))


_attend_native = attention_native(_attend)


def _scores(q: Array, k: Array, scale: float) -> Array:
    """Return the products of queries and keys (batch, heads, queries, keys), scaled."""
    batch, queries, heads, _ = q.shape
    keys, key_heads = k.shape[1:3]
    wide = wide_type(q.dtype)
    grouped = _grouped(q.swapaxes(1, 2), key_heads)
    scores = jnp.einsum("bhqd,bhkd->bhqk", grouped, k.swapaxes(1, 2), preferred_element_type=wide)
    return scores.reshape(batch, heads, queries, keys) * jnp.asarray(scale, wide)


def weighted_values(weights: Weights, v: Float[Array, "batch keys key_heads value_size"]) -> Values:
    """Mix values by weights that are there already: those of `dot_product_attention`, after dropout, say.

        y[query, h] = sum over keys of weights[h, query, key] v[key, h // (heads / key_heads)]

    Raises `ShapeError` when shapes do not fit.
    """
    fits = weights.ndim == v.ndim == 4 and v.shape[:2] == weights.shape[::3]
    if not fits or not v.shape[2] or weights.shape[1] % v.shape[2]:
        raise ShapeError(
            "weighted_values: weights must be (batch, heads, queries, keys), v (batch, keys, key_heads, size) with "
            f"heads a multiple of key_heads; got weights {weights.shape}, v {v.shape}."
        )
    y = jnp.einsum("bhqk,bhkd->bhqd", _grouped(weights, v.shape[2]), v.swapaxes(1, 2))
    return y.reshape(*weights.shape[:3], v.shape[-1]).swapaxes(1, 2)


def additive_weights(
    q: Float[Array, "batch queries units"],
    k: Float[Array, "batch keys units"],
    direction: Float[Array, " units"],
    *,
    mask: Bool[Array, "#batch #queries #keys"] | None = None,
) -> Float[Array, "batch queries keys"]:
    """Return attention weights from scores that a small network gives to pairs of a query and a key.

    weights = softmax over keys of sum(direction * tanh(q + k))

    `mask` is true where a query may look; one that may look nowhere gets weights of 0. Scores and softmax are computed
    in float32 at least; the weights have the type of `q`.

    Raises `ShapeError` when shapes do not fit. Source: Bahdanau, Cho and Bengio (2015), "Neural machine translation by
    jointly learning to align and translate", appendix A.1.2.
    """
    if not (q.ndim == k.ndim == 3 and q.shape[::2] == k.shape[::2] and direction.shape == q.shape[2:]):
        raise ShapeError(
            "additive_weights: q must be (batch, queries, units), k (batch, keys, units), direction (units,); got "
            f"q {q.shape}, k {k.shape}, direction {direction.shape}."
        )
    wide = wide_type(q.dtype)
    hidden = jnp.tanh(q[:, :, None, :] + k[:, None, :, :])  # (batch, queries, keys, units)
    scores = jnp.sum(hidden.astype(wide) * direction.astype(wide), axis=-1)
    return _masked_softmax(scores, mask).astype(q.dtype)


def _grouped(x: Array, key_heads: int) -> Array:
    """Return x (batch, heads, queries, size) with the queries of heads that share keys one below the other.

    The products with the keys are then plain ones, of matrices by batch and head. Over axes in between, XLA for CPU
    takes about twice as long.
    """
    batch, heads, queries, size = x.shape
    return x.reshape(batch, key_heads, heads // key_heads * queries, size)


def _visible(
    mask: Array | None, causal: bool, window: int | None, offset: int | Array, queries: int, keys: int
) -> Array | None:
    if not causal and window is None:
        return mask
    here = jnp.asarray(offset, jnp.int32)[..., None] + jnp.arange(queries, dtype=jnp.int32)  # (queries,) or by row
    ago = here[..., None] - jnp.arange(keys, dtype=jnp.int32)  # (queries, keys), or by row
    near = ago >= 0 if causal else jnp.ones(ago.shape, bool)
    near = near if window is None else near & (jnp.abs(ago) < window)
    near = near[:, None] if near.ndim == 3 else near[None, None]
    return near if mask is None else mask & near


def _masked_softmax(scores: Array, visible: Array | None) -> Array:
    if visible is not None:
        scores = jnp.where(visible, scores, jnp.asarray(-jnp.inf, scores.dtype))
    top = lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True, initial=-jnp.inf))
    top = jnp.where(jnp.isneginf(top), jnp.zeros_like(top), top)  # rows that see nothing: exp(-inf - 0) = 0
    powers = jnp.exp(scores - top)
    total = jnp.sum(powers, axis=-1, keepdims=True)
    return powers / jnp.where(total == 0, jnp.ones_like(total), total)


def _check(q: Array, k: Array, v: Array, mask: Array | None, bias: Array | None, offset: int | Array) -> None:
    for name, array in {"q": q, "k": k, "v": v}.items():
        if array.ndim != 4:
            raise ShapeError(f"dot_product_attention: {name} must be (batch, time, heads, size), got {array.shape}.")
    if k.shape[:3] != v.shape[:3] or k.shape[0] != q.shape[0] or k.shape[3] != q.shape[3]:
        raise ShapeError(
            "dot_product_attention: q, k and v need one batch size, q and k one size, k and v one time and number of "
            f"heads; got q {q.shape}, k {k.shape}, v {v.shape}."
        )
    if not k.shape[2] or q.shape[2] % k.shape[2]:
        raise ShapeError(
            f"dot_product_attention: {q.shape[2]} query heads cannot share {k.shape[2]} key heads evenly "
            f"(q {q.shape}, k {k.shape})."
        )
    full = (q.shape[0], q.shape[2], q.shape[1], k.shape[1])
    for name, array in {"mask": mask, "bias": bias}.items():
        if array is not None and (
            array.ndim != 4 or any(n not in (1, m) for n, m in zip(array.shape, full, strict=True))
        ):
            raise ShapeError(
                f"dot_product_attention: {name} must have the axes (batch, heads, queries, keys) = {full}, each of "
                f"that size or 1, got {array.shape}. A mask of keys (batch, keys) is written mask[:, None, None, :]."
            )
    if not isinstance(offset, int) and offset.shape not in ((), (q.shape[0],)):
        raise ShapeError(
            f"dot_product_attention: query_offset must be one number or one for each of {q.shape[0]} rows, "
            f"got {offset.shape}."
        )
