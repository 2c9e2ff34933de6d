"""The encoder of tables: the same arrays whatever file the rows come from, and an answer for whatever comes later."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from brickwork.core.errors import DataError
from brickwork.core.spec import MAX_NODES, from_json, to_json
from brickwork.data.table import CategoryColumn, NumberColumn, TableEncoder, encoder, read_table

ROWS = 120


def people():
    draw = np.random.default_rng(0)

    def some(values):
        return [None if gone else value for value, gone in zip(values, draw.random(ROWS) < 0.1, strict=True)]

    words = ["red", "green", "light blue", "3", "4.5"]
    starts = [dt.datetime(2015, 1, 1) + dt.timedelta(hours=int(hours)) for hours in draw.integers(0, 40_000, ROWS)]
    return pl.DataFrame(
        {
            "number": some(draw.normal(size=ROWS).round(3).tolist()),
            "whole": draw.integers(0, 1000, ROWS).tolist(),
            "word": some(draw.choice(words, ROWS).tolist()),
            "flag": some((draw.random(ROWS) < 0.5).tolist()),
            "date": some([start.date() for start in starts]),
            "time": some(starts),
            "text": [" ".join(draw.choice(list("abcdefgh"), 6)) for _ in range(ROWS)],
            "id": list(range(ROWS)),
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("people") / "x.csv"
    people().write_csv(path)
    table = read_table(path)
    fitted, judged = TableEncoder.fit(table, table.columns)
    return path, fitted, judged, fitted(table)


def equal(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_shapes_types_and_names(trained):
    _, fitted, judged, arrays = trained
    kinds = {one.name: one.kind for one in judged}
    assert kinds == {
        "number": "number", "whole": "number", "word": "category", "flag": "category", "date": "date", "time": "date",
        "text": "text", "id": "none",
    }  # fmt: skip
    assert arrays["numbers"].shape == (ROWS, len(fitted.parts))
    assert arrays["numbers"].dtype == np.float32
    assert arrays["categories"].shape == (ROWS, 2)
    assert arrays["categories"].dtype == np.int32
    assert fitted.sizes == (7, 4)  # five words, two flags; the unseen and the missing
    assert (arrays["categories"].max(0) < fitted.sizes).all()
    assert np.isfinite(arrays["numbers"]).all()


def test_every_file_of_the_same_table_gives_the_same_arrays(trained, tmp_path):
    _, fitted, _, arrays = trained
    frame = people()
    frame.write_parquet(tmp_path / "x.parquet")
    frame.write_ndjson(tmp_path / "x.jsonl")
    frame.write_csv(tmp_path / "de.csv", separator=";", decimal_comma=True, quote_style="always")
    frame.write_csv(tmp_path / "us.csv", date_format="%m/%d/%Y", datetime_format="%m/%d/%Y %I:%M %p")
    theirs = pd.DataFrame(frame.to_dict(as_series=False))
    theirs.to_csv(tmp_path / "pandas.csv")
    theirs.astype({"word": "category"}).to_json(tmp_path / "x.json", orient="records", date_format="iso")
    as_objects = theirs.astype(object)
    for source in (frame, frame.reverse().reverse(), theirs, as_objects, *tmp_path.iterdir()):
        equal(fitted(read_table(source)), arrays)


def test_a_row_alone_is_what_it_is_among_others(trained, tmp_path):
    path, fitted, _, arrays = trained
    head, *lines = path.read_text().splitlines()
    for row in (0, 7, 50, 119):
        one = tmp_path / "one.csv"
        one.write_text(f"{head}\n{lines[row]}\n")
        equal(fitted(read_table(one)), {name: array[row : row + 1] for name, array in arrays.items()})


def test_one_row_of_a_german_file_is_read_as_the_whole(tmp_path):
    rows = ["01/02/2020;1,5;1.234", "31/12/2020;2,25;5.678", "05/06/2021;5;9.000", "07/08/2021;3,0;1.111"] * 3
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["am;wert;viel", *rows]))
    table = read_table(path)
    fitted, _ = TableEncoder.fit(table, table.columns)
    whole = fitted(table)["numbers"]
    again = from_json(to_json(fitted))
    for row, line in enumerate(rows[:4]):
        path.write_text(f"am;wert;viel\n{line}\n")
        np.testing.assert_array_equal(again(read_table(path))["numbers"][0], whole[row])


def test_one_row_with_the_day_first_is_read_as_the_whole(tmp_path):
    path = tmp_path / "x.csv"
    rows = ["01/02/2020,x", "31/12/2020,y", "05/06/2021,x", "07/08/2021,y"]
    path.write_text("\n".join(["on,word", *rows]))
    table = read_table(path)
    fitted, _ = TableEncoder.fit(table, ["on"])
    path.write_text(f"on,word\n{rows[0]}\n")
    alone = read_table(path)
    assert alone.frame["on"].to_list() == [dt.date(2020, 1, 2)]  # as such it is read with the month first
    np.testing.assert_array_equal(fitted(alone)["numbers"][0], fitted(table)["numbers"][0])


def test_what_is_written_and_what_is_read_are_encoded_alike(trained):
    path, fitted, _, arrays = trained
    equal(fitted(read_table(read_table(path).frame)), arrays)


def test_columns_in_another_order_and_further_ones_do_not_matter(trained):
    _, fitted, _, arrays = trained
    frame = people()
    further = (
        frame.select(reversed(frame.columns)).with_columns(lists=pl.lit([[1]]).first(), new=pl.lit("x")).drop("id")
    )
    equal(fitted(read_table(further)), arrays)


def test_columns_that_are_missing_are_named(trained):
    _, fitted, _, _ = trained
    with pytest.raises(DataError, match=r"lacks 1 of the 7 columns.*'number'.*Did you mean 'Number'"):
        fitted(read_table(people().rename({"number": "Number"})))
    with pytest.raises(DataError, match="lacks 7 of the 7"):
        fitted(read_table(pl.DataFrame({"x": [1]})))
    with pytest.raises(DataError, match="'word' of the data frame cannot be used"):
        fitted(read_table(people().with_columns(word=pl.concat_list("word"))))


NEVER_SEEN = [
    [None, None], ["", "NA"], ["new", "newer"], [1, 2], [-1.5, 1e308], [float("nan"), float("inf")], [True, None],
    [dt.date(1, 1, 1), dt.date(9999, 12, 31)], [dt.datetime(1, 1, 1), None], [dt.time(1), None],
    [dt.timedelta(1), None], ["1,5", "1e999"], ["9" * 400, "\u0000"], ["x" * 100_000, "🙂"], [2**62, -(2**62)],
    ["2020-99-99", "12:99"],
]  # fmt: skip


@pytest.mark.parametrize("values", NEVER_SEEN, ids=lambda values: ascii(values)[:30])
def test_whatever_comes_later_has_an_answer(trained, values):
    _, fitted, _, _ = trained
    arrays = fitted(read_table(pl.DataFrame({column.name: values for column in fitted.columns}, strict=False)))
    assert np.isfinite(arrays["numbers"]).all()
    assert (np.abs(arrays["numbers"]) <= 3).all()
    assert ((arrays["categories"] >= 0) & (arrays["categories"] < fitted.sizes)).all()


def test_only_the_training_rows_are_learnt_from():
    frame = pl.DataFrame({"n": [1.0, 2, 3, 1000], "w": ["a", "a", "b", "c"], "m": [1.0, 2, 3, None]})
    table = read_table(frame)
    fitted, _ = TableEncoder.fit(table, table.columns, np.arange(3))
    assert fitted.columns[0] == NumberColumn.fit(frame["n"][:3])
    assert fitted.columns[1] == CategoryColumn("w", ("a", "b"))
    assert fitted.parts == ("n", "m")


def test_nothing_to_learn_from_is_an_error():
    table = read_table(pl.DataFrame({"same": [1, 1], "none": [None, None]}))
    with pytest.raises(DataError, match="'same': every row has the same value"):
        TableEncoder.fit(table, table.columns)
    with pytest.raises(DataError, match="none at all"):
        TableEncoder.fit(table, [])


def test_numbers_alone_and_categories_alone():
    table = read_table(pl.DataFrame({"n": [1.0, 2.5], "w": ["a", "b"]}))
    assert set(TableEncoder.fit(table, ["n"])[0](table)) == {"numbers"}
    assert set(TableEncoder.fit(table, ["w"])[0](table)) == {"categories"}


def test_an_encoder_can_always_be_read_back(monkeypatch):
    words = [f"word{n}" for n in range(1500)] * 3
    common = ["often"] * 10 + [None] * (len(words) - 10)
    frame = pl.DataFrame({f"c{n}": words for n in range(16)} | {"rare": common, "n": range(len(words))})
    table = read_table(frame)
    fitted, _ = TableEncoder.fit(table, table.columns)
    assert from_json(to_json(fitted)) == fitted
    assert fitted.columns[-1].values == ("often",)
    assert 0.8 * MAX_NODES < sum(fitted.sizes) < MAX_NODES
    monkeypatch.setattr(encoder, "MAX_NODES", 250)
    with pytest.raises(DataError, match="17 columns to learn from, more than a saved model can describe"):
        TableEncoder.fit(table, table.columns)
