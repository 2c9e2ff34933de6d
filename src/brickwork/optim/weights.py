"""Which parameters are weights, and penalties on them."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork.core.paths import Patterns, matches

NOT_WEIGHTS: tuple[str, ...] = ("**/bias", "**/*_bias", "**/scale", "**/offset")
"""Paths of parameters that are not decayed, whatever their shape (stacked copies give a bias two axes)."""


def are_weights(params: Any, exclude: Patterns = NOT_WEIGHTS) -> Any:
    """Return a pytree like `params` that tells for each array whether it is a weight.

    Weights have two axes or more, and a path that fits none of the patterns: biases and the scales of normalisations
    are none, which is the usual rule (Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 5.1).
    """

    def judge(path: Any, value: Any) -> bool:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        return jnp.ndim(value) >= 2 and not matches(exclude, name)

    return jax.tree_util.tree_map_with_path(judge, params)


def penalty(
    params: Any,
    l1: float | Float[Array, ""] = 0.0,
    l2: float | Float[Array, ""] = 0.0,
    exclude: Patterns = NOT_WEIGHTS,
) -> Float[Array, ""]:
    """Return the price of large weights, to add to the loss: l1 * sum |w| + l2 * sum w^2.

    The sums are over weights as `are_weights` names them. There is no half in front of l2: its gradient is 2 * l2 * w,
    so PyTorch's `weight_decay` is twice this l2. The slope of |w| at 0 is taken
    as 0 (that of `jnp.abs` is 1), so that weights of 0 stay.

    Sources: Hoerl & Kennard (1970), "Ridge Regression"; Tibshirani (1996), "Regression Shrinkage and Selection via the
    Lasso".
    """
    chosen = jax.tree.leaves(jax.tree.map(lambda p, use: p if use else None, params, are_weights(params, exclude)))
    dtype = jnp.result_type(*(w.dtype for w in chosen)) if chosen else jnp.float32
    total = jnp.zeros((), dtype)
    for weight in chosen:
        if not isinstance(l1, int | float) or l1:
            total = total + jnp.asarray(l1, dtype) * jnp.sum(weight * jax.lax.stop_gradient(jnp.sign(weight))).astype(
                dtype
            )
        if not isinstance(l2, int | float) or l2:
            total = total + jnp.asarray(l2, dtype) * jnp.sum(jnp.square(weight)).astype(dtype)
    return total
