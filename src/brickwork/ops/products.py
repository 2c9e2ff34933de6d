"""Products of features with a matrix."""

from math import prod

import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork.core.errors import ShapeError
from brickwork.ops.implementation import choose
from brickwork.ops.native_products import FEW, MANY, affine_native, product_native, some_rows


def matmul(
    x: Float[Array, "*places inputs"], w: Float[Array, "inputs outputs"], bias: Float[Array, " outputs"] | None = None
) -> Float[Array, "*places outputs"]:
    """Multiply the features at every place of a sequence, a picture or a row with one matrix, and add a bias.

        y[..., o] = sum over i of x[..., i] w[i, o] + bias[o]

    The same as x @ w + bias, computed as one product of two matrices, with all places below each other. With more than
    one axis of places XLA for CPU computes the gradient of w slowly: a training step of (32, 64, 64) times (64, 256)
    takes 1.6 to 2 times as long. With many places kernels of our own compute the gradient of w on CPUs, which takes a
    half to three quarters of the time of XLA's product, and add the bias on the way; one or two rows are multiplied by
    a kernel that reads w once, and a small batch by kernels that keep w in the caches from step to step. Vectors and
    other matrices give the program of x @ w + bias itself.

    Raises:
        ShapeError: w is no matrix, x has another number of features than w has rows, or the bias another one than it
            has columns.

    >>> import jax.numpy as jnp
    >>> matmul(jnp.ones((2, 3, 4)), jnp.ones((4, 5))).shape
    (2, 3, 5)
    """
    if x.ndim < 1 or w.ndim != 2 or x.shape[-1] != w.shape[0]:
        raise ShapeError(f"matmul wants x (..., inputs) and w (inputs, outputs), got x {x.shape}, w {w.shape}.")
    if bias is not None and bias.shape != w.shape[1:]:
        raise ShapeError(f"matmul wants a bias {w.shape[1:]} for w {w.shape}, got {bias.shape}.")
    *places, inputs = x.shape
    rows = prod(places)
    some = some_rows(rows, w.shape)
    special = 0 < rows <= FEW or rows >= MANY or some
    if x.ndim < 2 or (x.ndim == 2 and not special):
        return _with_bias(x @ w, bias)
    flat = x.reshape(rows, inputs)
    if not special or any(a.dtype != jnp.float32 for a in (x, w, *([] if bias is None else [bias]))):
        return _with_bias((flat @ w).reshape(*places, w.shape[1]), bias)
    if bias is not None and (rows >= MANY or some):
        table = {"xla": lambda x, w, b: _with_bias(x @ w, b), "native": affine_native}
        return choose(table, flat, w, bias).reshape(*places, w.shape[1])
    product = choose({"xla": jnp.matmul, "native": product_native}, flat, w)
    return _with_bias(product.reshape(*places, w.shape[1]), bias)


def _with_bias(product: Array, bias: Array | None) -> Array:
    return product if bias is None else product + jnp.broadcast_to(bias, product.shape)
