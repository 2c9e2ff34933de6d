"""Arrays of a network's computation: constants, and views of what is computed when a row comes."""

from dataclasses import dataclass
from math import prod

import numpy as np


class UnsupportedError(Exception):
    """A computation has something that programs of our own do not know: XLA computes it then."""


class Buffer:
    """Numbers that a step computes, or those of the row that is asked about."""

    def __init__(self, size: int):
        self.size = size


@dataclass(frozen=True)
class View:
    """A way to read a buffer: number [i, j, ...] lies at start + i steps[0] + j steps[1] + ...; 0 repeats."""

    buffer: Buffer
    shape: tuple[int, ...]
    steps: tuple[int, ...]
    start: int = 0

    @property
    def size(self) -> int:
        """How many numbers it shows."""
        return prod(self.shape)

    def transposed(self, order: tuple[int, ...]) -> "View":
        """Return it with its axes in another order."""
        steps = tuple(self.steps[i] for i in order)
        return View(self.buffer, tuple(self.shape[i] for i in order), steps, self.start)

    @property
    def is_whole(self) -> bool:
        """Tell whether it shows all of its buffer, each number once and in order."""
        return self.start == 0 and self.size == self.buffer.size and self.is_plain

    @property
    def is_plain(self) -> bool:
        """Tell whether its numbers lie one behind the other."""
        plain = plain_steps(self.shape)
        return all(n == 1 or a == b for n, a, b in zip(self.shape, self.steps, plain, strict=True))


Value = View | np.ndarray
"""What a variable of a computation stands for: a view, or a constant."""


def plain_steps(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return how far apart numbers are when they lie one behind the other."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def whole(buffer: Buffer, shape: tuple[int, ...]) -> View:
    """Return the view of a buffer as an array of a shape."""
    return View(buffer, shape, plain_steps(shape))


def broadcast(value: Value, shape: tuple[int, ...], axes: tuple[int, ...] | None = None) -> Value:
    """Return a value in a larger shape: its axes become `axes`, the last ones by default, all others repeat it."""
    at = range(len(shape) - len(value.shape), len(shape)) if axes is None else axes
    own = dict(zip(at, range(len(value.shape)), strict=True))
    if isinstance(value, np.ndarray):
        spread = value.reshape([value.shape[own[axis]] if axis in own else 1 for axis in range(len(shape))])
        return np.broadcast_to(spread, shape)
    steps = [
        value.steps[own[axis]] if axis in own and value.shape[own[axis]] == size else 0
        for axis, size in enumerate(shape)
    ]
    return View(value.buffer, shape, tuple(steps), value.start)


def transposed(value: Value, order: tuple[int, ...]) -> Value:
    """Return a value with its axes in another order."""
    return value.transpose(order) if isinstance(value, np.ndarray) else value.transposed(order)


def part(value: Value, first: tuple[int, ...], until: tuple[int, ...], strides: tuple[int, ...]) -> Value:
    """Return every so manieth number of ranges along all axes."""
    if isinstance(value, np.ndarray):
        return value[tuple(slice(*one) for one in zip(first, until, strides, strict=True))]
    shape = tuple(-(-(b - a) // s) for a, b, s in zip(first, until, strides, strict=True))
    start = value.start + sum(a * step for a, step in zip(first, value.steps, strict=True))
    steps = tuple(step * s for step, s in zip(value.steps, strides, strict=True))
    return View(value.buffer, shape, steps, start)


def turned(value: Value, axes: tuple[int, ...]) -> Value:
    """Return a value with some axes in reverse."""
    if isinstance(value, np.ndarray):
        return np.flip(value, axes)
    start = value.start + sum((value.shape[axis] - 1) * value.steps[axis] for axis in axes)
    steps = tuple(-step if axis in axes else step for axis, step in enumerate(value.steps))
    return View(value.buffer, value.shape, steps, start)
