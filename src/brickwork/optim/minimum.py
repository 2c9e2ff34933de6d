"""Minimising a function of its own, outside of any training run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from brickwork.optim.optimizers import Optimizer, resolve_optimizer


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Minimum:
    """Where `minimize` ended: the parameters, the function's value there, its largest slope, the steps taken."""

    params: Any
    value: Float[Array, ""]
    slope: Float[Array, ""]
    steps: Int[Array, ""]


def minimize(
    function: Callable[[Any], Float[Array, ""]],
    params: Any,
    optimizer: str | Optimizer = "lbfgs",
    *,
    steps: int | Int[Array, ""] = 1000,
    tolerance: float | Float[Array, ""] = 1e-5,
) -> Minimum:
    """Walk down a function until it is flat: p <- p - rate * u(gradient), over and over, as one compiled loop.

    Args:
        function: params -> one number; traced by JAX. What it needs besides, it closes over.
        params: where to start: numbers, arrays, or any pytree of them.
        optimizer: an optimizer or its name; for smooth functions of few parameters L-BFGS.
        steps: the most steps to take.
        tolerance: done when no partial derivative is larger than this; 0 takes all steps.

    Returns:
        Where it ended. A value that is not finite ends the walk at the point before.

    Raises:
        SettingError: there is no such optimizer.

    >>> valley = lambda p: (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2  # Rosenbrock (1960)
    >>> found = minimize(valley, {"x": -1.2, "y": 1.0})
    >>> round(float(found.params["x"]), 3), round(float(found.params["y"]), 3)
    (1.0, 1.0)
    """
    rule = resolve_optimizer(optimizer)
    start = jax.tree.map(_floating, params)
    return _run(function, rule, start, jnp.asarray(steps, jnp.int32), jnp.asarray(tolerance, jnp.result_type(float)))


def _floating(leaf: Any) -> Array:
    array = jnp.asarray(leaf)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(jnp.result_type(float))


def _run(function: Callable[[Any], Array], rule: Optimizer, start: Any, steps: Array, tolerance: Array) -> Minimum:
    direction, slopes = rule.direction(), jax.value_and_grad(function)

    def largest(tree: Any) -> Array:
        leaves = [jnp.max(jnp.abs(leaf)).astype(tolerance.dtype) for leaf in jax.tree.leaves(tree) if leaf.size]
        return jnp.max(jnp.stack(leaves)) if leaves else jnp.zeros((), tolerance.dtype)

    def going(carry: Any) -> Array:
        _, _, value, gradient, step, failed = carry
        del value
        return (step < steps) & ~failed & (largest(gradient) > tolerance)

    def one(carry: Any) -> Any:
        params, state, value, gradient, step, _ = carry
        extra = {"value": value, "objective": function} if rule.line_search else {}
        u, new_state = direction.update(gradient, state, params, **extra)
        moved = jax.tree.map(lambda p, d: p - jnp.asarray(rule.rate, p.dtype) * d.astype(p.dtype), params, u)
        new_value, new_gradient = slopes(moved)
        failed = ~(jnp.isfinite(new_value) & jnp.isfinite(largest(new_gradient)) & jnp.isfinite(largest(moved)))
        new = (moved, new_state, new_value, new_gradient)
        kept = jax.tree.map(lambda a, b: jnp.where(failed, b, a), new, (params, state, value, gradient))
        return (*kept, step + jnp.where(failed, 0, 1).astype(jnp.int32), failed)

    @jax.jit
    def walk(start: Any) -> Minimum:
        value, gradient = slopes(start)
        first = (start, direction.init(start), value, gradient, jnp.int32(0), jnp.asarray(False))
        params, _, value, gradient, step, _ = jax.lax.while_loop(going, one, first)
        return Minimum(params, value, largest(gradient), step)

    return walk(start)
