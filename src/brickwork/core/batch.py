"""What flows through a network: batches, and sequences of different lengths in one array."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int, Shaped

from brickwork.core.errors import DataError


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Batch:
    """Rows that are trained or measured together.

    `inputs` and `targets` are arrays or pytrees of arrays with the rows along axis 0 (named heads are dicts).
    `weight` has one number a row; weight 0 marks rows that only fill up the batch: they count nowhere, neither
    in losses and metrics nor in running statistics.
    """

    inputs: Any
    targets: Any = None
    weight: Float[Array, " rows"] | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Padded:
    """Sequences of different lengths in one array: `values` (rows, time, ...), `lengths` (rows,).

    It travels through a network in place of the array. Bricks that work on each position alone keep it as it
    is; bricks that mix positions read `mask`. What stands in the padding counts nowhere.

    Slices and arrays of row numbers select rows: `padded[:10]`; one number gives that row's own sequence, without
    its padding, and so does a loop.
    """

    values: Shaped[Array, "rows time ..."]
    lengths: Int[Array, " rows"]

    @classmethod
    def of(cls, sequences: Iterable[Any], fill: Any = 0) -> "Padded":
        """Return sequences (time, ...) of different lengths as one, filled up to the longest, in NumPy arrays.

            Padded.of([[3, 1, 4], [1, 5]]).values.tolist()        # [[3, 1, 4], [1, 5, 0]]

        Raises `DataError` when there is nothing in them, or when they differ in more than their lengths.
        """
        try:
            arrays = [np.asarray(sequence) for sequence in sequences]
            lengths = np.array([len(array) for array in arrays], np.int32)
        except (ValueError, TypeError) as error:
            raise DataError(f"Each sequence must be one array (time, ...). {error}.") from error
        full = [array for array in arrays if len(array)]
        if not full:
            raise DataError("There are no sequences, or all of them are empty.")
        shape = full[0].shape[1:]
        for row, array in enumerate(arrays):
            if len(array) and array.shape[1:] != shape:
                raise DataError(
                    f"Sequences may differ in their lengths only: a step of row {row} has the shape {array.shape[1:]}, "
                    f"one of the first {shape}."
                )
        values: Any = np.full((len(arrays), int(lengths.max()), *shape), fill, np.result_type(*full))
        for row, array in zip(values, arrays, strict=True):
            if len(array):
                row[: len(array)] = array
        return cls(values, lengths)  # pyright: ignore[reportArgumentType]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, int | np.integer):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"There is no row {rows}: there are {len(self)}.")
            return self.values[rows][: int(self.lengths[rows])]
        return replace(self, values=self.values[rows], lengths=self.lengths[rows])

    @property
    def mask(self) -> Bool[Array, "rows time"]:
        """True at real positions, False at padding."""
        return jnp.arange(self.values.shape[1], dtype=self.lengths.dtype)[None, :] < self.lengths[:, None]

    @property
    def finite(self) -> Shaped[Array, "rows time ..."]:
        """The values, with 0 for what is not finite in the padding: 0 times a nan is a nan, and reaches gradients."""
        mask = self.mask.reshape(self.mask.shape + (1,) * (self.values.ndim - 2))
        return jnp.where(mask | jnp.isfinite(self.values), self.values, jnp.zeros_like(self.values))

    def with_values(self, values: Shaped[Array, "rows time ..."]) -> "Padded":
        """Return the same lengths around other values."""
        return replace(self, values=values)
