"""Sequences of different lengths, from the data to the answers: padding must change nothing anywhere."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.bricks import LSTM, Attention, Dense, Embedding, GlobalPool, LayerNorm, Residual, Sequential
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import DataError, ShapeError
from brickwork.core.scope import Scope
from brickwork.data import Examples
from brickwork.losses import example_loss, resolve_loss
from brickwork.metrics import resolve_metric
from brickwork.optim import Adam
from brickwork.train import Model, Recipe

RECIPE = Recipe(epochs=12, batch_size=32, optimizer=Adam(0.01))
LAST = Sequential(LSTM(12), Dense(2))
TAGGER = Sequential(Embedding(6, 8), LSTM(12, return_sequence=True), Dense(3))
MIXER = Sequential(
    Embedding(6, 8), Residual(Sequential(LayerNorm(), Attention(2))), GlobalPool(), Dense(8, "relu"), Dense(2)
)


def lengths_of(rows: int, seed: int, longest: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, longest + 1, rows)


def numbers(rows: int = 300, seed: int = 0) -> tuple[Padded, np.ndarray]:
    """Return sequences of numbers, and whether the last one is positive."""
    random = np.random.default_rng(seed + 1000)
    sequences = [random.normal(size=(length, 1)).astype(np.float32) for length in lengths_of(rows, seed)]
    return Padded.of(sequences), np.array([int(one[-1, 0] > 0) for one in sequences])


def words(rows: int = 300, seed: int = 0) -> Padded:
    """Return sequences of ids from 1 to 5; ids of the padding are 0."""
    random = np.random.default_rng(seed + 2000)
    return Padded.of([random.integers(1, 6, length) for length in lengths_of(rows, seed)])


def tags(sequences: Padded) -> Padded:
    """Return for each step how many of it and the step before are odd: 0, 1 or 2."""
    return Padded.of([one % 2 + np.concatenate([[0], one[:-1] % 2]) for one in sequences])


def more_padding(given: Padded, time: int, fill: Any) -> Padded:
    """Return the same sequences with a longer time axis and something else in the padding."""
    values = np.full((len(given), time, *given.values.shape[2:]), fill, given.values.dtype)
    for row, one in zip(values, given, strict=True):
        row[: len(one)] = one
    return Padded(values, given.lengths)


def fitted(net: Brick, inputs: Any, targets: Any, loss: Any = "cross_entropy", **settings: Any) -> Model:
    model = Model(net, loss, ["accuracy"] if loss == "cross_entropy" else ["mae"])
    model.fit(inputs, targets, recipe=RECIPE.changed(**settings), progress=False)
    return model


def alone(model: Model, row: Any) -> np.ndarray:
    """Return the raw outputs for one sequence as a plain array, without padding."""
    assert model.variables is not None
    return np.asarray(model.net.apply(model.variables, jnp.asarray(row)[None]).output)[0]


@pytest.fixture(scope="module")
def last() -> Model:
    return fitted(LAST, *numbers())


@pytest.fixture(scope="module")
def tagger() -> Model:
    return fitted(TAGGER, words(), tags(words()))


# ----------------------------------------------------------------------------------------- one answer a sequence


def test_an_lstm_learns_the_sign_of_the_last_number(last):
    inputs, targets = numbers(200, seed=1)
    scores = last.evaluate(inputs, targets)
    assert scores["accuracy"] > 0.95
    answers = last.predict(inputs)
    assert answers.shape == (200,)
    assert scores["accuracy"] == pytest.approx(np.mean(answers == targets))
    proba = last.predict_proba(inputs)
    assert scores["loss"] == pytest.approx(-np.mean(np.log(proba[np.arange(200), targets])), rel=1e-4)


@pytest.mark.slow
def test_attention_learns_which_word_is_there():
    inputs, held_out = words(), words(150, seed=1)
    targets, truth = (np.array([int(3 in one) for one in part]) for part in (inputs, held_out))
    model = fitted(MIXER, inputs, targets)
    assert model.evaluate(held_out, truth)["accuracy"] > 0.95
    outputs = model.logits(held_out)
    np.testing.assert_allclose(outputs, model.logits(more_padding(held_out, 14, 5)), rtol=1e-4, atol=1e-5)
    for row in (0, 7, 149):
        np.testing.assert_allclose(outputs[row], alone(model, held_out[row]), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_outputs_are_those_without_padding(last):
    inputs, targets = numbers(70, seed=2)
    outputs = last.logits(inputs)
    for time, fill in ((9, np.nan), (10, 7.0), (23, -1e30)):
        padded = more_padding(inputs, time, fill)
        np.testing.assert_allclose(last.logits(padded), outputs, rtol=1e-4, atol=1e-5)
        assert last.evaluate(padded, targets)["loss"] == pytest.approx(last.evaluate(inputs, targets)["loss"], rel=1e-5)
    for row in range(0, 70, 10):
        np.testing.assert_allclose(outputs[row], alone(last, inputs[row]), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_training_is_the_same_for_any_padding():
    inputs, targets = numbers(90)
    one, other = (
        fitted(LAST, part, targets, epochs=3).variables for part in (inputs, more_padding(inputs, 17, np.nan))
    )
    assert one is not None
    assert other is not None
    for path, value in one.params.items():
        np.testing.assert_allclose(value, other.params[path], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2, 33, 257, 300])
def test_any_number_of_rows(last, rows):
    inputs, targets = numbers(300, seed=3)
    whole = last.logits(inputs)
    np.testing.assert_allclose(last.logits(inputs[:rows]), whole[:rows], rtol=1e-4, atol=1e-5)
    scores = last.evaluate(inputs[:rows], targets[:rows])
    assert scores["accuracy"] == pytest.approx(np.mean(whole[:rows].argmax(-1) == targets[:rows]))


@pytest.mark.slow
@pytest.mark.parametrize("net", [LAST, Sequential(Dense(4), Attention(2), GlobalPool(), Dense(2))])
def test_empty_sequences_harm_no_one(net):
    inputs, targets = numbers(40)
    some = Padded(inputs.values, np.where(np.arange(40) % 5 == 0, 0, inputs.lengths))
    model = fitted(net, some, targets, epochs=2)
    assert model.history[-1]["train/loss"] < 2
    outputs = model.logits(some)
    assert np.isfinite(outputs).all()
    np.testing.assert_allclose(outputs[::5], np.broadcast_to(outputs[0], (8, 2)), rtol=1e-5)


@pytest.mark.slow
def test_held_out_data_of_another_length_and_row_weights():
    inputs, targets = numbers(64)
    short, answers = Padded(inputs.values[:, :4], np.minimum(inputs.lengths, 4)), targets
    model = Model(LAST, "cross_entropy", ["accuracy"])
    weight = np.where(np.arange(64) < 32, 1.0, 0.0)
    model.fit(
        Examples.of(inputs, np.where(weight > 0, targets, 1 - targets), weight),
        valid=(short, answers),
        recipe=RECIPE.changed(epochs=20),
        progress=False,
    )
    assert "valid/accuracy" in model.history[0]
    assert model.evaluate(inputs[:32], targets[:32])["accuracy"] > 0.8


@pytest.mark.slow
def test_saving_and_loading(last, tagger, tmp_path):
    for model, inputs in ((last, numbers(20, seed=4)[0]), (tagger, words(20, seed=4))):
        loaded = Model.load(model.save(tmp_path / "m.brickwork"))
        assert isinstance(loaded.example, Padded)
        assert loaded.plan.count == model.plan.count
        for one, other in zip(
            jax.tree.leaves(loaded.logits(inputs)), jax.tree.leaves(model.logits(inputs)), strict=True
        ):
            np.testing.assert_array_equal(one, other)


# ------------------------------------------------------------------------------------------- one answer a step


@pytest.mark.slow
def test_a_tagger_learns_every_step(tagger):
    inputs = words(150, seed=1)
    targets = tags(inputs)
    scores = tagger.evaluate(inputs, targets)
    assert scores["accuracy"] > 0.95
    answers, proba = tagger.predict(inputs), tagger.predict_proba(inputs)
    assert isinstance(answers, Padded)
    assert answers.values.shape == inputs.values.shape
    assert proba.values.shape == (*inputs.values.shape, 3)
    hits = [one == other for one, other in zip(answers, targets, strict=True)]
    assert [len(row) for row in hits] == inputs.lengths.tolist()
    assert scores["accuracy"] == pytest.approx(np.mean(np.concatenate(hits)))
    of_rows = [
        -np.log(row[np.arange(len(row)), truth]).mean() for row, truth in zip(proba, targets, strict=True)
    ]  # a short row counts as much as a long one
    assert scores["loss"] == pytest.approx(np.mean(of_rows), rel=1e-4)
    for row in (0, 3, 149):
        np.testing.assert_allclose(tagger.logits(inputs)[row], alone(tagger, inputs[row]), rtol=1e-4, atol=1e-5)


def test_only_real_steps_count(tagger):
    inputs = words(50, seed=5)
    targets = tags(inputs)
    scores = tagger.evaluate(inputs, targets)
    for time, junk in ((9, -1), (9, 99), (15, 1), (30, -7)):
        for ours in (inputs, more_padding(inputs, time, junk)):
            again = tagger.evaluate(ours, more_padding(targets, time, junk))
            assert again == pytest.approx(scores, rel=1e-5)
    shorter = Padded(targets.values[:, : targets.lengths.max()], targets.lengths)
    assert tagger.evaluate(more_padding(inputs, 15, 0), shorter) == pytest.approx(scores, rel=1e-5)
    wrong = Padded((targets.values + 1) % 3, targets.lengths)
    assert tagger.evaluate(inputs, wrong)["accuracy"] < 0.05


@pytest.mark.slow
def test_steps_may_have_texts_as_labels(tmp_path):
    names = np.array(["none", "one", "two"])
    inputs = words(200)
    targets = Padded.of([names[row] for row in tags(inputs)], fill="")
    model = fitted(TAGGER, inputs, targets, epochs=8)
    assert model.classes == ("none", "one", "two")
    answers = list(model.predict(inputs))
    hits = np.concatenate([one == other for one, other in zip(answers, targets, strict=True)])
    assert hits.mean() > 0.9
    assert model.evaluate(inputs, targets)["accuracy"] == pytest.approx(hits.mean())
    loaded = Model.load(model.save(tmp_path / "m.brickwork"))
    assert [row.tolist() for row in loaded.predict(inputs[:5])] == [row.tolist() for row in answers[:5]]


@pytest.mark.slow
def test_steps_may_have_numbers_and_flags():
    inputs, _ = numbers(200)
    sums = Padded.of([np.tanh(one.cumsum()) for one in inputs])
    net = Sequential(LSTM(12, return_sequence=True), Dense(1))
    model = fitted(net, inputs, sums, "mse", epochs=15)
    answers = model.predict(inputs)
    assert answers.values.shape == (200, 9)
    errors = np.concatenate([np.abs(one - other) for one, other in zip(answers, sums, strict=True)])
    assert model.evaluate(inputs, sums)["mae"] == pytest.approx(errors.mean(), rel=1e-4)
    assert errors.mean() < 0.2
    flags = Model(net, "binary_cross_entropy", ["accuracy", "roc_auc"])
    flags.fit(inputs, Padded.of([one[:, 0] > 0 for one in inputs]), recipe=RECIPE.changed(epochs=6), progress=False)
    scores = flags.evaluate(inputs, Padded.of([one[:, 0] > 0 for one in inputs]))
    assert scores["accuracy"] > 0.9
    assert scores["roc_auc"] > 0.95


def test_positions_that_are_padding_in_either_do_not_count():
    outputs = Padded(jnp.asarray([[[1.0], [2.0], [3.0]]]), jnp.asarray([3]))
    targets = Padded(jnp.asarray([[[0.0], [0.0], [99.0]]]), jnp.asarray([2]))
    assert example_loss(resolve_loss("mse"), outputs, targets)[0] == 2.5
    swapped = Padded(outputs.values, targets.lengths), Padded(targets.values, outputs.lengths)
    assert example_loss(resolve_loss("mse"), *swapped)[0] == 2.5
    for name in ("mse", lambda o, t: jnp.square(o - t)[..., 0]):
        metric = resolve_metric(name)
        assert metric.result(metric.sums(outputs, targets)) == metric.result(metric.sums(*swapped)) == 2.5


# ------------------------------------------------------------------------------------------------ named inputs


@brick
class SampleReader(Brick):
    """Reads a text of words, looks at one number beside it, and says which of two."""

    def __call__(self, scope: Scope, x: Any) -> Any:
        text = scope("text", Sequential(Embedding(6, 8), LSTM(12)), x["words"])
        beside = scope("beside", Dense(4), x["number"])
        return scope("head", Dense(2), jnp.concatenate([text, beside], axis=-1))


@pytest.mark.slow
def test_named_inputs_some_of_which_are_sequences(tmp_path):
    def data(rows: int, seed: int) -> Examples:
        sequences = words(rows, seed)
        number = np.random.default_rng(seed).integers(0, 2, (rows, 1)).astype(np.float32)
        odd = np.array([one[-1] % 2 for one in sequences])
        return Examples.of({"words": sequences, "number": number}, np.where(odd > 0, 1, number[:, 0]).astype(int))

    train, test = data(300, 0), data(77, 1)
    model = Model(SampleReader(), "cross_entropy", ["accuracy"])
    model.fit(train, valid=test, recipe=RECIPE, progress=False)
    assert model.evaluate(test)["accuracy"] > 0.95
    outputs = model.logits(test.inputs)
    other = {**test.inputs, "words": more_padding(test.inputs["words"], 13, 4)}
    np.testing.assert_allclose(model.logits(other), outputs, rtol=1e-4, atol=1e-5)
    for row in (0, 76):
        plain = {"words": test.inputs["words"][row][None], "number": test.inputs["number"][row : row + 1]}
        alone = model.net.apply(model.variables, plain).output
        np.testing.assert_allclose(outputs[row], alone[0], rtol=1e-4, atol=1e-5)
    loaded = Model.load(model.save(tmp_path / "m.brickwork"))
    assert set(loaded.example) == {"words", "number"}
    np.testing.assert_array_equal(loaded.logits(test.inputs), outputs)


# ------------------------------------------------------------------------------------------------------ errors


SHORT = Padded.of([[1, 2], [3], [4, 5, 1]])


@pytest.mark.parametrize(
    ("net", "inputs", "targets", "error", "text"),
    [
        (LAST, Padded(np.ones((3, 4, 1)), [4, 5, 1]), [0, 1, 0], DataError, "between 0 and 4.* first row 1 with 5"),
        (LAST, Padded(np.ones((3, 4, 1)), [4, 2]), [0, 1, 0], DataError, "one length for each of 3 rows"),
        (LAST, Padded(np.ones((3, 4, 1)), [4, 2, 1]), [0, 1], DataError, "same number of rows"),
        (TAGGER, SHORT, Padded.of([[1, 2], [0, 0], [1, 1, 1]]), DataError,
         "lengths of inputs and targets differ in 1 of 3 rows, first in row 1 with 1 steps and 2 targets"),
        (TAGGER, SHORT, SHORT, DataError, r"Label 5 \(row 2\) .* End the network in Dense\(6\)"),
        (TAGGER, SHORT, [0, 1, 2], ShapeError, "the targets have one number a row: put .*GlobalPool"),
        (LAST, Padded.of([np.ones((2, 1)), np.ones((1, 1))]), Padded.of([[1, 0], [1]]), ShapeError,
         "Targets are sequences .* the network's output is one array.*return_sequence=True"),
        (TAGGER, SHORT.values, Padded.of([[1, 2], [0], [1, 1, 1]]), ShapeError, "Give inputs as Padded too"),
        (Sequential(GlobalPool(), Dense(2)), SHORT, [0, 1, 0], ShapeError, "no places to pool over"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together(net, inputs, targets, error, text):
    with pytest.raises(error, match=text):
        Model(net, "cross_entropy", ["accuracy"]).fit(inputs, targets, recipe=RECIPE, progress=False)


@pytest.mark.slow
def test_more_targets_than_steps():
    @brick
    class SampleEveryOther(Brick):
        padded = "aware"

        def __call__(self, scope: Scope, x: Any) -> Any:
            return scope("head", Dense(3), Padded(x.values[:, ::2], (x.lengths + 1) // 2))

    inputs = Padded(np.ones((4, 6, 2), np.float32), [6, 5, 4, 1])
    model = fitted(SampleEveryOther(), inputs, Padded.of([[0, 1, 2], [0, 1, 2], [0, 1], [0]]), epochs=1)
    assert model.predict(inputs).lengths.tolist() == [3, 3, 2, 1]
    with pytest.raises(ShapeError, match="gives 3 steps, but row 2 has 4 targets"):
        model.evaluate(inputs, Padded.of([[0, 1, 2], [0, 1, 2], [0, 1, 0, 0], [0]]))


def test_the_largest_input_is_no_length():
    from brickwork.train.feed import Feed

    examples = Examples.of(Padded(np.full((2, 500), 0.5), [500, 400]), [0, 1])
    assert Feed(examples, RECIPE).largest_input() == 0.5
