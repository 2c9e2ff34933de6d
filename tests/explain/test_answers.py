"""Confusion, reliability, residuals and mistakes, against scikit-learn and small tables made by hand."""

from dataclasses import astuple

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from brickwork.core.errors import DataError, SettingError
from brickwork.explain import Answered, confusion, reliability, residuals, unsure, worst

draw = np.random.default_rng(0)
TRUTH = draw.integers(0, 3, 200)
GIVEN = draw.dirichlet(np.ones(3), 200)
CLASSES = Answered("classes", TRUTH, GIVEN, ("red", "green", "blue"))
FLAGS = Answered(
    "labels",
    np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0]]),
    np.array([[0.9, 0.7, 0.4], [0.8, 0.9, 0.1], [0.2, 0.1, 0.3], [0.05, 0.6, 0.55]]),
    ("a", "b", "c"),
)


def test_confusion_is_that_of_scikit_learn():
    found, answers = confusion(CLASSES), GIVEN.argmax(axis=1)
    np.testing.assert_array_equal(found.counts, confusion_matrix(TRUTH, answers))
    np.testing.assert_allclose(found.recall, recall_score(TRUTH, answers, average=None))
    np.testing.assert_allclose(found.precision, precision_score(TRUTH, answers, average=None))


def test_confusion_of_labels_counts_what_one_is_taken_for():
    found = confusion(FLAGS)
    # In the first row c is missed and b answered in its place; in the last c is answered, nothing missed.
    np.testing.assert_array_equal(found.counts, [[2, 0, 0], [0, 2, 0], [0, 1, 0]])
    np.testing.assert_allclose(found.recall, [1, 1, 0])
    np.testing.assert_allclose(found.precision, [1, 2 / 3, 0])


def test_what_never_occurs_has_no_recall():
    found = confusion(Answered("classes", np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]), ("a", "b")))
    assert np.isnan([found.recall[1], found.precision[1]]).all()
    with pytest.raises(DataError, match="classes or labels"):
        confusion(Answered("number", np.ones((2, 1)), np.ones((2, 1)), ("y",)))


def test_reliability_is_that_of_scikit_learn():
    found = reliability(CLASSES, bins=8)
    frequency, confidence = calibration_curve(GIVEN.argmax(axis=1) == TRUTH, GIVEN.max(axis=1), n_bins=8)
    np.testing.assert_allclose(found.frequency, frequency)
    np.testing.assert_allclose(found.confidence, confidence)
    counts = np.histogram(GIVEN.max(axis=1), bins=np.linspace(0, 1, 9))[0]
    np.testing.assert_array_equal(found.rows, counts[counts > 0])
    assert found.error == pytest.approx(np.average(np.abs(frequency - confidence), weights=found.rows))


def test_reliability_of_labels_counts_each_yes_and_no():
    found = reliability(FLAGS, bins=2)
    assert found.rows.tolist() == [12]
    sure = [0.9, 0.7, 0.6, 0.8, 0.9, 0.9, 0.8, 0.9, 0.7, 0.95, 0.6, 0.55]
    assert (found.confidence[0], found.frequency[0]) == pytest.approx((np.mean(sure), 9 / 12))
    assert found.error == pytest.approx(abs(np.mean(sure) - 9 / 12))


def test_residuals_and_their_coverage():
    truth = draw.normal(size=(5000, 2))
    given = truth + [[0.5, -2.0]] * np.arange(5000)[:, None] / 5000  # off by 0 to 0.5, and 0 to 2
    first, second = residuals(Answered("number", truth, given, ("u", "v")), width=(0.25, 0.5), level=0.5, limit=100)
    assert (first.name, first.width, first.level, len(first.truth)) == ("u", 0.25, 0.5, 100)
    assert (first.coverage, second.coverage) == pytest.approx((0.5, 0.25), abs=1e-3)
    assert set(np.round(second.answer, 9)) <= set(np.round(given[:, 1], 9))
    (plain, _) = residuals(Answered("number", truth[:5], given[:5], ("u", "v")))
    np.testing.assert_allclose(plain.answer - plain.truth, (given - truth)[:5, 0])
    assert plain.coverage is None


def test_the_worst_are_those_that_were_sure_and_wrong():
    given = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    found = [astuple(one) for one in worst(Answered("classes", np.array([0, 0, 0, 1]), given, ("no", "yes")))]
    assert found == [(1, "no", "yes", 0.8, None), (2, "no", "yes", 0.7, None), (3, "yes", "no", 0.6, None)]
    assert [astuple(one) for one in worst(FLAGS)] == [(0, "a|c", "a|b", 0.7, None), (3, "b", "b|c", 0.55, None)]
    truth = np.array([[1.0, 1000.0], [2.0, 2000.0], [3.0, 3000.0]])
    found = worst(Answered("number", truth, truth + np.array([[0, 10], [0.5, 0], [0, 0]]), ("u", "v")), count=5)
    assert [(one.row, one.distance) for one in found] == [(1, 0.5), (0, 10.0)]
    assert found[0].answer == "u 2.5, v 2000"


def test_unsure_rows():
    assert unsure(Answered("classes", np.zeros(2), np.array([[0.6, 0.4], [0.1, 0.9]]), (0, 1)), 0.7).tolist() == [0]
    assert unsure(FLAGS, 0.6).tolist() == [3]
    given = np.array([[1.0], [3.0]])  # of deviation 1
    numbers = Answered("number", given, given, ("y",))
    assert unsure(numbers, 0.9, spread=np.array([0.2, 0.4])).tolist() == [1]  # 1 - 0.04, 1 - 0.16
    with pytest.raises(DataError, match="intervals"):
        unsure(numbers, 0.9)
    with pytest.raises(SettingError, match="from 0 to 1"):
        unsure(FLAGS, 60)
