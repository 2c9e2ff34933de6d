"""What `fit` does with its settings, against a plain NumPy loop over the same rows."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.bricks import BatchNorm, Dense, Sequential
from brickwork.core.errors import SettingError
from brickwork.core.variables import Variables
from brickwork.data import Examples
from brickwork.optim import SGD, Constant, Cosine, Momentum, StepDecay, Warmup
from brickwork.train import Model
from train.small import blobs, line

ROWS, BATCH, RATE = 20, 6, 0.05
START = {"weight": np.array([[0.4], [-0.3]]), "bias": np.array([0.2])}
UNEVEN = np.random.default_rng(3).uniform(0, 2, ROWS).astype(np.float32)
UNEVEN[[4, 11, 19]] = 0
FLAT = Constant()


def loop(
    epochs: int = 3,
    batch_size: int = BATCH,
    momentum: float = 0.0,
    schedule: Any = FLAT,
    l1: float = 0.0,
    l2: float = 0.0,
    clip_value: float = np.inf,
    clip_norm: float = np.inf,
    accumulate: int = 1,
    ema: float = 0.0,
    rates: Any = None,
    weight: Any = None,
) -> Any:
    """Train a line by hand in float64; return its parameters, and their averages."""
    data, p = line(ROWS), dict(START)
    weight = np.ones(ROWS) if weight is None else weight.astype(float)
    velocity, average = ({name: value * factor for name, value in p.items()} for factor in (0.0, 1.0))
    batches = [slice(first, first + batch_size) for first in range(0, ROWS, batch_size)] * epochs
    updates, gathered, total = 0, dict.fromkeys(p, 0.0), 0.0
    for number, rows in enumerate(batches):
        x, y, w = data.inputs[rows].astype(float), data.targets[rows].astype(float), weight[rows, None]
        error = 2 * w * (x @ p["weight"] + p["bias"] - y) / w.sum()
        slope = {"weight": x.T @ error + l1 * np.sign(p["weight"]) + 2 * l2 * p["weight"], "bias": error.sum(0)}
        gathered = {name: gathered[name] + w.sum() * slope[name] for name in p}
        total += w.sum()
        if (number + 1) % accumulate:
            continue
        mean = {name: np.clip(value / total, -clip_value, clip_value) for name, value in gathered.items()}
        norm = np.sqrt(sum(np.sum(value**2) for value in mean.values()))
        factor = float(schedule.factor(updates, -(-len(batches) // accumulate)))
        for name, slope in mean.items():
            velocity[name] = momentum * velocity[name] + slope * min(1, clip_norm / norm)
            p[name] = p[name] - RATE * factor * (rates or {}).get(name, 1.0) * velocity[name]
            decay = min(ema, (1 + updates) / (10 + updates))
            average[name] = decay * average[name] + (1 - decay) * p[name]
        updates, gathered, total = updates + 1, dict.fromkeys(p, 0.0), 0.0
    return p, average


def fitted(weight: Any = None, momentum: float = 0.0, **settings: Any) -> Any:
    data = line(ROWS)
    model = Model(Dense(1), "mse", variables=Variables({k: jnp.asarray(v, jnp.float32) for k, v in START.items()}))
    optimizer = Momentum(RATE, momentum) if momentum else SGD(RATE)
    settings = {"epochs": 3, "batch_size": BATCH, "shuffle": False, **settings}
    model.fit(data.replace(weight=weight), optimizer=optimizer, progress=False, **settings)
    return model.variables.params


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"momentum": 0.8, "schedule": Warmup(Cosine(), 0.3)}, id="schedule"),
        pytest.param({"l1": 0.05, "l2": 0.1}, id="penalties"),
        pytest.param({"clip_norm": 0.6, "clip_value": 0.8}, id="clipping"),
        pytest.param({"weight": UNEVEN}, id="row weights"),
        pytest.param({"ema": 0.9, "epochs": 5}, id="averaging"),
        pytest.param({"rates": {"weight": 0.5, "bias": 0.0}}, id="rates"),
        pytest.param(
            {
                "accumulate": 3,
                "weight": UNEVEN,
                "schedule": StepDecay(0.5, (0.3, 0.6)),
                "momentum": 0.5,
                "clip_norm": 0.7,
                "ema": 0.9,
                "l2": 0.1,
                "epochs": 6,
            },
            id="accumulating, with all the rest",
        ),
    ],
)
def test_fit_is_the_loop_written_by_hand(settings):
    p, average = loop(**settings)
    found = fitted(**settings)
    expected = average if "ema" in settings else p
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=1e-6)
        assert ("rates" in settings and name == "bias") == np.array_equal(found[name], START[name].astype(np.float32))


def test_accumulated_batches_are_one_batch_even_of_different_sizes():
    """20 rows in batches of 6, 6, 6, 2 and one of 20: the schedule, the averages and the momentum count updates."""
    shared = {"momentum": 0.9, "schedule": Cosine(), "ema": 0.8, "l2": 0.05, "epochs": 7, "weight": UNEVEN}
    small, whole = fitted(accumulate=4, **shared), fitted(batch_size=ROWS, **shared)
    for name, value in whole.items():
        np.testing.assert_allclose(small[name], value, rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------------------------------- weights of rows, classes


NORMED = Sequential(Dense(5, "tanh"), BatchNorm(), Dense(3))


def trained(data: Examples, net: Any = NORMED, **settings: Any) -> Any:
    model = Model(net, "cross_entropy", ["accuracy"])
    settings = {"epochs": 4, "batch_size": 64, "shuffle": False, "optimizer": "sgd", "rate": 0.3, **settings}
    model.fit(data, progress=False, **settings)
    return model


def alike(one: Any, other: Any) -> None:
    for a, b in ((one.variables.params, other.variables.params), (one.variables.stats, other.variables.stats)):
        for name, value in a.items():
            np.testing.assert_allclose(value, b[name], rtol=2e-4, atol=2e-5)
    for record, twin in zip(one.history, other.history, strict=True):
        assert record["train/loss"] == pytest.approx(twin["train/loss"], rel=1e-4)
        assert record["train/accuracy"] == pytest.approx(twin["train/accuracy"], rel=1e-5)


@pytest.mark.parametrize(
    ("net", "numbers"),
    [(NORMED, [0, 1, 1]), (Sequential(Dense(5, "tanh"), Dense(3)), [0, 1, 2])],
    ids=["norm", "plain"],
)
def test_a_row_of_weight_two_is_two_rows_and_one_of_weight_zero_is_none(net, numbers):
    """In the loss and the metrics, in training and in evaluation; rows of weight 0 not in running statistics either.

    Running statistics know rows and no rows: what counts double in the loss is not twice as typical an input.
    """
    data = blobs(24)
    weight = np.tile(np.array(numbers, np.float32), 8)
    repeated = data[np.repeat(np.arange(24), weight.astype(int))]
    weighted, plain = trained(data.replace(weight=weight), net), trained(repeated, net)
    alike(weighted, plain)
    ours, theirs = weighted.evaluate(data.replace(weight=weight)), plain.evaluate(repeated)
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
    assert ours["accuracy"] == pytest.approx(theirs["accuracy"], rel=1e-5)
    assert ours["accuracy"] != weighted.evaluate(data)["accuracy"]


def test_averaged_weights_have_the_averages_of_their_running_statistics():
    model = trained(blobs(24), ema=0.98, epochs=60, batch_size=8, rate=1.0)
    state: Any = model._state
    for name, value in state.average.stats.items():
        np.testing.assert_array_equal(model.variables.stats[name], value)
        assert not np.array_equal(state.stats[name], value)
    assert set(state.average.stats) == {"1_batch_norm/mean", "1_batch_norm/variance"}
    z = model.net.apply(model.variables, blobs(24).inputs, capture="0_dense/z").taps["0_dense/z"]
    true = np.tanh(np.asarray(z)).mean(0)  # what the averaged weights give
    ours, newest = (np.abs(stats["1_batch_norm/mean"] - true).max() for stats in (state.average.stats, state.stats))
    assert ours < newest / 5


def test_frozen_by_a_rate_of_zero():
    model = Model(Sequential(body=Dense(5, "tanh"), norm=BatchNorm(), head=Dense(3)), "cross_entropy")
    model.fit(blobs(24), epochs=1, rate=1e-9, optimizer="sgd", progress=False)
    before = {name: np.array(value) for name, value in {**model.variables.params, **model.variables.stats}.items()}
    model.fit(blobs(24), epochs=2, optimizer="adamw", rate=0.1, rates={"body/**": 0, "norm/**": 0.0}, progress=False)
    for name, value in model.variables.params.items():
        assert np.array_equal(before[name], value) == (not name.startswith("head"))
    assert not np.array_equal(before["norm/mean"], model.variables.stats["norm/mean"])  # frozen= holds these too


def test_rates_of_paths_that_are_not_there():
    model = Model(Sequential(body=Dense(5), head=Dense(3)), "cross_entropy", frozen="body/**")
    with pytest.raises(SettingError, match=r"No parameter in training fits 'head/wieght'. Did you mean 'head/weight'"):
        model.fit(blobs(24), rates={"head/wieght": 0.1}, progress=False)
    with pytest.raises(SettingError, match=r"No parameter in training fits 'body/\*\*'"):  # it is frozen
        model.fit(blobs(24), rates={"body/**": 0.1}, progress=False)
    with pytest.raises(SettingError, match="'rates' must be factors of 0 or more"):
        model.fit(blobs(24), rates={"head/**": -1.0}, progress=False)


@pytest.mark.parametrize(
    "setting", [{"clip_norm": 1.0}, {"clip_value": 1.0}, {"accumulate": 2}, {"rates": {"**": 0.5}}]
)
def test_a_line_search_takes_the_whole_gradient(setting):
    with pytest.raises(SettingError, match=f"setting '{next(iter(setting))}' must be .*LBFGS finds the length"):
        Model(Dense(1), "mse").fit(line(8), optimizer="lbfgs", progress=False, **setting)


def test_lbfgs_takes_all_rows_and_finds_the_least_squares():
    """Whatever the batch size; with row weights and the penalty, to the solution of the normal equations."""
    data, l2 = line(37), 0.2
    weight = np.random.default_rng(1).uniform(0, 2, 37).astype(np.float32)
    model = Model(Dense(1), "mse")
    outcome = model.fit(data.replace(weight=weight), optimizer="lbfgs", epochs=30, l2=l2, progress=False)
    assert outcome.steps_done == 30
    assert outcome.error is None
    x = np.concatenate([data.inputs, np.ones((37, 1))], 1).astype(float)
    share = (weight / weight.sum()).astype(float)[:, None]
    best = np.linalg.solve(x.T @ (share * x) + l2 * np.diag([1, 1, 0]), x.T @ (share * data.targets))
    np.testing.assert_allclose(model.variables.params["weight"], best[:2], rtol=1e-4)
    np.testing.assert_allclose(model.variables.params["bias"], best[2], rtol=1e-4)


@pytest.mark.slow
def test_lbfgs_trains_a_small_network_further_than_adam():
    data = blobs(96)
    losses = {}
    for name in ("lbfgs", "adam"):
        model = Model(Sequential(Dense(8, "tanh"), Dense(3)), "cross_entropy")
        outcome = model.fit(data, optimizer=name, epochs=40, l2=1e-3, progress=False)
        assert outcome.reason == "finished"
        losses[name] = model.evaluate(data)["loss"]
    assert losses["lbfgs"] < losses["adam"]
