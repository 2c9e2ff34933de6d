"""Layer normalisation by kernels of our own: over the features of each row, with a scale and an offset for each."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from brickwork import native
from brickwork.ops.primitives import differentiable


def layer_normalize_native(
    x: Float[Array, "*places features"],
    scale: Float[Array, " features"],
    offset: Float[Array, " features"],
    *,
    epsilon: float,
) -> Float[Array, "*places features"]:
    """Normalise the last axis; see `normalize`. Types other than float32 go through it."""
    rows = x.astype(jnp.float32).reshape(1, -1, x.shape[-1])
    wide = (one.astype(jnp.float32)[None] for one in (scale, offset))
    return _layer_normalize(rows, *wide, epsilon=epsilon)[0].reshape(x.shape).astype(x.dtype)


def _plain(
    x: Float[Array, "members rows features"],
    scale: Float[Array, "members features"],
    offset: Float[Array, "members features"],
    *,
    epsilon: float,
) -> tuple[Array]:
    away = x - jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean(jnp.square(away), axis=-1, keepdims=True)
    factor = lax.rsqrt(variance + jnp.asarray(epsilon, x.dtype)) * scale[:, None]
    return (away * factor + offset[:, None],)


def _forward(x: Array, scale: Array, offset: Array, *, epsilon: float) -> tuple[tuple[Array], tuple[Array]]:
    shapes = (
        jax.ShapeDtypeStruct(x.shape, x.dtype),
        jax.ShapeDtypeStruct((*x.shape[:2], 2), x.dtype),  # of each row: mean, one over the root of the variance
    )
    y, moments = native.call("layer_normalization", shapes, x, scale, offset, epsilon=float(epsilon))
    return (y,), (moments,)


def _backward(
    arrays: Sequence[Array], kept: Sequence[Array], cotangents: Sequence[Array], *, epsilon: float
) -> Sequence[Array]:
    del epsilon
    x, scale, _ = arrays
    shapes = [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in arrays]
    return native.call("layer_normalization_backward", shapes, x, scale, *kept, *cotangents)


_layer_normalize = differentiable("layer_normalize_native", _plain, _forward, _backward, members=True)
