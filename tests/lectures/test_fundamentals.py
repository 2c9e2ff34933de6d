"""What introductory lectures (MIT 6.S191, 6.S094) say about networks, shown to be so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brickwork as bw
from brickwork.core.variables import Variables
from brickwork.ops import activate
from brickwork.optim import SGD, Adadelta, Adagrad, Adam, Momentum, Nesterov, RMSProp
from brickwork.train import Model, Recipe

RECIPE = Recipe(epochs=120, batch_size=32, optimizer=Adam(0.03))


def xor(rows: int = 256) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).uniform(-1, 1, (rows, 2)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int32)


def circles(rows: int = 256) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    inner = np.arange(rows) % 2
    radius, angle = np.where(inner, 0.4, 1.0) + random.normal(0, 0.05, rows), random.uniform(0, 2 * np.pi, rows)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32), inner.astype(np.int32)


# ------------------------------------------------------------------------------------------------ nonlinearity


def test_f2_a_stack_of_linear_layers_is_one_linear_layer():
    net = bw.Sequential(bw.Dense(8), bw.Dense(8), bw.Dense(1))
    x = jax.random.normal(jax.random.key(1), (20, 2))
    variables = net.init(jax.random.key(0), x)
    w = [variables.params[f"{i}_dense/weight"] for i in range(3)]
    b = [variables.params[f"{i}_dense/bias"] + 0.3 for i in range(3)]
    shifted = variables.merge(Variables({f"{i}_dense/bias": b[i] for i in range(3)}))
    weight, bias = w[0] @ w[1] @ w[2], (b[0] @ w[1] + b[1]) @ w[2] + b[2]
    np.testing.assert_allclose(net.apply(shifted, x).output, x @ weight + bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("data", [xor, circles], ids=["xor", "circles"])
def test_f2_linear_layers_fail_where_a_nonlinear_network_does_not(data):
    x, y = data()

    def accuracy(activation: str) -> float:
        net = bw.Sequential(bw.Dense(8, activation), bw.Dense(8, activation), bw.Dense(1))
        model = Model(net, "binary_cross_entropy", ["accuracy"])
        model.fit(x, y, recipe=RECIPE, progress=False)
        return model.evaluate(x, y)["accuracy"]

    assert accuracy("linear") < 0.7
    assert accuracy("tanh") > 0.95


def test_f2_saturation():
    slope = jax.vmap(jax.grad(lambda z: activate("sigmoid", z)))
    at = jnp.array([-10.0, 0.0, 10.0])
    expected = np.exp(-10) / (1 + np.exp(-10)) ** 2  # 4.54e-5: nothing is left of a gradient
    np.testing.assert_allclose(slope(at), [expected, 0.25, expected], rtol=1e-3)
    np.testing.assert_allclose(jax.vmap(jax.grad(jnp.tanh))(at)[1], 1.0)
    assert float(jax.grad(lambda z: activate("tanh", z))(10.0)) < 1e-7


def test_f2_the_gradient_vanishes_through_many_sigmoids():
    net = bw.Sequential(*[bw.Dense(6, "sigmoid") for _ in range(8)], bw.Dense(1))
    x = jax.random.normal(jax.random.key(0), (32, 6))
    variables = net.init(jax.random.key(1), x)
    grads = jax.jit(jax.grad(lambda p: jnp.mean(net.apply(Variables(p), x).output ** 2)))(variables.params)
    sizes = [float(jnp.linalg.norm(grads[f"{i}_dense/weight"])) for i in range(9)]
    assert sizes[0] < 1e-3 * sizes[8]


def test_f2_a_dead_relu_never_comes_back():
    x, y = np.random.default_rng(0).uniform(0, 1, (64, 1)).astype(np.float32), np.ones((64, 1), np.float32)
    dead = Variables(
        {
            "0_dense/weight": jnp.array([[1.0]]),
            "0_dense/bias": jnp.array([-5.0]),  # z < 0 for all rows
            "1_dense/weight": jnp.array([[1.0]]),
            "1_dense/bias": jnp.array([0.0]),
        }
    )
    recipe = RECIPE.replace(epochs=5, optimizer=SGD(0.1))
    for activation, moves in (("relu", False), ("leaky_relu", True)):
        net = bw.Sequential(bw.Dense(1, activation), bw.Dense(1))
        model = Model(net, "mse", variables=dead)
        model.fit(x, y, recipe=recipe, progress=False)
        assert model.variables is not None
        moved = bool(model.variables.params["0_dense/bias"][0] != -5.0)
        assert moved == moves


# --------------------------------------------------------------------------------------------------- optimizers


@pytest.mark.parametrize(
    ("optimizer", "steps"),
    [
        (SGD(0.03), 400),
        (Momentum(0.01), 400),
        (Nesterov(0.01), 400),
        (Adagrad(0.5), 400),
        (Adadelta(1.0), 3000),
        (RMSProp(0.01), 600),
        (Adam(0.05), 600),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_f7_seven_optimizers_find_the_bottom_of_a_valley(optimizer, steps):
    def height(p):
        return 0.5 * (p["x"] ** 2 + 30 * p["y"] ** 2)

    transformation = optimizer.direction()
    start = {"x": jnp.float32(-2.0), "y": jnp.float32(1.0)}

    def step(carry, _):
        p, state = carry
        u, state = transformation.update(jax.grad(height)(p), state, p)
        return (jax.tree.map(lambda a, d: a - optimizer.rate * d, p, u), state), None

    (end, _), _ = jax.jit(lambda p: jax.lax.scan(step, (p, transformation.init(p)), length=steps))(start)
    assert float(height(end)) < 0.02 < float(height(start))


@pytest.mark.parametrize(("rate", "verdict"), [(1e-4, "too small"), (0.05, "right"), (0.07, "too large")])
def test_f7_learning_rates(rate, verdict):
    x, y = -2.0, 1.0
    for _ in range(200):  # gradient descent on the same valley: stable below 2 / 30
        x, y = x - rate * x, y - rate * 30 * y
    height = 0.5 * (x**2 + 30 * y**2)
    assert {"too small": height > 0.5, "right": height < 1e-3, "too large": height > 100}[verdict]


# ------------------------------------------------------------------------------- fitting too much, and help


def noisy_sine(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the powers 1 to 9 of x in [-1, 1], and sin(pi x) with noise."""
    random = np.random.default_rng(seed)
    x = np.sort(random.uniform(-1, 1, rows))
    powers = np.stack([x**k for k in range(1, 10)], 1)
    return powers.astype(np.float32), (np.sin(np.pi * x) + random.normal(0, 0.3, rows))[:, None].astype(np.float32)


@pytest.fixture(scope="module")
def sine():
    """Return 12 rows to train on, 60 to choose by, 400 to judge by, and a polynomial fitted without any restraint."""
    few, valid, test = noisy_sine(12, 0), noisy_sine(60, 1), noisy_sine(400, 2)
    train = tuple(np.tile(part, (100, 1)) for part in few)  # an epoch goes through them 100 times
    free = Model(bw.Dense(1), "mse")
    free.fit(*train, recipe=POLYNOMIAL, progress=False)
    return train, valid, test, free


POLYNOMIAL = Recipe(epochs=200, batch_size=12, shuffle=False, optimizer=Adam(0.05))


def test_t2_a_polynomial_of_degree_9_fits_the_noise(sine):
    train, _, test, free = sine
    inside, outside = free.evaluate(*train)["loss"], free.evaluate(*test)["loss"]
    assert inside < 0.06  # less than the noise, 0.09: it has learned the noise
    assert outside > 2 * inside
    assert outside > 0.12


def test_t2_a_penalty_on_the_weights_helps(sine):
    train, _, test, free = sine
    bound = Model(bw.Dense(1), "mse")
    bound.fit(*train, recipe=POLYNOMIAL.replace(l2=1e-3), progress=False)
    assert bound.evaluate(*test)["loss"] < 0.9 * free.evaluate(*test)["loss"]
    assert bound.evaluate(*train)["loss"] > free.evaluate(*train)["loss"]


def test_t1_t2_stopping_early_helps(sine):
    train, valid, test, free = sine
    model = Model(bw.Dense(1), "mse")
    outcome = model.fit(*train, valid=valid, recipe=POLYNOMIAL.replace(patience=10), progress=False)
    assert outcome.reason == "stopped early"
    assert model.evaluate(*test)["loss"] < 0.9 * free.evaluate(*test)["loss"]
    # Validation chose the epoch; the test rows had no part in it.
    assert model.evaluate(*valid)["loss"] == pytest.approx(
        min(record["valid/loss"] for record in outcome.history), rel=1e-5
    )
