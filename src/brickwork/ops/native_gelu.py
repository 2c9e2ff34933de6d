"""Gelu by kernels of our own: XLA for CPU computes erf, tanh and their slopes on one thread inside a compiled loop."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork import native
from brickwork.ops.precision import narrow
from brickwork.ops.primitives import differentiable

FEWEST = 8192
"""Numbers from which on a call of a kernel is faster than what XLA makes of a gelu and its neighbours."""


def gelu_native(x: Float[Array, "*shape"], *, exact: bool) -> Float[Array, "*shape"]:
    """Compute gelu, by erf where it is to be exact, else by tanh. Types other than float32 go through it."""
    return _gelu(x.astype(jnp.float32).reshape(-1), exact=exact)[0].reshape(x.shape).astype(x.dtype)


def has_kernels_for(x: Array) -> bool:
    """Tell whether the kernels compute with arrays like this one: of many floats of up to 32 bits."""
    return narrow(x) and x.size >= FEWEST


def _plain(x: Array, *, exact: bool) -> tuple[Array]:
    return (jax.nn.gelu(x, approximate=not exact),)


def _alone(x: Array, *, exact: bool) -> tuple[Array]:
    return (native.call("gelu", jax.ShapeDtypeStruct(x.shape, x.dtype), x, exact=int(exact)),)


def _forward(x: Array, *, exact: bool) -> tuple[tuple[Array], tuple[Array]]:
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    y, slope = native.call("gelu_with_slope", (shape, shape), x, exact=int(exact))
    return (y,), (slope,)


def _backward(
    arrays: Sequence[Array], kept: Sequence[Array], cotangents: Sequence[Array], *, exact: bool
) -> Sequence[Array]:
    del arrays, exact
    return (kept[0] * cotangents[0],)


_gelu = differentiable("gelu_native", _plain, _forward, _backward, alone=_alone, members=True)
