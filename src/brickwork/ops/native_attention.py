"""Attention by kernels of our own, which never hold the matrix of scores: causal, or of all queries to all keys.

Forward keeps two numbers for each query, the largest of its scores and one over its sum of exponentials; backward
computes the scores again from them. Source: Dao et al. (2022), "FlashAttention: Fast and Memory-Efficient Exact
Attention with IO-Awareness", section 3.1.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork import native
from brickwork.ops.primitives import differentiable

Heads = Float[Array, "batch time heads size"]


def attention_native(plain: Callable[..., Array]) -> Callable[..., Array]:
    """Return attention of queries, keys and values as kernels compute it; other types go through float32.

    `plain(q, k, v, causal=..., scale=...)` is the same in terms of what JAX knows, for forward mode and derivatives of
    higher order.
    """

    def several(*arrays: Array, **settings: Any) -> tuple[Array]:
        return (plain(*arrays, **settings),)

    function = differentiable("attention_native", several, _forward, _backward, members=True)

    def attend(q: Heads, k: Heads, v: Heads, *, causal: bool, scale: float) -> Heads:
        wide = (one.astype(jnp.float32) for one in (q, k, v))
        return function(*wide, causal=causal, scale=scale)[0].astype(q.dtype)

    return attend


def _forward(q: Array, k: Array, v: Array, *, causal: bool, scale: float) -> tuple[tuple[Array], tuple[Array, Array]]:
    batch, queries, heads, _ = q.shape
    shapes = (
        jax.ShapeDtypeStruct((batch, queries, heads, v.shape[-1]), q.dtype),
        jax.ShapeDtypeStruct((batch, heads, queries, 2), q.dtype),  # of each query: largest score, one over the sum
    )
    y, numbers = native.call("attention", shapes, q, k, v, causal=int(causal), scale=float(scale))
    return (y,), (y, numbers)


def _backward(
    arrays: Sequence[Array], kept: Sequence[Array], cotangents: Sequence[Array], *, causal: bool, scale: float
) -> Sequence[Array]:
    shapes = [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in arrays]
    given = (*arrays, *kept, *cotangents)
    return native.call("attention_backward", shapes, *given, causal=int(causal), scale=float(scale))
