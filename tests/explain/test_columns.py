"""Importance and contributions, against scikit-learn, closed formulas and all orders tried one by one."""

import itertools

import numpy as np
import polars as pl
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

from brickwork.core.errors import DataError, SettingError
from brickwork.data.table import TableEncoder, read_table
from brickwork.explain import Answered, column_groups, contributions, matters, typical

draw = np.random.default_rng(0)


def groups(n):
    return {f"x{k}": {"numbers": (k,)} for k in range(n)}


def test_places_of_columns_are_those_of_the_encoder():
    frame = pl.DataFrame(
        {
            "size": [1.0, None, 3.0, 4.5] * 6,
            "kind": ["a", "b", "a", None] * 6,
            "note": [f"red car {k}" if k % 3 else "blue bike here" for k in range(24)],
        }
    )
    table = read_table(frame)
    encoder, _ = TableEncoder.fit(table, table.columns)
    places = column_groups(encoder)
    for column in encoder.columns:
        alone = TableEncoder((column,))(table)
        for name, array in encoder(table).items():
            np.testing.assert_array_equal(
                array[:, list(places[column.name].get(name, ()))], alone.get(name, array[:, :0])
            )


def test_a_typical_row():
    found = typical(
        {
            "numbers": np.array([[1, 0], [2, 1], [9, 1], [3, 0]], np.float32),
            "categories": np.array([[3], [1], [3], [0]]),
        }
    )
    assert found["numbers"].tolist() == [[2.0, 0.0]]
    assert found["categories"].tolist() == [[3]]
    with pytest.raises(DataError, match="no rows"):
        typical({"numbers": np.zeros((0, 2))})


def test_importance_of_a_linear_model_is_known():
    x = draw.normal(size=(2000, 4))
    weight = np.array([2.0, 1.0, 0.0, -3.0])
    answered = Answered("number", (x @ weight)[:, None], (x @ weight)[:, None], ("y",))
    found = matters(lambda rows: rows["numbers"] @ weight, {"numbers": x}, answered, groups(4), repeats=10)
    assert [one.column for one in found] == ["x3", "x0", "x1", "x2"]
    for one, w in zip(found, (3.0, 2.0, 1.0, 0.0), strict=True):
        expected = 2 * w**2 / 14  # a shuffled column adds twice its variance to the errors
        assert one.loss.value == pytest.approx(expected, rel=0.06)
        assert one.loss.low - 0.01 <= expected <= one.loss.high + 0.01
    assert (found[3].loss.low, found[3].loss.high) == (0, 0)


def test_importance_is_that_of_scikit_learn():
    x = draw.normal(size=(1500, 3))
    truth = (x[:, 0] + 0.5 * x[:, 1] + draw.normal(size=1500) > 0).astype(int)
    model = LogisticRegression().fit(x, truth)
    answered = Answered("classes", truth, model.predict_proba(x), (0, 1))
    theirs = permutation_importance(model, x, truth, scoring="neg_log_loss", n_repeats=20, random_state=0)
    found = matters(lambda r: model.predict_proba(r["numbers"]), {"numbers": x}, answered, groups(3), "log_loss", 20)
    ours = {one.column: one.loss.value for one in found}
    assert [ours[f"x{k}"] for k in range(3)] == pytest.approx(theirs.importances_mean, abs=0.01)


def test_what_a_column_became_is_shuffled_together_and_rows_are_bounded():
    seen = []

    def predict(rows):
        seen.append(len(rows["numbers"]))
        np.testing.assert_array_equal(rows["numbers"][:, 0], -rows["numbers"][:, 1])
        np.testing.assert_array_equal(rows["numbers"][:, 0], rows["categories"][:, 0])
        return rows["numbers"][:, :1]

    values = np.arange(3000.0)
    inputs = {"numbers": np.stack([values, -values], 1), "categories": values[:, None].astype(np.int32)}
    answered = Answered("number", values[:, None], values[:, None], ("y",))
    (one,) = matters(predict, inputs, answered, {"x": {"numbers": (0, 1), "categories": (0,)}}, repeats=3, rows=500)
    assert one.loss.value == pytest.approx(2, rel=0.1)
    assert sum(seen) == 1500
    with pytest.raises(DataError, match=r"\[5\] of the 2 numbers"):
        matters(predict, inputs, answered, {"x": {"numbers": (5,)}})
    with pytest.raises(SettingError, match="no score"):
        matters(predict, inputs, answered, {}, "accuracy")


def bent(rows):
    x, c = rows["numbers"], rows["categories"]
    return np.stack([np.zeros(len(x)), x[:, 0] * x[:, 1] + np.sin(x[:, 2]) * (c[:, 0] == 2) + x[:, 1] ** 2], axis=1)


BENT = {**groups(3), "c": {"categories": (0,)}}


@pytest.mark.parametrize("samples", [16, 2])  # all subsets, and a few orders
def test_contributions_are_shapley_values(samples):
    row = {"numbers": np.array([[1.0, 2.0, 3.0]]), "categories": np.array([[2]])}
    base = {"numbers": np.array([[0.5, -1.0, 0.0]]), "categories": np.array([[0]])}
    effects = dict.fromkeys(BENT, 0.0)
    for order in itertools.permutations(BENT):
        mixed = {name: array.copy() for name, array in base.items()}
        before = bent(mixed)[0, 1]
        for column in order:
            for name, places in BENT[column].items():
                mixed[name][:, places] = row[name][:, places]
            after = bent(mixed)[0, 1]
            effects[column] += (after - before) / 24
            before = after
    (found,) = contributions(bent, row, base, BENT, samples=samples, shown=[{"c": "red", "x0": 1.0}])
    assert sum(one.effect for one in found) == pytest.approx(bent(row)[0, 1] - bent(base)[0, 1], abs=1e-12)
    assert [abs(one.effect) for one in found] == sorted((abs(one.effect) for one in found), reverse=True)
    if samples == 16:
        assert {one.column: one.effect for one in found} == pytest.approx(effects)
        assert {one.column: one.value for one in found} == {"x0": "1", "x1": "", "x2": "", "c": "red"}


def test_contributions_to_a_linear_model_are_its_terms():
    x, weight = draw.normal(size=(3, 20)), draw.normal(size=20)
    base = typical({"numbers": draw.normal(size=(9, 20))})
    rows = contributions(lambda r: r["numbers"] @ weight, {"numbers": x}, base, groups(20), output=0, samples=2)
    for row, found in zip(x, rows, strict=True):
        effects = {one.column: one.effect for one in found}
        expected = weight * (row - base["numbers"][0])
        assert [effects[f"x{k}"] for k in range(20)] == pytest.approx(list(expected))


def test_many_columns_add_up_and_what_is_typical_has_no_effect():
    x = draw.normal(size=(1, 12))
    base = {"numbers": np.where(np.arange(12) == 5, x, 0.0)}

    def predict(rows):
        return np.tanh(rows["numbers"].prod(axis=1) + rows["numbers"].sum(axis=1))

    (found,) = contributions(predict, {"numbers": x}, base, groups(12), samples=4)
    total = predict({"numbers": x})[0] - predict(base)[0]
    assert sum(one.effect for one in found) == pytest.approx(total, abs=1e-12)
    assert {one.column: one.effect for one in found}["x5"] == 0
    with pytest.raises(DataError, match="each of the 12 numbers once"):
        contributions(predict, {"numbers": x}, base, groups(11))
    with pytest.raises(SettingError, match="from 0 to 0"):
        contributions(predict, {"numbers": x}, base, groups(12), output=1)
