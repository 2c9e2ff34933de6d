"""What several bricks check of their settings and inputs."""

import re
from collections import Counter
from typing import Any

from jax import Array

from brickwork.core.brick import Brick
from brickwork.core.errors import SettingError, ShapeError, nearest
from brickwork.ops import ACTIVATIONS


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


def check_parts(owner: str, parts: Any) -> None:
    """Raise `SettingError` unless all parts are (name, brick), each name a word of its own."""
    for part in parts if isinstance(parts, tuple) else ():
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
