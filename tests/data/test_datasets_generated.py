"""The generated data sets: they are what their cards say, and can be learned."""

import numpy as np

from brickwork.data import datasets, generated
from brickwork.data.table import TableEncoder


def test_passes_is_its_rule_with_five_percent_turned_round():
    inputs, passed = generated.passes()
    card = datasets.card("passes")
    assert inputs.shape == (card.rows, *card.inputs)
    assert (*inputs[0], passed[0]) == (4, 5, 1)
    assert set(inputs[:, 0]) == set(range(9))
    assert set(inputs[:, 1]) == {half / 2 for half in range(17)}
    turned = ((inputs.sum(1) > 7) != passed).mean()
    assert abs(turned - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 500)
    assert "generated" in card.title
    assert "no student is in it" in card.origin


def test_a_network_says_that_four_lectures_and_five_hours_pass():
    from brickwork.train import Model
    from brickwork.zoo import perceptron

    data = datasets.load("passes")
    model = Model(perceptron(data.train.inputs, 2, hidden=(8,), dropout=0.0), "cross_entropy", ["accuracy"])
    model.fit(data.train, valid=data.valid, epochs=40, rate=0.01, progress=False)
    answers = model.predict(np.array([[4, 5], [1, 1], [8, 8]], np.float32))
    assert list(answers) == ["pass", "fail", "pass"]
    assert model.evaluate(data.test)["accuracy"] > 0.85


def test_flights_begin_with_the_lectures_four():
    table = datasets.table("flights")
    card = datasets.card("flights")
    assert table.frame.shape == (card.rows, card.inputs[0] + 1)
    assert table.columns == (*card.columns, card.answer)
    first = table.frame.head(4).select("temperature", "wind", "delayed").rows()
    assert first == [(-20, 45, "yes"), (80, 0, "no"), (4, 15, "yes"), (45, 60, "yes")]
    assert {str(kind) for kind in table.frame.dtypes} == {
        "String",
        "Float64",
        "Datetime(time_unit='us', time_zone=None)",
    }
    gaps = {name: table.frame[name].null_count() / 2000 for name in ("wind", "rain", "aircraft age", "temperature")}
    assert 0.04 < gaps["wind"] < 0.08
    assert 0.05 < gaps["aircraft age"] < 0.15
    assert gaps["temperature"] == 0
    assert table.frame.equals(datasets.table("flights").frame)


def test_flights_are_delayed_by_the_rule_of_the_card():
    """The rule, written down once more from the card's words, explains the answers as well as its noise allows."""
    frame = datasets.table("flights").frame
    known = frame.filter(frame["wind"].is_not_null() & frame["rain"].is_not_null())
    when, city = known["departure"], known["from"].to_list()
    hours = (when.dt.hour() + when.dt.minute() / 60).to_numpy()
    cold = np.maximum(0, 32 - known["temperature"].to_numpy())
    airline = {"Albatross": -0.8, "Bee Line": 0, "Condor Sky": 0.5, "Dragonfly": 1.3}
    score = (
        -2.6
        + 0.12 * cold * np.where(np.isin(city, ["Denver", "Chicago"]), 0.5, 1)
        + 0.15 * np.maximum(0, known["wind"].to_numpy() - 20)
        + 4 * known["rain"].to_numpy()
        + 0.17 * np.maximum(0, hours - 13)
        + 0.8 * when.dt.weekday().is_in([5, 7]).to_numpy()
        + np.array([airline[name] for name in known["airline"]])
    )
    probability = 1 / (1 + np.exp(-score))
    delayed = known["delayed"].to_numpy() == "yes"
    spread = np.sqrt((probability * (1 - probability)).sum())
    assert abs(delayed.sum() - probability.sum()) < 3 * spread
    right = np.maximum(probability, 1 - probability)
    assert abs(((probability > 0.5) == delayed).mean() - right.mean()) < 3 * np.sqrt(
        (right * (1 - right)).mean() / len(right)
    )
    assert right.mean() > delayed.mean() + 0.1 > 0.3  # there is something to learn, and not only the more frequent


def test_flights_can_be_encoded():
    table = datasets.table("flights")
    encoder, judged = TableEncoder.fit(table, [name for name in table.columns if name != "delayed"])
    assert [one.kind for one in judged] == ["date", *["category"] * 3, *["number"] * 5]
    arrays = encoder(table)
    assert arrays["categories"].shape == (2000, 3)
    assert np.isfinite(arrays["numbers"]).all()
