"""Bad input to a model: what is wrong, where, and how to mend it; and nothing is spoiled by it."""

from typing import Any

import jax
import numpy as np
import pytest

import brickwork as bw
from brickwork.bricks import Conv, Dense, Flatten, Sequential
from brickwork.core.errors import BundleError, DataError, SettingError, ShapeError
from brickwork.storage.bundle import load_bundle, save_bundle
from brickwork.train import Model, Recipe
from train.small import NET, blobs, line

RECIPE = Recipe(epochs=1, batch_size=10)
BLOBS = blobs(96)
X, Y = BLOBS.inputs, BLOBS.targets


def with_row(array: np.ndarray, row: int, value: Any) -> np.ndarray:
    changed = array.astype(np.float64)
    changed[row] = value
    return changed


def words(*given: Any) -> np.ndarray:
    return np.array(given, dtype=object)


@pytest.mark.parametrize(
    ("inputs", "targets", "error", "text"),
    [
        (X, Y + 1, DataError, "Label 3 .* is out of range: the network has 3 outputs.* subtract 1"),
        (X, Y - 1, DataError, "Label -1 .* is negative"),
        (X, Y + 0.5, DataError, "Labels must be whole numbers"),
        (with_row(X, 7, np.nan), Y, DataError, r"missing \(NaN\).* first in row 7"),
        (with_row(X, 7, np.inf), Y, DataError, "infinite"),
        (X, with_row(Y, 3, np.nan), DataError, "The targets have missing .* first in row 3"),
        (X[:0], Y[:0], DataError, "empty"),
        (X, Y[:-1], DataError, "same number of rows, got inputs 96, targets 95"),
        (X, None, DataError, "To fit, give targets too"),
        (np.array([["a"] * 4] * 96), Y, DataError, "Turn them into numbers first"),
        (X, words(*["a"] * 95, None), DataError, "missing in 1 of 96 rows"),
        (X, np.eye(4)[Y], ShapeError, r"end the network in Dense\(4\)"),
        ([[1.0, 2.0], [3.0]], [0, 1], DataError, "All rows must have the same shape"),
    ],
)
def test_data_that_cannot_be_learned_from(inputs, targets, error, text):
    model = Model(NET, "cross_entropy", ["accuracy"])
    with pytest.raises(error, match=text):
        model.fit(inputs, targets, recipe=RECIPE, progress=False)
    assert model.variables is None
    assert model.example is None
    assert model.classes is None
    model.fit(X, Y, recipe=RECIPE, progress=False)  # and what was wrong left no trace
    assert model.evaluate(X, Y)["loss"] < 3


def test_held_out_data_is_checked_too():
    model = Model(NET, "cross_entropy")
    with pytest.raises(DataError, match=r"Label 9"):
        model.fit(X, Y, valid=(X, with_row(Y, 0, 9).astype(int)), recipe=RECIPE, progress=False)
    model.fit(X, Y, recipe=RECIPE, progress=False)
    with pytest.raises(DataError, match=r"Label 9"):
        model.evaluate(X, with_row(Y, 0, 9).astype(int))
    with pytest.raises(DataError, match="give targets too"):
        model.evaluate(X)


def test_a_label_that_was_never_seen():
    model = Model(Dense(2), "cross_entropy")
    names = np.array(["cat", "dog"])[(Y > 0).astype(int)]
    model.fit(X, names, recipe=RECIPE, progress=False)
    with pytest.raises(DataError, match=r"'dgo' is not among the 2 classes. Did you mean 'dog'"):
        model.evaluate(X[:1], ["dgo"])
    with pytest.raises(ShapeError, match=r"has shape|want|needs"):
        model.fit(X[:, :3], names, recipe=RECIPE, progress=False)
    numbered = Model(Dense(3), "cross_entropy")
    numbered.fit(X, Y, recipe=RECIPE, progress=False)
    with pytest.raises(DataError, match="knows its classes by number only"):
        numbered.evaluate(X[:1], ["cat"])


@pytest.mark.parametrize(
    ("net", "loss", "data", "text"),
    [
        (Dense(2), "cross_entropy", (X, Y), r"Label 2 .* End the network in Dense\(3\)"),
        (Dense(1), "cross_entropy", (X, Y), r"Dense\(2\) or more"),
        (Dense(2), "mse", line(20), r"gives 2 numbers a row, .* end the network in Dense\(1\)"),
        (Dense(3), "binary_cross_entropy", (X, (Y > 0).astype(int)), "3"),
    ],
)
def test_a_network_that_ends_in_the_wrong_size(net, loss, data, text):
    with pytest.raises((ShapeError, DataError), match=text):
        Model(net, loss).fit(data, recipe=RECIPE, progress=False)


def test_a_network_that_does_not_fit_the_inputs():
    net = Sequential(stem=Conv(4, 3), flat=Flatten(), head=Dense(3))
    with pytest.raises(ShapeError, match="in brick 'stem': Conv") as caught:
        Model(net, "cross_entropy").fit(X, Y, recipe=RECIPE, progress=False)
    assert "(1, 4)" in str(caught.value)


def test_wrong_inputs_when_predicting():
    model = Model(NET, "cross_entropy")
    with pytest.raises(SettingError, match=r"no weights yet: call fit first"):
        model.predict(X)
    with pytest.raises(SettingError, match="seen no data yet"):
        _ = model.plan
    model.fit(X, Y, recipe=RECIPE, progress=False)
    with pytest.raises(ShapeError, match=r"\(4, 8\).*needs \(3, 8\)") as caught:
        model.predict(X[:, :3])
    assert "in brick '0_dense'" in str(caught.value)
    with pytest.raises(DataError, match="empty"):
        model.predict(X[:0])
    with pytest.raises(DataError, match="NaN"):
        model.predict(with_row(X, 0, np.nan))
    with pytest.raises(DataError, match="rows along the first axis"):
        model.predict(3.0)
    regression = Model(Dense(1), "mse")
    regression.fit(line(20), recipe=RECIPE, progress=False)
    with pytest.raises(SettingError, match="gives numbers, not probabilities: use predict"):
        regression.predict_proba(X[:, :2])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Model("perceptron", "mse"), "needs a network made of bricks, got 'perceptron'"),
        (lambda: Model(Dense, "mse"), "needs a network made of bricks"),
        (lambda: Model(NET, "cross_entrpy"), "no loss named 'cross_entrpy'. Did you mean 'cross_entropy'?"),
        (lambda: Model(NET, "mse", ["acuracy"]), "no metric named 'acuracy'. Did you mean 'accuracy'?"),
        (lambda: Model(NET, 3), "A loss is a name or a settings object, got 3"),
        (lambda: Model(NET, "mse", [3]), "A metric is a name or a settings object, got 3"),
        (lambda: bw.datasets.load("digit"), "no data set named 'digit'. Did you mean 'digits'?"),
        (lambda: Model(NET, "mse").fit(line(20), epoch=3), "no setting 'epoch'. Did you mean 'epochs'?"),
        (lambda: Model(NET, "mse").fit(line(20), optimizer="adm"), "no optimizer named 'adm'. Did you mean 'adam'?"),
        (lambda: Model(NET, "mse").fit(line(20), optimizer=3), "An? optimizer is a name or a settings object, got 3"),
        (lambda: Model(NET, "mse").fit(line(20), schedule="linar"), "no schedule named 'linar'. Did you mean 'linear'"),
        (lambda: Model(Dense(1), "mse", frozen="hed/**").fit(line(20)), r"No parameter to freeze fits 'hed/\*\*'"),
        (lambda: Model(Dense(1), "mse").fit(line(20), resume=True), "in which folder"),
    ],
)
def test_settings_that_are_wrong(make, text):
    with pytest.raises(SettingError, match=text):
        make()


def test_functions_that_take_the_mean_or_broadcast():
    def mean(outputs, targets):
        return ((outputs - targets) ** 2).mean()

    def broadcast(outputs, targets):
        return (outputs - targets[:, 0]) ** 2

    for function, text in (
        (mean, "leave the mean or sum over the rows out"),
        (broadcast, "must return one number per"),
    ):
        with pytest.raises(ShapeError, match=text):
            Model(Dense(1), function).fit(line(20), recipe=RECIPE, progress=False)


def test_weights_of_another_network():
    other = Dense(5).init(jax.random.key(0), X[:1])
    with pytest.raises(ShapeError, match=r"needs .* at"):
        Model(NET, "cross_entropy", variables=other).fit(X, Y, recipe=RECIPE, progress=False)


def test_files_that_are_no_model(tmp_path):
    with pytest.raises(BundleError, match=r"no file|does not exist|not found|There is no"):
        Model.load(tmp_path / "missing.brickwork")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(BundleError):
        Model.load(tmp_path / "text")
    model = Model(NET, "cross_entropy")
    with pytest.raises(SettingError, match=r"no weights yet"):
        model.save(tmp_path / "m.brickwork")
    model.fit(X, Y, recipe=RECIPE, progress=False)
    path = model.save(tmp_path / "m.brickwork")
    bundle = load_bundle(path)
    for document in (None, {}, {"loss": 3}, {**bundle.extra["model"], "metrics": 7}):
        changed = {**bundle.extra, "model": document} if document is not None else {}
        save_bundle(path, type(bundle)(bundle.spec, bundle.variables, bundle.inputs, changed))
        with pytest.raises(BundleError):
            Model.load(path)
