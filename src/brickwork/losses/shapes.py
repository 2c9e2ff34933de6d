"""Shapes of outputs and targets inside a loss."""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Integer, Shaped

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


def class_targets(
    name: str, outputs: Any, targets: Any, soft: bool = True
) -> tuple[Float[Array, "*batch classes"], Shaped[Array, "*rest"]]:
    """Return logits, and class numbers as integers or, where `soft`, rows of probabilities as floats."""
    outputs, targets = accumulated(jnp.asarray(outputs)), jnp.asarray(targets)
    floating = jnp.issubdtype(targets.dtype, jnp.floating)
    if floating and targets.shape == outputs.shape[:-1]:
        raise ShapeError(
            f"Class numbers are whole numbers, got {targets.dtype} of shape {targets.shape} for logits "
            f"{outputs.shape}: convert them by fit_targets or astype(int)"
            + (", or give rows of probabilities." if soft else ".")
        )
    fits = targets.shape == outputs.shape[:-1] or (soft and targets.shape == outputs.shape)
    if outputs.ndim == 0 or not fits:
        rows = f" or rows of probabilities {outputs.shape}" if soft else ""
        raise ShapeError(
            f"{name}: for logits {outputs.shape}, targets are class numbers {outputs.shape[:-1]}{rows}; they have the "
            f"shape {targets.shape}."
        )
    if targets.shape == outputs.shape:
        return outputs, targets.astype(outputs.dtype)
    return outputs, targets.astype(jnp.int32) if targets.dtype == bool else targets


def is_class(targets: Integer[Array, "*batch"], classes: int) -> Bool[Array, "*batch classes"]:
    """Return a mask that is true at each row's own class, and nowhere for a class that is none."""
    return targets[..., None] == jnp.arange(classes, dtype=targets.dtype)


def bounded(values: Array, low: float | None = None, high: float | None = None) -> Array:
    """Return values within bounds, with the gradient of the values themselves: nothing beyond a bound gets stuck."""
    return lax.stop_gradient(jnp.clip(values, low, high)) + (values - lax.stop_gradient(values))


def unit(vectors: Float[Array, "*batch features"]) -> Float[Array, "*batch features"]:
    """Return vectors scaled to length 1, and zeros as they are; the squares of large numbers do not overflow."""
    largest = lax.stop_gradient(jnp.max(jnp.abs(vectors), axis=-1, keepdims=True))
    vectors = vectors / jnp.maximum(largest, 1e-12)
    square = jnp.sum(vectors * vectors, axis=-1, keepdims=True)
    return vectors / jnp.sqrt(jnp.where(square > 0, square, jnp.ones_like(square)))
