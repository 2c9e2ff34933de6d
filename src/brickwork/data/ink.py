"""The ink encoder: a drawn digit on any paper becomes what the digits of the `digits` data set look like."""

import math
import os
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from brickwork.core.errors import DataError, SettingError
from brickwork.core.spec import registered
from brickwork.data.encoders import Encoder
from brickwork.data.pictures import read_picture
from brickwork.data.strokes import bounds, clean, dilated, eroded, even_out, resized, stroke_width, upright

SIDE = 384
"""Pictures are brought to at most this many pixels a side before ink is looked for."""

FINE = 4
"""Working pixels for one pixel of the bitmap whose blocks are counted."""

BOX_WIDTH = 18 / 32
"""Width of the box that a digit is stretched to, for a height of 1.

NIST's box is 20 of 32 pixels wide, but a digit that leans fills it with its lean and is narrower when sheared
upright. With 18 the ink of digits drawn upright spreads sideways as far as in the data set (standard deviation of its
columns within 0.01 blocks, over all digits; 0.11 too far with 20).
"""

INK_SHARE = 310 / 1024
"""Typical share of ink in the bitmaps of the data set: 310 of 1024 pixels, 303 to 330 by digit."""

STROKES = (0.07, 0.15)
"""Thinnest and thickest pen, for a height of 1, before the digit is stretched to the box."""


@registered
class InkPicture(Encoder):
    """Encoder of drawn digits: a picture file or array becomes (size, size, 1) bytes from 0 (paper) to `levels` (ink).

    The settings of the `digits` data set are `size=8`, `levels=16`. See `ink_picture` for how it is done.
    """

    size: int = 8
    levels: int = 16

    def validate(self) -> None:
        """Check that the blocks are squares of pixels."""
        self.require(2 <= self.size <= 64, "size", "from 2 to 64")
        self.require(1 <= self.levels <= 255, "levels", "from 1 to 255, to fit in a byte")
        self.require(math.isqrt(self.levels) ** 2 == self.levels, "levels", "a square number, such as 16")

    def __call__(self, source: str | os.PathLike[str] | np.ndarray) -> UInt8[np.ndarray, "size size 1"]:
        """Read a file (or take an array of pixels) and encode it; raises `DataError` as `ink_picture` does."""
        picture = read_picture(source) if isinstance(source, str | os.PathLike) else source
        return ink_picture(picture, self.size, self.levels)


def ink_picture(picture: Any, size: int = 8, levels: int = 16) -> UInt8[np.ndarray, "size size 1"]:
    """Return how much ink is in each of `size` by `size` blocks around a drawn digit: 0 (paper) to `levels`.

    `picture` is (height, width), (height, width, 1) or (height, width, 3), of any size, dark on light or light on dark.

    The data set was made from scanned forms (Garris and others, 1994, NIST Form-Based Handprint Recognition System,
    NISTIR 5469): a digit is cut out at its bounding box, stretched to 20 x 32 pixels whatever its shape, its strokes
    thinned or thickened towards a common amount of ink, and sheared so that its left edge is upright; Alpaydin
    and Kaynak (1998) counted the pixels with ink in blocks of 4 x 4 of the 32 x 32 pixels around it. The same is
    done here, after the paper (a plane fitted to the border of the picture) is taken away and specks are
    dropped. Where we deviate: the box is 18 wide (see `BOX_WIDTH`); strokes are evened out in quarter pixels, and by
    as much as is needed, since a picture may be drawn with any pen; very thick and thin pens are evened out before
    the stretch too.

    Raises `DataError` for what is no picture, and when nothing is drawn on it; `SettingError` for `size` and `levels`.
    """
    if size < 2 or levels < 1 or math.isqrt(levels) ** 2 != levels:
        raise SettingError(f"size must be at least 2 and levels a square number, got size={size}, levels={levels}.")
    strength = _page(_pixels(picture))
    block = math.isqrt(levels) * FINE
    side = size * block
    mask = _thinned(_drawn(strength), side)
    box = round(side * BOX_WIDTH)
    canvas = np.zeros((side, side), bool)
    left = (side - box) // 2
    canvas[:, left : left + box] = resized(mask.astype(np.float64), side, box) >= 0.5
    canvas = upright(even_out(canvas, INK_SHARE, most=2.5 * FINE), 2 * FINE)
    blocks = canvas.reshape(size, block, size, block).mean((1, 3))
    return np.round(blocks * levels).astype(np.uint8)[..., None]


def _pixels(picture: Any) -> Float[np.ndarray, "height width channels"]:
    """Return checked pixels, reduced by whole factors to at most `SIDE` a side."""
    pixels = np.asarray(picture)
    if pixels.dtype.kind not in "uifb" or pixels.ndim not in (2, 3):
        raise DataError(
            "A picture is an array (height, width) or (height, width, 3) of numbers, "
            f"got {pixels.dtype} {pixels.shape}."
        )
    pixels = pixels.astype(np.float64)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    height, width, channels = pixels.shape
    if channels not in (1, 3) or min(height, width) < 5:
        raise DataError(f"A picture is at least 5 x 5 pixels, grey or with 3 colours, got shape {np.shape(picture)}.")
    if not np.isfinite(pixels).all():
        raise DataError("The picture has pixels that are not finite.")
    factor = -(-max(height, width) // SIDE)
    if factor > 1:
        edges = ((0, -height % factor), (0, -width % factor), (0, 0))
        pixels = np.pad(pixels, edges, mode="edge")
        pixels = pixels.reshape(pixels.shape[0] // factor, factor, pixels.shape[1] // factor, factor, channels).mean(
            (1, 3)
        )
    return pixels


def _page(pixels: Float[np.ndarray, "height width channels"]) -> Float[np.ndarray, "rows columns"]:
    """Return the strength of ink on the page, looking inside of a frame where there is one.

    When most of the picture seems to be ink and none of it is at the border, the border is no paper but a frame,
    or the table on which the page lies.
    """
    strength = _strength(pixels)
    mask = strength >= 0.5
    rim = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if mask.mean() <= 0.5 or rim.mean() > 0.02:
        return strength
    top, bottom, left, right = bounds(clean(mask))
    edge = 1 + min(bottom - top, right - left) // 30
    inside = pixels[top + edge : bottom - edge, left + edge : right - edge]
    if min(inside.shape[:2]) < 5:
        return strength
    try:
        return _strength(inside)
    except DataError:  # a plain patch of ink
        return strength


def _strength(pixels: Float[np.ndarray, "height width channels"]) -> Float[np.ndarray, "height width"]:
    """Return how far each pixel is from the paper towards the ink: about 0 on paper, about 1 in ink."""
    height, width, _ = pixels.shape
    if min(height, width) >= 48:
        pixels = _smoothed(pixels)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    plane = np.stack([np.ones_like(x), x, y], axis=-1)
    border = np.zeros((height, width), bool)
    rim = max(1, min(height, width) // 40)
    border[:rim], border[-rim:], border[:, :rim], border[:, -rim:] = True, True, True, True
    rows, values = plane[border], pixels[border]
    # A pen that runs over the border must not pull the plane: it starts level, at the median, and only pixels
    # close to it are fitted.
    fitted = np.median(values, 0) * np.ones_like(values)
    coefficients = np.zeros((3, pixels.shape[2]))
    for _ in range(4):
        error = np.abs(values - fitted).max(-1)
        near = error <= max(3 * float(np.median(error)), 0.02 * float(np.ptp(pixels)), 1e-9)
        if near.sum() < 8:
            break
        coefficients = np.linalg.lstsq(rows[near], values[near], rcond=None)[0]
        fitted = rows @ coefficients
    if not coefficients.any():
        coefficients[0] = np.median(values, 0)
    away = pixels - plane @ coefficients
    distance = np.abs(away).max(-1)
    noise = float(np.median(distance[border]))
    far = distance >= np.quantile(distance, 0.98)
    direction = away[far].mean(0)
    if float(np.abs(direction).max()) < max(0.04 * _range(pixels), 5 * noise, 1e-9):
        # Ink of two kinds may cancel out in the mean; otherwise there is only paper.
        direction = away.reshape(-1, away.shape[-1])[np.argmax(distance)]
        if float(np.abs(direction).max()) < max(0.04 * _range(pixels), 8 * noise, 1e-9):
            raise DataError("Nothing is drawn on the picture: all of it looks like paper.")
    along = away @ (direction / np.linalg.norm(direction))
    peak = float(np.quantile(along, 0.995))
    peak = float(along[along >= 0.6 * peak].mean()) if peak > 0 else float(along.max())
    return np.clip(along / peak, 0, 1)


def _smoothed(pixels: Float[np.ndarray, "height width channels"]) -> Float[np.ndarray, "height width channels"]:
    """Return means over 3 by 3 pixels where neighbours differ by noise, and clear pictures as they are."""
    differences = np.abs(np.diff(pixels, axis=1)).max(-1)
    if float(np.median(differences)) < 0.02 * float(np.ptp(pixels)):
        return pixels
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width, _ = pixels.shape
    total = np.zeros_like(pixels)
    for i in range(3):
        for j in range(3):
            total += padded[i : i + height, j : j + width]
    return total / 9


def _range(pixels: np.ndarray) -> float:
    """Return the full range of the picture's values: 255 for bytes, 16 for small counts, 1 for shares."""
    high = float(np.abs(pixels).max())
    return next((full for full in (1.0, 16.0, 255.0) if high <= full), high)


def _drawn(strength: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "tall wide"]:
    """Return the strength inside the digit's bounding box, all else taken out."""
    level = min(max(_otsu(strength), 0.3), 0.6)
    mask = clean(strength >= level)
    if not mask.any():
        raise DataError("Nothing is drawn on the picture but specks.")
    top, bottom, left, right = bounds(mask)
    near = dilated(dilated(mask, round_=True), round_=True)
    kept = np.where(near, strength / (2 * level), 0.0)[top:bottom, left:right]
    if max(kept.shape) < 4:
        raise DataError("Nothing is drawn on the picture but a dot.")
    return np.clip(kept, 0, 1)


def _otsu(values: np.ndarray) -> float:
    """Return the threshold that parts values in [0, 1] best (Otsu 1979, A threshold selection method)."""
    counts, edges = np.histogram(values, bins=128, range=(0.0, 1.0))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.nanargmax(between[:-1]))])


def _thinned(strength: Float[np.ndarray, "tall wide"], side: int) -> Bool[np.ndarray, "rows columns"]:
    """Return the digit as a mask in its own proportions, drawn with a pen of usual thickness, at its bounding box."""
    tall, wide = strength.shape
    scale = side / max(tall, wide)
    mask = resized(strength, max(4, round(tall * scale)), max(4, round(wide * scale))) >= 0.5
    if not mask.any():
        mask = resized(strength, *mask.shape) >= 0.5 * strength.max()
    mask = np.pad(mask, side // 8)
    thinnest, thickest = (share * side for share in STROKES)
    for step in range(side // 4):
        width = stroke_width(mask)
        if width > thickest:
            smaller = eroded(mask, round_=step % 2 == 1)
            if smaller.sum() < 8:
                break
            mask = smaller
        elif width < thinnest and step < side // 16:
            mask = dilated(mask, round_=step % 2 == 1)
        else:
            break
    top, bottom, left, right = bounds(mask)
    return mask[top:bottom, left:right]
