"""The numbers that introductory lectures (MIT 6.S191, 6.S094) work through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brickwork as bw
from brickwork.core.variables import Variables
from brickwork.losses import BinaryCrossEntropy, MeanSquaredError, weighted_mean
from brickwork.optim import SGD, Adam, penalty
from brickwork.train import Model, Recipe


def perceptron(weights: list[float], bias: float, x: list[float]) -> tuple[float, float]:
    """Return what one perceptron computes: z, and its answer."""
    net = bw.Dense(1, "sigmoid")
    variables = Variables({"weight": jnp.array(weights)[:, None], "bias": jnp.array([bias])})
    applied = net.apply(variables, jnp.array([x]), capture="z")
    return float(applied.taps["z"][0, 0]), float(applied.output[0, 0])


def test_n1_a_perceptron_by_hand():
    z, answer = perceptron([3.0, -2.0], 1.0, [-1.0, 2.0])
    assert z == -6.0  # 1 + 3 * -1 - 2 * 2
    assert answer == pytest.approx(0.002473, abs=5e-7)


@pytest.mark.parametrize(("x1", "x2"), [(0.0, 0.5), (1.0, 2.0), (-1.0, -1.0), (1 / 3, 1.0)])
def test_n1_the_boundary_is_where_1_plus_3x1_minus_2x2_is_0(x1, x2):
    z, answer = perceptron([3.0, -2.0], 1.0, [x1, x2])
    assert z == pytest.approx(0, abs=1e-6)
    assert answer == pytest.approx(0.5)
    assert perceptron([3.0, -2.0], 1.0, [x1 + 0.1, x2])[1] > 0.5 > perceptron([3.0, -2.0], 1.0, [x1, x2 + 0.1])[1]


def test_n2_a_perceptron_of_four_inputs():
    z, answer = perceptron([0.1, 0.5, 2.5, 0.2], 3.0, [2.0, 3.0, -1.0, 5.0])
    assert z == pytest.approx(3.2, abs=1e-6)
    assert answer == pytest.approx(0.9608, abs=5e-5)


def test_n3_flight_delays_mean_binary_cross_entropy():
    predicted, actual = np.array([[0.05], [0.02], [0.96], [0.35]]), np.array([[1.0], [0.0], [1.0], [1.0]])
    logits = jnp.asarray(np.log(predicted / (1 - predicted)), jnp.float32)
    losses = BinaryCrossEntropy()(logits, jnp.asarray(actual, jnp.float32))
    assert float(weighted_mean(losses)) == pytest.approx(1.0266, abs=5e-5)  # positive: the slide forgets the minus


def test_n3_through_a_model_of_flights():
    flights = np.array([[-20, 45], [80, 0], [4, 15], [45, 60]], np.float32)
    # The lecture gives answers, not weights: here one weight of 1 passes on the logits of these answers.
    net = bw.Dense(1)
    predicted = np.array([0.05, 0.02, 0.96, 0.35])
    logits = np.log(predicted / (1 - predicted)).astype(np.float32)[:, None]
    model = Model(net, "binary_cross_entropy", variables=Variables({"weight": jnp.ones((1, 1)), "bias": jnp.zeros(1)}))
    assert model.evaluate(logits, np.array([1, 0, 1, 1]))["loss"] == pytest.approx(1.0266, abs=5e-5)
    np.testing.assert_allclose(model.predict_proba(logits)[:, 0], predicted, rtol=1e-5)
    assert list(model.predict(logits)) == [0, 0, 1, 0]
    trained = Model(bw.Sequential(bw.Rescale(1 / 80), bw.Dense(8, "tanh"), bw.Dense(1)), "binary_cross_entropy")
    trained.fit(flights, np.array([1, 0, 1, 1]), epochs=300, batch_size=4, rate=0.05, progress=False)
    assert list(trained.predict(flights)) == [1, 0, 1, 1]  # what a trained network must say


def test_n4_mean_squared_error_of_grades():
    predicted, actual = jnp.array([[10.0], [45.0], [100.0], [15.0]]), jnp.array([[40.0], [42.0], [110.0], [55.0]])
    assert float(weighted_mean(MeanSquaredError()(predicted, actual))) == 652.25


def past_students(rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return generated students: lectures attended, hours on the project, and whether they passed."""
    random = np.random.default_rng(0)
    x = np.stack([random.integers(0, 8, rows), random.uniform(0, 10, rows)], 1).astype(np.float32)
    return x, (x[:, 0] + 0.8 * x[:, 1] + random.normal(0, 0.5, rows) > 6).astype(np.int32)


def test_n6_will_i_pass():
    x, passed = past_students()
    me = np.array([[4.0, 5.0]], np.float32)
    net = bw.Sequential(bw.Dense(3, "sigmoid"), bw.Dense(1))
    # Not trained yet: the answer is 0.1, the truth is 1, the loss -log(0.1).
    start = net.init(jax.random.key(0), me)
    z = float(net.apply(start, me).output[0, 0])
    untrained = start.merge(Variables({"1_dense/bias": jnp.array([np.log(0.1 / 0.9) - z], jnp.float32)}))
    model = Model(net, "binary_cross_entropy", ["accuracy"], variables=untrained)
    assert model.predict_proba(me)[0, 0] == pytest.approx(0.1, abs=1e-6)
    assert model.evaluate(me, [1])["loss"] == pytest.approx(2.3026, abs=5e-5)
    assert model.predict(me)[0] == 0
    model.fit(x, passed, recipe=Recipe(epochs=60, optimizer=Adam(0.05)), progress=False)
    assert model.predict(me)[0] == 1
    assert model.predict_proba(me)[0, 0] > 0.9
    assert model.evaluate(x, passed)["accuracy"] > 0.9


def test_n7_the_weight_penalty():
    params = {"weight": jnp.array([[1.0, -2.0], [3.0, 0.5]]), "bias": jnp.array([10.0, 10.0])}
    assert float(penalty(params, l2=0.1)) == pytest.approx(0.1 * (1 + 4 + 9 + 0.25))
    assert float(penalty(params, l1=0.1)) == pytest.approx(0.1 * 6.5)
    np.testing.assert_allclose(jax.grad(lambda p: penalty(p, l2=0.1))(params)["weight"], 0.2 * params["weight"])


def test_n8_a_small_graph_and_gradient_descent():
    def graph(a, b):
        return (a + b) * (b - 1)

    assert graph(1.5, 2.5) == 6
    assert jax.grad(lambda x: x**2)(3.0) == 6
    direction = SGD(0.01).direction()
    x = {"x": jnp.float32(0.0)}
    state = direction.init(x)
    slope = jax.jit(jax.grad(lambda x: (x["x"] - 4) ** 2))
    for _ in range(500):
        u, state = direction.update(slope(x), state)
        x = jax.tree.map(lambda p, d: p - 0.01 * d, x, u)
    assert float(x["x"]) == pytest.approx(4, abs=1e-3)
    assert float(x["x"]) == pytest.approx(4 * (1 - 0.98**500), abs=1e-3)  # each step takes 2% of the way
