"""Answers row by row, from programs that need no compiler, where a network has only what these know."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import is_
from typing import Any

import jax
import numpy as np

from brickwork.core.variables import Variables
from brickwork.inference import Answering, UnsupportedError, traced
from brickwork.ops import implementation, uses_kernels
from brickwork.train.segments import padded

Shape = tuple[int, ...]

FLOAT = np.dtype(np.float32)

READ = 2**19
"""Weights that may be read again for further rows in less time than a block of rows takes."""

BLOCK = 32
"""Rows of a block: networks of matrices read their weights once for all of them."""

PREDICT_ROWS = 256
"""Most rows that are predicted by one call: between calls, Python sees whether the user wants to stop."""


@dataclass
class Programs:
    """The programs of one shape of rows, for these weights: of a row, and of a block, made when it is asked for."""

    weights: tuple[Any, ...]
    row: Answering
    block: Answering | None = None
    blocks_tried: bool = False


class ByRow:
    """Computes `function(variables, rows)` row by row, or in small blocks, for rows of float32 on a CPU.

    A program has weights of its own, so it is made anew when the network has others: this takes a fraction of what
    compiling takes, a few milliseconds for small networks. The trace it is made from is kept.
    """

    def __init__(self, function: Callable[[Variables, Any], Any]):
        self.function = function
        self._made: dict[Shape, Programs] = {}
        self._traces: dict[Shape, Any] = {}

    def at_once(self, variables: Variables, rows: Any) -> np.ndarray | None:
        """Answer rows if there is a program for their shape and these weights; None if not, or if one is not finite."""
        if type(rows) is not np.ndarray or rows.dtype is not FLOAT:
            return None
        found = self._made.get(rows.shape[1:])
        if found is None or not uses_kernels() or not _same(found.weights, variables):
            return None
        count, row = len(rows), found.row
        if count == 1 or (row.reads_much and (count - 1) * row.weights <= READ):
            return row.answer(rows)
        if not row.reads_much:
            return _in_parts(row.answer, rows)
        block = self._block(found, variables, rows.shape[1:])
        return None if block is None else _in_parts(partial(_by_block, block), rows)

    def first(self, variables: Variables, rows: Any) -> np.ndarray | None:
        """Answer rows as `at_once` does; make the program for their shape and these weights if there is none."""
        if type(rows) is not np.ndarray or rows.dtype is not FLOAT or len(rows) == 0:
            return None
        if not uses_kernels() or jax.default_backend() != "cpu":
            return None
        weights, shape = _arrays(variables), rows.shape[1:]
        rows = np.ascontiguousarray(rows)
        if shape in self._made and _same(self._made[shape].weights, variables):
            return self.at_once(variables, rows)
        if not all(isinstance(array, jax.Array) and array.is_fully_addressable for array in weights):
            return None  # an array of numpy may change and stay the same array
        program = self._program(variables, (1, *shape))
        if program is None:
            return None
        self._made[shape] = Programs(weights, program)
        return self.at_once(variables, rows)

    def _block(self, found: Programs, variables: Variables, shape: Shape) -> Answering | None:
        if not found.blocks_tried:
            found.block, found.blocks_tried = self._program(variables, (BLOCK, *shape)), True
        return found.block

    def _program(self, variables: Variables, shape: Shape) -> Answering | None:
        """Return the program for rows of a shape; None if there cannot be one."""
        if shape not in self._traces:
            with implementation("xla"):
                self._traces[shape] = traced(self.function, variables, shape)
        try:
            return None if self._traces[shape] is None else Answering(self._traces[shape], variables, shape)
        except (UnsupportedError, MemoryError):
            self._traces[shape] = None
            return None


def _in_parts(answer: Callable[[np.ndarray], np.ndarray | None], rows: np.ndarray) -> np.ndarray | None:
    if len(rows) <= PREDICT_ROWS:
        return answer(rows)
    parts = [answer(rows[first : first + PREDICT_ROWS]) for first in range(0, len(rows), PREDICT_ROWS)]
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if len(there) == len(parts) else None


def _by_block(program: Answering, rows: np.ndarray) -> np.ndarray | None:
    count = len(rows)
    if count % BLOCK:
        rows = padded(rows, count + -count % BLOCK)
    answers = program.answer(rows.reshape(-1, BLOCK, *rows.shape[1:]))
    return None if answers is None else answers.reshape(-1, *answers.shape[2:])[:count]


def _arrays(variables: Variables) -> tuple[Any, ...]:
    return *variables.params.values(), *variables.stats.values()


def _same(arrays: tuple[Any, ...], variables: Variables) -> bool:
    now = _arrays(variables)
    return len(now) == len(arrays) and all(map(is_, now, arrays))
