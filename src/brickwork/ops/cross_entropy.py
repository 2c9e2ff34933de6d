"""Cross-entropies from logits, finite whatever the logits."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Integer, Real

from brickwork.core.errors import ShapeError
from brickwork.ops.precision import accumulated


def softmax_cross_entropy(
    logits: Float[Array, "*batch classes"],
    targets: Integer[Array, "*batch"] | Float[Array, "*batch classes"],
) -> Float[Array, "*batch"]:
    """Return -log of the probability that softmax gives to the right class, for each row.

    loss = log(sum over k of exp(z_k)) - z_y,   or with rows of probabilities p:  -sum over k of p_k log softmax(z)_k

    Integer targets are class numbers, floating ones rows of probabilities; the type decides. Computed and returned
    in float32 at least, also for bfloat16 logits, since means of losses need the digits. Finite for all finite
    logits: a log-probability ends at half of the smallest number there is. A class number outside 0 to classes - 1
    gives nan, with gradient 0: give padding rows any class and weight 0.

    Raises `ShapeError` when targets do not fit. Source: Bridle (1990), "Training stochastic model recognition
    algorithms as networks can lead to maximum mutual information estimation of parameters".
    """
    if logits.ndim < 1 or not logits.shape[-1]:
        raise ShapeError(f"softmax_cross_entropy needs logits (..., classes), got {logits.shape}.")
    by_class = jnp.issubdtype(targets.dtype, jnp.integer)
    expected = logits.shape[:-1] if by_class else logits.shape
    if targets.shape != expected:
        kind = "class numbers (integers)" if by_class else "rows of probabilities (floating numbers)"
        hint = " A column of class numbers is flattened by targets[..., 0]." if targets.shape == (*expected, 1) else ""
        raise ShapeError(
            f"softmax_cross_entropy: for logits {logits.shape}, {kind} must be {expected}, got {targets.shape}.{hint}"
        )
    z = accumulated(logits)
    z = z - lax.stop_gradient(jnp.max(z, axis=-1, keepdims=True))
    z = jnp.maximum(z, jnp.asarray(jnp.finfo(z.dtype).min / 2, z.dtype))
    log_p = z - jnp.log(jnp.sum(jnp.exp(z), axis=-1, keepdims=True))
    if not by_class:
        return -jnp.sum(targets.astype(z.dtype) * log_p, axis=-1)
    # A comparison with 0 to classes - 1 is faster in loops on a CPU than gathering, whose gradient scatters.
    right = targets[..., None] == jnp.arange(z.shape[-1], dtype=targets.dtype)
    loss = -jnp.sum(jnp.where(right, log_p, jnp.zeros_like(log_p)), axis=-1)
    return jnp.where(jnp.any(right, axis=-1), loss, jnp.full_like(loss, jnp.nan))


def sigmoid_cross_entropy(
    logits: Float[Array, "*shape"], targets: Real[Array, "*shape"] | Bool[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Return the cross-entropy between probabilities and sigmoid(logits), element by element.

    loss = -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)) = log(1 + exp(z)) - t z

    Targets are 0, 1 (numbers or flags) or probabilities between. Computed and returned in float32 at least, finite
    for all finite logits.

    Raises `ShapeError` unless both have one shape: (batch, 1) against (batch,) would silently compare all with all.
    Source: Cox (1958), "The regression analysis of binary sequences".
    """
    if logits.shape != targets.shape:
        raise ShapeError(
            f"sigmoid_cross_entropy: logits {logits.shape} and targets {targets.shape} must have the same shape. "
            "Add or drop an axis: targets[..., None], logits[..., 0]."
        )
    z = accumulated(logits)
    t = targets.astype(z.dtype)
    # Equal to softplus(z) - t z, without subtracting large numbers from each other.
    return t * jax.nn.softplus(-z) + (1 - t) * jax.nn.softplus(z)
