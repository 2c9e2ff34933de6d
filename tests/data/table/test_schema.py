"""What a column is taken for, case by case."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from brickwork.data.table import judge

draw = np.random.default_rng(0)
CODES = [f"u{number:05d}" for number in range(100)]

CASES = [
    ("age", draw.normal(size=100), "number", "numbers"),
    ("children", draw.integers(0, 3, 100), "number", "numbers"),
    ("nothing", [None] * 5, "none", "no values"),
    ("same", ["x"] * 5, "none", "same value ('x')"),
    ("same", [7] * 5, "none", "same value (7)"),
    ("ticked", ["x", None, "x"], "category", "or missing"),
    ("ticked", [dt.date(2020, 1, 1), None], "category", "or missing"),
    ("flag", [True, False, None], "category", "flags"),
    ("date", [dt.date(2020, 1, 1), dt.date(2020, 1, 2)], "date", "dates"),
    ("time", [dt.time(1), dt.time(2)], "date", "times of day"),
    ("colour", ["red", "blue", "green"] * 20, "category", "3 words that recur"),
    ("town", [f"town {n % 40}" for n in range(100)], "text", "several words"),
    ("town", [f"town{n % 40}" for n in range(100)], "category", "40 words that recur"),
    ("review", [f"it was good {n} {n + 1}" for n in range(100)], "text", "several words"),
    ("code", CODES, "none", "another word (such as 'u00000')"),
    ("code", ["x" * 500 + code for code in CODES], "none", "x..."),
    ("row", range(100), "none", "numbers the rows"),
    ("anything", range(1, 101), "none", "numbers the rows"),
    ("anything", [float(n) for n in range(100)], "none", "numbers the rows"),
    ("year", range(1900, 2000), "number", "numbers"),
    ("PassengerId", draw.permutation(100), "none", "numbers the rows"),
    ("customer_id", draw.permutation(10**6)[:100], "none", "numbers the rows"),
    ("Unnamed: 0", draw.permutation(100), "none", "numbers the rows"),
    ("column 1", draw.permutation(100), "none", "numbers the rows"),
    ("paid", draw.permutation(10**6)[:100], "number", "numbers"),
    ("id", draw.integers(0, 50, 100), "number", "numbers"),
    ("week", range(5), "number", "numbers"),
]


@pytest.mark.parametrize(("name", "values", "kind", "why"), CASES)
def test_columns_are_taken_for_what_they_are(name, values, kind, why):
    judged = judge(pl.Series(name, values))
    assert (judged.name, judged.kind) == (name, kind)
    assert why in judged.why
