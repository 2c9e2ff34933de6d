"""Two-dimensional convolution of pictures (batch, height, width, channels)."""

from functools import partial, reduce
from math import prod

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops.implementation import choose
from brickwork.ops.windows import Padding, Pair, padded, padded_edges, pair, places, shifted

LARGEST_PATCHES = 2**26
"""Elements up to which the patches under all windows are laid out in memory at once."""


def conv2d(
    x: Float[Array, "batch height width channels"],
    kernel: Float[Array, "kernel_height kernel_width channels_per_group filters"],
    *,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
    groups: int = 1,
) -> Float[Array, "batch out_height out_width filters"]:
    """Slide kernels over pictures and take the dot product at every place.

    y[b, p, q, f] = sum over i, j, c of  x[b, p s + i d, q s + j d, c] kernel[i, j, c, f]   (s stride, d dilation)

    The kernel is not flipped: a cross-correlation, as everywhere in deep learning. With `groups` the channels and
    the filters are divided into that many blocks, and filters see the channels of their own block only;
    `groups == channels` is a depthwise convolution. `padding` is `"same"` (out = ceil(size / stride)), `"valid"`
    or `((top, bottom), (left, right))`.

    On a CPU it is computed as shifted slices and one matrix product, since the gradients of XLA's own convolution
    are up to 20 times slower there inside a compiled loop; on other platforms it is XLA's (cuDNN).

    Raises `ShapeError` when channels and kernel do not fit or a window is larger than the picture, `SettingError`
    for a stride, dilation, padding or number of groups that is not possible.

    Source: Dumoulin and Visin (2016), "A guide to convolution arithmetic for deep learning"; the matrix product
    over patches is from Chellapilla, Puri and Simard (2006), "High performance convolutional neural networks".
    """
    if x.ndim != 4 or kernel.ndim != 4:
        raise ShapeError(
            "conv2d needs pictures (batch, height, width, channels) and a kernel (height, width, channels, filters), "
            f"got {x.shape} and {kernel.shape}. A single picture needs a batch axis: x[None]."
        )
    stride, dilation = pair(stride, "stride"), pair(dilation, "dilation")
    channels, (height, width, per_group, filters) = x.shape[3], kernel.shape
    if not isinstance(groups, int) or groups < 1 or filters % groups or channels % groups:
        raise SettingError(f"groups must divide the {channels} channels and the {filters} filters, got {groups!r}.")
    if per_group * groups != channels:
        raise ShapeError(
            f"conv2d: pictures with {channels} channels in {groups} group(s) need a kernel for {channels // groups}, "
            f"got one for {per_group} (kernel {kernel.shape}, pictures {x.shape})."
        )
    window, size = (height, width), (x.shape[1], x.shape[2])
    if not height or not width:
        raise ShapeError(f"conv2d: the kernel is empty: {kernel.shape}.")
    edges = padded_edges(size, window, stride, dilation, padding)
    places("conv2d", size, window, stride, dilation, edges)
    settings = {"stride": stride, "edges": edges, "dilation": dilation, "groups": groups}
    sliced = partial(_conv2d_slices, **settings)
    # Nothing but the inputs is kept for the gradient: patches are many times the picture, and cheap to cut again.
    table = {"xla": partial(_conv2d_xla, **settings), "slices": jax.checkpoint(sliced, prevent_cse=False)}
    return choose(table, x, kernel)


def _conv2d_xla(x, kernel, *, stride, edges, dilation, groups):
    return lax.conv_general_dilated(
        x,
        kernel,
        stride,
        edges,
        rhs_dilation=dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def _conv2d_slices(x, kernel, *, stride, edges, dilation, groups):
    window = kernel.shape[:2]
    height, width = places("conv2d", x.shape[1:3], window, stride, dilation, edges)
    views = [
        column
        for row in shifted(padded(x, edges), 1, window[0], height, stride[0], dilation[0])
        for column in shifted(row, 2, window[1], width, stride[1], dilation[1])
    ]
    per_group, filters = kernel.shape[2:]
    kernels = kernel.reshape(prod(window), per_group, filters)
    shape = (x.shape[0], height, width, filters)
    if groups > 1:
        return (_depthwise if per_group == 1 else _grouped)(views, kernels, groups).reshape(shape)
    if len(views) * views[0].size > LARGEST_PATCHES:
        products = (_rows(view) @ weights for view, weights in zip(views, kernels, strict=True))
        return reduce(jnp.add, products).reshape(shape)
    patches = views[0] if len(views) == 1 else jnp.concatenate(views, axis=-1)
    # As plain matrices: the gradient of a four-dimensional product costs up to three times as much on a CPU.
    return (_rows(patches) @ kernels.reshape(-1, filters)).reshape(shape)


def _rows(x):
    return x.reshape(prod(x.shape[:-1]), x.shape[-1])


def _depthwise(views, kernels, groups):
    weights = kernels.reshape(len(views), groups, -1)  # (window, channels, filters per channel)
    return reduce(jnp.add, (view[..., None] * w for view, w in zip(views, weights, strict=True)))


def _grouped(views, kernels, groups):
    window, per_group, filters = kernels.shape
    weights = kernels.reshape(window * per_group, groups, filters // groups)
    blocks = [view.reshape(prod(view.shape[:-1]), groups, per_group) for view in views]
    return jnp.einsum("ngk,kgf->ngf", jnp.concatenate(blocks, axis=-1), weights)
