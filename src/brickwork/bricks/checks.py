"""What several bricks check of their settings and inputs."""

import re
from collections import Counter
from typing import Any

from jax import Array

from brickwork.core.batch import Padded
from brickwork.core.brick import Brick
from brickwork.core.errors import SettingError, ShapeError, nearest
from brickwork.ops import ACTIVATIONS
from brickwork.ops.windows import KINDS


def check_activation(name: str) -> None:
    """Raise `SettingError` unless there is an activation of this name."""
    if name not in ACTIVATIONS:
        raise SettingError(f"There is no activation named {name!r}. {nearest(name, ACTIVATIONS)}")


def check_pictures(x: Array) -> None:
    """Raise `ShapeError`, saying how to mend it, unless `x` is (rows, height, width, channels)."""
    mend = {
        2: "Rows of numbers go to a Dense; if a Flatten made them of pictures, put this brick before it.",
        3: "Add the channel axis, x[..., None], or for a single picture the axis of rows, x[None].",
    }.get(x.ndim, "Merge the axes that are too many into the rows." if x.ndim > 4 else "")
    if x.ndim != 4:
        raise ShapeError(f"it wants pictures (rows, height, width, channels), got {x.shape}. {mend}".rstrip())


def check_sequences(x: Array) -> None:
    """Raise `ShapeError`, saying how to mend it, unless `x` is (rows, time, features)."""
    mend = {
        2: "If these are ids (rows, time), put an Embedding before; one number a step needs x[..., None].",
        4: "Flatten what belongs to one step: x.reshape(*x.shape[:2], -1).",
    }.get(x.ndim, "")
    if x.ndim != 3:
        raise ShapeError(f"it wants sequences (rows, time, features), got {x.shape}. {mend}".rstrip())


def check_places(x: Array | Padded, axes: int) -> Array:
    """Return the values; raise `ShapeError` unless they have that many axes between rows and channels.

    One axis is time, and only sequences may be `Padded`.
    """
    if isinstance(x, Padded) and axes != 1:
        raise ShapeError(f"it slides over {KINDS[axes]}s and cannot take padded sequences. For sequences set axes=1.")
    values = x.values if isinstance(x, Padded) else x
    try:
        (check_sequences if axes == 1 else check_pictures if axes == 2 else _check_volumes)(values)
    except ShapeError as error:
        if 3 <= values.ndim <= 5:
            others = values.ndim - 2
            raise ShapeError(f"{error} If these are {KINDS[others]}s, set axes={others}.") from None
        raise
    return values


def _check_volumes(x: Array) -> None:
    if x.ndim != 5:
        mend = "Add the channel axis, x[..., None], or for a single volume the axis of rows, x[None]."
        raise ShapeError(f"it wants volumes (rows, depth, height, width, channels), got {x.shape}. {mend}")


def check_parts(owner: str, parts: Any) -> None:
    """Raise `SettingError` unless all parts are (name, brick), each name a word of its own."""
    parts = parts if isinstance(parts, tuple) else ()  # what is none is refused with the other settings
    for part in parts:
        name, one = part if isinstance(part, tuple | list) and len(part) == 2 else ("?", part)
        if not isinstance(one, Brick):
            raise SettingError(
                f"{owner}: part {name!r} must be a brick, got {one!r} ({type(one).__name__}). {_mend(owner, one)}"
            )
        if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
            raise SettingError(f"{owner}: the name {name!r} must be of letters, digits and _ only.")
    for name, count in Counter(name for name, _ in parts).items():
        if count > 1:
            raise SettingError(f"{owner}: two parts are named {name!r}.")


def _mend(owner: str, part: Any) -> str:
    if isinstance(part, list | tuple):
        return f"Give bricks one by one: {owner}(*bricks)."
    if isinstance(part, type):
        return f"Make one of the class: {part.__name__}(...)."
    if isinstance(part, str):
        return f"Perhaps Activation({part!r})?"
    return "A network is data: write a brick (a class with @brick above it) in place of a function."
