"""Capsules: vectors whose length says how sure, and the routing between two layers of them."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops.precision import accumulated


def squash(s: Float[Array, "*shape size"]) -> Float[Array, "*shape size"]:
    """Shrink vectors to lengths below 1 and keep their directions: short ones to almost nothing, long ones to almost 1.

    v = |s|² / (1 + |s|²) s / |s|, over the last axis; of a vector of zeros 0, with derivative 0.

    Source: Sabour, Frosst and Hinton (2017), "Dynamic routing between capsules", equation 1.

    >>> import jax.numpy as jnp
    >>> squash(jnp.array([[0.0, 0.0], [1.0, 0.0]])).tolist()
    [[0.0, 0.0], [0.5, 0.0]]
    """
    wide = accumulated(s)
    square = jnp.sum(jnp.square(wide), axis=-1, keepdims=True)
    some = square > 0
    length = jnp.sqrt(jnp.where(some, square, jnp.ones_like(square)))
    return (wide * jnp.where(some, length / (1 + square), 0)).astype(s.dtype)


def route_by_agreement(
    predictions: Float[Array, "batch inputs capsules size"], iterations: int = 3
) -> tuple[Float[Array, "batch capsules size"], Float[Array, "batch inputs capsules"]]:
    """Let each lower capsule send its vote where other votes agree with it; return the capsules and the couplings.

    For each row, from b = 0, `iterations` times:

        c[i, j] = softmax over j of b[i, j];   v[j] = squash(sum over i of c[i, j] u[i, j]);   b[i, j] += u[i, j] v[j]

    `predictions` are the votes u[i, j], the vector that capsule i expects of capsule j. Gradients go through all
    iterations.

    Raises `SettingError` for less than one iteration, `ShapeError` for predictions of other axes.
    Source: Sabour, Frosst and Hinton (2017), "Dynamic routing between capsules", procedure 1.
    """
    if iterations < 1:
        raise SettingError(f"Routing takes at least one iteration, got {iterations}.")
    if predictions.ndim != 4:
        raise ShapeError(f"Routing wants votes (batch, inputs, capsules, size), got {predictions.shape}.")

    def weigh(agreement: Array) -> tuple[Array, Array]:
        coupling = jax.nn.softmax(agreement, axis=2)
        return squash(jnp.einsum("bij,bijd->bjd", coupling, predictions)), coupling

    agreement = jnp.zeros(predictions.shape[:3], predictions.dtype)
    v, coupling = weigh(agreement)
    for _ in range(iterations - 1):
        agreement = agreement + jnp.einsum("bijd,bjd->bij", predictions, v)
        v, coupling = weigh(agreement)
    return v, coupling
