"""Windows that slide over pictures: sizes, padding and the slices they see."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Shaped

from brickwork.core.errors import SettingError, ShapeError, nearest

Pair: TypeAlias = int | tuple[int, int]
"""One number for height and width, or one for each."""

Padding: TypeAlias = Literal["same", "valid"] | tuple[tuple[int, int], tuple[int, int]]
"""`"same"`, `"valid"`, or rows and columns to add: `((top, bottom), (left, right))`."""


def pair(value: Pair | Sequence[int], setting: str, least: int = 1) -> tuple[int, int]:
    """Return a number as (height, width); raises `SettingError` unless they are whole and at least `least`."""
    values = (value, value) if isinstance(value, int) else tuple(value)
    if len(values) != 2 or any(not isinstance(v, int) or isinstance(v, bool) or v < least for v in values):
        raise SettingError(
            f"{setting} must be a whole number of at least {least}, or one for height and one for width, got {value!r}."
        )
    return values


def padded_edges(
    size: tuple[int, int], window: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], padding: Any
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return how much a `Padding` adds at ((top, bottom), (left, right)); raises `SettingError` for anything else.

    `"same"` gives ceil(size / stride) places and splits what is missing evenly, the odd one below and right (as
    XLA and Keras do; PyTorch's `padding=k // 2` places strided windows otherwise: write its edges out for that).
    """
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        missing = [
            max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            for n, k, s, d in zip(size, window, stride, dilation, strict=True)
        ]
        top, left = (m // 2 for m in missing)
        return (top, missing[0] - top), (left, missing[1] - left)
    if isinstance(padding, str):
        raise SettingError(f"There is no padding {padding!r}. {nearest(padding, ('same', 'valid'))}")
    try:
        (top, bottom), (left, right) = padding
    except (TypeError, ValueError):
        raise SettingError(f"padding must be ((top, bottom), (left, right)), got {padding!r}.") from None
    if any(not isinstance(n, int) or n < 0 for n in (top, bottom, left, right)):
        raise SettingError(f"padding must be whole numbers of at least 0, got {padding!r}.")
    return (top, bottom), (left, right)


def places(
    what: str,
    size: tuple[int, int],
    window: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    edges: tuple[tuple[int, int], tuple[int, int]],
) -> tuple[int, int]:
    """Return how many places a window takes (height, width); raises `ShapeError` when it does not fit once."""
    reach = tuple((k - 1) * d + 1 for k, d in zip(window, dilation, strict=True))
    padded = tuple(n + sum(e) for n, e in zip(size, edges, strict=True))
    if any(r > n for r, n in zip(reach, padded, strict=True)):
        raise ShapeError(
            f"{what}: a window reaching over {reach[0]}x{reach[1]} does not fit into a picture of "
            f"{size[0]}x{size[1]} (padded {padded[0]}x{padded[1]}). "
            "Use a smaller window or dilation, larger pictures, or padding 'same'."
        )
    height, width = ((n - r) // s + 1 for n, r, s in zip(padded, reach, stride, strict=True))
    return height, width


def shifted(x: Shaped[Array, "..."], axis: int, count: int, places: int, stride: int, dilation: int) -> list[Array]:
    """Return `count` slices of an axis: what position 0, 1, ... of the sliding window sees at each place."""
    starts = (i * dilation for i in range(count))
    return [lax.slice_in_dim(x, start, start + (places - 1) * stride + 1, stride, axis) for start in starts]


def padded(x: Shaped[Array, "b h w c"], edges: tuple[tuple[int, int], tuple[int, int]], value: float = 0) -> Array:
    """Return pictures with rows and columns of `value` added."""
    if edges == ((0, 0), (0, 0)):
        return x
    config = [(0, 0, 0), *((low, high, 0) for low, high in edges), (0, 0, 0)]
    return lax.pad(x, jnp.asarray(value, x.dtype), config)
