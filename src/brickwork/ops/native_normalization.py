"""Batch normalisation by kernels of our own."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from brickwork import native
from brickwork.ops.primitives import differentiable


def batch_normalize_plain(
    x: Float[Array, "rows places channels"],
    weights: Float[Array, " some_rows"],
    scale: Float[Array, " channels"],
    offset: Float[Array, " channels"],
    *,
    epsilon: float,
) -> tuple[Float[Array, "rows places channels"], Float[Array, " channels"], Float[Array, " channels"]]:
    """Return x normalised over rows and places, and the mean and variance of those rows whose weight is not 0.

    `weights` are those of the rows, or empty: then all rows count.
    """
    counts = jnp.ones(x.shape[:1], bool) if weights.size == 0 else weights != 0
    here = counts[:, None, None]
    total = jnp.maximum(jnp.sum(counts, dtype=x.dtype) * x.shape[1], jnp.ones((), x.dtype))
    seen = jnp.where(here, x, jnp.zeros_like(x))
    mean = jnp.sum(seen, (0, 1)) / total
    apart = jnp.where(here, seen - mean, jnp.zeros_like(x))
    variance = jnp.sum(jnp.square(apart), (0, 1)) / total
    y = (x - mean) * (lax.rsqrt(variance + jnp.asarray(epsilon, x.dtype)) * scale) + offset
    return y, mean, variance


def _forward(x: Array, weights: Array, scale: Array, offset: Array, *, epsilon: float) -> Any:
    channel = jax.ShapeDtypeStruct((x.shape[-1],), x.dtype)
    results = [jax.ShapeDtypeStruct(x.shape, x.dtype), channel, channel, channel]
    y, mean, variance, inverse = native.call(
        "batch_normalization", results, x, weights, scale, offset, epsilon=float(epsilon)
    )
    return (y, mean, variance), (mean, inverse)


def _backward(arrays: Any, kept: Any, cotangents: Any, *, epsilon: float) -> Any:
    del epsilon
    x, weights, scale, offset = arrays
    results = [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in (x, scale, offset)]
    dx, dscale, doffset = native.call("batch_normalization_backward", results, x, weights, scale, *kept, *cotangents)
    return dx, jnp.zeros_like(weights), dscale, doffset


batch_normalize_native = differentiable("batch_normalize_native", batch_normalize_plain, _forward, _backward)
