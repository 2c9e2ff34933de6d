"""What metrics say of answers, by hand: counts, thresholds, classes that are missing, answers that are nan."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from brickwork.core.batch import Padded
from brickwork.core.errors import ShapeError
from brickwork.metrics import (
    F1,
    IOU,
    MSE,
    R2,
    Accuracy,
    AveragePrecision,
    BalancedAccuracy,
    CalibrationError,
    CohenKappa,
    ErrorRate,
    ExactMatch,
    ExplainedVariance,
    LogLoss,
    MatthewsCorrelation,
    Perplexity,
    PrecisionScore,
    Recall,
    RocAuc,
    TopK,
    confusion_matrix,
    confusion_sums,
    count_of,
    counted,
    merged,
)
from metrics.cases import CLASSES, FLAGS, LOGITS, NUMBERS, RNG, WEIGHT, best, compiled, measure


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def test_counts_stay_exact_beyond_float32():
    """One row at a time after 2^24 rows: float32 alone would stand still."""
    metric = Accuracy()
    one = metric.sums(jnp.asarray([[0.0, 1.0]]), jnp.asarray([1]), jnp.ones(1))
    big = {**counted("hits", jnp.float32(2**24)), **counted("count", jnp.float32(2**24))}
    total = jax.lax.fori_loop(0, 5, lambda _, sums: jax.tree.map(jnp.add, sums, one), big)
    assert count_of(total, "count") == 2**24 + 5
    assert count_of(total, "hits") == 2**24 + 5
    assert jnp.float32(2**24) + jnp.float32(1) == 2**24
    assert count_of(merged([big] * 200), "count") == 200 * 2**24


def test_fractions_of_rows_count_too():
    parts = [counted("count", jnp.float32(w)) for w in (0.25, 7.5, 1e6 + 0.5, 0.0)]
    assert count_of(merged(parts), "count") == 1e6 + 8.25


def test_who_is_taken_for_whom():
    sums = jax.jit(confusion_sums)
    parts = [
        sums(*(jnp.asarray(part[rows]) for part in (LOGITS, CLASSES, WEIGHT))) for rows in (slice(20), slice(20, 60))
    ]
    expected = sklearn_metrics.confusion_matrix(CLASSES, best(LOGITS), sample_weight=WEIGHT)
    np.testing.assert_allclose(confusion_matrix(merged(parts)), expected, rtol=1e-5)
    one = confusion_matrix(confusion_sums(jnp.asarray([[1.0], [-1.0], [jnp.nan], [2.0]]), jnp.asarray([1, 1, 0, 0])))
    np.testing.assert_array_equal(one, [[0, 1], [1, 1]])


def test_undefined_ratios_are_nought():
    never = jnp.asarray([-1.0, -1.0])
    assert measure(PrecisionScore(), never, [1, 0]) == 0
    assert measure(Recall(), never, [0, 0]) == 0
    assert measure(F1(), never, [0, 0]) == 0
    assert measure(IOU(), never, [0, 0]) == 0
    assert measure(MatthewsCorrelation(), never, [1, 0]) == 0
    assert measure(CohenKappa(), never, [0, 0]) == 0
    assert measure(BalancedAccuracy(), never, [0, 0]) == 1
    assert measure(F1("macro", multi_label=True), [[-1.0, -1.0]], [[0, 0]]) == 0


def test_classes_that_do_not_occur_are_left_out_of_means():
    two_of_three = [[2.0, 0.0, 1.0], [0.0, 2.0, 1.0]]
    for metric in (F1(), IOU(), Recall("macro"), BalancedAccuracy()):
        assert measure(metric, two_of_three, [0, 1]) == 1


def test_confidence_of_one_is_in_the_last_bin():
    assert measure(CalibrationError(10), [[200.0, 0.0], [0.0, 200.0]], [0, 0]) == 0.5
    assert measure(CalibrationError(), [[0.0, 0.0]], [0]) == 0.5
    assert measure(Perplexity(), [[0.0, 1e5]], [0]) > 1e300


def test_accuracy_by_hand():
    z = jnp.asarray([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]])
    assert measure(Accuracy(), z, [0, 1, 1]) == pytest.approx(2 / 3)
    for outputs in ([1.0, -1.0, 2.0, -3.0], [[1.0], [-1.0], [2.0], [-3.0]]):
        for targets in ([1, 0, 0, 0], [[1], [0], [0], [0]], [1.0, 0.0, 0.4, 0.0], [True, False, False, False]):
            assert measure(Accuracy(), outputs, targets) == 0.75
    assert measure(Accuracy(), [[1.0, -1.0]], [[True, True]]) == 1.0
    assert measure(Accuracy(multi_label=True), [[1.0, -1.0]], [[True, True]]) == 0.5
    assert measure(Accuracy(), z.astype(jnp.bfloat16), jnp.asarray([0, 1, 1], jnp.uint8)) == pytest.approx(2 / 3)


def test_what_a_metric_learns_from_the_training_targets():
    assert Accuracy().fitted(FLAGS, "flags") == Accuracy(multi_label=True)
    assert Accuracy().fitted(CLASSES, "class") == Accuracy(multi_label=False)
    assert Accuracy().fitted(CLASSES) == Accuracy()
    assert Accuracy(multi_label=False).fitted(FLAGS, "flags") == Accuracy(multi_label=False)
    assert RocAuc().fitted(FLAGS, "flags") == RocAuc(multi_label=True)
    for metric in (ErrorRate(), ExactMatch(), F1("macro", 0.4), BalancedAccuracy(), LogLoss(), CalibrationError(5)):
        for question, known in (("flags", True), ("class", False), ("other", None)):
            assert metric.fitted(FLAGS, question) == metric.replace(multi_label=known)
            assert type(metric.fitted(FLAGS, question)) is type(metric)
    assert ExplainedVariance().fitted(np.asarray([1.0, 3.0])) == ExplainedVariance(2.0)
    assert MSE().fitted(NUMBERS, "number") == MSE()
    assert R2().fitted(np.asarray([1.0, 3.0]), "number") == R2(2.0)
    assert R2(0.0).fitted(np.asarray([1.0, 3.0])) == R2(0.0)
    assert R2().fitted(Padded(jnp.asarray([[1.0, 99.0], [3.0, 5.0]]), jnp.asarray([1, 2]))) == R2(3.0)


def test_r2_far_from_nought():
    """Years: a mean of 2000 deviations."""
    years = 2000 + RNG.normal(size=3000)
    guess = years + 0.5 * RNG.normal(size=3000)
    expected = sklearn_metrics.r2_score(years.astype(np.float32), guess.astype(np.float32))
    metric = R2().fitted(years)
    parts = [
        compiled(metric)(jnp.asarray(guess[i : i + 100], jnp.float32), jnp.asarray(years[i : i + 100], jnp.float32))
        for i in range(0, 3000, 100)
    ]
    assert metric.result(merged(parts)) == pytest.approx(expected, abs=1e-5)


def test_r2_of_constant_targets():
    for value in (0.0, 3.7, 2e6):
        constant = np.full(5, value, np.float32)
        for metric in (R2(), R2().fitted(constant), R2(float(np.float64(value) * (1 + 1e-9)))):
            assert measure(metric, constant, constant) == 1.0
            assert measure(metric, constant + np.arange(5, dtype=np.float32), constant) == 0.0
    assert math.isnan(measure(R2(), [1.0], [1.0]))


def test_top_k_by_hand():
    z = jnp.asarray([[3.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
    assert [measure(TopK(2), z, jnp.full(2, c)) for c in range(3)] == [1.0, 1.0, 0.0]
    assert [measure(TopK(1), z, jnp.full(2, c)) for c in range(3)] == [1.0, 0.0, 0.0]
    assert measure(TopK(2), z, [3, -1]) == 0
    assert measure(TopK(2), [[np.inf, 0.0, -np.inf]], [0]) == 1.0
    with pytest.raises(ShapeError, match="top_5 needs more than 5 outputs"):
        TopK().sums(z, jnp.asarray([0, 0]))


def test_answers_that_are_nan_are_wrong():
    z = jnp.full((2, 3), jnp.nan)
    assert measure(Accuracy(), z, [0, 0]) == 0
    assert measure(TopK(2), z, [0, 0]) == 0
    assert measure(Accuracy(), z[:, :1], [0, 0]) == 0
    assert measure(ExactMatch(), z, [0, 0]) == 0
    for metric in (RocAuc(), AveragePrecision(), F1(), MatthewsCorrelation(), CalibrationError(), LogLoss()):
        assert math.isnan(measure(metric, z[:, :1], [0, 1]))


def test_area_when_classes_are_missing():
    assert math.isnan(measure(RocAuc(), [[1.0], [2.0]], [1, 1]))
    three = np.asarray([[3.0, 0, 0], [0, 3, 0], [2, 0, 0], [0, 2, 0]])
    assert measure(RocAuc(), three, [0, 1, 0, 1]) == 1.0
    assert measure(RocAuc(), three, [1, 0, 1, 0]) == 0.0
