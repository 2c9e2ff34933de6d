"""Classes that count more or less: row weights on the host, by scikit-learn's rule and PyTorch's loss."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from brickwork.bricks import Dense
from brickwork.core.batch import Padded
from brickwork.core.errors import DataError, SettingError
from brickwork.core.spec import from_json, to_json
from brickwork.data import Examples
from brickwork.losses import CrossEntropy
from brickwork.train import Model, Recipe
from brickwork.train.class_weights import with_class_weights
from train.small import blobs

LABELS = np.array([0, 2, 2, 1, 2, 2, 0, 2], np.int32)
DATA = Examples(np.arange(16, dtype=np.float32).reshape(8, 2) / 16, LABELS)
FEW = blobs(60)[np.r_[np.flatnonzero(blobs(60).targets != 1), np.flatnonzero(blobs(60).targets == 1)[:3]]]


def test_balanced_is_scikit_learns():
    found = with_class_weights(DATA, "balanced")
    np.testing.assert_allclose(found.weight, compute_sample_weight("balanced", LABELS), rtol=1e-6)
    missing = with_class_weights(DATA, "balanced", classes=("a", "b", "c", "never seen"))
    np.testing.assert_array_equal(missing.weight, found.weight)


def test_balanced_classes_weigh_the_same_also_when_rows_have_weights():
    given = np.array([1, 0, 3, 0.5, 1, 1, 2, 4], np.float32)
    found = with_class_weights(DATA.replace(weight=given), "balanced")
    totals = [found.weight[label == LABELS].sum() for label in range(3)]
    np.testing.assert_allclose(totals, given.sum() / 3, rtol=1e-6)
    assert found.weight[1] == 0


def test_numbers_in_order_by_label_and_by_name():
    weight = np.array([3, 0.5, 1], np.float32)[LABELS]
    np.testing.assert_array_equal(with_class_weights(DATA, (3.0, 0.5, 1.0)).weight, weight)
    np.testing.assert_array_equal(with_class_weights(DATA, ((1, 0.5), (0, 3.0))).weight, weight)
    names = ("cat", "dog", "emu")
    np.testing.assert_array_equal(with_class_weights(DATA, (("dog", 0.5), ("cat", 3.0)), names).weight, weight)
    given = DATA.replace(weight=np.full(8, 2, np.float32))
    np.testing.assert_array_equal(with_class_weights(given, (3.0, 0.5, 1.0)).weight, 2 * weight)
    assert with_class_weights(DATA, None) is DATA


@pytest.mark.parametrize("class_weights", ["balanced", {"b": 9.0, "c": 0.5}, [1, 9, 0.5], np.array([1.0, 9.0, 0.5])])
def test_fit_takes_them_by_any_way_and_notes_them(class_weights):
    """Trained like PyTorch's weighted loss, which divides by the weights' sum; what is measured is not weighted."""
    names = np.array(["a", "b", "c"])
    data = Examples(FEW.inputs, names[FEW.targets])
    settings = {"epochs": 3, "batch_size": 8, "progress": False, "valid": data, "rate": 0.05}
    model = Model(Dense(3), "cross_entropy", ["accuracy"])
    model.fit(data, class_weights=class_weights, **settings)
    numbers = (1.0, 9.0, 0.5)
    if isinstance(class_weights, str):
        counts = np.bincount(FEW.targets)
        numbers = tuple(float(n) for n in len(FEW) / (3 * counts))
    inside = Model(Dense(3), CrossEntropy(class_weights=numbers), ["accuracy"])
    rows = Model(Dense(3), "cross_entropy", ["accuracy"])
    rows.fit(FEW.replace(weight=np.asarray(numbers, np.float32)[FEW.targets]), **{**settings, "valid": FEW})
    for name, value in rows.variables.params.items():
        np.testing.assert_allclose(model.variables.params[name], value, rtol=1e-5, atol=1e-6)
    assert inside.loss.class_weights == numbers
    plain = Model(Dense(3), "cross_entropy", ["accuracy"], variables=model.variables, classes=tuple(names))
    assert model.history[-1]["valid/loss"] == pytest.approx(plain.evaluate(data)["loss"], rel=1e-5)
    noted = model.recipe.class_weights
    assert noted is not None
    assert from_json(to_json(model.recipe)) == model.recipe


def test_a_rare_class_is_found():
    plain, balanced = (Model(Dense(3), "cross_entropy") for _ in range(2))
    for model, class_weights in ((plain, None), (balanced, "balanced")):
        model.fit(FEW, epochs=10, batch_size=8, rate=0.03, class_weights=class_weights, progress=False)
    rare = blobs(300, 5)
    rare = rare[np.flatnonzero(rare.targets == 1)]
    assert np.mean(balanced.predict(rare.inputs) == 1) > np.mean(plain.predict(rare.inputs) == 1) + 0.2


def test_one_yes_or_no_question():
    flags = Examples(DATA.inputs, np.array([1, 0, 0, 0, 0, 0, 0, 0], np.int32))
    model = Model(Dense(1), "binary_cross_entropy")
    model.fit(flags, epochs=1, class_weights="balanced", progress=False)
    assert model.recipe.class_weights == "balanced"


@pytest.mark.parametrize(
    ("class_weights", "classes", "error", "message"),
    [
        ((1.0, 2.0), None, SettingError, "one number for each of the 3 classes, got 2"),
        ((1.0, 2.0, 3.0, 4.0), ("a", "b", "c"), SettingError, "one number for each of the 3 classes, got 4"),
        ((("dgo", 2.0),), ("cat", "dog", "emu"), DataError, "'dgo' is not among the 3 classes. Did you mean 'dog'"),
        (((7, 2.0),), None, DataError, "7 is not among the 3 classes"),
        ((("cat", 2.0), (0, 2.0)), None, DataError, "'cat'"),
        (((1, 2.0), (1, 3.0)), None, SettingError, "name a class twice"),
    ],
)
def test_mistakes(class_weights, classes, error, message):
    with pytest.raises(error, match=message):
        with_class_weights(DATA, class_weights, classes)


def test_targets_that_are_not_classes_of_rows():
    for targets in (
        np.linspace(0, 1, 8, dtype=np.float32),
        np.zeros((8, 5), np.int32),
        Padded(np.zeros((8, 2), np.int32), np.full(8, 2)),
    ):
        with pytest.raises(DataError, match=r"CrossEntropy\(class_weights=\.\.\.\)"):
            with_class_weights(DATA.replace(targets=targets), "balanced")
    with pytest.raises(DataError, match="one class a row"):
        Model(Dense(1), "mse").fit(DATA, class_weights="balanced", progress=False)
    for wrong in (-1.0, float("nan")):
        with pytest.raises(SettingError, match="'class_weights' must be finite numbers of 0 or more"):
            Recipe().changed(class_weights={0: wrong})
    with pytest.raises(SettingError, match="Did you mean 'balanced'"):
        Recipe().changed(class_weights="balance")
    with pytest.raises(SettingError, match="leave no row that counts"):
        with_class_weights(DATA[:1], (0.0, 1.0, 1.0))
