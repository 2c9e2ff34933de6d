"""Embeddings for the columns of tables: numbers that a network can bend, categories it can tell apart."""

import math
from itertools import accumulate

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from brickwork.bricks.initializers import Initializer, zeros
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope


@brick
class NumberEmbedding(Brick):
    """Shows each number in several learned lights, waves of different lengths, so that thresholds are easy to learn.

        y_i = [x_i, A_i cos(2 pi f_i x_i + p_i) + b_i]    for each feature i, side by side

    Each feature has its own frequencies f_i, phases p_i and matrix A_i: what a plain network learns slowly, a step or
    a bump in one column, becomes a short sum. The number itself stays, so that straight lines stay easy too.

    Shapes: x (rows, ..., features), about -3 to 3 each; y (rows, ..., features (size + 1)); `frequency` and `phase`
    (features, waves), `weight` (features, waves, size), `bias` (features, size).

    Args:
        size: numbers made of each, beside itself.
        waves: frequencies for each feature.
        deviation: standard deviation of the frequencies at the start; larger ones make rougher functions.

    Raises:
        SettingError: size or waves below 1, a deviation that is not above 0.
        ShapeError: the input has no axis of features.

    Source: Gorishniy, Rubachev & Babenko 2022, "On Embeddings for Numerical Features in Tabular Deep Learning",
    section 3.3; phases, and the number itself beside: Holzmüller, Grinsztajn & Steinwart 2024, "Better by Default",
    section 3.

    >>> import jax, jax.numpy as jnp
    >>> net, x = NumberEmbedding(size=3), jnp.ones((2, 5))
    >>> net.plan(x).output.shape
    (2, 20)
    """

    padded = "pointwise"

    size: int = 3
    waves: int = 16
    deviation: float = 0.1

    def validate(self) -> None:
        """Check the ranges."""
        for name in ("size", "waves"):
            self.require(getattr(self, name) >= 1, name, "at least 1")
        self.require(self.deviation > 0, "deviation", "above 0")

    def __call__(self, scope: Scope, x: Float[Array, "rows ... features"]) -> Float[Array, "rows ... numbers"]:
        """Embed every feature."""
        if x.ndim < 2:
            raise ShapeError(f"it wants rows of numbers (rows, features), got {x.shape}. A single row needs x[None].")
        x = scope.cast(x)
        features = x.shape[-1]
        frequency = scope.param("frequency", (features, self.waves), _normal(self.deviation))
        phase = scope.param("phase", (features, self.waves), _within(math.pi))
        weight = scope.param("weight", (features, self.waves, self.size), _within(1 / math.sqrt(self.waves)))
        bias = scope.param("bias", (features, self.size), zeros)
        waves = jnp.cos(2 * math.pi * frequency * x[..., None] + phase)  # (rows, ..., features, waves)
        bent = jnp.einsum("...fw,fws->...fs", waves, weight) + bias
        return jnp.concatenate([x[..., None], bent], -1).reshape(*x.shape[:-1], features * (self.size + 1))


@brick
class CategoryEmbedding(Brick):
    """A learned vector for each value of several categories, one column beside the other.

        y = [T_1[i_1], T_2[i_2], ... T_n[i_n]]

    Each column has its own vectors; all are rows of one table, so that one lookup serves them all. Indices beyond a
    column's size are taken as 0, the place of what was never seen.

    Shapes: indices (rows, columns), whole numbers, to (rows, columns * width); `table` (sum of sizes, width).

    Args:
        sizes: how many values each column has.
        width: numbers for each value; vectors start with a length of about 1.

    Raises:
        SettingError: no sizes, a size or width below 1.
        ShapeError: indices that are not whole numbers, or another number of columns than sizes.

    Source: Guo & Berkhahn 2016, "Entity Embeddings of Categorical Variables", section 3.

    >>> import jax, jax.numpy as jnp
    >>> net, i = CategoryEmbedding((3, 5), width=4), jnp.array([[2, 0], [1, 4]])
    >>> net.plan(i).output.shape
    (2, 8)
    """

    padded = "pointwise"

    sizes: tuple[int, ...]
    width: int = 8

    def validate(self) -> None:
        """Check the sizes."""
        self.require(len(self.sizes) > 0 and min(self.sizes) >= 1, "sizes", "a size of at least 1 for each column")
        self.require(self.width >= 1, "width", "at least 1")

    def __call__(self, scope: Scope, indices: Int[Array, "rows columns"]) -> Float[Array, "rows numbers"]:
        """Look the vectors up."""
        if not jnp.issubdtype(indices.dtype, jnp.integer) or indices.shape[-1:] != (len(self.sizes),):
            raise ShapeError(
                f"it wants whole numbers (rows, {len(self.sizes)}), an index for each of its columns; "
                f"got {indices.dtype} {indices.shape}."
            )
        indices = indices.astype(jnp.int32)  # small ones could not count through the whole table
        starts = [0, *accumulate(self.sizes)]
        table = scope.param("table", (starts[-1], self.width), _normal(1 / math.sqrt(self.width)))
        first, sizes = (jnp.asarray(numbers, jnp.int32) for numbers in (starts[:-1], self.sizes))
        known = (indices >= 0) & (indices < sizes)
        found = table[jnp.where(known, indices, jnp.zeros_like(indices)) + first]
        return found.reshape(*indices.shape[:-1], len(self.sizes) * self.width)


def _normal(deviation: float) -> Initializer:
    return lambda key, shape, dtype: deviation * jax.random.normal(key, shape, dtype)


def _within(bound: float) -> Initializer:
    return lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -bound, bound)
