"""A feed gives a run its rows, segment by segment; it knows where data are, the run does not."""

import hashlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from brickwork.core.batch import Batch, Padded
from brickwork.core.errors import DataError, SettingError
from brickwork.data import Examples, epoch_rows
from brickwork.train.programs import bucket
from brickwork.train.recipe import Recipe
from brickwork.train.segments import SEGMENT_ROWS, SEGMENT_STEPS, example_batch, to_device


class Feed:
    """The rows of data that fit into memory, or of a run that has no data (an agent makes its own).

    `data` are all rows on the device, `example` the shapes of a batch (both None without data), `steps` is the number
    of steps of an epoch, `capacity` the most steps of a segment. An optimizer with a line search has all
    rows in each step.
    """

    def __init__(self, examples: Examples | None, recipe: Recipe):
        self.examples, self.recipe = examples, recipe
        self.batch_size = recipe.batch_size
        self.data: Batch | None = None
        self.example: Batch | None = None
        if examples is None:
            if recipe.steps_per_epoch is None:
                raise SettingError("A run without data needs steps_per_epoch in its recipe.")
            self.steps = recipe.steps_per_epoch
        else:
            if recipe.steps_per_epoch is not None:
                raise SettingError("steps_per_epoch is for runs without data; with data an epoch is all rows once.")
            if len(examples) == 0:
                raise DataError("There are no rows to train on.")
            if recipe.optimizer.line_search:
                self.batch_size = bucket(len(examples))
            self.steps = -(-len(examples) // self.batch_size)
            self.data = to_device(examples)
            self.example = example_batch(self.data, self.batch_size)
        self.capacity = bucket(min(self.steps, SEGMENT_STEPS, max(1, SEGMENT_ROWS // self.batch_size)))
        self._rows: tuple[np.ndarray, np.ndarray] | None = None

    def begin(self, epoch: int, sampling: np.ndarray | None) -> None:
        """Draw the order of an epoch's rows; it depends on the seed, the epoch and the sampling weights alone."""
        if self.examples is not None:
            self._rows = epoch_rows(
                len(self.examples),
                self.batch_size,
                order="shuffled" if self.recipe.shuffle else "sequential",
                seed=self.recipe.seed,
                epoch=epoch,
                weights=sampling,
            )

    def segment(self, position: int = 0, count: int = 0) -> tuple[Array, Array]:
        """Return the rows and weights of `count` steps from a position on, filled up to the capacity."""
        size = (self.capacity, self.batch_size) if self.examples is not None else (0, 0)
        rows, weight = np.zeros(size, np.int32), np.zeros(size, np.float32)
        if self._rows is not None:
            rows[:count], weight[:count] = (part[position : position + count] for part in self._rows)
        return jnp.asarray(rows), jnp.asarray(weight)

    def fingerprint(self) -> str:
        """Return a digest of the data."""
        return fingerprint(self.examples)

    def largest_input(self) -> float:
        """Return the largest absolute number among the inputs."""
        inputs = () if self.examples is None else self.examples.inputs
        leaves = jax.tree.leaves(inputs, is_leaf=lambda part: isinstance(part, Padded))
        values = [leaf.values if isinstance(leaf, Padded) else leaf for leaf in leaves]
        return max((float(np.max(np.abs(array))) for array in values if array.size), default=0.0)


def fingerprint(examples: Examples | None) -> str:
    """Return a digest of examples: the same for the same numbers."""
    digest = hashlib.sha256()
    for part in _bytes_of(examples):
        digest.update(part)
    return digest.hexdigest()[:16]


def _bytes_of(examples: Examples | None) -> Iterator[Any]:
    if examples is not None:
        for leaf in jax.tree.leaves((examples.inputs, examples.targets, examples.weight)):
            yield f"{leaf.shape}{leaf.dtype}".encode()
            yield np.ascontiguousarray(leaf).data
