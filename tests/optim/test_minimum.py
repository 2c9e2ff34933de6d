"""Minimising a function of its own, and worked numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import SettingError
from brickwork.optim import LBFGS, SGD, Adam, minimize


def rosenbrock(p):
    """Rosenbrock (1960), in as many dimensions as there are numbers."""
    return jnp.sum(100 * jnp.square(p[1:] - jnp.square(p[:-1])) + jnp.square(1 - p[:-1]))


def test_lbfgs_finds_the_end_of_a_long_valley():
    found = jax.jit(lambda start: minimize(rosenbrock, start, tolerance=1e-4))(jnp.full(10, -1.0))
    np.testing.assert_allclose(found.params, 1, atol=1e-3)
    assert found.value < 1e-6
    assert found.slope <= 1e-4
    assert found.steps < 150


def test_least_squares_is_exact():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 3)), random.normal(size=20)
    with jax.enable_x64(True):
        found = minimize(lambda w: jnp.sum(jnp.square(x @ w - y)), jnp.zeros(3), LBFGS(), tolerance=1e-10)
    np.testing.assert_allclose(found.params, np.linalg.lstsq(x, y)[0], rtol=1e-9)


def test_it_stops_when_it_is_flat_or_when_steps_are_out():
    assert minimize(lambda p: p**2, 0.0, Adam()).steps == 0
    stopped = minimize(lambda p: p**2, 5, SGD(0.1), steps=3)
    assert stopped.steps == 3
    assert stopped.params == pytest.approx(5 * 0.8**3)
    assert stopped.slope == pytest.approx(10 * 0.8**3)


def test_it_ends_before_numbers_are_not_finite():
    found = minimize(lambda p: -jnp.log(p) + p, 0.5, SGD(1.0))  # the first step lands on 1.5; the log of less than 0...
    assert np.isfinite(found.params)
    wild = minimize(lambda p: jnp.exp(p["x"]), {"x": 100.0}, SGD(1e30))
    assert wild.steps == 0
    assert wild.params["x"] == 100.0


def test_other_names_and_mistakes():
    assert minimize(lambda p: (p - 4) ** 2, 0.0, "adagrad", steps=5).steps == 5
    with pytest.raises(SettingError, match=r"no optimizer named 'lbgfs'. Did you mean 'lbfgs'"):
        minimize(lambda p: p**2, 1.0, "lbgfs")
    rule = LBFGS().direction()
    with pytest.raises(SettingError, match=r"searches along its direction: give update\(\.\.\., value=, objective=\)"):
        rule.update(jnp.ones(2), rule.init(jnp.ones(2)), jnp.ones(2))


def test_derivative_of_a_square_is_6_at_3():
    assert jax.grad(lambda x: x**2)(3.0) == 6.0


def test_value_and_gradient_of_the_graph():
    def graph(a, b):
        return (a + b) * (b - 1)

    value, gradients = jax.value_and_grad(graph, (0, 1))(1.5, 2.5)
    assert value == 6.0  # (1.5 + 2.5) (2.5 - 1)
    assert gradients == (1.5, 5.5)  # b - 1, and (b - 1) + (a + b)


@pytest.mark.parametrize("start", [0.0, -50.0, 11.0])
def test_gradient_descent_finds_4(start):
    rule, rate = SGD().direction(), SGD().rate
    assert rate == 0.01

    def step(carry, _):
        x, state = carry
        u, state = rule.update(jax.grad(lambda x: (x - 4.0) ** 2)(x), state, x)
        return (x - rate * u, state), x

    x = jnp.asarray(start)
    (x, _), path = jax.jit(lambda x: jax.lax.scan(step, (x, rule.init(x)), None, 1000))(x)
    assert x == pytest.approx(4.0, abs=1e-4)
    np.testing.assert_allclose(path[10] - 4, (start - 4) * 0.98**10, rtol=1e-5)
