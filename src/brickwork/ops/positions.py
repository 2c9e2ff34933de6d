"""Where in a sequence something stands, as numbers: waves that are added, or angles to turn by."""

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Integer

from brickwork.core.errors import ShapeError
from brickwork.ops.precision import wide_type


def sinusoids(
    positions: Integer[Array, "*places"] | Float[Array, "*places"],
    size: int,
    *,
    base: float = 10_000.0,
    dtype: DTypeLike = "float32",
) -> Float[Array, "*places {size}"]:
    """Return sines and cosines of positions, in turn, with wavelengths from 2 pi up to base times that.

    y[2 i] = sin(position / base^(2 i / size)),   y[2 i + 1] = cos(position / base^(2 i / size))

    An odd size ends in a sine. Angles are computed in float32 at least. Source: Vaswani et al. (2017), "Attention is
    all you need", section 3.5.
    """
    wide = wide_type(dtype)
    number = jnp.arange(size)
    angles = positions.astype(wide)[..., None] * _frequencies(2 * (number // 2), size, base, wide)
    return jnp.where(number % 2 == 0, jnp.sin(angles), jnp.cos(angles)).astype(dtype)


def rotate_by_position(
    x: Float[Array, "batch time heads size"],
    positions: Integer[Array, " time"] | Integer[Array, "batch time"],
    *,
    base: float = 10_000.0,
) -> Float[Array, "batch time heads size"]:
    """Turn pairs of numbers by angles that grow with the position: rotary positions, for queries and keys.

    (y[i], y[i + h]) = rotation by position * base^(-i / h) of (x[i], x[i + h]),   h = size / 2

    The product of a query and a key that are both turned depends on their distance, not on where they stand. Angles
    are computed in float32 at least.

    Raises `ShapeError` when the size is odd. Source: Su et al. (2021), "RoFormer: enhanced transformer with rotary
    position embedding", section 3.2.2. The paper pairs neighbours, x[2 i] and x[2 i + 1]; halves, as GPT-NeoX and
    LLaMA have them, are the same up to the order of the features, and need no shuffling.
    """
    size = x.shape[-1]
    if size % 2:
        raise ShapeError(f"rotate_by_position turns pairs of numbers: the size of a head must be even, got {x.shape}.")
    wide = wide_type(x.dtype)
    angles = positions.astype(wide)[..., None] * _frequencies(2 * jnp.arange(size // 2), size, base, wide)
    cos, sin = jnp.cos(angles)[..., None, :], jnp.sin(angles)[..., None, :]  # (time, 1, size / 2), or by row
    one, two = jnp.split(x.astype(wide), 2, axis=-1)
    return jnp.concatenate([one * cos - two * sin, two * cos + one * sin], axis=-1).astype(x.dtype)


def _frequencies(number: Array, size: int, base: float, dtype: DTypeLike) -> Array:
    return jnp.asarray(base, dtype) ** (-number.astype(dtype) / size)
