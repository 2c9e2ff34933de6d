"""Rows made of whatever a network gives: sequences, pictures, columns; and what does not fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError
from brickwork.metrics import (
    F1,
    IOU,
    MAE,
    MSE,
    R2,
    Accuracy,
    CalibrationError,
    CohenKappa,
    ExactMatch,
    ExplainedVariance,
    MatthewsCorrelation,
    MedianAbsoluteError,
    Perplexity,
    PrecisionScore,
    RocAuc,
    RowMetric,
    TopK,
    as_rows,
    count_of,
)
from metrics.cases import RNG, compiled, measure


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


SEQUENCES = [
    (Accuracy(), (3, 4, 5), "class"),
    (F1(), (3, 4, 5), "class"),
    pytest.param(IOU(), (3, 4, 1), "flags", marks=pytest.mark.slow),
    pytest.param(MatthewsCorrelation(True), (3, 4, 5), "flags", marks=pytest.mark.slow),
    pytest.param(CohenKappa(), (3, 4, 5), "class", marks=pytest.mark.slow),
    (Perplexity(), (3, 4, 5), "class"),
    (CalibrationError(multi_label=True), (3, 4, 5), "flags"),
    (ExplainedVariance(), (3, 4, 2), "number"),
    (MedianAbsoluteError(), (3, 4), "number"),
    (TopK(2), (3, 4, 5), "class"),
    (Accuracy(), (3, 4, 1), "flags"),
    (Accuracy(multi_label=True), (3, 4, 5), "flags"),
    (MSE(), (3, 4, 2), "number"),
    (MSE(), (3, 4), "number"),
    (MAE(), (3, 4, 1), "number"),
    (R2(), (3, 4, 2), "number"),
    (RocAuc(), (3, 4, 1), "flags"),
]


@pytest.mark.parametrize(("metric", "shape", "question"), SEQUENCES)
def test_positions_of_sequences_count_by_the_mask(metric, shape, question):
    rng = np.random.default_rng(5)
    outputs = rng.normal(size=shape).astype(np.float32)
    targets = {
        "class": rng.integers(0, 5, shape[:2]),
        "flags": rng.integers(0, 2, shape),
        "number": rng.normal(size=shape).astype(np.float32),
    }[question]
    lengths, weight = jnp.asarray([4, 2, 3]), np.asarray([1.0, 2.0, 0.0], np.float32)
    mask = np.arange(4)[None] < np.asarray(lengths)[:, None]
    flat_weight = (mask * weight[:, None])[mask]
    expected = measure(metric, outputs[mask], targets[mask], flat_weight)
    dirty = np.where(mask.reshape(mask.shape + (1,) * (len(shape) - 2)), outputs, np.nan)
    sequence = Padded(jnp.asarray(dirty), lengths)
    many = [jnp.asarray(targets), Padded(jnp.asarray(targets), lengths)]
    if shape[-1] == 1:
        many.append(jnp.asarray(targets[..., 0]))
    for given in many:
        if isinstance(metric, RowMetric):
            result = metric.result_rows(sequence, given, jnp.asarray(weight))
        else:
            result = metric.result(compiled(metric)(sequence, given, jnp.asarray(weight)))
        assert result == pytest.approx(expected, rel=1e-6)


def test_axes_between_count_like_rows():
    pictures, classes = jnp.asarray(RNG.normal(size=(2, 3, 3, 4)), jnp.float32), RNG.integers(0, 4, (2, 3, 3))
    expected = np.mean(np.argmax(pictures, -1) == classes)
    assert measure(Accuracy(), pictures, classes) == pytest.approx(expected)
    sums = Accuracy().sums(pictures, jnp.asarray(classes), jnp.asarray([1.0, 0.0]))
    assert count_of(sums, "count") == 9


def test_rows_of_many_shapes():
    for outputs, targets, shapes in [
        ((5,), (5,), ((5,), (5,))),
        ((5, 1), (5,), ((5,), (5,))),
        ((5,), (5, 1), ((5,), (5,))),
        ((5, 1), (5, 1), ((5,), (5,))),
        ((5, 3), (5,), ((5, 3), (5,))),
        ((5, 3), (5, 1), ((5, 3), (5,))),
        ((5, 3), (5, 3), ((5, 3), (5, 3))),
        ((1, 1), (1,), ((1,), (1,))),
        ((5, 7, 3), (5, 7), ((35, 3), (35,))),
        ((5, 7, 1), (5, 7), ((35,), (35,))),
        ((5, 7, 3), (5, 7, 3), ((35, 3), (35, 3))),
    ]:
        rows = as_rows(jnp.zeros(outputs), jnp.zeros(targets))
        assert (rows[0].shape, rows[1].shape) == shapes
        assert rows[2].shape == shapes[0][:1]


@pytest.mark.parametrize(
    ("outputs", "targets"), [((4, 3), (3,)), ((4, 3), (4, 2)), ((4, 1), (5,)), ((4, 3), (4, 3, 1, 1)), ((4,), (1,))]
)
def test_shapes_that_do_not_belong_together(outputs, targets):
    with pytest.raises(ShapeError, match="do not belong together"):
        Accuracy().sums(jnp.zeros(outputs), jnp.zeros(targets))
    with pytest.raises(ShapeError, match="Weights must be one a row"):
        as_rows(jnp.zeros((4, 3)), jnp.zeros(4), jnp.ones((4, 1)))


def test_more_misfits():
    for metric in (MSE(), MAE(), R2()):
        with pytest.raises(ShapeError, match="must have the same shape"):
            metric.sums(jnp.zeros((4, 3)), jnp.zeros(4))
    sequence = Padded(jnp.zeros((2, 3)), jnp.asarray([1, 2]))
    with pytest.raises(ShapeError, match="Targets are sequences"):
        MSE().sums(jnp.zeros((2, 3)), sequence)
    with pytest.raises(ShapeError, match="needs outputs with rows"):
        MSE().sums(jnp.float32(1), jnp.float32(1))
    with pytest.raises(SettingError, match="gather them and call result_rows"):
        RocAuc().sums(jnp.zeros((2, 1)), jnp.zeros(2))
    with pytest.raises(SettingError, match="gather them and call result_rows"):
        RocAuc().result({})
    with pytest.raises(ShapeError, match="about one yes or no, but there are 3 outputs"):
        PrecisionScore("binary").sums(jnp.zeros((2, 3)), jnp.zeros(2, jnp.int32))
    with pytest.raises(ShapeError, match="about one yes or no, but there are 2 outputs"):
        PrecisionScore("binary", multi_label=True).sums(jnp.zeros((2, 2)), jnp.zeros((2, 2)))
    with pytest.raises(ShapeError, match="A threshold is for a yes or no"):
        PrecisionScore(threshold=0.6).sums(jnp.zeros((2, 3)), jnp.zeros(2, jnp.int32))
    with pytest.raises(ShapeError, match="must have the same shape"):
        MedianAbsoluteError().result_rows(np.zeros((2, 3)), np.zeros(2))


def test_a_sequence_is_right_where_all_of_it_is():
    z = np.zeros((3, 3, 2), np.float32)
    z[..., 1] = [[1, -1, 1], [1, 1, 9], [-1, 9, 9]]
    truth, lengths = jnp.asarray([[1, 0, 0], [1, 1, 0], [0, 0, 0]]), jnp.asarray([3, 2, 0])
    sums = compiled(ExactMatch())(Padded(jnp.asarray(z), lengths), Padded(truth, lengths), jnp.asarray([1.0, 3.0, 5.0]))
    assert ExactMatch().result(sums) == 0.75
    assert count_of(sums, "count") == 4
    assert measure(ExactMatch(), z[:2], truth[:2]) == 0.0
