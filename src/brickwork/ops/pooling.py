"""Pooling: the largest or the mean value under windows that slide over arrays, or over whole arrays."""

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops.implementation import choose
from brickwork.ops.native_pooling import max_pool_native
from brickwork.ops.precision import accumulated, narrow
from brickwork.ops.windows import (
    KINDS,
    LARGEST_LOOP,
    LARGEST_SIDE,
    Padding,
    Sizes,
    axes_of,
    padded,
    padded_edges,
    places,
    shifted,
    sizes,
)


def max_pool(
    x: Float[Array, "batch *places channels"],
    window: Sizes = 2,
    *,
    stride: Sizes | None = None,
    padding: Padding = "valid",
) -> Float[Array, "batch *out_places channels"]:
    """Take the largest value under each window; `stride` is the window's size unless given.

    y[b, p, q, c] = max over i, j of x[b, p s + i, q s + j, c]; padding never wins, and nan always does.

    For sequences, pictures and volumes. Where several values are equally the largest, the gradient goes to the first
    of them, row by row (as in PyTorch; `jnp.max` would share it out). Forward derivatives (`jax.jvp`) do the same on a
    CPU, where a kernel of our own computes it; XLA's own operation, used elsewhere, takes another of the equals there.

    Raises `ShapeError` for other arrays or those smaller than the window, `SettingError` for a window, stride
    or padding that is not possible, and for a padding that a whole window could fall into.

    Source: Zhou and Chellappa (1988), "Computation of optical flow using a neural network".
    """
    settings = _checked("max_pool", x, window, stride, padding)
    table = _table(settings["window"], partial(_max_xla, **settings), partial(_max_slices, **settings))
    if narrow(x):
        table["native"] = partial(max_pool_native, **settings)
    return choose(table, x)


def average_pool(
    x: Float[Array, "batch *places channels"],
    window: Sizes = 2,
    *,
    stride: Sizes | None = None,
    padding: Padding = "valid",
    count_padding: bool = False,
) -> Float[Array, "batch *out_places channels"]:
    """Take the mean under each window; `stride` is the window's size unless given.

    y[b, p, q, c] = 1/n sum over i, j of x[b, p s + i, q s + j, c]. Without `count_padding`, n counts the places of the
    array alone (as in Keras); with it, n is the size of the window and padding counts as zeros (PyTorch's
    default). Sums are taken in float32 at least.

    Raises as `max_pool` does. Source: LeCun, Bottou, Bengio and Haffner (1998), "Gradient-based learning applied
    to document recognition", section II.B.
    """
    settings = _checked("average_pool", x, window, stride, padding)
    size: tuple[int, ...] = settings["window"]
    sums = choose(_table(size, partial(_sum_xla, **settings), partial(_sum_slices, **settings)), accumulated(x))
    counts = np.asarray(np.prod(size))
    if not count_padding and any(map(any, settings["edges"])):
        along = map(_inside, x.shape[1:-1], size, settings["stride"], settings["edges"], sums.shape[1:-1])
        counts = reduce(np.multiply.outer, along)[..., None]
    return (sums / jnp.asarray(counts, sums.dtype)).astype(x.dtype)


def adaptive_pool(
    x: Float[Array, "batch *places channels"],
    size: Sizes,
    how: Literal["average", "max"] = "average",
    lengths: Int[Array, " batch"] | None = None,
) -> Float[Array, "batch *out_places channels"]:
    """Divide each axis into `size` windows, as equal as can be, and take the mean or the largest value of each.

    Window i of an axis of n places is floor(i n / size) ... ceil((i + 1) n / size) - 1: neighbours overlap by a place
    where size does not divide n. With `lengths` the n of a sequence is its own length, what stands after it is never
    read, and a sequence of length 0 gives 0. At ties the gradient of "max" is shared evenly among the largest.
    Sums are taken in float32 at least.

    Raises `ShapeError` for what is no sequence, picture or volume, or has an axis without places, `SettingError` for a
    size that is not possible.

    Source: the windows are those of PyTorch's `AdaptiveAvgPool2d`; pooling to a fixed size is from He, Zhang, Ren and
    Sun (2014), "Spatial pyramid pooling in deep convolutional networks for visual recognition", section 2.2.
    """
    axes = axes_of("adaptive_pool", x)
    size = sizes(size, "size", axes)
    if max(size) > LARGEST_SIDE:
        raise SettingError(f"size must be at most {LARGEST_SIDE} along an axis, got {size}.")
    if 0 in x.shape[1:-1]:
        raise ShapeError(f"adaptive_pool: there is nothing to pool in {x.shape}.")
    values = accumulated(x) if how == "average" else x
    if lengths is not None:
        if axes != 1:
            raise ShapeError(f"adaptive_pool: only sequences have lengths, got {x.shape}.")
        return _adaptive_sequences(values, size[0], how, lengths).astype(x.dtype)
    for axis, count in enumerate(size, start=1):
        values = _adaptive_axis(values, axis, count, how)
    return values.astype(x.dtype)


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


def _adaptive_axis(x: Array, axis: int, size: int, how: str) -> Array:
    before, n, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    if n % size == 0:
        blocks = x.reshape(*before, size, n // size, *after)
        return jnp.mean(blocks, axis + 1) if how == "average" else jnp.max(blocks, axis + 1)
    window = np.arange(size)
    start, end = window * n // size, -(-(window + 1) * n // size)
    index = start[:, None] + np.arange(np.max(end - start))
    inside = jnp.asarray(index < end[:, None]).reshape(*[1] * axis, *index.shape, *[1] * len(after))
    blocks = jnp.take(x, np.minimum(index, n - 1).reshape(-1), axis).reshape(*before, *index.shape, *after)
    return _reduced(blocks, inside, axis + 1, how)


def _adaptive_sequences(x: Array, size: int, how: str, lengths: Array) -> Array:
    rows, time, channels = x.shape
    window, n = jnp.arange(size, dtype=lengths.dtype)[None], lengths[:, None]
    start, end = window * n // size, -(-(window + 1) * n // size)  # (rows, windows)
    widest = min(-(-time // size) + 1, time)
    index = start[..., None] + jnp.arange(widest, dtype=lengths.dtype)
    inside = (index < end[..., None])[..., None]
    index = jnp.minimum(index, time - 1).reshape(rows, size * widest, 1)
    blocks = jnp.take_along_axis(x, index, axis=1).reshape(rows, size, widest, channels)
    return _reduced(blocks, inside, 2, how)


def _reduced(blocks: Array, inside: Array, axis: int, how: str) -> Array:
    """Take the mean or the largest along an axis of what is inside; 0 where nothing is."""
    zero = jnp.zeros((), blocks.dtype)
    if how == "average":
        count = jnp.sum(inside, axis, dtype=blocks.dtype)
        return jnp.sum(jnp.where(inside, blocks, zero), axis) / jnp.maximum(count, jnp.ones_like(count))
    largest = jnp.max(jnp.where(inside, blocks, jnp.asarray(-jnp.inf, blocks.dtype)), axis)
    return jnp.where(jnp.any(inside, axis), largest, zero)


def _checked(what: str, x: Array, window: Sizes, stride: Sizes | None, padding: Padding) -> dict[str, Any]:
    axes = axes_of(what, x)
    window = sizes(window, "window", axes)
    stride = window if stride is None else sizes(stride, "stride", axes)
    size, gaps = x.shape[1:-1], (1,) * axes
    edges = padded_edges(size, window, stride, gaps, padding)
    out = places(what, size, window, stride, gaps, edges)
    for n, k, s, (low, _), count in zip(size, window, stride, edges, out, strict=True):
        if low >= k or (count - 1) * s >= low + n:
            raise SettingError(
                f"{what}: with padding {padding!r} a whole window of {window} falls outside the {KINDS[axes]}."
            )
    return {"window": window, "stride": stride, "edges": edges}


def _table(window, xla, slices):
    return {"xla": xla, "slices": slices} if sum(window) <= LARGEST_LOOP else {"xla": xla}


def _inside(size: int, window: int, stride: int, edges: tuple[int, int], places: int) -> np.ndarray:
    """Return how many positions of each window lie inside the array, along one axis."""
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


def _separable(combine, x, window: tuple[int, ...], stride: tuple[int, ...]):
    # Along the last axis first: then the first of equals is the first in row order.
    for axis in range(len(window), 0, -1):
        k, s = window[axis - 1], stride[axis - 1]
        x = combine(shifted(x, axis, k, (x.shape[axis] - k) // s + 1, s, 1))
    return x


def _first_largest(values: Sequence[Array]) -> Array:
    def keep(best, value):
        return jnp.where((value > best) | jnp.isnan(value), value, best)

    return reduce(keep, values)
