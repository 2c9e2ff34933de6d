"""Peers: the same as scikit-learn used by hand, for every kind of question."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from brickwork.data import Examples
from brickwork.tasks.peers import peers
from brickwork.tasks.problem import Problem

draw = np.random.default_rng(0)
NUMBERS = draw.normal(size=(160, 3)).astype(np.float32)
WORDS = draw.integers(0, 400, (160, 1)).astype(np.int32)
TRAIN, TEST = slice(0, 120), slice(120, 160)


def problem(kind, inputs, targets, labels=None, names=("y",), form="table"):
    whole = Examples(inputs, targets)
    parts = {"train": whole[0:90], "valid": whole[90:120], "test": whole[120:160]}
    return Problem("made up", "Made up", kind, "it is", form, **parts, targets=names, labels=labels)


def test_classes_by_hand_with_one_that_is_never_trained_on():
    truth = np.where(NUMBERS[:, 0] > 0.3, 2, 0).astype(np.int32)
    truth[150] = 1
    found = peers(problem("classes", {"numbers": NUMBERS}, truth, ("a", "b", "c")))
    scaler = StandardScaler().fit(NUMBERS[TRAIN])
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(NUMBERS[TRAIN]), truth[TRAIN])
    given = found["logistic regression"].given
    np.testing.assert_allclose(given[:, [0, 2]], model.predict_proba(scaler.transform(NUMBERS[TEST])), atol=1e-5)
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(random_state=0).fit(NUMBERS[TRAIN], truth[TRAIN])
    np.testing.assert_allclose(found["gradient boosting"].given[:, [0, 2]], model.predict_proba(NUMBERS[TEST]))
    assert (given[:, 1] == 0).all()
    np.testing.assert_array_equal(found["gradient boosting"].truth, truth[TEST])


def test_several_numbers_by_hand():
    targets = (NUMBERS @ draw.normal(size=(3, 2))).astype(np.float32)
    found = peers(problem("number", {"numbers": NUMBERS, "categories": WORDS * 0}, targets, None, ("u", "v")))
    scaler = StandardScaler().fit(NUMBERS[TRAIN])
    model = Ridge().fit(scaler.transform(NUMBERS[TRAIN]), targets[TRAIN])
    answered = found["ridge regression"]
    np.testing.assert_allclose(answered.given, model.predict(scaler.transform(NUMBERS[TEST])), atol=1e-4)
    assert answered.labels == ("u", "v")
    assert set(found) == {"ridge regression", "gradient boosting"}


def test_labels_and_many_words():
    flags = np.stack([WORDS[:, 0] % 2, np.ones(160)], axis=1).astype(np.int32)
    found = peers(problem("labels", {"categories": WORDS}, flags, ("odd", "always")))
    for answered in found.values():
        assert answered.given.shape == (40, 2)
        assert (answered.given[:, 1] == 1).all()


@pytest.mark.parametrize("size", [8, 24])  # pixels as they are, and components
def test_pictures(size):
    pictures = draw.integers(0, 60, (160, size, size, 3)).astype(np.uint8)
    truth = np.arange(160, dtype=np.int32) % 2
    pictures[truth == 1, : size // 2] += 90
    found = peers(problem("classes", pictures, truth, ("dark", "light"), (), "pictures"))
    assert list(found) == ["logistic regression"]
    assert (found["logistic regression"].given.argmax(axis=1) == truth[TEST]).all()
