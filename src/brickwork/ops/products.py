"""Products of features with a matrix."""

from math import prod

import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork.core.errors import ShapeError
from brickwork.ops.implementation import choose
from brickwork.ops.native_products import FEW, product_native

MANY = 512
"""Rows from which on a sum over rows of our own is faster than XLA's product."""


def matmul(x: Float[Array, "*places inputs"], w: Float[Array, "inputs outputs"]) -> Float[Array, "*places outputs"]:
    """Multiply the features at every place of a sequence, a picture or a row with one matrix.

        y[..., o] = sum over i of x[..., i] w[i, o]

    The same as x @ w, computed as one product of two matrices, with all places below each other. With more than one
    axis of places XLA for CPU computes the gradient of w slowly: a training step of (32, 64, 64) times (64, 256) takes
    1.6 to 2 times as long. With many places the gradient of w is a kernel of our own on CPUs, which takes a half to
    three quarters of the time of XLA's product; and one or two rows are multiplied by a kernel that reads w once.
    Vectors and other matrices give the program of x @ w itself.

    Raises:
        ShapeError: w is no matrix, or x has another number of features than w has rows.

    >>> import jax.numpy as jnp
    >>> matmul(jnp.ones((2, 3, 4)), jnp.ones((4, 5))).shape
    (2, 3, 5)
    """
    if x.ndim < 1 or w.ndim != 2 or x.shape[-1] != w.shape[0]:
        raise ShapeError(f"matmul wants x (..., inputs) and w (inputs, outputs), got x {x.shape}, w {w.shape}.")
    *places, inputs = x.shape
    rows = prod(places)
    few_or_many = 0 < rows <= FEW or rows >= MANY
    if x.ndim < 2 or (x.ndim == 2 and not few_or_many):
        return x @ w
    flat = x.reshape(rows, inputs)
    if not few_or_many or x.dtype != jnp.float32 or w.dtype != jnp.float32:
        product = flat @ w
    else:
        product = choose({"xla": jnp.matmul, "native": product_native}, flat, w)
    return product.reshape(*places, w.shape[1])
