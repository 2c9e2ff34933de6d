"""Steps as the numbers that a program is made from, and where each array lies while it runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from brickwork.inference.graph import FUNCTIONS, OPERANDS, Elementwise, Pooling, Reduction, Step, Sums, buffers_of
from brickwork.inference.views import Buffer, View, plain_steps, whole

BETWEEN, CONSTANT, QUESTION, ANSWER = range(4)
"""What an address begins in."""

NOWHERE = -1

PRODUCT, CONVOLUTION, POOLING, REDUCTION, ELEMENTWISE = range(5)
"""Kinds of steps, in the order of the reader's table."""

LINE = 16
"""Numbers of a line of the caches."""


@dataclass
class Written:
    """A program: its numbers, its constants, and how many multiplications it takes, or results."""

    code: np.ndarray
    constants: np.ndarray
    work: int


def written(steps: Sequence[Step], row: Buffer, result: View) -> Written:
    """Write steps down.

    Constants that are read at every run come first, then weights, which are laid out once when the program is made.
    """
    steps = list(steps)
    if not result.is_whole or result.buffer is row:
        to = whole(Buffer(result.size), result.shape)
        steps.append(Elementwise("copy", [result], to))
        result = to
    places, between = _places(steps, row, result.buffer)
    constants: list[np.ndarray] = []

    def kept(numbers: np.ndarray) -> int:
        at = sum(one.size for one in constants)
        constants.append(np.asarray(numbers, np.float32).ravel())
        return _address(CONSTANT, at)

    first = [step for step in steps if isinstance(step, Elementwise)]
    numbers = {id(step): _elementwise(step, places, kept) for step in first}
    read_always = sum(one.size for one in constants)
    numbers |= {id(step): _others(step, places, kept) for step in steps if not isinstance(step, Elementwise)}
    work = sum(step.multiplications if isinstance(step, Sums) else step.out.size for step in steps)
    code = [row.size, result.size, between, work, read_always]
    for step in steps:
        code += numbers[id(step)]
    return Written(np.array(code, np.int64), np.concatenate([*constants, np.zeros(0, np.float32)]), work)


def _address(kind: int, place: int) -> int:
    return 4 * place + kind


def _at(view: View | None, places: dict[Buffer, tuple[int, int]]) -> int:
    if view is None:
        return NOWHERE
    kind, place = places[view.buffer]
    return _address(kind, place + view.start)


def _others(step: Step, places: dict[Buffer, tuple[int, int]], kept: Callable[[np.ndarray], int]) -> list[int]:
    out = _address(*places[step.out])
    match step:
        case Sums():
            what = [_at(step.x, places), out, _at(step.added, places), int(step.relu)]
            bias = NOWHERE if step.bias is None else kept(step.bias)
            if step.windows is None:
                return [PRODUCT, *what, *step.weights.shape, kept(step.weights), bias]
            return [CONVOLUTION, *what, *step.windows.numbers, step.columns, kept(step.weights), bias]
        case Pooling():
            return [POOLING, step.kind, _at(step.x, places), out, *step.windows.numbers]
        case Reduction():
            return [REDUCTION, step.kind, _at(step.x, places), out, *step.sizes]
        case _:
            raise TypeError(step)


def _elementwise(
    step: Elementwise, places: dict[Buffer, tuple[int, int]], kept: Callable[[np.ndarray], int]
) -> list[int]:
    arrays = [(_at(step.to, places), step.to.steps)]
    for operand in step.operands:
        if isinstance(operand, View):
            arrays.append((_at(operand, places), operand.steps))
        else:
            once = operand[tuple(slice(0, 1 if s == 0 else None) for s in operand.strides)]
            steps = plain_steps(once.shape)
            repeated = tuple(0 if n == 1 else step for n, step in zip(once.shape, steps, strict=True))
            arrays.append((kept(once), repeated))
    sizes, steps = merged(step.to.shape, [one for _, one in arrays])
    code = [ELEMENTWISE, arrays[0][0], FUNCTIONS.index(step.function), len(sizes), *sizes, *steps[0]]
    for number in range(1, 1 + OPERANDS):
        there = number < len(arrays)
        code += [arrays[number][0], *steps[number]] if there else [NOWHERE, *[0] * len(sizes)]
    return code


def merged(shape: tuple[int, ...], arrays: Sequence[tuple[int, ...]]) -> tuple[list[int], list[list[int]]]:
    """Return sizes and steps of fewer axes: those of one number left out, and two that all arrays go on through joined.

    >>> merged((2, 1, 3, 4), [(12, 12, 4, 1), (0, 0, 4, 1)])
    ([2, 12], [[12, 1], [0, 1]])
    """
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in arrays]
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        if sizes and all(kept[-1] == one[axis] * size for kept, one in zip(steps, arrays, strict=True)):
            sizes[-1] *= size
            for kept, one in zip(steps, arrays, strict=True):
                kept[-1] = one[axis]
            continue
        sizes.append(size)
        for kept, one in zip(steps, arrays, strict=True):
            kept.append(one[axis])
    return (sizes, steps) if sizes else ([1], [[0] for _ in arrays])


def _places(steps: Sequence[Step], row: Buffer, answer: Buffer) -> tuple[dict[Buffer, tuple[int, int]], int]:
    """Return where every buffer lies, and how much room those between take: room is used again when it is free."""
    last = {buffer: number for number, step in enumerate(steps) for buffer in (step.out, *buffers_of(step.reads))}
    places = {row: (QUESTION, 0), answer: (ANSWER, 0)}
    living: list[tuple[int, int, int]] = []  # from, until, the last step that reads it
    most = 0
    for number, step in enumerate(steps):
        if step.out in places:
            continue
        living = sorted(one for one in living if one[2] >= number)
        room, at = -(-step.out.size // LINE) * LINE, 0
        for begin, end, _ in living:
            if at + room <= begin:
                break
            at = max(at, end)
        places[step.out] = BETWEEN, at
        living.append((at, at + room, last[step.out]))
        most = max(most, at + room)
    return places, most
