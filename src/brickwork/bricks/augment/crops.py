"""Mirroring, turning by right angles, and windows of pictures."""

import jax.numpy as jnp
from jax import Array

from brickwork.bricks.augment.annotated import Geometric, Move, boxes_around, per_picture
from brickwork.core.brick import brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops.precision import wide_type
from brickwork.ops.sampling import crop, resize_labels, resize_windows


@brick
class RandomFlip(Geometric):
    """Mirrors pictures at random while training: left and right are exchanged, or top and bottom.

        new(i, j) = old(i, width - 1 - j) with probability `horizontal`, then old(height - 1 - i, j) with `vertical`

    Masks and boxes are mirrored with their pictures. Leave it out where a mirror changes the meaning (digits, text).

    Shapes: (rows, height, width, channels) to the same, in the same type; or an `Annotated` with such pictures.

    Args:
        horizontal: the probability of exchanging left and right.
        vertical: the probability of exchanging top and bottom.

    Raises:
        SettingError: a setting that is no probability.
        ShapeError: the input is no picture with channels; masks or boxes do not belong to it.

    Source: Krizhevsky, Sutskever, Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks",
    section 4.1.

    >>> import jax, jax.numpy as jnp
    >>> net, x = RandomFlip(horizontal=1.0), jnp.array([[[[1], [2], [3]]]])
    >>> net.apply(net.init(jax.random.key(0), x), x, training=True, key=jax.random.key(1)).output[0, 0, :, 0].tolist()
    [3, 2, 1]
    """

    blends = False

    horizontal: float = 0.5
    vertical: float = 0.0

    def validate(self) -> None:
        """Check the probabilities."""
        for name in ("horizontal", "vertical"):
            self.require(0 <= getattr(self, name) <= 1, name, "a probability, 0 to 1")

    def move(self, scope: Scope, x: Array) -> Move | None:
        """Draw which pictures are mirrored."""
        rates = [scope.setting(name, getattr(self, name)) for name in ("horizontal", "vertical")]
        if not scope.training:
            return None
        draws = self.uniform(scope, 2, x.shape[0])
        flips = scope.tap("flips", jnp.stack([draw < rate for draw, rate in zip(draws, rates, strict=True)]))
        height, width = x.shape[1:3]

        def mirrored(x: Array) -> Array:
            x = jnp.where(per_picture(flips[0], x), x[:, :, ::-1], x)
            return jnp.where(per_picture(flips[1], x), x[:, ::-1], x)

        def boxes(boxes: Array) -> Array:
            top, left, bottom, right = jnp.moveaxis(boxes, -1, 0)
            across, down = (flip[:, None, None] for flip in flips)
            boxes = jnp.where(across, jnp.stack([top, width - right, bottom, width - left], -1), boxes)
            top, left, bottom, right = jnp.moveaxis(boxes, -1, 0)
            return jnp.where(down, jnp.stack([height - bottom, left, height - top, right], -1), boxes)

        return Move(mirrored, mirrored, boxes)


@brick
class RandomQuarterTurn(Geometric):
    """Turns square pictures by 0, 90, 180 or 270 degrees, all equally often, while training.

        new(i, j) = old(j, size - 1 - i) for one quarter counterclockwise

    For pictures without an up and down: from above (satellites), through a microscope. No pixel is lost or blended,
    and masks and boxes turn along. Together with `RandomFlip` these are the eight symmetries of the square.

    Shapes: (rows, size, size, channels) to the same, in the same type; or an `Annotated` with such pictures. It has no
    settings.

    Raises:
        ShapeError: the input is no square picture with channels; masks or boxes do not belong to it.

    Source: Dieleman, Willett, Dambre 2015, "Rotation-invariant convolutional neural networks for galaxy morphology
    prediction", section 5.

    >>> import jax.numpy as jnp
    >>> net, x = RandomQuarterTurn(), jnp.ones((2, 8, 8, 1))
    >>> net.plan(x).output.shape
    (2, 8, 8, 1)
    """

    blends = False

    def move(self, scope: Scope, x: Array) -> Move | None:
        """Draw how many quarters each picture is turned by."""
        size = x.shape[1]
        if x.shape[2] != size:
            raise ShapeError(
                f"quarter turns exchange height and width, so they want square pictures, got {x.shape}. Crop or resize "
                "them before, or use RandomFlip(horizontal=0.5, vertical=0.5)."
            )
        if not scope.training:
            return None
        turns = jnp.floor(4 * self.uniform(scope, 1, x.shape[0])[0]).astype(jnp.int32)
        turns = scope.tap("turns", turns)
        once, twice = turns % 2 == 1, turns >= 2

        def turned(x: Array) -> Array:
            x = jnp.where(per_picture(twice, x), x[:, ::-1, ::-1], x)
            return jnp.where(per_picture(once, x), jnp.swapaxes(x, 1, 2)[:, ::-1], x)

        def points(places: Array) -> Array:
            down, right = places[..., 0], places[..., 1]
            down, right = (jnp.where(twice[:, None], size - place, place) for place in (down, right))
            once_ = once[:, None]
            return jnp.stack([jnp.where(once_, size - right, down), jnp.where(once_, down, right)], -1)

        return Move(turned, turned, lambda boxes: boxes_around(points, boxes))


@brick
class RandomCrop(Geometric):
    """Cuts a window of a fixed size out of every picture, at a random place while training, else at the centre.

        new(i, j) = padded(i + top, j + left),   top in 0 .. height + 2 padding - size,   left likewise

    With `padding` as large as a few pixels and `size` that of the picture this is the usual random shift of small
    pictures, and evaluation changes nothing. A size that differs belongs inside the network, first in its
    Sequential, so that evaluation cuts out the centre and all pictures have the size that the network was made for.

    Shapes: (rows, height, width, channels) to (rows, *size, channels), in the same type; or an `Annotated` with such
    pictures: masks are cut likewise, boxes are clipped.

    Args:
        size: the window's height and width, or one number for both.
        padding: how many pixels of `fill` are put around the picture before.
        fill: what is around the picture.
        fill_label: what is around masks (see `RandomAffine`).
        keep_area: a box of which less than this share is left in the window becomes empty.

    Raises:
        SettingError: a size below 1, a negative padding, a share that is none.
        ShapeError: the padded picture is smaller than the window; the input is no picture with channels.

    Source: Krizhevsky, Sutskever, Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks",
    section 4.1; padded by 4: Lee et al. 2015, "Deeply-Supervised Nets", section 4.

    >>> import jax, jax.numpy as jnp
    >>> net, x = RandomCrop(3), jnp.arange(25).reshape(1, 5, 5, 1)
    >>> net.apply(net.init(jax.random.key(0), x), x).output[0, :, :, 0].tolist()
    [[6, 7, 8], [11, 12, 13], [16, 17, 18]]
    """

    blends = False

    size: int | tuple[int, int]
    padding: int = 0
    fill: float = 0.0
    fill_label: int = 0
    keep_area: float = 0.1

    def validate(self) -> None:
        """Check ranges."""
        self.require(min(_pair(self.size)) >= 1, "size", "1 or more")
        self.require(self.padding >= 0, "padding", "0 or more")
        self.require(0 <= self.keep_area <= 1, "keep_area", "a share, 0 to 1")

    def move(self, scope: Scope, x: Array) -> Move | None:
        """Draw one window for each picture."""
        size, pad = _pair(self.size), self.padding
        free = tuple(have + 2 * pad - want for have, want in zip(x.shape[1:3], size, strict=True))
        if min(free) < 0:
            raise ShapeError(
                f"a window of {size} does not fit into pictures {x.shape} with a padding of {pad}: "
                "make size smaller or padding larger."
            )
        if scope.training:
            most = jnp.asarray(free).astype(wide_type(scope.dtype)) + 1
            corners = jnp.floor(self.uniform(scope, 2, x.shape[0]).T * most).astype(jnp.int32)
            corners = scope.tap("corners", jnp.minimum(corners, jnp.asarray(free, jnp.int32)))
        elif size == x.shape[1:3]:
            return None
        else:
            corners = jnp.tile(jnp.asarray([room // 2 for room in free], jnp.int32), (x.shape[0], 1))

        def cut(x: Array, fill: float) -> Array:
            around = ((0, 0), (pad, pad), (pad, pad), *((0, 0) for _ in x.shape[3:]))
            return crop(jnp.pad(x, around, constant_values=jnp.asarray(fill).astype(x.dtype)), corners, size)

        def boxes(boxes: Array) -> Array:
            return boxes - (jnp.concatenate([corners, corners], -1) - pad).astype(boxes.dtype)[:, None]

        return Move(lambda x: cut(x, self.fill), lambda mask: cut(mask, self.fill_label), boxes)


@brick
class RandomResizedCrop(Geometric):
    """Cuts a window of random area, shape and place out of every picture and resizes it to a fixed size.

        height = sqrt(a H W / r),   width = sqrt(a H W r),   a even in `area`,   log r even in log `aspect`

    The network sees every object at many scales. Where a side would be longer than the picture's it is cut to that
    (the paper draws again). Resizing is bilinear, and shrinking averages over all pixels that fall into one, as
    Pillow does with `resize(size, BILINEAR, box=window)`; masks take the nearest label. In evaluation the
    largest window of the new shape is taken from the centre.

    Shapes: (rows, height, width, channels) to (rows, *size, channels), as floats; or an `Annotated` with such pictures:
    masks and boxes go along.

    Args:
        size: the new height and width, or one number for both.
        area: the least and the most share of the picture's area.
        aspect: the least and the most width / height.
        keep_area: a box of which less than this share is left in the window becomes empty.

    Raises:
        SettingError: settings that are no ranges of positive numbers.
        ShapeError: the input is no picture with channels; masks or boxes do not belong to it.

    Source: Szegedy et al. 2015, "Going Deeper with Convolutions", section 6.

    >>> import jax.numpy as jnp
    >>> net, x = RandomResizedCrop(4), jnp.ones((2, 8, 6, 1))
    >>> net.plan(x).output.shape
    (2, 4, 4, 1)
    """

    size: int | tuple[int, int]
    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (0.75, 4 / 3)
    keep_area: float = 0.1

    def validate(self) -> None:
        """Check ranges."""
        self.require(min(_pair(self.size)) >= 1, "size", "1 or more")
        self.require(0 < self.area[0] <= self.area[1] <= 1, "area", "a range of shares, 0 < least <= most <= 1")
        self.require(0 < self.aspect[0] <= self.aspect[1], "aspect", "a range, 0 < least <= most")
        self.require(0 <= self.keep_area <= 1, "keep_area", "a share, 0 to 1")

    def move(self, scope: Scope, x: Array) -> Move | None:
        """Draw one window for each picture."""
        size, (rows, height, width, _) = _pair(self.size), x.shape
        if scope.training:
            share, shape, down, right = scope.tap("draws", self.uniform(scope, 4, rows))
            area = (self.area[0] + (self.area[1] - self.area[0]) * share) * (height * width)
            low, high = jnp.log(jnp.asarray(self.aspect, share.dtype))
            aspect = jnp.exp(low + (high - low) * shape)
            high, wide = jnp.minimum(jnp.sqrt(area / aspect), height), jnp.minimum(jnp.sqrt(area * aspect), width)
        elif size == (height, width):
            return None
        else:
            scale = min(height / size[0], width / size[1])
            high, wide = (jnp.full(rows, scale * side, wide_type(scope.dtype)) for side in size)
            down = right = jnp.full_like(high, 0.5)
        top, left = (height - high) * down, (width - wide) * right
        windows = jnp.stack([top, left, top + high, left + wide], -1)

        def boxes(boxes: Array) -> Array:
            scale = jnp.stack([size[0] / high, size[1] / wide] * 2, -1)
            return (boxes - jnp.stack([top, left, top, left], -1)[:, None]) * scale[:, None]

        return Move(lambda x: resize_windows(x, windows, size), lambda mask: resize_labels(mask, windows, size), boxes)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
