"""Targets: which kind of question a column asks, its answers, and what cannot be learnt."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from brickwork.core.errors import DataError, SettingError
from brickwork.data.table import Table, read_table
from brickwork.data.table.target import read_target


def table(**columns) -> Table:
    return read_table(pl.DataFrame(columns))


def test_kinds_of_questions():
    given = table(
        flag=[True, False, True, False] * 10,
        word=["red", "green", "blue", "red"] * 10,
        stars=[1, 2, 3, 5] * 10,
        price=[float(n) / 3 for n in range(40)],
        count=list(range(40)),
        tags=["a|b", "b", "c|a", ""] * 10,
        height=[1.5 + n for n in range(40)],
    )
    kinds = {name: read_target(given, name) for name in given.columns}
    assert {name: found.question for name, found in kinds.items()} == {
        "flag": "classes",
        "word": "classes",
        "stars": "classes",
        "price": "number",
        "count": "number",
        "tags": "labels",
        "height": "number",
    }
    assert kinds["flag"].labels == ("false", "true")
    assert kinds["word"].labels == ("blue", "green", "red")
    assert kinds["stars"].labels == (1, 2, 3, 5)
    assert kinds["stars"].values[:4].tolist() == [1, 2, 3, 5]
    assert "whole numbers again and again" in kinds["stars"].why
    both = read_target(given, ["price", "height"])
    assert both.question == "number"
    assert both.values.shape == (40, 2)
    assert both.values[3].tolist() == [1.0, 4.5]


def test_labels_in_a_cell_are_flags_of_their_own():
    given = table(tags=["red|big", " big | red ", "small", "red|", "big"] * 6)
    found = read_target(given, "tags")
    assert found.labels == ("big", "red", "small")
    assert found.values[:5].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]
    one_of = read_target(given, "tags", "classes")
    assert one_of.question == "classes"
    assert one_of.why == "it was asked for"


def test_rows_without_an_answer_are_left_out():
    found = read_target(table(answer=["yes", None, "no", None] * 10, x=list(range(40))), "answer")
    assert found.rows.tolist() == [n for n in range(40) if n % 2 == 0]
    assert found.notes == ("20 of 40 rows have no 'answer' and are left out.",)
    several = read_target(table(a=[1.5, None, 3.5, 4.5], b=[None, 2.5, 4.5, 5.5]), ["a", "b"])
    assert several.rows.tolist() == [2, 3]
    assert several.values.tolist() == [[3.5, 4.5], [4.5, 5.5]]


def test_numbers_asked_for_as_classes_and_classes_as_numbers():
    given = table(stars=[1, 2, 3, 5] * 10, size=[n / 7 for n in range(40)])
    assert read_target(given, "stars", "number").values.tolist()[:4] == [1.0, 2.0, 3.0, 5.0]
    assert len(read_target(given.rows(np.arange(20)), "size", "classes").labels or ()) == 20
    with pytest.raises(DataError, match="40 different values in 40 rows"):
        read_target(given, "size", "classes")
    assert read_target(table(y=[1.0, 0.0, None, 1.0] * 10), "y").labels == (0, 1)


@pytest.mark.parametrize(
    ("columns", "names", "question", "text"),
    [
        ({"price": [1.0, 2.0]}, "prise", None, "has no column 'prise'. Did you mean 'price'?"),
        ({"a": [1.0, 2.0]}, [], None, "Name the column to learn"),
        (
            {"a": pl.Series([None, None], dtype=pl.Float64), "b": [1, 2]},
            "a",
            None,
            "'a' of the data frame has no values",
        ),
        (
            {"a": ["yes", "yes"], "b": [1, 2]},
            "a",
            None,
            "Every row of the data frame has the same a .'yes'.: one class",
        ),
        ({"a": [2.5, 2.5], "b": [1, 2]}, "a", None, "has the same a .2.5.: there is nothing to learn"),
        ({"a": ["yes", "no"], "b": [1, 2]}, "a", "number", "'a' of the data frame holds 'yes', which is no number"),
        ({"a": ["yes", "no"], "b": ["u", "v"]}, ["a", "b"], None, "holds 'yes', which is no number"),
        ({"a": ["yes", "no"], "b": [1, 2]}, ["a", "b"], "classes", "'a', 'b' are several columns: classes are in one"),
        (
            {"a": [f"name {n // 3}" for n in range(3600)]},
            "a",
            None,
            "1,200 different values, more than the 1,000 classes",
        ),
        ({"a": ["|", "||"], "b": [1, 2]}, "a", "labels", "has no labels"),
    ],
)
def test_what_cannot_be_learnt(columns, names, question, text):
    with pytest.raises((DataError, SettingError), match=text):
        read_target(table(**columns), names, question)


def test_answers_to_judge_need_not_vary_but_must_be_known():
    given = table(answer=["yes"] * 5, stars=[3] * 5, tags=["a"] * 5, size=[2.5] * 5)
    assert read_target(given, "answer", "classes", ["no", "yes"]).labels == ("no", "yes")
    assert read_target(given, "stars", "classes", [1, 2, 3]).values.tolist() == [3] * 5
    assert read_target(given, "tags", "labels", ["a", "b"]).values.tolist() == [[1, 0]] * 5
    assert read_target(given, "size", "number", ()).values.tolist() == [2.5] * 5
    with pytest.raises(
        DataError, match=r"'answer' of the data frame has 'yes', which the model has not learnt. Did you mean"
    ):
        read_target(given, "answer", "classes", ["no", "yess"])
    with pytest.raises(DataError, match="'tags' of the data frame has 'a', which the model has not learnt"):
        read_target(given, "tags", "labels", ["b", "c"])


def test_whole_numbers_learnt_as_classes_are_found_as_floats_and_texts():
    learnt = (1, 2, 10)
    for values in ([1.0, 2.0, 10.0], ["1", "2", "10"], [1, 2, 10]):
        given = table(stars=pl.Series(values, strict=False))
        assert read_target(given, "stars", "classes", learnt).values.tolist() == [1, 2, 10]
    with pytest.raises(DataError, match="no whole number"):
        read_target(table(stars=["1", "two", "ten"]), "stars", "classes", learnt)


def test_dates_are_no_target_numbers():
    with pytest.raises(DataError, match="no number to learn"):
        read_target(table(day=[date(2024, 1, n) for n in range(1, 30)]), "day", "number")
