"""Covering parts of pictures."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from brickwork.bricks.augment.annotated import InputAugmentation
from brickwork.bricks.checks import check_pictures
from brickwork.core.brick import brick
from brickwork.core.scope import Scope
from brickwork.ops.precision import wide_type


@brick
class Cutout(InputAugmentation):
    """Covers a square of fixed size in every picture while training, so that a network looks at all of an object.

        y(i, j) = fill where |i - down| < size / 2 and |j - right| < size / 2, else x(i, j)

    The square's centre is any place of the picture, so part of the square may be outside, as in the paper. Masks, boxes
    and labels stay.

    Shapes: (rows, height, width, channels) to the same, as floats; or an `Annotated` with such pictures.

    Args:
        size: the side of the square, in pixels.
        fill: what covers it: 0 is black, or the mean where pictures were standardised before.

    Raises:
        SettingError: a size below 1.
        ShapeError: the input is no picture with channels.

    Source: DeVries, Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout", section 3.2.

    >>> import jax.numpy as jnp
    >>> net, x = Cutout(2), jnp.ones((2, 4, 4, 1))
    >>> net.plan(x).output.shape
    (2, 4, 4, 1)
    """

    size: int
    fill: float = 0.0

    def validate(self) -> None:
        """Check the size."""
        self.require(self.size >= 1, "size", "1 or more")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows height width channels"]:
        """Cover a square while training."""
        check_pictures(x)
        x = scope.cast(x)
        if not scope.training:
            return x
        draws = self.uniform(scope, 2, x.shape[0])
        sides = jnp.asarray(x.shape[1:3], draws.dtype)[:, None]
        first = jnp.minimum(jnp.floor(draws * sides), sides - 1) - (self.size - 1) // 2
        first = scope.tap("corners", first)
        covered = rectangle(x, first[0], first[1], first[0] + self.size, first[1] + self.size)
        return jnp.where(covered, jnp.asarray(self.fill, x.dtype), x)


@brick
class RandomErasing(InputAugmentation):
    """Covers a rectangle of random area, shape and place in some pictures while training.

        height = sqrt(a H W / r),   width = sqrt(a H W r),   a even in `area`,   log r even in log `aspect`

    with probability `rate`. The rectangle lies within the picture: where a side would be longer it is cut to the
    picture's (the paper draws again), and sides are rounded. The paper covers with random values, and finds one value
    nearly as good: that is `fill`. Masks, boxes and labels stay.

    Shapes: (rows, height, width, channels) to the same, as floats; or an `Annotated` with such pictures.

    Args:
        area: the least and the most share of the picture's area.
        aspect: the least and the most width / height.
        rate: the probability of covering something in a picture.
        fill: what covers it: 0 is black, or the mean where pictures were standardised before.

    Raises:
        SettingError: settings that are no ranges, a rate that is no probability.
        ShapeError: the input is no picture with channels.

    Source: Zhong et al. 2017 (AAAI 2020), "Random Erasing Data Augmentation", algorithm 1.

    >>> import jax.numpy as jnp
    >>> net, x = RandomErasing(area=(0.1, 0.3)), jnp.ones((2, 4, 4, 1))
    >>> net.plan(x).output.shape
    (2, 4, 4, 1)
    """

    area: tuple[float, float] = (0.02, 0.4)
    aspect: tuple[float, float] = (0.3, 1 / 0.3)
    rate: float = 0.5
    fill: float = 0.0

    def validate(self) -> None:
        """Check ranges."""
        self.require(0 < self.area[0] <= self.area[1] <= 1, "area", "a range of shares, 0 < least <= most <= 1")
        self.require(0 < self.aspect[0] <= self.aspect[1], "aspect", "a range, 0 < least <= most")
        self.require(0 <= self.rate <= 1, "rate", "a probability, 0 to 1")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows height width channels"]:
        """Cover a rectangle in some pictures while training."""
        check_pictures(x)
        x = scope.cast(x)
        rows, height, width, _ = x.shape

        def erased(x: Array) -> Array:
            share, shape, down, right = scope.tap("draws", self.uniform(scope, 4, rows))
            area = (self.area[0] + (self.area[1] - self.area[0]) * share) * (height * width)
            low, high = jnp.log(jnp.asarray(self.aspect, wide_type(x.dtype)))
            aspect = jnp.exp(low + (high - low) * shape)
            tall = jnp.clip(jnp.round(jnp.sqrt(area / aspect)), 1, height)
            wide = jnp.clip(jnp.round(jnp.sqrt(area * aspect)), 1, width)
            top, left = jnp.floor((height - tall + 1) * down), jnp.floor((width - wide + 1) * right)
            covered = rectangle(x, top, left, top + tall, left + wide)
            return jnp.where(covered, jnp.asarray(self.fill, x.dtype), x)

        return self.some(scope, x, erased)


def rectangle(x: Array, top: Array, left: Array, bottom: Array, right: Array) -> Bool[Array, "rows height width 1"]:
    """Return which pixels of each picture are in its rectangle; the last row and column are not."""

    def between(size: int, first: Array, last: Array) -> Array:
        place = jnp.arange(size).astype(top.dtype)
        return (place >= first[:, None]) & (place < last[:, None])

    return (between(x.shape[1], top, bottom)[:, :, None] & between(x.shape[2], left, right)[:, None])[..., None]
