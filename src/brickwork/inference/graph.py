"""What a network computes of one row, as a list of steps that can be joined and written down."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from brickwork.inference.views import Buffer, UnsupportedError, Value, View, broadcast, plain_steps, whole

FUNCTIONS = (
    "copy", "neg", "abs", "sign", "exp", "expm1", "log", "log1p", "tanh", "logistic", "erf", "erfc",
    "sin", "cos", "sqrt", "rsqrt",
    "add", "sub", "mul", "div", "max", "min", "pow", "gt", "ge", "lt", "le", "eq", "ne", "select_n",
)  # fmt: skip
"""Functions of numbers, in the order of the kernel's table."""

AXES = 2
"""Axes of places that windows have."""

PAIR, OPERANDS = 2, 3
"""Arrays of a function of two numbers, and the most that a function has."""


@dataclass
class Windows:
    """Windows over a picture (height, width, channels)."""

    size: tuple[int, int, int]
    out: tuple[int, int]
    window: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    low: tuple[int, int]

    @property
    def numbers(self) -> list[int]:
        """What the kernel reads of them."""
        return [*self.size, *self.out, *self.window, *self.stride, *self.dilation, *self.low]


@dataclass(eq=False)
class Sums:
    """Products with constant weights, summed: a matrix, or a kernel with windows; and what is done to the sums.

    y[place, f] = relu(sum over k of x[place, k] weights[k, f] + bias[f] + added[place, f])
    """

    x: View
    weights: np.ndarray
    out: Buffer
    windows: Windows | None
    bias: np.ndarray | None = None
    added: View | None = None
    relu: bool = False

    @property
    def columns(self) -> int:
        """How many sums there are at a place."""
        return self.weights.shape[-1]

    @property
    def multiplications(self) -> int:
        """How many it takes."""
        return self.weights.size * (prod(self.windows.out) if self.windows else 1)

    @property
    def reads(self) -> list[Value]:
        """What is computed before."""
        return [self.x] if self.added is None else [self.x, self.added]


@dataclass(eq=False)
class Elementwise:
    """A function of numbers, of up to three arrays; `to` shows where the results go."""

    function: str
    operands: list[Value]
    to: View

    @property
    def out(self) -> Buffer:
        """Where the results are."""
        return self.to.buffer

    @property
    def reads(self) -> list[Value]:
        """What is computed before."""
        return self.operands


@dataclass(eq=False)
class Pooling:
    """The largest number of every window, or the sum."""

    kind: int
    x: View
    out: Buffer
    windows: Windows

    @property
    def reads(self) -> list[Value]:
        """What is computed before."""
        return [self.x]


@dataclass(eq=False)
class Reduction:
    """The sum, the largest or the smallest number over the middle axis of three."""

    kind: int
    x: View
    out: Buffer
    sizes: tuple[int, int, int]

    @property
    def reads(self) -> list[Value]:
        """What is computed before."""
        return [self.x]


Step = Sums | Elementwise | Pooling | Reduction


@dataclass
class Graph:
    """Steps in an order in which they can be computed."""

    steps: list[Step] = field(default_factory=list)

    def elementwise(self, function: str, operands: Sequence[Value], shape: tuple[int, ...]) -> View:
        """Add a function of numbers; arrays that are smaller than the shape are repeated."""
        out = Buffer(prod(shape))
        to = whole(out, shape)
        self.steps.append(Elementwise(function, [broadcast(one, shape) for one in operands], to))
        return to

    def plain(self, value: View) -> View:
        """Return a view of the same numbers that lie one behind the other, copied if they do not."""
        return value if value.is_plain else self.elementwise("copy", [value], value.shape)

    def reshaped(self, value: Value, shape: tuple[int, ...]) -> Value:
        """Return the same numbers in another shape."""
        if isinstance(value, np.ndarray):
            return value.reshape(shape)
        value = self.plain(value)
        return View(value.buffer, shape, plain_steps(shape), value.start)

    def sums(self, x: View, weights: np.ndarray, windows: Windows | None, shape: tuple[int, ...]) -> View:
        """Add products with weights."""
        out = Buffer(prod(shape))
        self.steps.append(Sums(self.plain(x), weights, out, windows))
        return whole(out, shape)

    def pooled(self, kind: int, x: View, windows: Windows, shape: tuple[int, ...]) -> View:
        """Add pooling."""
        out = Buffer(prod(shape))
        self.steps.append(Pooling(kind, self.plain(x), out, windows))
        return whole(out, shape)

    def reduced(self, kind: int, x: View, axes: tuple[int, ...]) -> View:
        """Add a reduction over neighbouring axes."""
        first, last = min(axes), max(axes)
        if sorted(axes) != list(range(first, last + 1)):
            kept = tuple(i for i in range(len(x.shape)) if i not in axes)
            x = x.transposed((*kept, *sorted(axes)))
            first, last = len(kept), len(x.shape) - 1
        shape = (*x.shape[:first], *x.shape[last + 1 :])
        sizes = prod(x.shape[:first]), prod(x.shape[first : last + 1]), prod(x.shape[last + 1 :])
        if not prod(sizes):
            raise UnsupportedError("an array without numbers")
        out = Buffer(prod(shape))
        self.steps.append(Reduction(kind, self.plain(x), out, sizes))
        return whole(out, shape)

    def pasted(
        self, shape: tuple[int, ...], fill: Value | None, parts: Sequence[tuple[Value, tuple[int, ...]]]
    ) -> View:
        """Add an array put together of others, each from a place on, and of one number around them."""
        to = whole(Buffer(prod(shape)), shape)
        if fill is not None:
            self.steps.append(Elementwise("copy", [broadcast(fill, shape)], to))
        for value, first in parts:
            start = sum(a * step for a, step in zip(first, to.steps, strict=True))
            self.steps.append(Elementwise("copy", [value], View(to.buffer, value.shape, to.steps, start)))
        return to


def buffers_of(values: Sequence[Value]) -> list[Buffer]:
    """Return the buffers that values read."""
    return [value.buffer for value in values if isinstance(value, View)]
