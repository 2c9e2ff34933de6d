"""Sums that stay exact when they are added up, and rows made of whatever a network gives."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import ShapeError
from brickwork.ops.precision import accumulated

Sums = dict[str, Array]
"""The sums of a metric by name; those of two batches are added entry by entry."""


def counted(name: str, amount: Float[Array, "..."]) -> Sums:
    """Return a count as two sums that stay exact when added up: its whole part (int32) and the rest (a float)."""
    whole = jnp.floor(amount)
    return {name: whole.astype(jnp.int32), f"{name}_rest": amount - whole}


def count_of(sums: Mapping[str, Any], name: str) -> float:
    """Return a count from its two sums."""
    return float(sums[name]) + float(sums[f"{name}_rest"])


def counts_of(sums: Mapping[str, Any], name: str) -> np.ndarray:
    """Return counts, an array of them, from their two sums."""
    return np.asarray(sums[name], np.float64) + np.asarray(sums[f"{name}_rest"], np.float64)


def merged(parts: Iterable[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Return the sums of several batches as one, added in float64 on the host, whose whole numbers reach 2^53."""
    total: dict[str, np.ndarray] = {}
    for sums in parts:
        for name, value in sums.items():
            wide = np.asarray(value, np.float64)
            total[name] = np.asarray(total[name] + wide) if name in total else wide
    return total


def as_rows(
    outputs: Any, targets: Any, weight: Any = None
) -> tuple[Float[Array, "n ..."], Shaped[Array, "n ..."], Float[Array, " n"]]:
    """Return outputs (n,) or (n, k), targets (n,) or (n, k), and weight (n,), where every position counts as a row.

    Plain outputs have shape (rows,), (rows, k), or more axes between (time, height, width). Positions in the padding
    of `Padded` outputs get weight 0. A last axis of one is dropped from outputs and from targets.

    Raises `ShapeError` when outputs and targets do not belong together.
    """
    mask = outputs.mask if isinstance(outputs, Padded) else None
    known = targets.mask if isinstance(targets, Padded) else None
    if mask is None and isinstance(targets, Padded):
        raise ShapeError("Targets are sequences of different lengths, but the outputs are one array.")
    outputs = accumulated(jnp.asarray(outputs.values if isinstance(outputs, Padded) else outputs))
    targets = jnp.asarray(targets.values if isinstance(targets, Padded) else targets)
    least = 1 if mask is None else 2
    if outputs.ndim < least:
        raise ShapeError(f"A metric needs outputs with rows, got the shape {outputs.shape}.")
    given = outputs.shape, targets.shape
    positions = max(outputs.ndim - 1, least)
    if outputs.ndim > least and outputs.shape[-1] == 1:
        outputs = outputs[..., 0]
        positions = outputs.ndim
    if targets.ndim > least and targets.shape[-1] == 1:
        targets = targets[..., 0]
    if targets.shape not in (outputs.shape, outputs.shape[:positions]):
        raise ShapeError(
            f"Outputs {given[0]} and targets {given[1]} do not belong together: targets have the shape of the outputs, "
            "or that without the last axis."
        )
    leading = outputs.shape[:positions]
    rows = leading[:1]
    weight = jnp.ones(rows, outputs.dtype) if weight is None else jnp.asarray(weight).astype(outputs.dtype)
    if weight.shape != rows:
        raise ShapeError(f"Weights must be one a row, {rows}; they have the shape {weight.shape}.")
    weight = jnp.broadcast_to(weight.reshape(rows + (1,) * (positions - 1)), leading)
    if mask is not None:
        mask = mask if known is None else mask & known
        real = mask.reshape(mask.shape + (1,) * (positions - 2))
        weight = jnp.where(real, weight, jnp.zeros_like(weight))
    count = math.prod(leading)
    return (
        outputs.reshape(count, *outputs.shape[positions:]),
        targets.reshape(count, *targets.shape[positions:]),
        weight.reshape(count),
    )


def weighed(values: Float[Array, "n ..."], weight: Float[Array, " n"]) -> Float[Array, "..."]:
    """Return sum(weight * values) over the first axis; values of weight 0 are not even looked at."""
    weight = weight.reshape(weight.shape + (1,) * (values.ndim - 1))
    return jnp.sum(weight * jnp.where(weight != 0, values, jnp.zeros_like(values)), axis=0)


def ratio(total: float, count: float) -> float:
    """Return total / count, nan when nothing was counted."""
    return total / count if count else math.nan


def floating(array: Array) -> bool:
    """Tell whether an array holds floating-point numbers."""
    return bool(jnp.issubdtype(array.dtype, jnp.floating))
