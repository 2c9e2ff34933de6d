"""Products of rows with a matrix: where kernels of our own are faster than XLA on a CPU.

    product     y[n, o] = sum over i of  x[n, i] w[i, o]
    affine      y[n, o] = sum over i of  x[n, i] w[i, o] + b[o]
    to inputs   x[n, i] = sum over o of  y[n, o] w[i, o]
    to weights  w[i, o] = sum over n of  x[n, i] y[n, o]
    to affine   the same, and  b[o] = sum over n of  y[n, o]

With many rows, to weights is a kernel that sums over rows, of the bias on its way, affine one that starts from the
bias, and to inputs one that lays the transpose out by itself. With one or two, reading the matrix once is all that
takes time. With some, as in a small batch, all of them divide a matrix of moderate size among cores in the same way, so
that each core has its part in its cache. The rest are XLA's own products, which are fast on a CPU. All arrays have an
axis of members in front: several networks are one call. In float32.
"""

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork import native
from brickwork.ops.primitives import (
    bilinear,
    derived,
    linear_behind_first,
    mapped,
    mapped_as_members,
    mapped_as_rows,
    primitive,
    tangents,
)

FEW = 2
"""Rows up to which a product is one of a few rows with a matrix."""

MANY = 512
"""Rows from which on products of our own are faster than XLA's."""

SOME = 4
"""Rows from which on a product is one of some rows with a matrix, up to `MANY`."""

LEAST_COLUMNS = 16
"""Columns that a matrix must have for few rows, or whose multiple it must have for some: the widest vector."""

MATRICES = range(2**13, 2**19 + 1)
"""Sizes of matrices that some rows are multiplied with by kernels: weights, gradients and moments of most of them stay
in caches from step to step, which is what these kernels gain by."""

SOME_WORK = 2**25
"""Multiplications up to which that is more than what XLA gains by laying a matrix out anew."""


def product_native(x: Float[Array, "rows inputs"], w: Float[Array, "inputs outputs"]) -> Float[Array, "rows outputs"]:
    """Return x @ w, by kernels where they are faster."""
    return product_p.bind(x[None], w[None])[0]


def affine_native(
    x: Float[Array, "rows inputs"], w: Float[Array, "inputs outputs"], b: Float[Array, " outputs"]
) -> Float[Array, "rows outputs"]:
    """Return x @ w + b for many rows, by one kernel."""
    return affine_p.bind(x[None], w[None], b[None])[0]


def sum_over_steps(
    left: Float[Array, "members steps rows"], right: Float[Array, "members steps columns"]
) -> Float[Array, "members rows columns"]:
    """Return the sums over steps of left[step, row] right[step, column], by the kernel."""
    return _to_affine(left, right)[0]


def some_rows(rows: int, shape: tuple[int, ...]) -> bool:
    """Tell whether kernels multiply so many rows with a matrix of a shape as it lies in memory."""
    size = prod(shape[-2:])
    return SOME <= rows < MANY and shape[-1] % LEAST_COLUMNS == 0 and size in MATRICES and rows * size <= SOME_WORK


def _to_affine(x: Array, y: Array) -> list[Array]:
    if some_rows(x.shape[1], (x.shape[2], y.shape[2])):
        return native.call("product_of_some_to_weights", _affine_shapes(x, y), x, y)
    return native.call("sum_over_steps", _affine_shapes(x, y), x, y)


def _product_shape(x: Any, w: Any) -> Any:
    return jax.ShapeDtypeStruct((*x.shape[:2], w.shape[2]), x.dtype)


def _inputs_shape(y: Any, w: Any) -> Any:
    return jax.ShapeDtypeStruct((*y.shape[:2], w.shape[1]), y.dtype)


def _weights_shape(x: Any, y: Any) -> Any:
    return jax.ShapeDtypeStruct((x.shape[0], x.shape[2], y.shape[2]), x.dtype)


def _affine_shapes(x: Any, y: Any) -> list[Any]:
    return [_weights_shape(x, y), jax.ShapeDtypeStruct((y.shape[0], y.shape[2]), y.dtype)]


def _product(x: Array, w: Array) -> Array:
    if x.shape[1] <= FEW and w.shape[2] >= LEAST_COLUMNS:
        return native.call("product_of_few", _product_shape(x, w), x, w)
    if some_rows(x.shape[1], w.shape):
        return _affine(x, w, jnp.zeros((w.shape[0], w.shape[2]), w.dtype))
    return (x[0] @ w[0])[None] if len(x) == 1 else x @ w  # a batch of one product is slower


def _to_inputs(y: Array, w: Array) -> Array:
    if y.shape[1] >= MANY:
        return native.call("product_to_inputs", _inputs_shape(y, w), y, w)
    if some_rows(y.shape[1], w.shape):
        return native.call("product_of_some_to_inputs", _inputs_shape(y, w), y, w)
    return _product(y, jnp.swapaxes(w, 1, 2))


def _affine(x: Array, w: Array, b: Array) -> Array:
    if some_rows(x.shape[1], w.shape):
        return native.call("product_of_some", _product_shape(x, w), x, w, b)
    return native.call("product", _product_shape(x, w), x, w, b)


def _affine_tangent(arrays: Any, steps: Any) -> Any:
    (x, w, _), (dx, dw, db) = arrays, steps
    parts = [] if dx is None else [product_p.bind(dx, w)]
    if dw is not None and db is not None:
        parts += [affine_p.bind(x, dw, db)]
    elif dw is not None:
        parts += [product_p.bind(x, dw)]
    elif db is not None:
        parts += [jnp.broadcast_to(db[:, None], (*x.shape[:2], w.shape[2]))]
    return sum(parts[1:], parts[0])


def _to_affine_tangents(_: Any, arrays: Any, steps: Any) -> Any:
    (x, y), (dx, dy) = arrays, steps
    weights, bias = to_affine_p.bind(x, dy)
    return [weights + weights_p.bind(dx, y), bias]


def _forward_work(a: Any, b: Any, *_: Any) -> int:
    return prod(a.shape) * b.shape[2]


def _inputs_work(y: Any, w: Any) -> int:
    return prod(y.shape) * w.shape[1]


product_p = primitive("product_native", _product_shape, _product, multiplications=_forward_work)
inputs_p = primitive("product_native_to_inputs", _inputs_shape, _to_inputs, multiplications=_inputs_work)
weights_p = primitive("product_native_to_weights", _weights_shape, sum_over_steps, multiplications=_forward_work)
affine_p = primitive("affine_native", lambda x, w, _: _product_shape(x, w), _affine, multiplications=_forward_work)
to_affine_p = primitive(
    "affine_native_to_weights_and_bias", _affine_shapes, _to_affine, several=True, multiplications=_forward_work
)

bilinear(product_p, lambda y, w, _: inputs_p.bind(y, w), lambda y, x, _: weights_p.bind(x, y))
bilinear(inputs_p, lambda x, w, _: product_p.bind(x, w), lambda x, y, _: weights_p.bind(x, y))
bilinear(weights_p, lambda w, y, _: inputs_p.bind(y, w), lambda w, x, _: product_p.bind(x, w))
derived(affine_p, _affine_tangent)
tangents(to_affine_p, _to_affine_tangents)
linear_behind_first(affine_p, to_affine_p)
linear_behind_first(to_affine_p, affine_p)

mapped(product_p, mapped_as_rows(product_p))
mapped(affine_p, mapped_as_rows(affine_p))
mapped(inputs_p, mapped_as_rows(inputs_p))
mapped(weights_p, mapped_as_members(weights_p))
mapped(to_affine_p, mapped_as_members(to_affine_p))
