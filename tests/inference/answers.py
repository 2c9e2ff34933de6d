"""What the tests of single rows share: an answer, beside what XLA computes in float64."""

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.inference import Answering, traced
from brickwork.ops import implementation


def answering(function, weights, row):
    """Make the program of a function of weights and a row."""
    with implementation("xla"):
        computation = traced(function, weights, row.shape)
    assert computation is not None
    return Answering(computation, weights, row.shape)


def check(function, row, *weights, rtol=2e-5, atol=2e-5):
    """Compare a program's answer with the function itself in double precision; `function(row, *weights)`."""
    weights = tuple(jnp.asarray(one, jnp.float32) for one in weights)
    row = np.asarray(row, np.float32)
    found = answering(lambda weights, row: function(row, *weights), weights, row).answer(row)
    assert found is not None
    with jax.enable_x64(True), implementation("xla"):
        wanted = function(jnp.asarray(row, jnp.float64), *(jnp.asarray(one, jnp.float64) for one in weights))
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol)
    return found, np.asarray(wanted)


def random(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
