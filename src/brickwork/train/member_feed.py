"""The rows of several members: each has an order of its own, and may have rows of its own."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array

from brickwork.data import Examples, epoch_rows
from brickwork.train.feed import Feed
from brickwork.train.programs import bucket
from brickwork.train.recipe import Recipe
from brickwork.train.segments import SEGMENT_ROWS, SEGMENT_STEPS, example_batch


class MemberFeed(Feed):
    """Gives every member the rows, in the order, that a run of its own with its seed would have.

    With `own`, row numbers for each member, it has no others. One with fewer batches than the others sees its first
    ones of the epoch again, so that no step is without rows.
    """

    def __init__(
        self, examples: Examples, recipe: Recipe, seeds: Sequence[int], own: Sequence[np.ndarray] | None = None
    ):
        super().__init__(examples, recipe)
        self.seeds, self.own = tuple(seeds), own
        if own is not None:
            longest = max(len(rows) for rows in own)
            if recipe.optimizer.line_search:
                self.batch_size = bucket(longest)
            self.steps = -(-longest // self.batch_size)
        self.example = None if self.data is None else example_batch(self.data, len(self.seeds), self.batch_size)
        most = max(1, SEGMENT_ROWS // (self.batch_size * len(self.seeds)))
        self.capacity = bucket(min(self.steps, SEGMENT_STEPS, most))

    def begin(self, epoch: int, sampling: np.ndarray | None) -> None:
        """Draw the order of an epoch's rows for each member."""
        rows = np.zeros((self.steps, len(self.seeds), self.batch_size), np.int32)
        weight = np.zeros(rows.shape, np.float32)
        for place, seed in enumerate(self.seeds):
            own = None if self.own is None else self.own[place]
            numbers, counts = epoch_rows(
                len(self.examples or ()) if own is None else len(own),
                self.batch_size,
                order="shuffled" if self.recipe.shuffle else "sequential",
                seed=seed,
                epoch=epoch,
                weights=sampling,
            )
            again = np.arange(self.steps) % len(numbers)
            rows[:, place] = (numbers if own is None else own[numbers])[again]
            weight[:, place] = counts[again]
        self._rows = rows, weight

    def segment(self, position: int = 0, count: int = 0) -> tuple[Array, Array]:
        """Return the rows and weights (steps, members, rows) of `count` steps, filled up to the capacity."""
        size = self.capacity, len(self.seeds), self.batch_size
        rows, weight = np.zeros(size, np.int32), np.zeros(size, np.float32)
        if self._rows is not None:
            rows[:count], weight[:count] = (part[position : position + count] for part in self._rows)
        return jnp.asarray(rows), jnp.asarray(weight)
