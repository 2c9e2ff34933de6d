"""Changing the colours of pictures: pure functions of (..., height, width, channels) with values from 0 to `largest`.

Factors broadcast against the pictures: (rows, 1, 1, 1), or a number for one picture.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.ops.precision import wide_type

Pictures = Float[Array, "*rows height width channels"]

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue look: ITU-R BT.601."""


def to_gray(x: Pictures) -> Pictures:
    """Return how bright each pixel looks, 0.299 red + 0.587 green + 0.114 blue, in one channel."""
    if x.shape[-1] == 1:
        return x
    return sum((x[..., k : k + 1] * share for k, share in enumerate(LUMA)), jnp.zeros_like(x[..., :1]))


def blend(one: Array, other: Array, factor: Array | float, largest: float) -> Array:
    """Return other + factor (one - other), kept between 0 and `largest`; a factor above 1 goes past `one`."""
    return jnp.clip(other + factor * (one - other), 0, largest)


def brighten(x: Pictures, factor: Array | float, largest: float) -> Pictures:
    """Return pictures `factor` times as bright."""
    return blend(x, jnp.zeros_like(x), factor, largest)


def contrast(x: Pictures, factor: Array | float, largest: float) -> Pictures:
    """Return pictures blended with the mean brightness of each."""
    return blend(x, jnp.mean(to_gray(x), (-3, -2, -1), keepdims=True), factor, largest)


def saturate(x: Pictures, factor: Array | float, largest: float) -> Pictures:
    """Return pictures blended with their grey versions."""
    return blend(x, to_gray(x), factor, largest)


def sharpen(x: Pictures, factor: Array | float, largest: float) -> Pictures:
    """Return pictures blended with smoothed ones (the 8 neighbours weigh 1, the pixel itself 5); borders stay."""
    height, width = x.shape[-3:-1]
    if height < 3 or width < 3:
        return x
    total = 4 * x[..., 1:-1, 1:-1, :]
    for down in range(3):
        for right in range(3):
            total = total + x[..., down : down + height - 2, right : right + width - 2, :]
    smooth = x.at[..., 1:-1, 1:-1, :].set(total / 13)
    return blend(x, smooth, factor, largest)


def turn_hue(x: Pictures, turn: Array | float) -> Pictures:
    """Return pictures with their colours moved around the wheel of hues, by `turn` of the whole way round.

    Hue, saturation and value (Smith 1978, "Color Gamut Transform Pairs") are found, the hue is moved, and the way back
    is v - v s max(0, min(k, 4 - k, 1)) with k = (5, 3, 1) + 6 hue, modulo 6.
    """
    red, green, blue = x[..., 0], x[..., 1], x[..., 2]
    # Comparisons, not the maximum and equality with it: compiled apart, the two may differ in the last digit.
    most_red, more_green = (red >= green) & (red >= blue), green >= blue
    value = jnp.where(most_red, red, jnp.where(more_green, green, blue))
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    safe = jnp.where(spread > 0, spread, jnp.ones_like(spread))
    hue = jnp.where(
        most_red,
        (green - blue) / safe,
        jnp.where(more_green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = hue + 6 * (turn[..., 0] if isinstance(turn, Array) and turn.ndim else turn)
    channels = []
    for first in (5, 3, 1):
        k = jnp.mod(first + hue, 6)
        channels.append(value - spread * jnp.clip(jnp.minimum(k, 4 - k), 0, 1))
    return jnp.stack(channels, -1)


def invert(x: Pictures, largest: float) -> Pictures:
    """Return the negatives."""
    return largest - x


def solarize(x: Pictures, threshold: Array | float, largest: float) -> Pictures:
    """Return pictures with every value from `threshold` on inverted."""
    return jnp.where(x >= threshold, largest - x, x)


def posterize(x: Pictures, bits: Array | float, largest: float) -> Pictures:
    """Return pictures with the first `bits` of the 8 bits of each value kept, the others 0."""
    step = jnp.round(jnp.exp2(8 - jnp.asarray(bits, wide_type(x.dtype)))).astype(x.dtype)
    return jnp.floor(_levels(x, largest) / step) * step * (largest / 255)


def stretch_contrast(x: Pictures, largest: float) -> Pictures:
    """Return pictures whose channels reach from 0 to `largest`; a channel of one value stays (autocontrast)."""
    low, high = jnp.min(x, (-3, -2), keepdims=True), jnp.max(x, (-3, -2), keepdims=True)
    flat = high <= low
    return jnp.where(flat, x, (x - low) * largest / jnp.where(flat, jnp.ones_like(high), high - low))


def equalize(x: Pictures, largest: float) -> Pictures:
    """Return pictures in which all of 256 levels are about equally frequent, channel by channel.

        y = (sum over levels below x of n + step // 2) // step,   step = (pixels - n of the last level) // 255

    where n counts pixels of a level and the last level is the highest that occurs; a channel with step 0 stays as it
    is. So does Pillow's `ImageOps.equalize`.
    """
    levels = jnp.moveaxis(_levels(x, largest), -1, -3)  # (..., channels, height, width)
    flat = levels.reshape(-1, levels.shape[-2] * levels.shape[-1]).astype(jnp.int32)

    def one(level: Array) -> Array:
        count = jnp.zeros(256, jnp.int32).at[level].add(1)
        step = (level.size - count[jnp.max(level)]) // 255
        table = (jnp.cumsum(count) - count + step // 2) // jnp.maximum(step, 1)
        return jnp.where(step == 0, level, jnp.minimum(table[level], 255))

    new = jax.vmap(one)(flat).reshape(levels.shape).astype(x.dtype)
    return jnp.moveaxis(new, -3, -1) * (largest / 255)


def _levels(x: Pictures, largest: float) -> Pictures:
    """Return values as whole numbers from 0 to 255."""
    return jnp.clip(jnp.round(x * (255 / largest)), 0, 255)
