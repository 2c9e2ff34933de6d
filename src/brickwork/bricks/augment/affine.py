"""Turning, scaling, shearing, shifting and bending pictures."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.augment.annotated import Geometric, Move, boxes_around
from brickwork.core.brick import brick
from brickwork.core.scope import Scope
from brickwork.ops.hashing import hashed_uniform
from brickwork.ops.precision import wide_type
from brickwork.ops.sampling import affine_places, apply_along, read_bilinear, read_nearest, smoothing


@brick
class RandomAffine(Geometric):
    """Turns, scales, stretches, shears and shifts every picture a little, each at random, while training.

        new(p) = old(A p + t),   A = rotation(r) diag(sx, sy) shear(h)

    A pixel of the new picture at p (from the centre) is read from the old one at A p + t, between its four
    neighbours (bilinear); beyond the border there is `fill`. r, sx - 1, sy - 1, h and t are drawn evenly from plus or
    minus the settings; height and width are scaled apart, which stretches. So this one brick is also what others
    call random rotation, scaling, stretching, shear and translation: `RandomAffine(rotate=15)`.

    Masks take the nearest pixel's label. Boxes become those around their moved corners, clipped to the picture.

    Shapes: (rows, height, width, channels) to the same, as floats; or an `Annotated` with such pictures.

    Args:
        rotate: most degrees to turn by.
        scale: most relative change of height and of width (0.1: 90% to 110%).
        shear: most slant, in pixels across for each pixel down.
        shift: most pixels to move by, in each direction.
        fill: what pictures have beyond their border.
        fill_label: what masks have there. 0 is what many data sets call background; take -1 only for a loss that
            ignores it.
        keep_area: a box of which less than this share is left in the picture becomes empty.

    Raises:
        SettingError: a negative setting, a scale of 1 or more, a share that is none.
        ShapeError: the input is no picture with channels; masks or boxes do not belong to it.

    Source: Simard, Steinkraus, Platt 2003, "Best Practices for Convolutional Neural Networks", section 2.

    >>> import jax.numpy as jnp
    >>> net, x = RandomAffine(rotate=10, shift=1.0), jnp.ones((2, 8, 8, 1))
    >>> net.plan(x).output.shape
    (2, 8, 8, 1)
    """

    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    fill: float = 0.0
    fill_label: int = 0
    keep_area: float = 0.1

    def validate(self) -> None:
        """Check ranges."""
        for name in ("rotate", "scale", "shear", "shift"):
            self.require(getattr(self, name) >= 0, name, "0 or more")
        self.require(self.scale < 1, "scale", "less than 1")
        self.require(0 <= self.keep_area <= 1, "keep_area", "a share, 0 to 1")

    def move(self, scope: Scope, x: Array) -> Move | None:
        """Draw one affine map for each picture."""
        if not scope.training:
            return None
        limits = jnp.radians(self.rotate), self.scale, self.scale, self.shear, self.shift, self.shift
        draws = self.uniform(scope, 6, x.shape[0], -1.0, 1.0)
        draws = scope.tap("draws", draws * jnp.asarray(limits, draws.dtype)[:, None])
        turn, wide, high, shear, down, right = draws
        matrix = affine_matrix(turn, 1 + high, 1 + wide, shear)
        return affine_move(x.shape[1:3], matrix, jnp.stack([down, right], -1), self.fill, self.fill_label)


@brick
class RandomElastic(Geometric):
    """Bends every picture like rubber, each pixel pulled a little in a random direction shared with its neighbours.

        new(p) = old(p + d(p)),   d = shift * (smooth noise of variance 1)

    The noise is even noise in -1 to 1, smoothed by a Gaussian of `smoothness` pixels: 1 tears, a tenth of the picture
    bends, much more only shifts. Simard scales the smoothed noise by one factor; here it is divided by its standard
    deviation, so that `shift` is how far a pixel typically moves, whatever the smoothness and near the border too.

    Masks take the nearest pixel's label. Boxes become those around the pixels that come from inside them.

    Shapes: (rows, height, width, channels) to the same, as floats; or an `Annotated` with such pictures.

    Args:
        shift: standard deviation of the displacement, in pixels down and in pixels right.
        smoothness: standard deviation of the Gaussian, in pixels.
        fill: what pictures have beyond their border.
        fill_label: what masks have there (see `RandomAffine`).

    Raises:
        SettingError: a negative shift, a smoothness that is not positive.
        ShapeError: the input is no picture with channels; masks or boxes do not belong to it.

    Source: Simard, Steinkraus, Platt 2003, "Best Practices for Convolutional Neural Networks", section 2.

    >>> import jax.numpy as jnp
    >>> net, x = RandomElastic(shift=1.0, smoothness=2.0), jnp.ones((2, 8, 8, 1))
    >>> net.plan(x).output.shape
    (2, 8, 8, 1)
    """

    shift: float = 1.5
    smoothness: float = 4.0
    fill: float = 0.0
    fill_label: int = 0

    def validate(self) -> None:
        """Check ranges."""
        self.require(self.shift >= 0, "shift", "0 or more")
        self.require(self.smoothness > 0, "smoothness", "positive")

    def move(self, scope: Scope, x: Array) -> Move | None:
        """Draw one field of displacements for each picture."""
        if not scope.training:
            return None
        rows, height, width, _ = x.shape
        dtype = wide_type(x.dtype)
        noise = 2 * hashed_uniform(scope.key(), (rows, height, width, 2), dtype) - 1
        noise = scope.tap("noise", noise)
        deviation = jnp.full(rows, self.smoothness, dtype)
        pull = apply_along(_unit(smoothing(deviation, height)), _unit(smoothing(deviation, width)), noise)
        still = affine_places(height, width, jnp.eye(2, dtype=dtype)[None], jnp.zeros((1, 2), dtype))
        places = still + pull * (self.shift * 3**0.5)

        def boxes(boxes: Array) -> Array:
            middle = places[:, None] + 0.5  # (rows, 1, height, width, 2), from the corner of the picture
            box = boxes[:, :, None, None]
            inside = jnp.all((middle >= box[..., :2]) & (middle <= box[..., 2:]), -1)
            (top, bottom), (left, right) = _extent(inside.any(3)), _extent(inside.any(2))
            return jnp.stack([top, left, bottom, right], -1).astype(dtype)

        return Move(
            lambda x: read_bilinear(x, places, self.fill),
            lambda mask: read_nearest(mask, places, self.fill_label),
            boxes,
        )


def affine_matrix(turn: Array, high: Array, wide: Array, shear: Array) -> Float[Array, "rows 2 2"]:
    """Return rotation @ diag(high, wide) @ [[1, 0], [shear, 1]] of each row, acting on (down, right)."""
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    top = jnp.stack([cos * high - sin * wide * shear, -sin * wide], -1)
    return jnp.stack([top, jnp.stack([sin * high + cos * wide * shear, cos * wide], -1)], -2)


def affine_move(size: Sequence[int], matrix: Array, shift: Array, fill: float, fill_label: int) -> Move:
    """Return where an affine map takes everything: new pixel p, from the centre, is read at matrix p + shift."""
    places = affine_places(size[0], size[1], matrix, shift)
    (a, b), (c, d) = matrix.transpose(1, 2, 0)[..., None]  # (rows, 1)

    def points(old: Array) -> Array:
        centre = jnp.asarray([size[0] / 2, size[1] / 2], old.dtype)
        down, right = jnp.moveaxis(old - centre - shift[:, None], -1, 0)
        area = a * d - b * c
        return jnp.stack([(d * down - b * right) / area, (a * right - c * down) / area], -1) + centre

    return Move(
        lambda x: read_bilinear(x, places, fill),
        lambda mask: read_nearest(mask, places, fill_label),
        lambda boxes: boxes_around(points, boxes),
    )


def _unit(matrix: Float[Array, "rows size size"]) -> Float[Array, "rows size size"]:
    """Return rows scaled so that independent noise of variance 1 keeps its variance."""
    return matrix / jnp.sqrt(jnp.sum(matrix**2, -1, keepdims=True))


def _extent(there: Array) -> tuple[Array, Array]:
    """Return the first place along the last axis, and the one after the last; 0 and 0 where there is none."""
    size, some = there.shape[-1], there.any(-1)
    first, last = jnp.argmax(there, -1), size - jnp.argmax(there[..., ::-1], -1)
    return jnp.where(some, first, 0), jnp.where(some, last, 0)
