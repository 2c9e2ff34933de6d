"""Convolution of sequences, pictures and volumes, and its transpose."""

from collections.abc import Callable
from functools import partial, reduce
from math import prod

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops.implementation import choose
from brickwork.ops.native_convolution import conv_native
from brickwork.ops.precision import narrow
from brickwork.ops.windows import (
    KINDS,
    NAMES,
    Padding,
    Sizes,
    axes_of,
    few_positions,
    layout,
    padded,
    padded_edges,
    places,
    reaches,
    shifted,
    sizes,
)

LARGEST_PATCHES = 2**26
"""Elements up to which the patches under all windows are laid out in memory at once."""


def conv(
    x: Float[Array, "batch *places channels"],
    kernel: Float[Array, "*window channels_per_group filters"],
    *,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    groups: int = 1,
) -> Float[Array, "batch *out_places filters"]:
    """Slide kernels over sequences, pictures or volumes and take the dot product at every place.

    y[b, p, q, f] = sum over i, j, c of  x[b, p s + i d, q s + j d, c] kernel[i, j, c, f]   (s stride, d dilation)

    with one, two or three axes between batch and channels. The kernel is not flipped: a cross-correlation, as
    everywhere in deep learning. With `groups` the channels and the filters are divided into that many blocks, and
    filters see the channels of their own block only; `groups == channels` is a depthwise convolution. `padding` is
    `"same"` (out = ceil(size / stride)), `"valid"`, what to add before and after each axis (`((top, bottom), (left,
    right))`), or for sequences `"causal"` (all before).

    On a CPU a kernel of our own computes it (`native_convolution`), since the gradients of XLA's own convolution are up
    to 20 times slower there inside a compiled loop. Where there is none (no compiler at install time, float64) it is
    shifted slices and one matrix product, for windows of up to `windows.LARGEST_LOOP` positions; otherwise, and on
    other platforms, it is XLA's (cuDNN).

    Raises `ShapeError` when channels and kernel do not fit or a window is larger than the picture, `SettingError`
    for a stride, dilation, padding or number of groups that is not possible.

    Source: Dumoulin and Visin (2016), "A guide to convolution arithmetic for deep learning"; the matrix product
    over patches is from Chellapilla, Puri and Simard (2006), "High performance convolutional neural networks".
    """
    axes = _checked("conv", x, kernel, groups)
    stride, dilation = sizes(stride, "stride", axes), sizes(dilation, "dilation", axes)
    window, size = kernel.shape[:-2], x.shape[1:-1]
    edges = padded_edges(size, window, stride, dilation, padding)
    places("conv", size, window, stride, dilation, edges)
    settings = {"stride": stride, "edges": edges, "dilation": dilation, "groups": groups}
    table: dict[str, Callable[..., Array]] = {"xla": partial(_conv_xla, **settings)}
    if narrow(x, kernel):
        table["native"] = partial(conv_native, **settings)
    if few_positions(window):
        # Nothing but the inputs is kept for the gradient: patches are many times the picture, and cheap to cut again.
        table["slices"] = jax.checkpoint(partial(_conv_slices, **settings), prevent_cse=False)
    return choose(table, x, kernel)


def conv_transpose(
    x: Float[Array, "batch *places channels"],
    kernel: Float[Array, "*window channels_per_group filters"],
    *,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    groups: int = 1,
    extra: Sizes = 0,
) -> Float[Array, "batch *out_places filters"]:
    """Spread every place of x over a window: the transpose of `conv`, which makes small pictures larger.

    y[b, p s + i d - low, f] += sum over c of x[b, p, c] kernel[i, c, f]   for all p and i   (s stride, d dilation)

    It is the linear map whose matrix is the transpose of that of `conv` with the same stride, padding, dilation and
    groups, from filters to channels: the gradient of that convolution with respect to its input. Several sizes can
    be what it started from; with `"same"` y has size * stride places, otherwise the fewest, (size - 1) stride +
    reach - low - high with reach = (window - 1) dilation + 1, and `extra` more at the end (0 <= extra < stride;
    PyTorch's `output_padding`).

    Raises as `conv` does. Source: Zeiler, Krishnan, Taylor and Fergus (2010), "Deconvolutional networks"; sizes:
    Dumoulin and Visin (2016), "A guide to convolution arithmetic for deep learning", chapter 4.
    """
    axes = _checked("conv_transpose", x, kernel, groups)
    stride, dilation = sizes(stride, "stride", axes), sizes(dilation, "dilation", axes)
    extra, window = sizes(extra, "extra", axes, least=0), kernel.shape[:-2]
    if padding == "causal":
        raise SettingError("conv_transpose has no padding 'causal': write out what to take away at the ends.")
    if padding == "same":
        size = tuple(n * s for n, s in zip(x.shape[1:-1], stride, strict=True))
        fits = not any(extra)
    else:
        edges = padded_edges(x.shape[1:-1], window, stride, dilation, padding)
        reach = reaches(window, dilation)
        terms = zip(x.shape[1:-1], stride, reach, edges, extra, strict=True)
        size = tuple((n - 1) * s + r - sum(edge) + more for n, s, r, edge, more in terms)
        fits = all(more < s for more, s in zip(extra, stride, strict=True))
    if not fits:
        raise SettingError(f"extra must be less than the stride {stride}, and 0 with padding 'same'; got {extra}.")
    if min(size) < 1:
        raise ShapeError(f"conv_transpose: padding {padding!r} leaves nothing of {x.shape}: {size} {NAMES[axes]}.")
    settings = {
        "stride": stride,
        "edges": padded_edges(size, window, stride, dilation, padding),
        "dilation": dilation,
        "groups": groups,
    }
    shape = (x.shape[0], *size, kernel.shape[-1])
    table = {"xla": partial(_transposed, partial(_conv_xla, **settings), shape)}
    if narrow(x, kernel):
        table["native"] = partial(_transposed, partial(conv_native, **settings), shape)
    if few_positions(window):
        table["slices"] = partial(_transposed, partial(_conv_slices, **settings), shape)
    return choose(table, x, _swapped(kernel, groups))


def _checked(what: str, x: Array, kernel: Array, groups: int) -> int:
    """Return how many axes there are between batch and channels."""
    axes = axes_of(what, x)
    if kernel.ndim != x.ndim:
        raise ShapeError(
            f"{what}: {layout(axes)} need a kernel ({', '.join(NAMES[axes])}, channels, filters), got {x.shape} and "
            f"{kernel.shape}. A single {KINDS[axes + 1] if axes < 3 else 'volume'} needs a batch axis: x[None]."
        )
    channels, (*window, per_group, filters) = x.shape[-1], kernel.shape
    if not isinstance(groups, int) or groups < 1 or filters % groups or channels % groups:
        raise SettingError(f"groups must divide the {channels} channels and the {filters} filters, got {groups!r}.")
    if per_group * groups != channels:
        raise ShapeError(
            f"{what}: {KINDS[axes]}s with {channels} channels in {groups} group(s) need a kernel for "
            f"{channels // groups}, got one for {per_group} (kernel {kernel.shape}, {KINDS[axes]}s {x.shape})."
        )
    if not prod(window):
        raise ShapeError(f"{what}: the kernel is empty: {kernel.shape}.")
    return axes


def _conv_xla(x, kernel, *, stride, edges, dilation, groups):
    places = "DHW"[-len(stride) :]
    return lax.conv_general_dilated(
        x,
        kernel,
        stride,
        edges,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{places}C", f"{places}IO", f"N{places}C"),
        feature_group_count=groups,
    )


def _conv_slices(x, kernel, *, stride, edges, dilation, groups):
    window, (per_group, filters) = kernel.shape[:-2], kernel.shape[-2:]
    out = places("conv", x.shape[1:-1], window, stride, dilation, edges)
    views = [padded(x, edges)]
    for axis, geometry in enumerate(zip(window, out, stride, dilation, strict=True), start=1):
        views = [one for view in views for one in shifted(view, axis, *geometry)]
    kernels = kernel.reshape(prod(window), per_group, filters)
    shape = (x.shape[0], *out, filters)
    if groups > 1:
        return (_depthwise if per_group == 1 else _grouped)(views, kernels, groups).reshape(shape)
    if len(views) * views[0].size > LARGEST_PATCHES:
        products = (_rows(view) @ weights for view, weights in zip(views, kernels, strict=True))
        return reduce(jnp.add, products).reshape(shape)
    patches = views[0] if len(views) == 1 else jnp.concatenate(views, axis=-1)
    # As plain matrices: the gradient of a product of more axes costs up to three times as much on a CPU.
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


def _transposed(convolve, shape, x, kernel):
    """Apply the transpose of a convolution of arrays of a shape."""
    (y,) = jax.linear_transpose(lambda y: convolve(y, kernel), jax.ShapeDtypeStruct(shape, x.dtype))(x)
    return y


def _swapped(kernel, groups):
    """Return the kernel of the convolution whose transpose has this one: channels and filters change places."""
    *window, per_group, filters = kernel.shape
    blocks = kernel.reshape(*window, per_group, groups, filters // groups)
    return blocks.swapaxes(-1, -3).reshape(*window, filters // groups, groups * per_group)
