"""What flows through a network: batches, and sequences of different lengths in one array."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int, Shaped


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
    is; bricks that mix positions read `mask`.
    """

    values: Shaped[Array, "rows time ..."]
    lengths: Int[Array, " rows"]

    @property
    def mask(self) -> Bool[Array, "rows time"]:
        """True at real positions, False at padding."""
        return jnp.arange(self.values.shape[1])[None, :] < self.lengths[:, None]

    def with_values(self, values: Shaped[Array, "rows time ..."]) -> "Padded":
        """Return the same lengths around other values."""
        return replace(self, values=values)
