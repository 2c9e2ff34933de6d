"""Columns against their equations in plain NumPy and Python, and against what may come at prediction time."""

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest

from brickwork.core.errors import SettingError
from brickwork.core.spec import from_json, to_json
from brickwork.data.table import CategoryColumn, DateColumn, NumberColumn, TextColumn

moment = dt.datetime


def series(*values, dtype=None):
    return pl.Series("c", values, dtype=dtype)


def clipped(z):
    return z / math.sqrt(1 + (z / 3) ** 2)


def test_numbers_are_scaled_by_median_and_quartiles():
    draw = np.random.default_rng(0)
    given = draw.lognormal(size=500)
    column = NumberColumn.fit(pl.Series("c", given))
    low, median, high = (np.percentile(given, share) for share in (25, 50, 75))
    z = (given - median) / (0.7413 * (high - low))
    np.testing.assert_allclose(column.numbers(pl.Series("c", given))[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    normal = NumberColumn.fit(pl.Series("c", draw.normal(5, 2, 100_000)))
    assert normal.spread == pytest.approx(2, rel=0.02)


def test_numbers_that_hardly_differ_are_scaled_by_half_their_range():
    column = NumberColumn.fit(series(*[7] * 20, 3, 11))
    assert (column.median, column.spread) == (7, 4)
    assert NumberColumn.fit(series(7, 7, 7)).spread == 1
    assert NumberColumn.fit(series(None, None, dtype=pl.Float64)).numbers(series(3.0, None)).tolist() == [
        [pytest.approx(clipped(3)), 0],
        [0, 1],
    ]


def test_missing_numbers_are_said_apart_where_training_had_some():
    column = NumberColumn.fit(series(1.0, 2.0, 3.0, None))
    assert column.parts == ("c", "c is missing")
    np.testing.assert_array_equal(column.numbers(series(2.0, None)), [[0, 0], [0, 1]])
    assert NumberColumn.fit(series(1.0, 2.0, 3.0)).numbers(series(None, dtype=pl.Float64)).tolist() == [[0]]


def test_no_number_is_too_far():
    column = NumberColumn.fit(series(0.0, 1.0, 2.0))
    far = column.numbers(series(1e308, -1e308, 1e200, 5e-324))
    np.testing.assert_allclose(far[:3, 0], [3, -3, 3], rtol=1e-6)
    wide = NumberColumn.fit(series(-1.7e308, 0.0, 1.7e308))
    assert np.isfinite(wide.numbers(series(-1.7e308, 1.7e308))).all()
    tiny = NumberColumn("c", 0.0, 5e-324)
    assert tiny.numbers(series(1e308)).tolist() == [[3.0]]


def test_numbers_are_found_in_texts():
    column = NumberColumn.fit(series(0.0, 1000.0, 2000.0))
    known = column.numbers(series(1234.5, None, 1.0, 0.5))[:, 0]
    read = column.numbers(series("1,234.5", "word", "true", "50%"))[:, 0]
    np.testing.assert_array_equal(read, known)
    comma = column.replace(form=",")
    np.testing.assert_array_equal(
        comma.numbers(series("1.234", "1,5", "2.5")), column.numbers(series(1234.0, 1.5, 2.5))
    )
    np.testing.assert_array_equal(column.numbers(series("1.234", "1,5")), column.numbers(series(1.234, 1.5)))


def test_words_have_indices_by_how_often_they_occur():
    column = CategoryColumn.fit(series("b", "b", "b", "a", "a", "c", "c", "once"))
    assert column.values == ("b", "a", "c")
    assert column.sizes == (4,)
    assert column.categories(series("a", "b", "once", "new", None))[:, 0].tolist() == [2, 1, 0, 0, 0]
    missing = CategoryColumn.fit(series("b", "b", "a", "a", None))
    assert missing.sizes == (4,)
    assert missing.categories(series(None, "a", "new", dtype=pl.String))[:, 0].tolist() == [3, 1, 0]


@pytest.mark.parametrize(
    ("trained", "given", "indices"),
    [
        (["3", "3", "x", "x"], ["3", "3.0", "03", "+3", "3.5"], [1, 1, 1, 1, 0]),
        (["3", "3", "x", "x"], [3, 4], [1, 0]),
        (["3", "3", "x", "x"], [3.0, 3.5], [1, 0]),
        ([1.5, 1.5, 2.0, 2.0], ["1.50", "2", "2.0"], [1, 2, 2]),
        (["01234", "01234", "x", "x"], [1234, 12340], [1, 0]),
        ([True, True, True, False, False], ["TRUE", "False", "yes", "n", "1", "0", "?"], [1, 2, 1, 2, 1, 2, 0]),
        (["Yes", "Yes", "Yes", "No", "No"], [True, False], [1, 2]),
        (["Y", "Y", "Y", "N", "N"], ["yes", "N", "maybe"], [1, 2, 0]),
        (["M", "M", "F", "F"], ["f", "male", "0"], [1, 0, 0]),
        (["Aa", "Aa", "aa", "aa"], ["Aa", "aa", "AA"], [1, 2, 0]),
        (["0", "0", "x", "x"], ["-0", "0.00", "-0.0"], [1, 1, 1]),
        (["x" * 5000, "x" * 5000, "y", "y"], ["x" * 5000, "x" * 4999, "y"], [1, 0, 2]),
        (["2020-01-01", "2020-01-01", "x", "x"], [dt.date(2020, 1, 1), None], [1, 0]),
    ],
)
def test_a_word_is_found_however_it_is_written(trained, given, indices):
    column = CategoryColumn.fit(pl.Series("c", trained))
    assert column.categories(pl.Series("c", given))[:, 0].tolist() == indices
    assert from_json(to_json(column)) == column


def test_time_that_passed_and_phases_of_the_year_the_week_and_the_day():
    start = moment(2019, 3, 5, 6)
    times = [start + dt.timedelta(hours=7 * step) for step in range(3000)]
    column = DateColumn.fit(pl.Series("c", times))
    seconds = np.array([(time - moment(1970, 1, 1)).total_seconds() for time in times])
    expected = [NumberColumn.fit(pl.Series("c", seconds)).numbers(pl.Series("c", seconds))[:, 0]]
    for period in (365.2425 * 86400, 7 * 86400, 86400):
        expected += [np.sin(2 * np.pi * seconds / period), np.cos(2 * np.pi * seconds / period)]
    np.testing.assert_allclose(column.numbers(pl.Series("c", times)), np.stack(expected, 1), atol=1e-5)
    assert len(column.parts) == 7
    assert column.parts[-1] == "c, cosine of the day"
    assert DateColumn.fit(series(dt.date(2020, 1, 1), dt.date(2020, 1, 9))).periods == ()
    assert DateColumn.fit(series(dt.date(2020, 1, 1), dt.date(2020, 1, 12))).periods == (7 * 86400,)


def test_times_of_day_have_their_phase():
    column = DateColumn.fit(series(dt.time(0), dt.time(6), dt.time(12)), "%H:%M")
    np.testing.assert_allclose(column.numbers(series(dt.time(6)))[0, 1:], [1, 0], atol=1e-6)
    np.testing.assert_array_equal(column.numbers(series("6:00", "6:00 AM")), column.numbers(series(*[dt.time(6)] * 2)))
    np.testing.assert_array_equal(column.numbers(series(moment(2020, 1, 1, 6))), column.numbers(series(dt.time(6))))
    assert column.numbers(series(dt.date(2020, 1, 1))).tolist() == [[0, 0, 0]]


def test_dates_are_read_in_the_form_of_training():
    days = series(dt.date(2020, 2, 1), dt.date(2020, 12, 31), None)
    for form, text in (("%d/%m/%Y", "01/02/2020"), ("%m/%d/%Y", "02/01/2020"), ("%Y%m%d", "20200201")):
        column = DateColumn.fit(days, form)
        np.testing.assert_array_equal(column.numbers(series(text)), column.numbers(days[:1]))
        other = column.numbers(series("2020-02-01", "2020-02-01 00:00", "1 Feb 2020", "no day", "99/99/9999"))
        np.testing.assert_array_equal(other, column.numbers(pl.concat([days[:1]] * 3 + [days[2:]] * 2)))
        assert from_json(to_json(column)) == column
    np.testing.assert_array_equal(column.numbers(series(20200201)), column.numbers(days[:1]))
    assert column.numbers(series(True, None)).tolist() == column.numbers(days[[2, 2]]).tolist()


def test_texts_are_bags_of_common_words_and_their_length():
    texts = ["The cat", "the Dog!", "a cat, the cat", "ünique WORDS only", None]
    column = TextColumn.fit(pl.Series("c", texts))
    assert column.words == ("the", "cat")
    given = column.numbers(pl.Series("c", [*texts, "the", ""]))
    half = 1 / math.sqrt(2)
    expected = [[half, half], [1, 0], [half, half], [0, 0], [0, 0], [1, 0], [0, 0]]
    np.testing.assert_allclose(given[:, :2], expected, rtol=1e-6)
    lengths = column.length.numbers(pl.Series("c", [2.0, 2, 4, 3, None, 1, 0]))
    np.testing.assert_array_equal(given[:, 2:], lengths)
    assert column.parts == ("c has 'the'", "c has 'cat'", "words in c", "words in c is missing")


def test_settings_that_cannot_be_are_refused():
    for make in (
        lambda: NumberColumn("c", 0.0, 0.0),
        lambda: NumberColumn("c", float("nan"), 1.0),
        lambda: NumberColumn("c", 0.0, float("inf")),
        lambda: NumberColumn("c", 0.0, 1.0, form=";"),
        lambda: DateColumn("c", NumberColumn("c", 0.0, 1.0), (0.0,)),
        lambda: DateColumn("c", NumberColumn("c", 0.0, 1.0), (), "%Q"),
    ):
        with pytest.raises(SettingError):
            make()
