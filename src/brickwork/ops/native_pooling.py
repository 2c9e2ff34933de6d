"""Largest values under windows, by kernels of our own.

    y, at = max_pool(x)            the largest values, and the places where they were found
    y = take(x, at)                the values at these places
    x = put(y, at)                 at every place the sum of the values that belong there

The last two are linear and each is the transpose of the other: the derivatives of the first one, to any order. Arrays
are (rows, depth, height, width, channels), in float32.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork import native
from brickwork.ops.primitives import linear, mapped, mapped_as_members, primitive, tangents

AXES = 3


@dataclass(frozen=True)
class Windows:
    """How windows lie over places, along three axes; the sizes are those of inputs, windows and outputs."""

    size: tuple[int, ...]
    window: tuple[int, ...]
    out: tuple[int, ...]
    stride: tuple[int, ...]
    low: tuple[int, ...]


def max_pool_native(
    x: Float[Array, "batch *places channels"],
    *,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    edges: tuple[tuple[int, int], ...],
) -> Float[Array, "batch *out_places channels"]:
    """Take the largest value under each window; see `max_pool`. Other types go through float32."""
    axes = len(window)
    size, none = x.shape[1:-1], (1,) * (AXES - len(window))
    out = tuple((n + sum(e) - k) // s + 1 for n, e, k, s in zip(size, edges, window, stride, strict=True))
    windows = Windows(
        size=none + size,
        window=none + window,
        out=none + out,
        stride=none + stride,
        low=(0,) * (AXES - axes) + tuple(low for low, _ in edges),
    )
    wide = x.astype(jnp.float32).reshape(x.shape[0], *windows.size, x.shape[-1])
    y, _ = largest_p.bind(wide, windows=windows)
    return y.reshape(x.shape[0], *out, x.shape[-1]).astype(x.dtype)


def _out_shape(x: Any, *_: Any, windows: Windows) -> Any:
    return jax.ShapeDtypeStruct((x.shape[0], *windows.out, x.shape[-1]), x.dtype)


def _size_shape(y: Any, *_: Any, windows: Windows) -> Any:
    return jax.ShapeDtypeStruct((y.shape[0], *windows.size, y.shape[-1]), y.dtype)


def _largest_shapes(x: Any, *, windows: Windows) -> Any:
    y = _out_shape(x, windows=windows)
    return [y, jax.ShapeDtypeStruct(y.shape, jnp.int32)]


def _called(kernel: str, shape: Any) -> Any:
    def compute(*arrays: Array, windows: Windows) -> Any:
        return native.call(
            kernel,
            shape(*arrays, windows=windows),
            *arrays,
            window=windows.window,
            stride=windows.stride,
            low=windows.low,
        )

    return compute


largest_p = primitive("max_pool_native", _largest_shapes, _called("max_pool", _largest_shapes), several=True)
take_p = primitive("pool_native_take", _out_shape, _called("pool_take", _out_shape))
put_p = primitive("pool_native_put", _size_shape, _called("pool_put", _size_shape))


linear(take_p, put_p)
linear(put_p, take_p)
tangents(largest_p, lambda out, _, steps, *, windows: [take_p.bind(steps[0], out[1], windows=windows), None])
for each in (largest_p, take_p, put_p):  # rows of several calls are rows of one
    mapped(each, mapped_as_members(each))
