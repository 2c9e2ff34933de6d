"""The problem that optimizers are compared on: a/2 p^2 + sin p, summed over a weight (3, 2) and a bias (2,)."""

from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

STEPS = 40
CURVATURE = {"weight": np.linspace(0.5, 2.0, 6).reshape(3, 2), "bias": np.array([1.0, 3.0])}
START = {"weight": np.linspace(-2.0, 3.0, 6).reshape(3, 2), "bias": np.array([1.5, -1.0])}
TORCH = Path(__file__).parent.parent / "oracles" / "optim_torch.npz"


def gradient(p, key):
    """The derivative of a/2 p^2 + sin p."""
    return CURVATURE[key] * p + np.cos(p)


def objective(params):
    return sum(jnp.sum(jnp.asarray(CURVATURE[k], p.dtype) / 2 * jnp.square(p) + jnp.sin(p)) for k, p in params.items())


def moved(optimizer, function, params, state, rate):
    """One step of any optimizer."""
    value, grads = jax.value_and_grad(function)(params)
    extra = {"value": value, "objective": function} if optimizer.line_search else {}
    u, state = optimizer.direction().update(grads, state, params, **extra)
    return jax.tree.map(lambda p, u: p - rate * u, params, u), state


@cache
def runner(optimizer, population, x64):
    """Return a compiled run; the flag of the float64 mode belongs to the key, since programs differ by it."""

    def run(params, rate):
        def step(carry, _):
            params, state = moved(optimizer, objective, *carry, rate)
            return (params, state), params

        return jax.lax.scan(step, (params, optimizer.direction().init(params)), None, STEPS)[1]

    return jax.jit(jax.vmap(run, (None, 0)) if population else run)


def walk(optimizer, dtype, rate=None):
    """Return the parameters after every step."""
    rates = jnp.asarray(optimizer.rate if rate is None else rate, dtype)
    params = {k: jnp.asarray(v, dtype) for k, v in START.items()}
    return runner(optimizer, rates.ndim == 1, jax.config.jax_enable_x64)(params, rates)
