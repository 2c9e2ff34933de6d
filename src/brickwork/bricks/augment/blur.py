"""Blur."""

from jax import Array
from jaxtyping import Float

from brickwork.bricks.augment.annotated import InputAugmentation
from brickwork.bricks.checks import check_pictures
from brickwork.core.brick import brick
from brickwork.core.scope import Scope
from brickwork.ops.sampling import apply_along, smoothing


@brick
class RandomBlur(InputAugmentation):
    """Makes some pictures unsharp while training, by a Gaussian of random width.

        y_i = sum over j of w_ij x_j,   w_ij ~ exp(-(i - j)^2 / (2 s^2)),   each row of w sums to 1

    along the height and along the width, with s drawn evenly from `deviation`, with probability `rate`. The Gaussian is
    not cut off; at the border it is that of the pixels that there are.

    Shapes: (rows, height, width, channels) to the same, as floats; or an `Annotated` with such pictures.

    Args:
        deviation: the least and the most standard deviation, in pixels.
        rate: the probability of blurring a picture.

    Raises:
        SettingError: a deviation that is no range of positive numbers, a rate that is no probability.
        ShapeError: the input is no picture with channels.

    Source: Chen, Kornblith, Norouzi, Hinton 2020, "A Simple Framework for Contrastive Learning of Visual
    Representations", appendix A.

    >>> import jax.numpy as jnp
    >>> net, x = RandomBlur(rate=1.0), jnp.ones((2, 8, 8, 1))
    >>> net.plan(x).output.shape
    (2, 8, 8, 1)
    """

    deviation: tuple[float, float] = (0.1, 2.0)
    rate: float = 0.5

    def validate(self) -> None:
        """Check ranges."""
        self.require(0 < self.deviation[0] <= self.deviation[1], "deviation", "a range, 0 < least <= most")
        self.require(0 <= self.rate <= 1, "rate", "a probability, 0 to 1")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows height width channels"]:
        """Blur some pictures while training."""
        check_pictures(x)
        x = scope.cast(x)

        def blurred(x: Array) -> Array:
            low, high = self.deviation
            width = scope.tap("deviations", low + (high - low) * self.uniform(scope, 1, x.shape[0])[0])
            down, right = (smoothing(width, size).astype(x.dtype) for size in x.shape[1:3])
            return apply_along(down, right, x)

        return self.some(scope, x, blurred)
