"""The model a user holds: the six steps, every kind of data, answers, saving and loading."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import polars as pl
import pytest

import brickwork as bw
from brickwork.bricks import BatchNorm, Dense, Sequential
from brickwork.core.errors import SettingError
from brickwork.losses import Loss
from brickwork.metrics import Metric, RocAuc
from brickwork.optim import SGD, Adam, Cosine
from brickwork.train import Model, Recipe, compile_counts
from train.small import NET, blobs, line

RECIPE = Recipe(epochs=2, batch_size=10)
BLOBS, VALID = blobs(96), blobs(40, 1)


def fitted(**settings: Any) -> Model:
    model = Model(NET, "cross_entropy", ["accuracy"])
    model.fit(BLOBS, recipe=RECIPE.changed(**settings), progress=False)
    return model


@pytest.fixture(scope="module")
def trained() -> Model:
    return fitted(epochs=12, rate=0.02)


def test_the_six_steps(capsys):
    digits = bw.datasets.load("digits")
    net = bw.Sequential(bw.Flatten(), bw.Dense(128, "relu"), bw.Dropout(0.5), bw.Dense(10))
    model = bw.Model(net, loss="cross_entropy", metrics=["accuracy"])
    model.fit(digits.train, valid=digits.valid)
    print(model.evaluate(digits.test))
    answers = model.predict(digits.test.inputs[:5])
    assert list(answers) == list(digits.test.targets[:5])
    printed = capsys.readouterr().out
    assert printed.startswith("loss 0.")
    assert "accuracy 0.9" in printed


KINDS = {
    "numpy": (np.asarray, np.asarray),
    "float64": (lambda x: x.astype(np.float64), lambda y: y.astype(np.int64)),
    "jax": (jnp.asarray, jnp.asarray),
    "lists": (np.ndarray.tolist, np.ndarray.tolist),
    "polars": (lambda x: pl.DataFrame(x, schema=list("abcd")), lambda y: pl.Series("y", y)),
    "polars frame": (lambda x: pl.DataFrame(x, schema=list("abcd")), lambda y: pl.DataFrame({"y": y})),
    "pandas": (lambda x: pd.DataFrame(x, columns=list("abcd")), lambda y: pd.Series(y, name="y")),
    "pandas frame": (lambda x: pd.DataFrame(x, columns=list("abcd")), lambda y: pd.DataFrame({"y": y})),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_gives_the_same_network(kind):
    inputs, targets = KINDS[kind]
    expected = fitted()
    model = Model(NET, "cross_entropy", ["accuracy"])
    valid = inputs(VALID.inputs), targets(VALID.targets)
    model.fit(inputs(BLOBS.inputs), targets(BLOBS.targets), valid=valid, recipe=RECIPE, progress=False)
    assert model.variables is not None
    assert np.array_equal(model.logits(inputs(VALID.inputs)), expected.logits(VALID.inputs))
    assert model.evaluate(*valid) == expected.evaluate(VALID)


@pytest.mark.parametrize("kind", ["list", "numpy", "objects", "polars", "pandas"])
def test_labels_may_be_texts(kind, tmp_path):
    names = np.array(["setosa", "virginica", "versicolor"])[BLOBS.targets]
    given: Any = {
        "list": names.tolist(),
        "numpy": names,
        "objects": names.astype(object),
        "polars": pl.Series(names),
        "pandas": pd.Series(names),
    }[kind]
    model = Model(NET, "cross_entropy", ["accuracy"])
    model.fit(
        BLOBS.inputs, given, valid=(BLOBS.inputs, given), recipe=RECIPE.changed(epochs=8, rate=0.03), progress=False
    )
    assert model.classes == ("setosa", "versicolor", "virginica")
    answers = model.predict(BLOBS.inputs)
    assert np.mean(answers == names) > 0.7
    assert model.evaluate(BLOBS.inputs, given)["accuracy"] == pytest.approx(np.mean(answers == names))
    loaded = Model.load(model.save(tmp_path / "m.brickwork"))
    assert np.array_equal(loaded.predict(BLOBS.inputs), answers)
    assert loaded.evaluate(BLOBS.inputs, given) == model.evaluate(BLOBS.inputs, given)


def test_answers_probabilities_and_raw_outputs(trained):
    logits, proba, answers = trained.logits(VALID), trained.predict_proba(VALID.inputs), trained.predict(VALID.inputs)
    assert logits.shape == proba.shape == (40, 3)
    np.testing.assert_allclose(proba.sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.log(proba) - np.log(proba[:, :1]), logits - logits[:, :1], atol=1e-5)
    assert np.array_equal(answers, logits.argmax(-1))
    scores = trained.evaluate(VALID)
    assert scores["accuracy"] == pytest.approx(np.mean(answers == VALID.targets))
    assert scores["loss"] == pytest.approx(-np.mean(np.log(proba[np.arange(40), VALID.targets])), rel=1e-5)
    assert str(scores) == f"loss {scores['loss']:.4g}  accuracy {scores['accuracy']:.4g}"


def test_any_number_of_rows(trained):
    many = blobs(300, 4)
    whole = trained.logits(many.inputs)
    for rows in (1, 2, 17, 256, 257):
        np.testing.assert_allclose(trained.logits(many.inputs[:rows]), whole[:rows], rtol=1e-5, atol=1e-6)
    by_hand = trained.net.apply(trained.variables, many.inputs).output
    np.testing.assert_allclose(whole, by_hand, rtol=1e-5, atol=1e-6)
    before = compile_counts["predict"]
    trained.logits(many.inputs[:256])
    trained.logits(many.inputs[:250])
    assert compile_counts["predict"] == before


def test_one_compile_for_two_fits_and_two_evaluations():
    model = fitted()
    model.evaluate(VALID)
    before = dict(compile_counts)
    model.fit(BLOBS, progress=False)
    model.evaluate(VALID)
    model.evaluate(blobs(38, 3))
    other = fitted()
    other.fit(blobs(92), progress=False)
    assert dict(compile_counts) == before


def test_networks_that_are_equal_may_see_other_inputs():
    """An equal network on other columns is another program."""
    net = Sequential(Dense(2))
    for columns in (3, 5):
        x = np.random.default_rng(0).normal(size=(20, columns)).astype(np.float32)
        model = Model(net, "cross_entropy")
        model.fit(x, (x[:, 0] > 0).astype(int), recipe=RECIPE, progress=False)
        assert model.variables is not None
        assert model.variables.params["0_dense/weight"].shape == (columns, 2)


def test_fitting_again_goes_on():
    once, twice = fitted(epochs=6), fitted(epochs=3)
    twice.fit(BLOBS, epochs=3, progress=False)
    assert [record["epoch"] for record in twice.history] == [1, 2, 3, 4, 5, 6]
    a, b = once.variables, twice.variables
    for path in a.params:  # same rows, same keys, the same optimizer state: the same run cut in two
        np.testing.assert_allclose(a.params[path], b.params[path], rtol=1e-5, atol=1e-6)


def test_fitting_again_after_loading_goes_on(tmp_path, trained):
    loaded = Model.load(trained.save(tmp_path / "m.brickwork"))
    before = loaded.evaluate(BLOBS)["loss"]
    loaded.fit(BLOBS, recipe=RECIPE, progress=False)
    assert [record["epoch"] for record in loaded.history] == list(range(1, 15))
    assert loaded.evaluate(BLOBS)["loss"] < before + 0.05


def test_starting_from_given_weights():
    start = NET.init(jax.random.key(3), BLOBS.inputs[:1])
    model = Model(NET, "cross_entropy", variables=start)
    np.testing.assert_allclose(model.logits(BLOBS.inputs), NET.apply(start, BLOBS.inputs).output, atol=1e-5)
    model.fit(BLOBS, recipe=RECIPE.replace(epochs=1, optimizer=SGD(1e-6)), progress=False)
    np.testing.assert_allclose(model.variables.params["0_dense/weight"], start.params["0_dense/weight"], atol=1e-4)
    jax.block_until_ready(start.params)  # what was given is still the user's


def test_saving_and_loading_gives_the_same_bits(tmp_path, trained):
    path = trained.save(tmp_path / "m.brickwork")
    loaded = Model.load(path)
    assert loaded.net == trained.net
    assert loaded.loss == trained.loss
    assert loaded.metrics == trained.metrics
    assert loaded.history == trained.history
    for method in ("logits", "predict_proba", "predict"):
        assert getattr(loaded, method)(VALID.inputs).tobytes() == getattr(trained, method)(VALID.inputs).tobytes()
    assert loaded.evaluate(VALID) == trained.evaluate(VALID)
    assert loaded.save(tmp_path / "again.brickwork").read_bytes() == path.read_bytes()
    assert loaded.plan.count == trained.plan.count


def test_statistics_frozen_parts_precision_and_averages_are_saved(tmp_path):
    net = Sequential(body=Dense(6, "tanh"), norm=BatchNorm(), head=Dense(3))
    model = Model(net, "cross_entropy", frozen="body/**")
    model.fit(BLOBS, recipe=RECIPE.changed(ema=0.5, precision="bfloat16"), progress=False)
    loaded = Model.load(model.save(tmp_path / "m.brickwork"))
    assert loaded.frozen == "body/**"
    assert loaded.recipe.precision == "bfloat16"
    assert loaded.logits(VALID.inputs).tobytes() == model.logits(VALID.inputs).tobytes()
    body = np.asarray(loaded.variables.params["body/weight"])
    loaded.fit(BLOBS, recipe=RECIPE, progress=False)
    assert np.array_equal(loaded.variables.params["body/weight"], body)


def test_metrics_that_are_no_number_can_be_saved(tmp_path):
    data = line(96)
    model = Model(Dense(1), "mse", ["r2"])
    model.fit(data.inputs, np.zeros((96, 1)), valid=data, recipe=RECIPE, folder=tmp_path, progress=False)
    model.history[-1]["valid/r2"] = float("nan")
    assert np.isnan(Model.load(model.save(tmp_path / "m.brickwork")).history[-1]["valid/r2"])


# ------------------------------------------------------------------------------------------ the user's own parts


def cubic(outputs, targets):
    """A loss of the user's own: one number a row."""
    return jnp.abs(outputs - targets)[:, 0] ** 3


def close(outputs, targets):
    """A metric of the user's own."""
    return (jnp.abs(outputs - targets) < 0.5).astype(jnp.float32).mean(-1)


def test_functions_of_the_users_own(tmp_path):
    data = line(96)
    model = Model(Dense(1), loss=cubic, metrics=[close, "mae"])
    outcome = model.fit(data, valid=data, recipe=RECIPE.replace(epochs=30, optimizer=Adam(0.1)), progress=False)
    assert set(outcome.history[0]) >= {"train/loss", "valid/loss", "train/close", "valid/close", "valid/mae"}
    scores = model.evaluate(data)
    error = np.abs(model.predict(data.inputs) - data.targets)[:, 0]
    assert scores["loss"] == pytest.approx(np.mean(error**3), rel=1e-4)
    assert scores["close"] == pytest.approx(np.mean(error < 0.5))
    assert scores["close"] > 0.9
    loaded = Model.load(model.save(tmp_path / "m.brickwork"))
    assert np.array_equal(loaded.predict(data.inputs), model.predict(data.inputs))
    assert [metric.name for metric in loaded.metrics] == ["mae"]
    with pytest.raises(
        SettingError, match="trained with the function 'cubic', which its file does not hold: set model"
    ):
        loaded.evaluate(data)
    loaded.loss = model.loss
    assert loaded.evaluate(data)["loss"] == pytest.approx(scores["loss"])


@pytest.mark.slow
def test_optimizers_and_schedules_of_many_kinds():
    def halve(step):
        return 0.5 ** (step / 20.0)

    data = line(96)
    for settings in (
        {"optimizer": "momentum"},
        {"optimizer": SGD(0.05), "schedule": Cosine()},
        {"optimizer": optax.adam(0.05)},
        {"optimizer": optax.chain(optax.clip(1.0), optax.sgd(0.05)), "schedule": halve},
        {"optimizer": "adam", "rate": 0.05, "schedule": "warmup_cosine"},
    ):
        model = Model(Dense(1), "mse")
        outcome = model.fit(data, recipe=RECIPE.replace(epochs=6), progress=False, **settings)
        losses = [record["train/loss"] for record in outcome.history]
        assert losses[-1] < 0.5 * losses[0], settings


def test_an_optax_optimizer_is_the_same_as_ours():
    data = line(96)
    ours, theirs = Model(Dense(1), "mse"), Model(Dense(1), "mse")
    ours.fit(data, recipe=RECIPE, optimizer=SGD(0.1), progress=False)
    theirs.fit(data, recipe=RECIPE, optimizer=optax.sgd(0.1), progress=False)
    np.testing.assert_allclose(ours.predict(data.inputs), theirs.predict(data.inputs), rtol=1e-5)


def test_losses_and_metrics_as_classes_objects_and_names():
    data = line(96)
    for loss in ("mse", bw.losses.MeanSquaredError, bw.losses.Huber(0.5)):
        model = Model(Dense(1), loss, "mae")
        assert isinstance(model.loss, Loss)
        assert all(isinstance(metric, Metric) for metric in model.metrics)
        model.fit(data, recipe=RECIPE, progress=False)
        assert set(model.evaluate(data)) == {"loss", "mae"}


def test_yes_or_no_and_a_metric_over_all_rows():
    yes = (BLOBS.targets == 1).astype(np.float32)
    model = Model(Sequential(Dense(8, "tanh"), Dense(1)), "binary_cross_entropy", ["accuracy", RocAuc()])
    recipe = RECIPE.replace(epochs=10, optimizer=Adam(0.03))
    outcome = model.fit(BLOBS.inputs, yes, valid=(BLOBS.inputs, yes), recipe=recipe, progress=False)
    scores = model.evaluate(BLOBS.inputs, yes)
    assert scores["roc_auc"] > 0.85
    assert "valid/roc_auc" in outcome.history[0]
    assert "train/roc_auc" not in outcome.history[0]
    answers, proba = model.predict(BLOBS.inputs), model.predict_proba(BLOBS.inputs)
    assert set(np.unique(answers)) <= {0, 1}
    assert np.array_equal(answers, (proba[:, 0] > 0.5).astype(int))


def test_sequences_of_examples_and_row_weights():
    weight = np.where(BLOBS.targets == 2, 0, 1).astype(np.float32)
    model = Model(NET, "cross_entropy", ["accuracy"])
    model.fit((BLOBS.inputs, BLOBS.targets, weight), recipe=RECIPE.changed(epochs=20, rate=0.03), progress=False)
    assert 2 not in model.predict(BLOBS.inputs)


def test_training_in_a_thread():
    import threading

    result = []
    thread = threading.Thread(target=lambda: result.append(fitted().evaluate(VALID)))
    thread.start()
    thread.join()
    assert result == [fitted().evaluate(VALID)]
