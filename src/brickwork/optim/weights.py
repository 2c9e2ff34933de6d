"""Which parameters are weights, penalties on them and their decay, and rates of their own by path."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from brickwork.core.paths import Patterns, matches, require_fits

NOT_WEIGHTS: tuple[str, ...] = ("**/*bias", "**/*scale", "**/*offset", "**/*slope", "**/*_length")
"""Paths of parameters that are not decayed, whatever their shape (stacked copies give a bias two axes)."""

Rates = tuple[tuple[str, float], ...]
"""Patterns of paths, each with what the learning rate is multiplied by there; the first one that fits counts."""


def paths_of(params: Any) -> Any:
    """Return a pytree like `params` of the arrays' paths."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: jax.tree_util.keystr(path, simple=True, separator="/"), params
    )


def are_weights(params: Any, exclude: Patterns = NOT_WEIGHTS) -> Any:
    """Return a pytree like `params` that tells for each array whether it is a weight.

    Weights have two axes or more, and a path that fits none of the patterns: biases, the scales and offsets of
    normalisations and the slopes of activations are none, which is the usual rule (Goyal et al. 2017, "Accurate, Large
    Minibatch SGD", section 5.1).
    """
    return jax.tree.map(
        lambda path, value: jnp.ndim(value) >= 2 and not matches(exclude, path), paths_of(params), params
    )


def decoupled_decay(decay: float, exclude: Patterns = NOT_WEIGHTS) -> optax.GradientTransformation:
    """Return the transformation that adds decay * p to the directions of weights, as `are_weights` names them.

    Source: Loshchilov & Hutter (2019), "Decoupled Weight Decay Regularization", algorithm 2.
    """
    return optax.add_decayed_weights(decay, mask=lambda params: are_weights(params, exclude))


def rate_factors(params: Any, rates: Rates) -> Any:
    """Return a pytree like `params` of what the learning rate is multiplied by: that of the first pattern, else 1."""

    def factor(path: str) -> float:
        return next((factor for pattern, factor in rates if matches(pattern, path)), 1.0)

    return jax.tree.map(factor, paths_of(params))


def require_rates_fit(params: Iterable[str], rates: Rates) -> None:
    """Raise `SettingError`, with the nearest path, for a pattern of `rates` that fits no path."""
    require_fits(tuple(pattern for pattern, _ in rates), params, "parameter in training")


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
