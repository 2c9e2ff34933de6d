"""Fewer steps: biases, scales, sums with another array and relu are carried out while products are still in registers.

(x w) s + b         becomes  x (w s) + b
x w + b + residual  is stored once
"""

from collections import Counter

import numpy as np

from brickwork.inference.graph import PAIR, Elementwise, Graph, Step, Sums, buffers_of
from brickwork.inference.views import Buffer, Value, View


def joined(graph: Graph, result: View) -> list[Step]:
    """Return the steps that are needed for a result, with those joined that can be."""
    needed = _needed(graph.steps, result.buffer)
    uses = Counter(buffer for step in needed for buffer in buffers_of(step.reads))
    uses[result.buffer] += 1
    steps: list[Step] = []
    makers: dict[Buffer, Sums] = {}
    for step in needed:
        sums = _joined(step, makers, uses) if isinstance(step, Elementwise) else None
        if sums is None:
            steps.append(step)
            if isinstance(step, Sums):
                makers[step.out] = step
            continue
        del makers[sums.out]
        sums.out = step.out
        makers[step.out] = sums
        steps.remove(sums)  # it is computed as late as its last part needs
        steps.append(sums)
    return steps


def _needed(steps: list[Step], result: Buffer) -> list[Step]:
    wanted, kept = {result}, []
    for step in reversed(steps):
        if step.out in wanted:
            kept.append(step)
            wanted.update(buffers_of(step.reads))
    return kept[::-1]


def _joined(step: Elementwise, makers: dict[Buffer, Sums], uses: Counter[Buffer]) -> Sums | None:
    """Carry a step out within the sums that it is about, if it can be, and return these."""
    if len(step.operands) != PAIR or not step.to.is_whole:
        return None
    for place in (1, 0):  # the right one was computed later, as a rule
        value, other = step.operands[place], step.operands[1 - place]
        sums = makers.get(value.buffer) if isinstance(value, View) else None
        if sums is None or not isinstance(value, View) or uses[value.buffer] != 1:
            continue
        aligned = value.is_whole and value.shape == step.to.shape and value.shape[-1] == sums.columns
        if aligned and not sums.relu and _carried_out(step.function, sums, other, place):
            return sums
    return None


def _carried_out(function: str, sums: Sums, other: Value, place: int) -> bool:
    if isinstance(other, View):
        if function != "add" or sums.added is not None or not other.is_plain:
            return False
        sums.added = other
        return True
    if function == "max":
        sums.relu = not other.any()
        return sums.relu
    column = _by_column(other, sums.columns)
    if column is None:
        return False
    bias = np.zeros(sums.columns, np.float32) if sums.bias is None else sums.bias
    if function == "add" or (function == "sub" and place == 0):
        sums.bias = bias + column if function == "add" else bias - column
        return True
    if sums.added is None and (function == "mul" or (function == "div" and place == 0)):
        scale = column if function == "mul" else np.float32(1) / column
        sums.weights = sums.weights * scale
        sums.bias = bias * scale
        return True
    return False


def _by_column(constant: np.ndarray, columns: int) -> np.ndarray | None:
    """Return a constant that is the same at all places: its number of every column."""
    repeats = all(size == 1 or step == 0 for size, step in zip(constant.shape[:-1], constant.strides[:-1], strict=True))
    return constant[(0,) * (constant.ndim - 1)] if repeats and constant.shape[-1] == columns else None
