"""What is augmented: pictures or sequences with what is known about them; and what all bricks here extend."""

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Shaped

from brickwork.bricks.checks import check_pictures
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick
from brickwork.core.errors import ShapeError, unwritten
from brickwork.core.scope import Scope
from brickwork.ops.precision import wide_type


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Annotated:
    """Inputs with what is known about them, so that both can be changed alike.

    `inputs` are pictures (rows, height, width, channels) or sequences (rows, time, ...), which may be `Padded`.
    `mask` has the class number of every pixel (rows, height, width), or of every step, (rows, time) or `Padded`.
    `boxes` are (rows, n, 4), each (top, left, bottom, right) in pixels from the upper left corner of the picture to
    edges: pixel i reaches from i to i + 1. A box without area only fills up the axis. `labels` belong to the whole
    row: they stay as they are, but for mixing. What is not known is None.
    """

    inputs: Any
    mask: Any = None
    boxes: Float[Array, "rows n 4"] | None = None
    labels: Any = None


class Augmentation(Brick):
    """A brick that changes inputs at random while training. It takes and returns an array, or an `Annotated`."""

    def __call__(self, scope: Scope, x: Any) -> Any:
        """Change the inputs, and what is known about them, while training; pass both on in evaluation."""
        return self.change(scope, x) if isinstance(x, Annotated) else self.change(scope, Annotated(x)).inputs

    def change(self, scope: Scope, given: Annotated) -> Annotated:
        """Return what was given, changed while training."""
        del scope, given
        raise unwritten(self, "change(self, scope, given)")

    def uniform(
        self, scope: Scope, count: int, rows: int, low: float = 0.0, high: float = 1.0
    ) -> Float[Array, "count rows"]:
        """Return random numbers, `count` for every row, in a type wide enough for places."""
        return jax.random.uniform(scope.key(), (count, rows), wide_type(scope.dtype), low, high)


class InputAugmentation(Augmentation):
    """A brick that changes inputs alone: what is known about them stays true."""

    def change(self, scope: Scope, given: Annotated) -> Annotated:
        """Return what was given with changed inputs."""
        x = given.inputs
        if isinstance(x, Padded) and self.padded != "aware":
            if self.padded == "refuses":
                raise ShapeError("it wants pictures (rows, height, width, channels), got padded sequences.")
            return replace(given, inputs=x.with_values(self.inputs(scope, x.values)))
        return replace(given, inputs=self.inputs(scope, x))

    def inputs(self, scope: Scope, x: Any) -> Any:
        """Return changed inputs."""
        del scope, x
        raise unwritten(self, "inputs(self, scope, x)")

    def some(self, scope: Scope, x: Array, change: Callable[[Array], Array]) -> Array:
        """Return inputs of which some rows are changed while training, each with the probability `rate`."""
        rate = scope.setting("rate", typing.cast(Any, self).rate)
        if not scope.training:
            return x
        chosen = scope.tap("chosen", self.uniform(scope, 1, x.shape[0])[0] < rate)
        return jnp.where(per_picture(chosen, x), change(x), x)


@dataclass(frozen=True)
class Move:
    """Where everything goes: functions of pictures, masks, and boxes before they are clipped to the new picture."""

    pictures: Callable[[Array], Array]
    mask: Callable[[Array], Array]
    boxes: Callable[[Array], Array]


class Geometric(Augmentation):
    """A brick that moves pictures, masks and boxes alike; `keep_area` is a setting of those that lose some."""

    blends: ClassVar[bool] = True
    """Whether new pixels are mixed from old ones, which makes floats of whole numbers; else the type stays."""

    def change(self, scope: Scope, given: Annotated) -> Annotated:
        """Move everything."""
        x = given.inputs
        if isinstance(x, Padded):
            raise ShapeError("it wants pictures (rows, height, width, channels), got padded sequences.")
        check_pictures(x)
        check_fits(given)
        x = scope.cast(x) if self.blends else x
        move = self.move(scope, x)
        if move is None:
            return replace(given, inputs=x)
        new = move.pictures(x)
        boxes = given.boxes
        if boxes is not None:
            places = boxes.astype(wide_type(boxes.dtype))
            visible = clip_boxes(move.boxes(places), new.shape[1:3], getattr(self, "keep_area", 0.0))
            boxes = jnp.where(_area(places)[..., None] > 0, visible, 0).astype(boxes.dtype)
        return replace(given, inputs=new, mask=None if given.mask is None else move.mask(given.mask), boxes=boxes)

    def move(self, scope: Scope, x: Array) -> Move | None:
        """Return where everything goes, or None where it stays."""
        del scope, x
        raise unwritten(self, "move(self, scope, x)")


def check_fits(given: Annotated) -> None:
    """Raise `ShapeError` unless masks and boxes belong to the pictures."""
    shape = given.inputs.shape
    if given.mask is not None and getattr(given.mask, "shape", None) != shape[:3]:
        raise ShapeError(
            f"masks must have a class number for every pixel, {shape[:3]} for pictures {shape}; "
            f"got {getattr(given.mask, 'shape', 'padded sequences')}."
        )
    if given.boxes is not None and (given.boxes.ndim != 3 or given.boxes.shape[::2] != (shape[0], 4)):
        raise ShapeError(
            f"boxes must be (rows, n, 4), here ({shape[0]}, n, 4): top, left, bottom, right in pixels; "
            f"got {given.boxes.shape}."
        )
    if given.boxes is not None and not jnp.issubdtype(given.boxes.dtype, jnp.floating):
        raise ShapeError(f"boxes must be floats, for they are moved between pixels; got {given.boxes.dtype}.")


def boxes_around(points: Callable[[Array], Array], boxes: Float[Array, "rows n 4"]) -> Float[Array, "rows n 4"]:
    """Return the boxes around the corners of others, after a function moved these points (rows, n * 4, 2)."""
    rows, n, _ = boxes.shape
    corners = jnp.stack([boxes[..., place] for down in (0, 2) for right in (1, 3) for place in (down, right)], 2)
    moved = points(corners.reshape(rows, n * 4, 2)).reshape(rows, n, 4, 2)
    return jnp.concatenate([jnp.min(moved, 2), jnp.max(moved, 2)], -1)


def clip_boxes(
    boxes: Float[Array, "rows n 4"], size: Sequence[int], keep_area: float = 0.0
) -> Float[Array, "rows n 4"]:
    """Return what is inside a picture of a size, all zeros where less than a share of the area is, or nothing."""
    most = jnp.asarray([*size, *size], boxes.dtype)
    inside = jnp.clip(boxes, jnp.zeros_like(most), most)
    kept = (_area(inside) > 0) & (_area(inside) >= keep_area * _area(boxes))
    return jnp.where(kept[..., None], inside, 0)


def per_picture(values: Shaped[Array, " rows"], x: Array) -> Shaped[Array, "rows ..."]:
    """Return one value for each row, shaped to broadcast against `x`; numbers get the type of `x`."""
    values = values.reshape(-1, *(1 for _ in x.shape[1:]))
    return values if values.dtype == bool else values.astype(x.dtype)


def real_rows(weight: Array | None, rows: int) -> Bool[Array, " rows"]:
    """Return which rows do not only fill up the batch."""
    return jnp.ones(rows, bool) if weight is None else weight != 0


def _area(boxes: Float[Array, "... 4"]) -> Float[Array, "..."]:
    sides = jnp.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return sides[..., 0] * sides[..., 1]
