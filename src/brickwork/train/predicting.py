"""Asking a trained network: blocks of rows through compiled programs that are found quickly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from brickwork.core.brick import Brick
from brickwork.core.errors import SettingError
from brickwork.core.precision import FloatType
from brickwork.core.variables import Variables
from brickwork.losses import Loss
from brickwork.ops import current_implementation
from brickwork.train.by_row import PREDICT_ROWS, ByRow
from brickwork.train.programs import Program, program
from brickwork.train.segments import filled
from brickwork.train.sequences import on_values
from brickwork.train.supervised import raw

SMALL = 16
"""Rows up to which they are one block whatever the network."""

CACHED = 2**22
"""Bytes that the widest array of a network may take for all rows of a block, on a CPU.

Activations of pictures are large: 256 pictures at once went through main memory and took up to two and a half times as
long as in blocks of 16 to 64.
"""


@dataclass(frozen=True)
class Probabilities:
    """What a network's outputs stand for as probabilities; raises `SettingError` where its loss knows of none."""

    loss: Loss

    def __call__(self, net: Brick, variables: Variables, inputs: Any, precision: FloatType) -> Any:
        """Compute them."""

        def probabilities(outputs: Any) -> Any:
            found = self.loss.probabilities(outputs)
            if found is None:
                raise SettingError(f"A network trained with {self.loss} gives numbers, not probabilities: use predict.")
            return found

        return on_values(probabilities, raw(net, variables, inputs, precision))


class Predictor:
    """Computes `function(net, variables, rows)` for any number of rows, in blocks of a few sizes.

    Which program fits is remembered by the shapes of the rows alone, so that asking for one row costs little more than
    computing it. On a CPU a block is so large that the widest array of the network stays in the caches, and
    where rows are answered faster one by one than together, that is done without XLA.
    """

    def __init__(self, name: str, function: Callable[..., Any], net: Brick, precision: FloatType):
        self.name, self.function, self.net, self.precision = name, function, net, precision
        self._programs: dict[Any, Program] = {}
        self._blocks: dict[Any, int] = {}
        self._by_row = ByRow(self.predict)
        self.at_once = self._by_row.at_once

    def predict(self, variables: Variables, batch: Any) -> Any:
        """Compute outputs of a batch, as it is traced."""
        return self.function(self.net, variables, batch, precision=self.precision)

    def computes(self, function: Callable[..., Any], net: Brick, precision: FloatType) -> bool:
        """Tell whether it computes this function of this network."""
        return net is self.net and precision == self.precision and function == self.function

    def __call__(self, variables: Variables, inputs: Any) -> Any:
        """Return outputs for all rows of checked inputs, on the host."""
        leaves, tree = ([inputs], None) if type(inputs) is np.ndarray else jax.tree.flatten(inputs)
        if (answer := self._by_row.first(variables, inputs)) is not None:
            return answer
        total = len(leaves[0])
        if total & (total - 1) == 0 and total <= SMALL:  # a block as it is
            outputs = self._program(variables, inputs, leaves, tree)(variables, inputs)
            return np.asarray(outputs) if isinstance(outputs, jax.Array) else jax.tree.map(np.asarray, outputs)
        block = PREDICT_ROWS if total <= SMALL else self._block(inputs, leaves, tree)
        parts = []
        for first in range(0, total, block):
            rows = min(block, total - first)
            size = 1 << (rows - 1).bit_length()  # few sizes, few programs
            batch = jax.tree.map(lambda a, f=first, n=rows, s=size: _block_of(a, f, n, s), inputs)
            outputs = self._program(variables, batch, *jax.tree.flatten(batch))(variables, batch)
            parts.append(jax.tree.map(lambda out, n=rows: np.asarray(out)[:n], outputs))
        return parts[0] if len(parts) == 1 else jax.tree.map(lambda *some: np.concatenate(some), *parts)

    def _block(self, inputs: Any, leaves: Any, tree: Any) -> int:
        """Return how many rows a block has: a power of two."""
        key = (tree, *((leaf.shape[1:], leaf.dtype) for leaf in leaves))
        found = self._blocks.get(key)
        if found is None:
            found = PREDICT_ROWS
            if jax.default_backend() == "cpu":
                row = jax.tree.map(lambda a: jax.ShapeDtypeStruct((1, *a.shape[1:]), a.dtype), inputs)
                calls = self.net.plan(row, precision=self.precision).calls
                sizes = (leaf.size * leaf.dtype.itemsize for call in calls for leaf in jax.tree.leaves(call.output))
                fitting = max(1, CACHED // max(1, *sizes))
                found = min(PREDICT_ROWS, max(SMALL, 1 << (fitting.bit_length() - 1)))
            self._blocks[key] = found
        return found

    def _program(self, variables: Variables, batch: Any, leaves: Any, tree: Any) -> Program:
        key = (current_implementation(), tree, *[(leaf.shape, leaf.dtype) for leaf in leaves])
        found = self._programs.get(key)
        if found is None:
            owner = (self.function, self.net, self.precision)
            found = self._programs[key] = program(self.name, self.predict, owner, variables, batch)
        return found


def _block_of(array: Any, first: int, rows: int, size: int) -> Any:
    part = array[first : first + rows]
    return part if rows == size else filled(part, size)
