"""Shapes of outputs and targets inside a loss."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from brickwork.core.errors import ShapeError
from brickwork.ops.precision import accumulated


def alike(name: str, outputs: Any, targets: Any) -> tuple[Array, Array]:
    """Return both in one type; their shapes must be equal."""
    outputs, targets = accumulated(jnp.asarray(outputs)), jnp.asarray(targets)
    if outputs.shape != targets.shape:
        raise ShapeError(
            f"{name}: outputs {outputs.shape} and targets {targets.shape} must have the same shape; add or drop an "
            "axis by targets[..., None] or outputs[..., 0]. Nothing is broadcast: (rows, 1) against (rows,) would "
            "compare every row with every other."
        )
    return outputs, targets.astype(outputs.dtype)


def over_outputs(values: Array) -> Array:
    """Return the mean over the outputs of an example, the last axis unless there are rows alone."""
    return values if values.ndim < 2 else values.mean(axis=-1)


def without_single(outputs: Array) -> Array:
    """Return (..., 1) as (...), and anything else as it is."""
    return outputs[..., 0] if outputs.ndim > 1 and outputs.shape[-1] == 1 else outputs
