"""Changing the colours of pictures."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.augment.annotated import InputAugmentation, per_picture
from brickwork.bricks.checks import check_pictures
from brickwork.core.brick import brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import colors
from brickwork.ops.precision import wide_type

RANGE = "the value of white in pictures of floats, 1.0 or 255.0; None takes 255 for uint8 and refuses floats"


class Coloring(InputAugmentation):
    """A brick that needs to know what white is."""

    largest: float | None

    def validate(self) -> None:
        """Check what white is."""
        self.require(self.largest is None or self.largest > 0, "largest", f"positive: {RANGE}")

    def white(self, x: Array) -> float:
        """Return the value of white, or raise unless the pictures' type or the setting says it."""
        check_pictures(x)
        if x.dtype == jnp.uint8:
            if self.largest not in (None, 255.0):
                raise SettingError(
                    f"{type(self).__name__} has largest={self.largest:g}, but pictures of type uint8 reach to 255: "
                    "leave it out, or put a Rescale before."
                )
            return 255.0
        if self.largest is None:
            raise SettingError(
                f"{type(self).__name__} cannot see whether pictures of {x.dtype} reach to 1 or to 255. Say it: "
                "largest=1.0, or largest=255.0 (what uint8 pictures keep when a brick before made floats of them)."
            )
        return self.largest


@brick
class ColorJitter(Coloring):
    """Changes brightness, contrast, saturation and hue of every picture a little, each at random, while training.

        y = f x,   then m + f (y - m),   then g + f (y - g),   then the hue moved by h of the way round

    m is the mean brightness of the picture, g its grey version, each f is drawn evenly from 1 - setting to 1 + setting
    (not below 0), h from -hue to hue, for each picture apart. Results are kept between 0 and `largest`. torchvision
    shuffles the four; here they have one order.

    Shapes: (rows, height, width, channels) to the same, as floats; channels are 3 (red, green, blue), or 1 where
    saturation and hue are 0; or an `Annotated` with such pictures.

    Args:
        brightness: most relative change of brightness.
        contrast: most relative change of contrast.
        saturation: most relative change of saturation.
        hue: most turn of the wheel of colours, at most 0.5 (half way round).
        largest: the value of white in pictures of floats, 1.0 or 255.0; None takes 255 for uint8 and refuses floats.

    Raises:
        SettingError: a negative setting, a hue above 0.5, floats without `largest`.
        ShapeError: the input is no picture with channels, or has no colours to change.

    Source: Howard 2013, "Some Improvements on Deep Convolutional Neural Network Based Image Classification", section
    2; hue: Szegedy et al. 2015, "Going Deeper with Convolutions", section 6, names photometric distortions.

    >>> import jax.numpy as jnp
    >>> net, x = ColorJitter(brightness=0.4, hue=0.1, largest=1.0), jnp.full((2, 4, 4, 3), 0.5)
    >>> net.plan(x).output.shape
    (2, 4, 4, 3)
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    largest: float | None = None

    def validate(self) -> None:
        """Check ranges."""
        super().validate()
        for name in ("brightness", "contrast", "saturation", "hue"):
            self.require(getattr(self, name) >= 0, name, "0 or more")
        self.require(self.hue <= 0.5, "hue", "at most 0.5, half way round the wheel")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows height width channels"]:
        """Change the colours of each picture while training."""
        largest = self.white(x)
        if self.saturation or self.hue:
            _check_colors(x)
        x = scope.cast(x)
        if not scope.training:
            return x
        limits = jnp.asarray((self.brightness, self.contrast, self.saturation, self.hue), wide_type(x.dtype))
        draws = scope.tap("draws", self.uniform(scope, 4, x.shape[0], -1.0, 1.0) * limits[:, None])
        *factors, turn = (per_picture(draw, x) for draw in draws)
        for setting, change, factor in zip(
            (self.brightness, self.contrast, self.saturation),
            (colors.brighten, colors.contrast, colors.saturate),
            factors,
            strict=True,
        ):
            if setting:
                x = change(x, jnp.maximum(1 + factor, 0), largest)
        return colors.turn_hue(x, turn) if self.hue else x


@brick
class RandomGray(InputAugmentation):
    """Takes the colours out of some pictures while training, so that a network cannot rely on them alone.

        y = 0.299 red + 0.587 green + 0.114 blue in all three channels, with probability `rate`

    Shapes: (rows, height, width, 3) to the same, as floats; or an `Annotated` with such pictures. Any range of values.

    Args:
        rate: the probability of taking a picture's colours out.

    Raises:
        SettingError: a rate that is no probability.
        ShapeError: the input is no picture with three channels.

    Source: Chen, Kornblith, Norouzi, Hinton 2020, "A Simple Framework for Contrastive Learning of Visual
    Representations", appendix A.

    >>> import jax.numpy as jnp
    >>> net, x = RandomGray(rate=0.2), jnp.ones((2, 4, 4, 3))
    >>> net.plan(x).output.shape
    (2, 4, 4, 3)
    """

    rate: float = 0.1

    def validate(self) -> None:
        """Check the rate."""
        self.require(0 <= self.rate <= 1, "rate", "a probability, 0 to 1")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows height width 3"]:
        """Make some pictures grey while training."""
        check_pictures(x)
        _check_colors(x)
        x = scope.cast(x)
        return self.some(scope, x, lambda x: jnp.broadcast_to(colors.to_gray(x), x.shape))


@brick
class RandomInvert(Coloring):
    """Turns some pictures into their negatives while training.

        y = largest - x, with probability `rate`

    Shapes: (rows, height, width, channels) to the same, as floats; or an `Annotated` with such pictures.

    Args:
        rate: the probability of inverting a picture.
        largest: the value of white in pictures of floats, 1.0 or 255.0; None takes 255 for uint8 and refuses floats.

    Raises:
        SettingError: a rate that is no probability, floats without `largest`.
        ShapeError: the input is no picture with channels.

    Source: Cubuk et al. 2019, "AutoAugment: Learning Augmentation Policies from Data", table 6.

    >>> import jax.numpy as jnp
    >>> net, x = RandomInvert(), jnp.ones((2, 4, 4, 3), jnp.uint8)
    >>> net.plan(x).output.dtype
    dtype('float32')
    """

    rate: float = 0.5
    largest: float | None = None

    def validate(self) -> None:
        """Check the settings."""
        super().validate()
        self.require(0 <= self.rate <= 1, "rate", "a probability, 0 to 1")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows height width channels"]:
        """Invert some pictures while training."""
        largest = self.white(x)
        return self.some(scope, scope.cast(x), lambda x: colors.invert(x, largest))


@brick
class RandomSolarize(Coloring):
    """Inverts the bright values of some pictures while training, as a film that got too much light.

        y = largest - x where x >= threshold * largest, else x, with probability `rate`

    Shapes: (rows, height, width, channels) to the same, as floats; or an `Annotated` with such pictures.

    Args:
        threshold: from which share of white on values are inverted.
        rate: the probability of changing a picture.
        largest: the value of white in pictures of floats, 1.0 or 255.0; None takes 255 for uint8 and refuses floats.

    Raises:
        SettingError: settings that are no shares, floats without `largest`.
        ShapeError: the input is no picture with channels.

    Source: Cubuk et al. 2019, "AutoAugment: Learning Augmentation Policies from Data", table 6.

    >>> import jax.numpy as jnp
    >>> net, x = RandomSolarize(threshold=0.5), jnp.ones((2, 4, 4, 3), jnp.uint8)
    >>> net.plan(x).output.shape
    (2, 4, 4, 3)
    """

    threshold: float = 0.5
    rate: float = 0.5
    largest: float | None = None

    def validate(self) -> None:
        """Check the settings."""
        super().validate()
        self.require(0 <= self.rate <= 1, "rate", "a probability, 0 to 1")
        self.require(0 <= self.threshold <= 1, "threshold", "a share of white, 0 to 1")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows height width channels"]:
        """Solarize some pictures while training."""
        largest = self.white(x)
        return self.some(scope, scope.cast(x), lambda x: colors.solarize(x, self.threshold * largest, largest))


@brick
class RandomPosterize(Coloring):
    """Leaves only a few levels of each colour in some pictures while training.

        y = floor(x / 2^(8 - bits)) 2^(8 - bits) for x in 0 .. 255, with probability `rate`

    Values of floats are rounded to 256 levels before. The result is a staircase: its gradient is 0.

    Shapes: (rows, height, width, channels) to the same, as floats; or an `Annotated` with such pictures.

    Args:
        bits: how many of the 8 bits of each value are kept.
        rate: the probability of changing a picture.
        largest: the value of white in pictures of floats, 1.0 or 255.0; None takes 255 for uint8 and refuses floats.

    Raises:
        SettingError: bits outside 1 to 8, a rate that is no probability, floats without `largest`.
        ShapeError: the input is no picture with channels.

    Source: Cubuk et al. 2019, "AutoAugment: Learning Augmentation Policies from Data", table 6.

    >>> import jax.numpy as jnp
    >>> net, x = RandomPosterize(bits=2), jnp.ones((2, 4, 4, 3), jnp.uint8)
    >>> net.plan(x).output.shape
    (2, 4, 4, 3)
    """

    bits: int = 4
    rate: float = 0.5
    largest: float | None = None

    def validate(self) -> None:
        """Check the settings."""
        super().validate()
        self.require(0 <= self.rate <= 1, "rate", "a probability, 0 to 1")
        self.require(1 <= self.bits <= 8, "bits", "1 to 8")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows height width channels"]:
        """Posterize some pictures while training."""
        largest = self.white(x)
        return self.some(scope, scope.cast(x), lambda x: colors.posterize(x, self.bits, largest))


@brick
class RandomEqualize(Coloring):
    """Spreads the values of some pictures while training so that all levels are about equally frequent.

        y = floor((count of values below x + floor(step / 2)) / step),   step = (count of all but the highest) // 255

    in each channel of 256 levels, as Pillow's `ImageOps.equalize` does; values of floats are rounded to 256 levels
    before. The result is a staircase: its gradient is 0.

    Shapes: (rows, height, width, channels) to the same, as floats; or an `Annotated` with such pictures.

    Args:
        rate: the probability of changing a picture.
        largest: the value of white in pictures of floats, 1.0 or 255.0; None takes 255 for uint8 and refuses floats.

    Raises:
        SettingError: a rate that is no probability, floats without `largest`.
        ShapeError: the input is no picture with channels.

    Source: Cubuk et al. 2019, "AutoAugment: Learning Augmentation Policies from Data", table 6.

    >>> import jax.numpy as jnp
    >>> net, x = RandomEqualize(), jnp.zeros((2, 4, 4, 3), jnp.uint8)
    >>> net.plan(x).output.dtype
    dtype('float32')
    """

    rate: float = 0.5
    largest: float | None = None

    def validate(self) -> None:
        """Check the settings."""
        super().validate()
        self.require(0 <= self.rate <= 1, "rate", "a probability, 0 to 1")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows height width channels"]:
        """Equalize some pictures while training."""
        largest = self.white(x)
        return self.some(scope, scope.cast(x), lambda x: colors.equalize(x, largest))


def _check_colors(x: Array) -> None:
    if x.shape[-1] != 3:
        raise ShapeError(
            f"colours are three channels, red, green and blue; got pictures {x.shape}. Grey pictures have brightness "
            "and contrast only."
        )
