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
from brickwork.train.programs import Program, program
from brickwork.train.segments import filled
from brickwork.train.sequences import on_values
from brickwork.train.supervised import raw

PREDICT_ROWS = 256
"""Most rows that are predicted by one call of a compiled program."""


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
    computing it.
    """

    def __init__(self, name: str, function: Callable[..., Any], net: Brick, precision: FloatType):
        self.name, self.function, self.net, self.precision = name, function, net, precision
        self._programs: dict[Any, Program] = {}

    def computes(self, function: Callable[..., Any], net: Brick, precision: FloatType) -> bool:
        """Tell whether it computes this function of this network."""
        return net is self.net and precision == self.precision and function == self.function

    def __call__(self, variables: Variables, inputs: Any) -> Any:
        """Return outputs for all rows of checked inputs, on the host."""
        leaves = jax.tree.leaves(inputs)
        total = len(leaves[0])
        parts = []
        for first in range(0, total, PREDICT_ROWS):
            rows = min(PREDICT_ROWS, total - first)
            size = 1 << (rows - 1).bit_length()  # few sizes, few programs
            if rows == total == size:
                batch = inputs
            else:
                batch = jax.tree.map(lambda a, f=first, n=rows, s=size: filled(a[f : f + n], s), inputs)
            outputs = self._program(variables, batch)(variables, batch)
            parts.append(jax.tree.map(lambda out, n=rows: np.asarray(out)[:n], outputs))
        return parts[0] if len(parts) == 1 else jax.tree.map(lambda *some: np.concatenate(some), *parts)

    def _program(self, variables: Variables, batch: Any) -> Program:
        leaves, tree = jax.tree.flatten(batch)
        key = (current_implementation(), tree, *((leaf.shape, leaf.dtype) for leaf in leaves))
        found = self._programs.get(key)
        if found is None:

            def predict(variables: Variables, batch: Any) -> Any:
                return self.function(self.net, variables, batch, precision=self.precision)

            owner = (self.function, self.net, self.precision)
            found = self._programs[key] = program(self.name, predict, owner, variables, batch)
        return found
