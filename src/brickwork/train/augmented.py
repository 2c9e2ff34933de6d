"""Augmentation beside the network: a training batch whose inputs and targets are changed at random alike."""

import zlib
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
from jax import Array

from brickwork.bricks import Annotated
from brickwork.core.batch import Batch, Padded
from brickwork.core.brick import Brick
from brickwork.core.errors import ScopeError, SettingError, ShapeError
from brickwork.core.variables import Variables

KEY = zlib.crc32(b"augment")
"""What a step's key is folded with, so that bricks here and in the network draw different numbers."""

PARTS = ("mask", "boxes", "labels")


def augmented(brick: Brick, batch: Batch, key: Array, precision: Any = "float32") -> Batch:
    """Return a batch changed by a brick that takes and returns an `Annotated`, computed in float32 at least."""
    wide = "float64" if precision == "float64" else "float32"
    given = annotate(batch)
    try:
        new = brick.apply(Variables({}, {}), given, training=True, key=key, weight=batch.weight, precision=wide).output
    except ScopeError as error:
        if "among the variables" in str(error):
            raise SettingError(f"A brick to augment with must learn nothing: {error}") from error
        raise
    if not isinstance(new, Annotated):
        raise SettingError(
            f"augment={brick!r} must return an Annotated for an Annotated, as the augmentation bricks do; "
            f"it returned {type(new).__name__}."
        )
    return replace(batch, inputs=new.inputs, targets=_targets(batch.targets, given, new))


def annotate(batch: Batch) -> Annotated:
    """Return what is known about a batch's inputs, as bricks of augmentation take it.

    Targets that are a dict with some of "mask", "boxes" and "labels" say themselves what they are. Otherwise whole
    numbers for every pixel, or for every step of a sequence, are a mask, and all else are labels.

    Raises `ShapeError` for inputs that are several arrays, and for targets that have the pictures' pixels but are no
    class numbers: only who has them knows whether they move along.
    """
    inputs, targets = batch.inputs, batch.targets
    if not isinstance(inputs, Padded) and not hasattr(inputs, "shape"):
        raise ShapeError(
            "augment= changes one array of inputs, here they are several. Put bricks of augmentation into the network "
            "instead, before the part that they belong to."
        )
    if isinstance(targets, dict):
        return _named(inputs, targets)
    if isinstance(targets, Padded):
        return Annotated(inputs, mask=targets)
    shape = inputs.values.shape if isinstance(inputs, Padded) else inputs.shape
    pictures = len(shape) == 4
    places = shape[:3] if pictures else shape[:2]
    given = getattr(targets, "shape", ())
    if given == places != shape and jnp.issubdtype(targets.dtype, jnp.integer):
        return Annotated(inputs, mask=targets)
    if pictures and given[:3] == places:
        raise ShapeError(
            f"targets {given} have the pixels of the pictures {shape}, but are no class numbers. Say what they are: "
            'targets={"mask": ...} (rows, height, width) moves them with the pictures, {"labels": ...} leaves them.'
        )
    return Annotated(inputs, labels=targets)


def class_numbers_again(before: Any, after: Any) -> Any:
    """Return targets as metrics take them: mixed class numbers as the number of the larger part."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {name: class_numbers_again(before[name], after[name]) for name in before}
    if (
        isinstance(before, Array)
        and isinstance(after, Array)
        and jnp.issubdtype(before.dtype, jnp.integer)
        and jnp.issubdtype(after.dtype, jnp.floating)
        and after.shape[:-1] == before.shape
    ):
        return jnp.argmax(after, -1).astype(before.dtype)
    return after


def _targets(before: Any, given: Annotated, new: Annotated) -> Any:
    if isinstance(before, dict) and given.labels is not before:
        return {name: getattr(new, name) for name in before}
    return new.labels if given.mask is None else new.mask


def _named(inputs: Any, targets: dict[str, Any]) -> Annotated:
    if targets and targets.keys() <= set(PARTS):
        return Annotated(inputs, **targets)
    if targets.keys() & {"mask", "boxes"}:
        raise ShapeError(
            f"targets of augmentation are a dict of 'mask', 'boxes' and 'labels'; got {sorted(targets)}. Put the "
            "others into 'labels', which may be a dict itself."
        )
    return Annotated(inputs, labels=targets)
