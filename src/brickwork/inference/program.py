"""Programs that answer one row without XLA: made from a traced function and its weights, run by a kernel."""

import ctypes
from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr

from brickwork import native
from brickwork.inference.graph import Sums
from brickwork.inference.joining import joined
from brickwork.inference.translating import translated
from brickwork.inference.views import UnsupportedError
from brickwork.inference.writing import written

MOST_WEIGHTS = 2**24
"""Numbers of weights up to which programs are made: they keep their own copy, and reading more takes all the time."""

READ_OFTEN = 16
"""Multiplications for each weight from which on rows are answered faster one by one than together.

Pictures are: what a row needs stays in a core's cache from step to step. A matrix is read anew for every row.
"""

_OF_PYTHON = (
    "PyObject_GetBuffer",
    "PyBuffer_Release",
    "PyErr_Clear",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
)
"""Functions of Python's stable interface that the kernel calls, in its order."""


class Answering:
    """A function of weights and one row, with these weights: `answer(rows)` returns what it computes of each.

    Instead of a row it may be a block of rows, all computed by every step; an answer is then one of a block.
    `steps` is how many steps it takes, `weights` how many numbers these read, and `reads_much` tells whether reading
    them takes most of the time, so that many rows are better computed in blocks.
    """

    def __init__(self, computation: ClosedJaxpr, weights: Any, shape: tuple[int, ...]):
        known = jax.tree.leaves(weights)
        with jax.ensure_compile_time_eval():
            graph, row, result = translated(computation, known, shape)
        if result.shape[:1] != shape[:1]:
            raise UnsupportedError("an answer that has not as many rows")
        steps = joined(graph, result)
        self.steps = len(steps)
        program = written(steps, row, result)
        functions = _functions()
        self.shape = result.shape[1:] if shape[0] == 1 else result.shape
        self.weights = sum(step.weights.size for step in steps if isinstance(step, Sums))
        self.reads_much = program.work < READ_OFTEN * self.weights
        self._run, self._free = functions.run, functions.free
        code, constants = program.code, program.constants
        self._made = functions.new(code.ctypes.data, len(code), constants.ctypes.data)
        if not self._made:
            raise MemoryError("There is no room for the program of a network.")

    def answer(self, rows: np.ndarray) -> np.ndarray | None:
        """Return the answers to rows of float32 in the shape that was given; None if not all are finite, and plain."""
        count = len(rows)
        result = np.empty((count, *self.shape), np.float32)
        return result if self._run(self._made, rows, result, count) == 0 else None

    def __del__(self) -> None:
        made, self._made = getattr(self, "_made", None), None
        if made:
            self._free(made)


def traced(function: Callable[..., Any], weights: Any, shape: tuple[int, ...]) -> ClosedJaxpr | None:
    """Trace a function of weights and a row of float32 for `Answering`; None where there is no use in that."""
    leaves = jax.tree.leaves(weights)
    if not native.available() or sum(leaf.size for leaf in leaves) > MOST_WEIGHTS or not prod(shape):
        return None
    return jax.make_jaxpr(function)(weights, jax.ShapeDtypeStruct(shape, np.float32))


class _Functions:
    """The kernel's functions. They are called with Python's lock held, and give it away themselves for longer work."""

    def __init__(self, library: ctypes.CDLL):
        kept = ctypes.PyDLL(library._name)
        table = [ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p) for name in _OF_PYTHON]
        kept.brickwork_inference_python((ctypes.c_void_p * len(table))(*table))
        self.new, self.free, self.run = (
            getattr(kept, f"brickwork_inference_{name}") for name in ("new", "free", "run")
        )
        self.new.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p]
        self.new.restype = ctypes.c_void_p
        self.free.argtypes, self.free.restype = [ctypes.c_void_p], None
        self.run.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object, ctypes.c_int64]


@lru_cache(maxsize=1)
def _functions() -> _Functions:
    return _Functions(native.library())


__all__ = ["Answering", "UnsupportedError", "traced"]
