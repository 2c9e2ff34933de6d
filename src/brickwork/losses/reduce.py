"""From losses of examples to the one number that training minimises."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import ShapeError
from brickwork.losses.base import Loss


def example_loss(
    loss: Loss, outputs: Any, targets: Any, weight: Shaped[Array, " rows"] | None = None
) -> Float[Array, " rows"]:
    """Return one loss per row, whatever the shape of the outputs.

    `weight` (rows,) multiplies nothing here (`weighted_mean` does): it tells losses that compare rows with each other,
    such as `InfoNCE`, which rows only fill the batch up, those of weight 0. Other losses do not look at it.

    Axes between the rows and the features (time, pixels) are averaged. Of `Padded` sequences (rows, time, ...) the
    loss of a row is the mean over its real positions, so that a long row counts as much as a short one; an empty row
    has loss 0. What stands in the padding, nan too, reaches neither the value nor the gradient. Targets are then
    `Padded` as well, or an array (rows, time, ...); positions that are padding in either of the two do not count.
    Losses of whole sequences, such as `CTC`, get the `Padded` themselves, with zeros in the padding.

    Raises `ShapeError` when outputs and targets do not belong together.
    """
    if loss.sequences != "positions" and (isinstance(outputs, Padded) or loss.sequences == "unaligned"):
        losses = loss.of_batch(_clean(outputs), _clean(targets), weight)
        if not isinstance(outputs, Padded):
            return losses
        return jnp.where(outputs.lengths > 0, losses, jnp.zeros_like(losses))
    if isinstance(outputs, Padded):
        mask = outputs.mask
        values = targets.values if isinstance(targets, Padded) else jnp.asarray(targets)
        if isinstance(targets, Padded) and values.shape[:2] == mask.shape:
            mask = mask & targets.mask
        if values.shape[:2] != mask.shape:
            raise ShapeError(
                f"Outputs are sequences (rows, time) = {mask.shape}, targets have {values.shape}: give one target per "
                "position, or end the network in a brick that makes one answer of a sequence."
            )
        losses = loss(_zero_outside(mask, outputs.values), _zero_outside(mask, values))
        if losses.shape[:2] != mask.shape:
            raise ShapeError(
                f"The loss {loss.name!r} returned shape {losses.shape} for sequences: it needs one number per "
                f"position, (rows, time) = {mask.shape}."
            )
        losses = losses.mean(axis=tuple(range(2, losses.ndim)))
        return jax.vmap(weighted_mean)(losses, mask.astype(losses.dtype))
    if isinstance(targets, Padded):
        raise ShapeError(
            "Targets are sequences of different lengths, but the network's output is one array: its bricks lost the "
            "lengths. Keep them by ending in a brick that works on each position, such as Dense."
        )
    losses = loss.of_batch(outputs, targets, weight)
    return losses.mean(axis=tuple(range(1, losses.ndim)))


def comparable(loss: Loss, outputs: Any) -> Any:
    """Return what metrics compare with the targets: the numbers that a loss of numbers reads from the outputs.

    Of most losses these are the outputs themselves. `GaussianNLL` has a mean and a variance for each target, `Poisson`
    the logarithm of a rate: there the mean and the rate are compared.
    """
    if loss.question != "number":
        return outputs
    return outputs.with_values(loss.answers(outputs.values)) if isinstance(outputs, Padded) else loss.answers(outputs)


def weighted_mean(values: Float[Array, "*shape"], weight: Shaped[Array, "*rest"] | None = None) -> Float[Array, ""]:
    """Return sum(weight * values) / sum(weight), a scalar in the values' type; without weights the plain mean.

    Entries of weight 0 count nowhere: even if their value is inf or nan, the result and its gradient stay finite. When
    all weights are 0 the result is 0, with gradient 0. Weights are 0 or more, of the same shape as the values, numbers
    or flags (a mask).

    Raises `ShapeError` when the shapes differ.
    """
    if weight is None:
        weight = jnp.ones_like(values)
    if weight.shape != values.shape:
        raise ShapeError(f"Weights must have the shape of the values, {values.shape}; they have {weight.shape}.")
    weight = weight.astype(values.dtype)
    counted = weight != 0
    total = jnp.sum(weight)
    weighed = jnp.sum(weight * jnp.where(counted, values, jnp.zeros_like(values)))
    return jnp.where(total > 0, weighed / jnp.where(total > 0, total, jnp.ones_like(total)), jnp.zeros_like(weighed))


def _clean(values: Any) -> Any:
    """Return sequences with zeros in their padding, and anything else as it is."""
    return values.with_values(_zero_outside(values.mask, values.values)) if isinstance(values, Padded) else values


def _zero_outside(mask: Array, values: Array) -> Array:
    mask = mask.reshape(mask.shape + (1,) * (values.ndim - 2))
    return jnp.where(mask, values, jnp.zeros_like(values))
