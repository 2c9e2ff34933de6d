"""Pooling: the largest or the mean value under windows that slide over pictures, or over whole pictures."""

from collections.abc import Sequence
from functools import partial, reduce

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops.implementation import choose
from brickwork.ops.precision import accumulated
from brickwork.ops.windows import Padding, Pair, padded, padded_edges, pair, places, shifted


def max_pool2d(
    x: Float[Array, "batch height width channels"],
    window: Pair = 2,
    *,
    stride: Pair | None = None,
    padding: Padding = "valid",
) -> Float[Array, "batch out_height out_width channels"]:
    """Take the largest value under each window; `stride` is the window's size unless given.

    y[b, p, q, c] = max over i, j of x[b, p s + i, q s + j, c]; padding never wins, and nan always does.

    Where several values are equally the largest, the gradient goes to the first of them, row by row (as in
    PyTorch; `jnp.max` would share it out). Forward derivatives (`jax.jvp`) do the same on a CPU; XLA's own
    operation, used elsewhere, takes another of the equals there.

    Raises `ShapeError` for what is not a picture or is smaller than the window, `SettingError` for a window, stride
    or padding that is not possible, and for a padding that a whole window could fall into.

    Source: Zhou and Chellappa (1988), "Computation of optical flow using a neural network".
    """
    window, stride, edges = _checked("max_pool2d", x, window, stride, padding)
    settings = {"window": window, "stride": stride, "edges": edges}
    return choose({"xla": partial(_max_xla, **settings), "slices": partial(_max_slices, **settings)}, x)


def average_pool2d(
    x: Float[Array, "batch height width channels"],
    window: Pair = 2,
    *,
    stride: Pair | None = None,
    padding: Padding = "valid",
    count_padding: bool = False,
) -> Float[Array, "batch out_height out_width channels"]:
    """Take the mean under each window; `stride` is the window's size unless given.

    y[b, p, q, c] = 1/n sum over i, j of x[b, p s + i, q s + j, c]. Without `count_padding`, n counts the pixels of the
    picture alone (as in Keras); with it, n is the size of the window and padding counts as zeros (PyTorch's
    default). Sums are taken in float32 at least.

    Raises as `max_pool2d` does. Source: LeCun, Bottou, Bengio and Haffner (1998), "Gradient-based learning applied
    to document recognition", section II.B.
    """
    window, stride, edges = _checked("average_pool2d", x, window, stride, padding)
    settings = {"window": window, "stride": stride, "edges": edges}
    table = {"xla": partial(_sum_xla, **settings), "slices": partial(_sum_slices, **settings)}
    sums = choose(table, accumulated(x))
    if count_padding or edges == ((0, 0), (0, 0)):
        counts = np.asarray(window[0] * window[1])
    else:
        rows, columns = map(_pixels, x.shape[1:3], window, stride, edges, sums.shape[1:3])
        counts = (rows[:, None] * columns)[:, :, None]
    return (sums / jnp.asarray(counts, sums.dtype)).astype(x.dtype)


def global_max_pool(
    x: Float[Array, "batch *places channels"], mask: Bool[Array, "batch *places"] | None = None
) -> Float[Array, "batch channels"]:
    """Take the largest value of each channel over all places of a picture or sequence, those in `mask` if given.

    A row without any place in the mask gives 0. At ties the gradient is shared evenly among the largest.

    Raises `ShapeError` when the mask does not fit, or without a single place and no mask.
    """
    axes = _check_global("global_max_pool", x, mask)
    if mask is None:
        return jnp.max(x, axis=axes)
    low = jnp.asarray(-jnp.inf, x.dtype)
    largest = jnp.max(jnp.where(mask[..., None], x, low), axis=axes, initial=-jnp.inf)
    return jnp.where(jnp.any(mask, axis=axes)[:, None], largest, jnp.zeros_like(largest))


def global_average_pool(
    x: Float[Array, "batch *places channels"], mask: Bool[Array, "batch *places"] | None = None
) -> Float[Array, "batch channels"]:
    """Take the mean of each channel over all places of a picture or sequence, those in `mask` if given.

    y[b, c] = 1/n sum over places p in the mask of x[b, p, c]; a row without any place gives 0. What lies outside the
    mask is never read, not even a nan. Sums are taken in float32 at least.

    Raises `ShapeError` when the mask does not fit, or without a single place and no mask.
    Source: Lin, Chen and Yan (2013), "Network in network", section 3.2.
    """
    axes = _check_global("global_average_pool", x, mask)
    values = accumulated(x)
    if mask is None:
        return jnp.mean(values, axis=axes).astype(x.dtype)
    sums = jnp.sum(jnp.where(mask[..., None], values, jnp.zeros_like(values)), axis=axes)
    counts = jnp.sum(mask, axis=axes, dtype=sums.dtype)[:, None]
    return (sums / jnp.maximum(counts, jnp.ones_like(counts))).astype(x.dtype)


def _check_global(what: str, x: Array, mask: Array | None) -> tuple[int, ...]:
    if x.ndim < 2:
        raise ShapeError(f"{what} needs (batch, places..., channels), got {x.shape}.")
    if mask is not None and mask.shape != x.shape[:-1]:
        raise ShapeError(f"{what}: the mask of {x.shape} must be {x.shape[:-1]}, got {mask.shape}.")
    axes = tuple(range(1, x.ndim - 1))
    if mask is None and any(x.shape[axis] == 0 for axis in axes):
        raise ShapeError(f"{what}: there is nothing to pool in {x.shape}; give a mask to get 0 for empty rows.")
    return axes


def _checked(what: str, x: Array, window: Pair, stride: Pair | None, padding: Padding):
    if x.ndim != 4:
        raise ShapeError(
            f"{what} needs pictures (batch, height, width, channels), got {x.shape}. "
            "A single picture needs a batch axis: x[None]."
        )
    window = pair(window, "window")
    stride = window if stride is None else pair(stride, "stride")
    size = (x.shape[1], x.shape[2])
    edges = padded_edges(size, window, stride, (1, 1), padding)
    height, width = places(what, size, window, stride, (1, 1), edges)
    for n, k, s, (low, _), out in zip(size, window, stride, edges, (height, width), strict=True):
        if low >= k or (out - 1) * s >= low + n:
            raise SettingError(
                f"{what}: with padding {padding!r} a whole window of {window} falls outside the picture."
            )
    return window, stride, edges


def _pixels(size: int, window: int, stride: int, edges: tuple[int, int], places: int) -> np.ndarray:
    """Return how many positions of each window lie inside the picture, along one axis."""
    start = np.arange(places) * stride - edges[0]
    return np.minimum(start + window, size) - np.maximum(start, 0)


def _max_xla(x, *, window, stride, edges):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *stride, 1), ((0, 0), *edges, (0, 0)))


def _sum_xla(x, *, window, stride, edges):
    return lax.reduce_window(x, 0.0, lax.add, (1, *window, 1), (1, *stride, 1), ((0, 0), *edges, (0, 0)))


def _max_slices(x, *, window, stride, edges):
    return _separable(_first_largest, padded(x, edges, -jnp.inf), window, stride)


def _sum_slices(x, *, window, stride, edges):
    return _separable(partial(reduce, jnp.add), padded(x, edges), window, stride)


def _separable(combine, x, window: tuple[int, int], stride: tuple[int, int]):
    # Along the rows first: then the first of equals is the first in row order.
    height, width = ((n - k) // s + 1 for n, k, s in zip(x.shape[1:3], window, stride, strict=True))
    x = combine(shifted(x, 2, window[1], width, stride[1], 1))
    return combine(shifted(x, 1, window[0], height, stride[0], 1))


def _first_largest(values: Sequence[Array]) -> Array:
    def keep(best, value):
        return jnp.where((value > best) | jnp.isnan(value), value, best)

    return reduce(keep, values)
