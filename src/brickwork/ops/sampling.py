"""Reading pictures at other places: between pixels, in windows of other sizes, moved and turned.

Places are (down, right) in pixels. `places` count from the centre of the first pixel, so that pixel (i, j) is at
(i, j); `windows` and boxes (top, left, bottom, right) are edges, so that pixel i reaches from i to i + 1.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int, Shaped


def affine_places(
    height: int, width: int, matrix: Float[Array, "rows 2 2"], shift: Float[Array, "rows 2"]
) -> Float[Array, "rows height width 2"]:
    """Return where each pixel p of the new pictures is read: matrix (p - centre) + shift + centre."""
    centre = jnp.asarray([(height - 1) / 2, (width - 1) / 2], shift.dtype)
    grid = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), -1).astype(shift.dtype)
    from_centre = grid - centre
    turned = from_centre[None, :, :, None, 0] * matrix[:, None, None, :, 0]
    turned = turned + from_centre[None, :, :, None, 1] * matrix[:, None, None, :, 1]
    return turned + (shift + centre)[:, None, None, :]


def read_bilinear(
    pictures: Float[Array, "rows height width channels"],
    places: Float[Array, "rows down right 2"],
    fill: float = 0.0,
) -> Float[Array, "rows down right channels"]:
    """Return each picture at its places, bilinearly between four pixels; beyond the border there is `fill`.

    The four neighbours come from one gather of windows of 2 by 2.
    """
    height, width, channels = pictures.shape[1:]
    most = jnp.asarray([height, width], places.dtype)
    places = jnp.clip(places, -jnp.ones_like(most), most)  # there is nothing but `fill` already
    low = jnp.floor(places)
    part = places - low
    framed = jnp.pad(pictures, ((0, 0), (1, 2), (1, 2), (0, 0)), constant_values=fill)
    index = low.astype(jnp.int32) + 1
    windows = lax.GatherDimensionNumbers(offset_dims=(2, 3, 4), collapsed_slice_dims=(), start_index_map=(0, 1))

    def read(picture: Array, index: Array) -> Array:
        return lax.gather(picture, index, windows, (2, 2, channels), mode="promise_in_bounds")

    near = jax.vmap(read)(framed, index)  # (rows, down, right, 2, 2, channels)
    down = jnp.stack([1 - part[..., 0], part[..., 0]], -1)
    right = jnp.stack([1 - part[..., 1], part[..., 1]], -1)
    share = (down[..., :, None] * right[..., None, :]).astype(pictures.dtype)
    return jnp.sum(near * share[..., None], (3, 4))


def read_nearest(
    labels: Shaped[Array, "rows height width"], places: Float[Array, "rows down right 2"], fill: int = 0
) -> Shaped[Array, "rows down right"]:
    """Return the label of the pixel nearest to each place, and `fill` beyond the border."""
    height, width = labels.shape[1:]
    nearest = jnp.floor(places + 0.5)
    down, right = nearest[..., 0], nearest[..., 1]
    inside = (down >= 0) & (down <= height - 1) & (right >= 0) & (right <= width - 1)
    flat = jnp.where(inside, down * width + right, jnp.zeros_like(down)).astype(jnp.int32)
    rows = labels.reshape(labels.shape[0], -1)
    found = jnp.take_along_axis(rows, flat.reshape(flat.shape[0], -1), axis=1).reshape(flat.shape)
    return jnp.where(inside, found, jnp.asarray(fill, labels.dtype))


def crop(x: Shaped[Array, "rows height width ..."], corners: Int[Array, "rows 2"], size: tuple[int, int]) -> Any:
    """Return a window of a size from each picture (or mask), its upper left pixel given."""

    def one(picture: Array, corner: Array) -> Array:
        start = (corner[0], corner[1], *(jnp.zeros_like(corner[0]) for _ in picture.shape[2:]))
        return lax.dynamic_slice(picture, start, (*size, *picture.shape[2:]))

    return jax.vmap(one)(x, corners)


def resize_windows(
    pictures: Float[Array, "rows height width channels"], windows: Float[Array, "rows 4"], size: tuple[int, int]
) -> Float[Array, "rows down right channels"]:
    """Return a window (top, left, bottom, right) of each picture, resized by a triangle filter.

        y_i = sum over j of w_ij x_j,   w_ij ~ max(0, 1 - |j - centre_i| / max(1, scale)),   each row of w sums to 1

    Enlarging this is bilinear; shrinking, the triangle spreads over all pixels that fall into one, so that nothing
    fine turns into false patterns (what Pillow calls BILINEAR, with `box`). Both axes are matrix products: no
    gathers, and their gradient no scatters.
    """
    height, width = pictures.shape[1:3]
    down = _triangles(windows[:, 0], windows[:, 2], height, size[0]).astype(pictures.dtype)
    right = _triangles(windows[:, 1], windows[:, 3], width, size[1]).astype(pictures.dtype)
    return apply_along(down, right, pictures)


def apply_along(
    down: Float[Array, "rows down height"], right: Float[Array, "rows right width"], pictures: Float[Array, "..."]
) -> Float[Array, "rows down right channels"]:
    """Return each picture with a matrix applied along its height and one along its width."""
    rows, height, width, channels = pictures.shape
    exact, batched = lax.Precision.HIGHEST, ((0,), (0,))
    flat = pictures.reshape(rows, height, width * channels)
    lines = lax.dot_general(down, flat, (((2,), (1,)), batched), precision=exact)
    lines = lines.reshape(rows, down.shape[1], width, channels)
    return jnp.einsum("nkw,niwc->nikc", right, lines, precision=exact)


def resize_labels(
    labels: Shaped[Array, "rows height width"], windows: Float[Array, "rows 4"], size: tuple[int, int]
) -> Shaped[Array, "rows down right"]:
    """Return a window of each mask, each new pixel the label of the old one in which its centre lies."""
    for axis in (0, 1):
        centre = _centres(windows[:, axis], windows[:, axis + 2], size[axis])
        index = jnp.clip(jnp.floor(centre), 0, labels.shape[axis + 1] - 1).astype(jnp.int32)
        index = index[:, :, None] if axis == 0 else index[:, None, :]
        labels = jnp.take_along_axis(labels, index, axis=axis + 1)
    return labels


def _centres(first: Array, last: Array, count: int) -> Float[Array, "rows count"]:
    steps = jnp.arange(count).astype(first.dtype) + 0.5
    return first[:, None] + steps * ((last - first) / count)[:, None]


def _triangles(first: Array, last: Array, size: int, count: int) -> Float[Array, "rows count size"]:
    reach = jnp.maximum((last - first) / count, 1)[:, None, None]
    old = jnp.arange(size).astype(first.dtype) + 0.5
    weight = jnp.maximum(1 - jnp.abs(old - _centres(first, last, count)[:, :, None]) / reach, 0)
    return weight / jnp.sum(weight, -1, keepdims=True)


def smoothing(deviation: Float[Array, "..."], size: int) -> Float[Array, "... size size"]:
    """Return the matrix of a Gaussian blur along an axis of `size` pixels; each row sums to 1, at the border too."""
    steps = jnp.arange(size).astype(deviation.dtype)
    apart = (steps[:, None] - steps) / deviation[..., None, None]
    weight = jnp.exp(-0.5 * apart**2)
    return weight / jnp.sum(weight, -1, keepdims=True)
