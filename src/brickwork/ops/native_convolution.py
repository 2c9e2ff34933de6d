"""Convolution by kernels of our own: three bilinear maps, each of which is the transpose of the others.

    forward    y[n, p, f] = sum over t, c of  x[n, p s + t d - low, c] w[t, c, f]
    to inputs  x[n, i, c] = sum over t, f of  y[n, p, f] w[t, c, f]   where p s + t d - low = i
    to kernel  w[t, c, f] = sum over n, p of  x[n, p s + t d - low, c] y[n, p, f]

Arrays are (members, rows, depth, height, width, channels) and (members, depth, height, width, channels of a group,
filters): axes that are not there have size 1, and several networks are one call. In float32.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork import native
from brickwork.ops.primitives import bilinear, mapped, mapped_as_members, mapped_as_rows, primitive

AXES = 3


@dataclass(frozen=True)
class Geometry:
    """How windows lie over places, along three axes; the sizes are those of inputs, windows and outputs."""

    size: tuple[int, ...]
    window: tuple[int, ...]
    out: tuple[int, ...]
    stride: tuple[int, ...]
    low: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


def conv_native(
    x: Float[Array, "batch *places channels"],
    kernel: Float[Array, "*window channels_per_group filters"],
    *,
    stride: tuple[int, ...],
    edges: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Float[Array, "batch *out_places filters"]:
    """Slide kernels over arrays with one, two or three axes of places; see `conv`. Other types go through float32."""
    axes = len(stride)
    size, window = x.shape[1:-1], kernel.shape[:-2]
    terms = zip(size, edges, window, dilation, stride, strict=True)
    out = tuple((n + sum(edge) - (k - 1) * d - 1) // s + 1 for n, edge, k, d, s in terms)
    none = (1,) * (AXES - axes)
    geometry = Geometry(
        size=none + size,
        window=none + window,
        out=none + out,
        stride=none + stride,
        low=(0,) * (AXES - axes) + tuple(low for low, _ in edges),
        dilation=none + dilation,
        groups=groups,
    )
    wide_x = x.astype(jnp.float32).reshape(1, x.shape[0], *none, *size, x.shape[-1])
    wide_kernel = kernel.astype(jnp.float32).reshape(1, *none, *kernel.shape)
    y = forward_p.bind(wide_x, wide_kernel, geometry=geometry)
    return y.reshape(x.shape[0], *out, kernel.shape[-1]).astype(x.dtype)


def _forward_shape(x: Any, w: Any, *, geometry: Geometry) -> Any:
    return jax.ShapeDtypeStruct((*x.shape[:2], *geometry.out, w.shape[-1]), x.dtype)


def _inputs_shape(y: Any, w: Any, *, geometry: Geometry) -> Any:
    return jax.ShapeDtypeStruct((*y.shape[:2], *geometry.size, w.shape[-2] * geometry.groups), y.dtype)


def _kernel_shape(x: Any, y: Any, *, geometry: Geometry) -> Any:
    shape = (x.shape[0], *geometry.window, x.shape[-1] // geometry.groups, y.shape[-1])
    return jax.ShapeDtypeStruct(shape, x.dtype)


def _called(kernel: str, shape: Any) -> Any:
    def compute(a: Array, b: Array, *, geometry: Geometry) -> Array:
        return native.call(
            kernel,
            shape(a, b, geometry=geometry),
            a,
            b,
            stride=geometry.stride,
            low=geometry.low,
            dilation=geometry.dilation,
            groups=geometry.groups,
        )

    return compute


def _work(w: Any, geometry: Geometry) -> int:
    """Return the multiplications of a convolution of one row with one of several kernels."""
    return prod(w.shape[1:]) * prod(geometry.out)


forward_p = primitive(
    "conv_native",
    _forward_shape,
    _called("convolution", _forward_shape),
    multiplications=lambda x, w, geometry: prod(x.shape[:2]) * _work(w, geometry),
)
inputs_p = primitive(
    "conv_native_to_inputs",
    _inputs_shape,
    _called("convolution_to_inputs", _inputs_shape),
    multiplications=lambda y, w, geometry: prod(y.shape[:2]) * _work(w, geometry),
)
kernel_p = primitive(
    "conv_native_to_kernel",
    _kernel_shape,
    _called("convolution_to_kernel", _kernel_shape),
    multiplications=lambda x, y, geometry: prod(x.shape[:2]) * _work(_kernel_shape(x, y, geometry=geometry), geometry),
)

bilinear(
    forward_p,
    lambda y, w, _, *, geometry: inputs_p.bind(y, w, geometry=geometry),
    lambda y, x, _, *, geometry: kernel_p.bind(x, y, geometry=geometry),
)
bilinear(
    inputs_p,
    lambda x, w, _, *, geometry: forward_p.bind(x, w, geometry=geometry),
    lambda x, y, _, *, geometry: kernel_p.bind(x, y, geometry=geometry),
)
bilinear(
    kernel_p,
    lambda w, y, _, *, geometry: inputs_p.bind(y, w, geometry=geometry),
    lambda w, x, _, *, geometry: forward_p.bind(x, w, geometry=geometry),
)


mapped(forward_p, mapped_as_rows(forward_p))
mapped(inputs_p, mapped_as_rows(inputs_p))
mapped(kernel_p, mapped_as_members(kernel_p))
