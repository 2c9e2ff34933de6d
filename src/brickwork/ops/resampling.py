"""Resampling: sequences, pictures and volumes at other sizes."""

from functools import reduce
from typing import Literal, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops.precision import accumulated
from brickwork.ops.windows import LARGEST_SIDE, Sizes, axes_of, sizes

Interpolation: TypeAlias = Literal["nearest", "linear", "cubic"]
"""How values between places are found: the nearest place's, on a line between two, or on a curve through four."""

LARGEST_MATRIX = 2**20
"""Numbers of a matrix up to which an axis is resampled by one matrix product; above, by gathering each place's taps."""


def resize(
    x: Float[Array, "batch *places channels"],
    size: Sizes,
    how: Interpolation = "linear",
    *,
    antialias: bool = False,
) -> Float[Array, "batch *out_places channels"]:
    """Resample each axis to a size: every new place is a weighted mean of old ones around where its middle falls.

    y[o] = sum over i of x[i] w(c - i),   c = (o + 1/2) n / m - 1/2   for n old and m new places

    along one axis after the other. Places are little squares, whose outer borders stay the borders (PyTorch's
    `align_corners=False`). w is 1 for the nearest place alone (at ties the later one; PyTorch's `nearest-exact`); for
    "linear" 1 - |t| up to 1; for "cubic" Keys's curve with a = -3/4, over four places; beyond the border the border
    place counts. With `antialias` a smaller array is made with w stretched by n / m, so that every old place counts,
    and weights beyond the border are left out and the rest divided by their sum; cubic then has a = -1/2. That is
    what PyTorch computes, and Pillow. Sums are taken in float32 at least.

    Raises `ShapeError` for what is no sequence, picture or volume or has no places, `SettingError` for sizes below 1
    or above `windows.LARGEST_SIDE`.

    Source: Keys (1981), "Cubic convolution interpolation for digital image processing", equation 4.
    """
    axes = axes_of("resize", x)
    size = sizes(size, "size", axes)
    if max(size) > LARGEST_SIDE:
        raise SettingError(f"size must be at most {LARGEST_SIDE} along an axis, got {size}.")
    if 0 in x.shape[1:-1]:
        raise ShapeError(f"resize: there is nothing to resample in {x.shape}.")
    values = x if how == "nearest" else accumulated(x)
    for axis, new in enumerate(size, start=1):
        if new == values.shape[axis]:
            continue
        values = _nearest(values, axis, new) if how == "nearest" else _weighed(values, axis, new, how, antialias)
    return values.astype(x.dtype)


def _nearest(x: Array, axis: int, new: int) -> Array:
    old = x.shape[axis]
    if new % old == 0:
        return jnp.repeat(x, new // old, axis, total_repeat_length=new)
    return jnp.take(x, (2 * np.arange(new) + 1) * old // (2 * new), axis)


def _weighed(x: Array, axis: int, new: int, how: str, antialias: bool) -> Array:
    old = x.shape[axis]
    index, weights = taps(old, new, how, antialias)
    if old * new <= LARGEST_MATRIX:
        matrix = np.zeros((old, new))
        np.add.at(matrix, (index, np.arange(new)[:, None]), weights)
        y = lax.dot_general(
            x, jnp.asarray(matrix, x.dtype), (((axis,), (0,)), ((), ())), precision=lax.Precision.HIGHEST
        )
        return jnp.moveaxis(y, -1, axis)

    def part(tap: int) -> Array:
        weight = jnp.asarray(weights[:, tap], x.dtype).reshape(new, *[1] * (x.ndim - axis - 1))
        return jnp.take(x, index[:, tap], axis) * weight

    return reduce(jnp.add, map(part, range(index.shape[1])))


def taps(old: int, new: int, how: str, antialias: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return which old places each new one takes, and their weights, both (new, taps)."""
    scale = old / new
    stretch = max(scale, 1.0) if antialias else 1.0
    reach = (2 if how == "cubic" else 1) * stretch
    centre = (np.arange(new) + 0.5) * scale - 0.5
    index = np.floor(centre - reach).astype(np.int64)[:, None] + np.arange(1, 2 * int(np.ceil(reach)) + 1)
    distance = np.abs(index - centre[:, None]) / stretch
    weights = _cubic(distance, -0.5 if antialias else -0.75) if how == "cubic" else np.maximum(1 - distance, 0)
    if antialias:
        weights = np.where((index >= 0) & (index < old), weights, 0)
        weights = weights / weights.sum(1, keepdims=True)
    return np.clip(index, 0, old - 1), weights


def _cubic(t: np.ndarray, a: float) -> np.ndarray:
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((t - 5) * t + 8) * t * a - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))
