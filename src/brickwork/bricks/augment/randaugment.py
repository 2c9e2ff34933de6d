"""RandAugment: a few random changes out of many."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from brickwork.bricks.augment.affine import affine_matrix, affine_move
from brickwork.bricks.augment.annotated import Annotated, check_fits, clip_boxes
from brickwork.bricks.augment.colors import Coloring
from brickwork.core.brick import brick
from brickwork.core.scope import Scope
from brickwork.ops import choose, colors
from brickwork.ops.precision import wide_type

OPERATIONS = (
    "identity",
    "autocontrast",
    "equalize",
    "solarize",
    "posterize",
    "color",
    "contrast",
    "brightness",
    "sharpness",
    "rotate",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
"""What RandAugment chooses from: the 14 of the paper; from `rotate` on they move pictures."""

MOVING = OPERATIONS.index("rotate")


@brick
class RandAugment(Coloring):
    """Makes `count` random changes to every picture while training, all of one strength: two numbers to tune, no more.

        y = f_count(... f_1(x)),   each f drawn evenly from 14 operations, for each picture apart

    The operations, with m = magnitude / 10: identity; autocontrast; equalize; solarize from (1 - m) white on; posterize
    to 8 - 4 m bits; color, contrast, brightness and sharpness by 1 +- 0.9 m; rotate by +-30 m degrees; shear_x and
    shear_y by +-0.3 m; translate_x and translate_y by +-0.45 m of the side. These are AutoAugment's ranges, with the
    sign drawn; what comes in from beyond the border is `fill`. Masks and boxes move with their pictures.

    The program holds each operation once, whatever `count` is. On a CPU each picture pays for the operation that it
    got; elsewhere all are computed for the whole batch and one is taken.

    Shapes: (rows, height, width, channels) to the same, as floats; channels are 1 or 3; or an `Annotated` with such
    pictures.

    Args:
        count: how many changes a picture gets (the paper's N).
        magnitude: how strong they are, 0 to 10 (the paper's M).
        fill: what pictures have beyond their border.
        fill_label: what masks have there (see `RandomAffine`).
        keep_area: a box of which less than this share is left in the picture becomes empty.
        largest: the value of white in pictures of floats, 1.0 or 255.0; None takes 255 for uint8 and refuses floats.

    Raises:
        SettingError: settings out of range, floats without `largest`.
        ShapeError: the input is no picture with channels; masks or boxes do not belong to it.

    Source: Cubuk, Zoph, Shlens, Le 2020, "RandAugment: Practical Automated Data Augmentation with a Reduced Search
    Space", section 3; ranges: Cubuk et al. 2019, "AutoAugment", table 6.

    >>> import jax.numpy as jnp
    >>> net, x = RandAugment(count=1, largest=1.0), jnp.ones((2, 8, 8, 3))
    >>> net.plan(x).output.shape
    (2, 8, 8, 3)
    """

    count: int = 2
    magnitude: float = 5.0
    fill: float = 0.0
    fill_label: int = 0
    keep_area: float = 0.1
    largest: float | None = None

    def validate(self) -> None:
        """Check ranges."""
        super().validate()
        self.require(self.count >= 1, "count", "1 or more")
        self.require(0 <= self.magnitude <= 10, "magnitude", "0 to 10")
        self.require(0 <= self.keep_area <= 1, "keep_area", "a share, 0 to 1")

    def change(self, scope: Scope, given: Annotated) -> Annotated:
        """Change pictures, and move what belongs to them."""
        x = given.inputs
        white = self.white(x)
        check_fits(given)
        x = scope.cast(x)
        given = replace(given, inputs=x)
        magnitude = scope.setting("magnitude", self.magnitude)
        if not scope.training:
            return given
        rows, dtype = x.shape[0], wide_type(x.dtype)
        draws = jax.random.uniform(scope.key(), (2, self.count, rows), dtype)
        chosen = jnp.floor(draws[0] * len(OPERATIONS)).astype(jnp.int32)
        chosen = scope.tap("operations", jnp.minimum(chosen, len(OPERATIONS) - 1))
        sign = scope.tap("signs", jnp.where(draws[1] < 0.5, -1, 1).astype(dtype))
        amount = jnp.asarray(magnitude, dtype) / 10
        one = _operation(white, self.fill)

        def layer(number: Array, given: Annotated) -> Annotated:
            which, strength = chosen[number], sign[number] * amount
            args = given.inputs, which, strength
            table = {"xla": jax.vmap(one), "slices": lambda *args: lax.map(lambda arg: one(*arg), args)}
            new = replace(given, inputs=choose(table, *args))
            if given.mask is None and given.boxes is None:
                return new
            size = x.shape[1:3]
            move = affine_move(size, *affine_of(which, strength, size), self.fill, self.fill_label)
            mask = None if given.mask is None else move.mask(given.mask)
            boxes = given.boxes
            if boxes is not None:
                moved = clip_boxes(move.boxes(boxes.astype(dtype)), size, self.keep_area).astype(boxes.dtype)
                boxes = jnp.where((which >= MOVING)[:, None, None], moved, boxes)
            return replace(new, mask=mask, boxes=boxes)

        return lax.fori_loop(0, self.count, layer, given)


def affine_of(which: Array, strength: Array, size: Sequence[int]) -> tuple[Array, Array]:
    """Return matrix and shift of the operations that move pictures; of the others those that move nothing."""

    def only(name: str, most: float) -> Array:
        return jnp.where(which == OPERATIONS.index(name), most * strength, jnp.zeros_like(strength))

    turn, slant = only("rotate", 30 * jnp.pi / 180), only("shear_x", 0.3)
    steep, one = only("shear_y", 0.3), jnp.ones_like(strength)
    matrix = affine_matrix(turn, one, one, slant)
    matrix = matrix.at[..., 0, 1].add(steep)
    shift = jnp.stack([only("translate_y", 0.45 * size[0]), only("translate_x", 0.45 * size[1])], -1)
    return matrix, shift


def _operation(white: float, fill: float) -> Callable[[Array, Array, Array], Float[Array, "height width channels"]]:
    """Return the function of one picture, the number of an operation and its strength, -1 to 1."""

    def moved(x: Array, which: Array, strength: Array) -> Array:
        matrix, shift = affine_of(which[None], strength[None], x.shape[:2])
        return affine_move(x.shape[:2], matrix, shift, fill, 0).pictures(x[None])[0]

    def operation(x: Array, which: Array, strength: Array) -> Array:
        size, factor = jnp.abs(strength).astype(x.dtype), (1 + 0.9 * strength).astype(x.dtype)
        branches: list[Callable[[Array], Array]] = [
            lambda x: x,
            lambda x: colors.stretch_contrast(x, white),
            lambda x: colors.equalize(x, white),
            lambda x: colors.solarize(x, white * (1 - size), white),
            lambda x: colors.posterize(x, jnp.round(8 - 4 * jnp.abs(strength)), white),
            lambda x: colors.saturate(x, factor, white),
            lambda x: colors.contrast(x, factor, white),
            lambda x: colors.brighten(x, factor, white),
            lambda x: colors.sharpen(x, factor, white),
            lambda x: moved(x, which, strength),
        ]
        return lax.switch(jnp.minimum(which, MOVING), branches, x)

    return operation
