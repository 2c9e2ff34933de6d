"""Metrics of one's own: functions and classes."""

import jax
import jax.numpy as jnp
import pytest

from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.spec import to_json
from brickwork.metrics import (
    F1,
    MSE,
    CalibrationError,
    FBeta,
    Metric,
    PrecisionScore,
    RocAuc,
    RowMetric,
    TopK,
    resolve_metric,
)


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def within_one(outputs, targets):
    return (jnp.abs(outputs - targets) < 1).mean(axis=-1)


def test_a_function_as_a_metric():
    metric = resolve_metric(within_one)
    assert metric.name == "within_one"
    assert metric.higher_is_better
    assert metric == resolve_metric(within_one)
    outputs, targets = jnp.asarray([[1.0], [2.0], [9.0]]), jnp.asarray([[1.5], [5.0], [jnp.nan]])
    assert metric.result(jax.jit(metric.sums)(outputs, targets, jnp.asarray([3.0, 1.0, 0.0]))) == 0.75
    assert metric.result(metric.sums(outputs, targets)) == pytest.approx(1 / 3)
    flags = resolve_metric(lambda o, t: o[:, 0] > t[:, 0])
    assert flags.result(flags.sums(outputs, targets)) == 0
    sequence = Padded(jnp.asarray([[[1.0], [5.0]], [[1.0], [1.0]]]), jnp.asarray([1, 2]))
    ones = Padded(jnp.ones((2, 2, 1)), sequence.lengths)
    assert metric.result(metric.sums(sequence, ones)) == 1.0
    with pytest.raises(SettingError, match=r"within_one.*cannot be stored"):
        to_json(metric)

    def worse(outputs, targets):
        return within_one(outputs, targets)

    worse.higher_is_better = False
    assert not resolve_metric(worse).higher_is_better


def test_what_a_function_returns_is_checked():
    outputs, targets = jnp.ones((3, 1)), jnp.ones(3)
    with pytest.raises(ShapeError, match=r"one number per row, without taking the mean"):
        resolve_metric(lambda o, t: jnp.float32(1)).sums(outputs, targets)
    with pytest.raises(ShapeError, match=r"returned shape \(3, 3\) for outputs \(3, 1\)"):
        resolve_metric(lambda o, t: o - t).sums(outputs, targets)
    sequence = Padded(jnp.ones((3, 2, 1)), jnp.asarray([1, 2, 1]))
    with pytest.raises(ShapeError, match="one number per position"):
        resolve_metric(lambda o, t: o[:, 0, 0]).sums(sequence, sequence)


def test_a_metric_of_ones_own():
    class Bad(Metric):
        pass

    with pytest.raises(SettingError, match="write @metric above"):
        Bad()
    with pytest.raises(SettingError, match="no values"):
        Metric.values(MSE(), jnp.ones(1), jnp.ones(1))
    with pytest.raises(SettingError, match="no result_rows"):
        RowMetric.result_rows(RocAuc(), None, None)
    with pytest.raises(SettingError, match=r"no metric named 'acuracy'.*Did you mean 'accuracy'"):
        resolve_metric("acuracy")
    with pytest.raises(SettingError, match="A metric is a name or a settings object, got 3"):
        resolve_metric(3)
    with pytest.raises(SettingError, match="'k' must be 1 or more"):
        TopK(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TopK(0), "'k' must be 1 or more"),
        (lambda: F1("mean"), "'average' must be one of 'binary', 'macro', 'micro', 'weighted'"),
        (lambda: PrecisionScore(threshold=1.0), "'threshold' must be a probability"),
        (lambda: FBeta(0.0), "'beta' must be more than 0"),
        (lambda: CalibrationError(0), "'bins' must be 1 or more"),
    ],
)
def test_wrong_settings(make, message):
    with pytest.raises(SettingError, match=message):
        make()
