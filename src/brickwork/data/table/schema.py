"""Schema: which columns of a table say something, of which kind each is, and why."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from brickwork.data.table.columns import words_of

ColumnKind = Literal["number", "category", "date", "text", "none"]

NUMBERING = r"(^|[^a-z])(ids?|index|row|nr|no|number|key)$|^(unnamed: 0|column 1)$"
"""What columns are called that number the rows; pandas and R write theirs without a name."""


@dataclass(frozen=True)
class Judged:
    """What a column is taken for, and why, in words; kind "none" is left out."""

    name: str
    kind: ColumnKind
    why: str


def judge(values: pl.Series) -> Judged:
    """Return what a column is taken for.

    Numbers are numbers, dates and times of day dates; words that recur are categories, flags too; longer texts that
    hardly recur are texts. Left out is what cannot tell anything of a new row: one value only, nothing at all, row
    numbers, and words that are different in every row.
    """
    name, rows = values.name, values.len()
    known = values.drop_nulls()
    distinct = known.n_unique()
    if distinct == 0:
        return Judged(name, "none", "it has no values")
    if distinct == 1 and values.null_count() == 0:
        return Judged(name, "none", f"every row has the same value ({_shown(known[0])})")
    if distinct == 1:
        return Judged(name, "category", f"its value is {_shown(known[0])}, or missing")
    if values.dtype.is_temporal():
        return Judged(
            name, "date", "its values are times of day" if values.dtype == pl.Time else "its values are dates"
        )
    if values.dtype == pl.Boolean:
        return Judged(name, "category", "its values are flags")
    if values.dtype.is_numeric():
        if _counts_rows(values, rows, distinct):
            return Judged(name, "none", "it only numbers the rows")
        return Judged(name, "number", "its values are numbers")
    if known.len() >= 3 * distinct or distinct <= 10:
        return Judged(name, "category", f"it has {distinct} words that recur")
    lengths = words_of(known).list.len()
    average = lengths.mean()
    if isinstance(average, float) and average >= 2:
        return Judged(name, "text", "its values are texts of several words")
    if distinct < 0.5 * known.len():
        return Judged(name, "category", f"it has {distinct} words that recur")
    return Judged(name, "none", f"almost every row has another word (such as {_shown(known[0])})")


def _counts_rows(values: pl.Series, rows: int, distinct: int) -> bool:
    """Tell whether whole numbers only number the rows: 0, 1, 2... or 1, 2, 3... in order, or different and named so."""
    if distinct < rows or rows < 10 or not bool((values.round(0) == values).all()):
        return False
    in_order = values[0] in (0, 1) and bool((values.diff().drop_nulls() == 1).all())
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", values.name).lower()
    return in_order or re.search(NUMBERING, words) is not None


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
