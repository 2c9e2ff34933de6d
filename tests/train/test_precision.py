"""Training in other types than float32."""

import jax
import numpy as np
import pytest

from brickwork.bricks import LSTM, BatchNorm, Dense, Dropout, Sequential
from brickwork.core.batch import Padded
from brickwork.core.errors import BundleError, SettingError
from brickwork.core.precision import Precision
from brickwork.train import Model, Recipe
from train.small import blobs, line

NET = Sequential(Dense(8, "tanh"), BatchNorm(), Dropout(0.1), Dense(3))


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adam_w"])
def test_float64_all_the_way(optimizer, tmp_path):
    with jax.enable_x64(True):
        model = Model(NET, "cross_entropy", ["accuracy"])
        settings = {"epochs": 6, "batch_size": 16, "rate": 0.02, "ema": 0.5, "clip_norm": 1.0, "l2": 1e-4}
        model.fit(blobs(), valid=blobs(50, 1), precision="float64", optimizer=optimizer, progress=False, **settings)
        assert model.variables is not None
        for path, value in (model.variables.params | model.variables.stats).items():
            assert value.dtype == np.float64, path
            assert np.isfinite(value).all()
            assert not np.array_equal(value, value.astype(np.float32)), path  # the digits past float32 are used
        outputs = model.logits(blobs(50, 1).inputs)
        assert outputs.dtype == np.float64
        assert model.predict_proba(blobs(50, 1).inputs).dtype == np.float64
        assert model.evaluate(blobs(50, 1))["accuracy"] > 0.5
        path = model.save(tmp_path / "m.brickwork")
        loaded = Model.load(path)
        assert loaded.recipe.precision == "float64"
        np.testing.assert_array_equal(loaded.logits(blobs(50, 1).inputs), outputs)
        loaded.fit(blobs(), epochs=1, progress=False)
        assert loaded.variables is not None
        assert {str(value.dtype) for value in loaded.variables.params.values()} == {"float64"}
    with pytest.raises(BundleError, match="JAX_ENABLE_X64=1"):
        Model.load(path)


def test_float64_follows_the_same_path_as_float32():
    wide, narrow = (Model(Dense(1), "mse", ["r2"]) for _ in range(2))
    recipe = Recipe(epochs=5, batch_size=16, shuffle=False)
    start = Dense(1).init(jax.random.key(0), line().inputs[:1])
    narrow.variables = start
    narrow.fit(line(), recipe=recipe, progress=False)
    with jax.enable_x64(True):
        wide.variables = jax.tree.map(lambda leaf: leaf.astype("float64"), start)
        wide.fit(line(), recipe=recipe.changed(precision="float64"), progress=False)
        assert wide.variables is not None
        assert narrow.variables is not None
        for path, value in wide.variables.params.items():
            assert value.dtype == np.float64
            np.testing.assert_allclose(value, narrow.variables.params[path], rtol=1e-4, atol=1e-5)


def test_float64_needs_the_64_bit_mode():
    model = Model(NET, "cross_entropy")
    for make in (
        lambda: Recipe(precision="float64"),
        lambda: model.fit(blobs(), precision="float64", progress=False),
        lambda: Precision.of("float64"),
        lambda: Precision(output="float64"),
        lambda: NET.init(jax.random.key(0), blobs().inputs, precision="float64"),
        lambda: NET.plan(blobs().inputs, precision="float64"),
    ):
        with pytest.raises(SettingError, match="float64 needs"):
            make()
    assert model.variables is None


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_keeps_float32_weights(precision):
    model = Model(NET, "cross_entropy", ["accuracy"])
    model.fit(blobs(), precision=precision, epochs=8, batch_size=16, rate=0.02, progress=False)
    assert model.variables is not None
    assert {str(value.dtype) for value in model.variables.params.values()} == {"float32"}
    assert {str(value.dtype) for value in model.variables.stats.values()} == {"float32"}
    assert model.logits(blobs().inputs).dtype == np.float32
    assert model.evaluate(blobs())["accuracy"] > 0.6


@pytest.mark.slow
def test_sequences_in_half_precision():
    random = np.random.default_rng(0)
    rows = [random.normal(size=(length, 2)) for length in random.integers(1, 6, 60)]
    model = Model(Sequential(LSTM(4, return_sequence=True), Dense(2)), "cross_entropy", ["accuracy"])
    targets = Padded.of([row[:, 0] > 0 for row in rows])
    model.fit(Padded.of(rows), targets, precision="bfloat16", epochs=15, batch_size=16, rate=0.05, progress=False)
    assert model.logits(Padded.of(rows)).values.dtype == np.float32
    assert model.evaluate(Padded.of(rows), targets)["accuracy"] > 0.8
