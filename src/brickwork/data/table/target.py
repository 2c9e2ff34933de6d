"""The target of a table: which kind of question its column asks, and the answers as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from brickwork.core.errors import DataError, SettingError, nearest
from brickwork.data.question import Question
from brickwork.data.table.columns import as_texts
from brickwork.data.table.reading import Table

BETWEEN = "|"
"""What stands between the labels of a cell that has several: `red|green`."""

MOST_CLASSES = 1000
FEW = 20
MOST_ALONE = 0.5
"""Share of the rows that may have a class of their own."""


@dataclass(frozen=True, eq=False)
class Target:
    """The answers of a table.

    `values` has a label a row for classes, (rows, labels) flags for labels at once, (rows,) or (rows, columns) numbers.
    `rows` are the rows of the table that have an answer; the others are left out. `labels` are the classes, or the
    labels that may be there at once.
    """

    names: tuple[str, ...]
    question: Question
    why: str
    values: np.ndarray
    rows: np.ndarray
    labels: tuple[str | int, ...] | None = None
    notes: tuple[str, ...] = ()


def read_target(
    table: Table,
    names: str | Sequence[str],
    question: Question | None = None,
    known: Sequence[str | int] | None = None,
) -> Target:
    """Return the answers in some columns of a table, and what kind of question they are.

    Texts and flags are classes; texts with `|` between labels that recur are labels at once; whole numbers that take
    few values again and again are classes too, other numbers are numbers. `question` says otherwise. To judge answers
    rather than to learn them, `known` has the classes or labels that were learnt: others are an error, and it does not
    matter how many of them there are.

    Raises:
        DataError: a column that is not there, that has no values, one value only, or too many classes; several columns
            that are not all numbers; numbers asked for that are none.
        SettingError: no column is named.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names:
        raise SettingError("Name the column to learn: the target.")
    if len(set(names)) < len(names):
        raise SettingError(f"The target {_listed(names)} names a column twice.")
    columns = [table.column(name) for name in names]
    there = pl.Series("there", np.ones(len(table), bool))
    for column in columns:
        there &= column.is_not_null()
    rows = np.flatnonzero(there.to_numpy())
    if not len(rows):
        raise DataError(f"The target {_listed(names)} of {table.source} has no values: there is nothing to learn from.")
    notes = ()
    if len(rows) < len(table):
        notes = (f"{len(table) - len(rows):,} of {len(table):,} rows have no {_listed(names)} and are left out.",)
    given = [_whole(column.gather(rows)) for column in columns]
    found, why = (question, "it was asked for") if question else _question(given)
    read = {"classes": _classes, "labels": _labels, "number": _numbers}[found]
    values, labels = read(table.source, names, given, known)
    return Target(names, found, why, values, rows, labels, notes)


def _question(columns: list[pl.Series]) -> tuple[Question, str]:
    first = columns[0]
    what = f"{_listed([column.name for column in columns])}"
    if len(columns) > 1:
        return "number", f"{what} are several columns"
    distinct = first.n_unique()
    if first.dtype == pl.Boolean:
        return "classes", f"{what} is yes or no"
    if first.dtype == pl.String:
        if bool(first.str.contains(BETWEEN, literal=True).any()) and _recur(first):
            return "labels", f"{what} has several labels in a cell, with {BETWEEN} between them"
        return "classes", f"{what} is one of {distinct} words"
    if first.dtype.is_integer() and distinct <= FEW and distinct <= max(2, len(first) // 10):
        return "classes", f"{what} takes {distinct} whole numbers again and again"
    return "number", f"{what} is a number"


def _whole(values: pl.Series) -> pl.Series:
    """Return floats that are all whole as integers: what becomes of 0 and 1 beside missing values in many programs."""
    if not values.dtype.is_float() or not bool((values.is_finite() & (values.round(0) == values)).all()):
        return values
    return values.cast(pl.Int64) if bool((values.abs() < 2**53).all()) else values


def _recur(texts: pl.Series) -> bool:
    """Tell whether the parts of cells are labels: a few that are seen again and again."""
    parts = texts.str.split(BETWEEN).explode().str.strip_chars()
    return parts.n_unique() <= max(2, parts.len() // 3)


def _classes(
    source: str, names: tuple[str, ...], columns: list[pl.Series], known: Sequence[str | int] | None
) -> tuple[np.ndarray, Any]:
    if len(columns) > 1:
        raise DataError(f"{_listed(names)} are several columns: classes are in one.")
    values = columns[0]
    numbers = values.dtype.is_integer() if known is None else isinstance(known[0], int)
    texts = values if values.dtype.is_integer() and numbers else as_texts(values)
    if numbers and texts is not values:
        texts = texts.cast(pl.Int64, strict=False)
        if texts.null_count():
            raise DataError(
                f"{names[0]!r} of {source} holds {values[int(texts.is_null().arg_max() or 0)]!r}, no whole number."
            )
    labels = tuple(sorted(texts.unique().to_list()))
    if known is not None:
        _require_known(names[0], source, labels, known)
        return np.asarray(texts.to_list(), np.int64 if numbers else object), tuple(known)
    if len(labels) < 2:
        raise DataError(
            f"Every row of {source} has the same {names[0]} ({texts[0]!r}): one class leaves nothing to tell apart."
        )
    if len(labels) > FEW and len(labels) > MOST_ALONE * len(texts):
        raise DataError(
            f"{names[0]!r} has {len(labels):,} different values in {len(texts):,} rows: what names (nearly) each row "
            "cannot be learnt. Choose another target; if it is a number, say so: --question number."
        )
    if len(labels) > MOST_CLASSES:
        raise DataError(
            f"{names[0]!r} has {len(labels):,} different values, more than the {MOST_CLASSES:,} classes that are told "
            "apart. If it is a name for each row, choose another target; if it is a number, see that all of it is."
        )
    return np.asarray(texts.to_list(), np.int64 if numbers else object), labels


def _require_known(name: str, source: str, found: Sequence[Any], known: Sequence[str | int]) -> None:
    new = [label for label in found if label not in set(known)]
    if new:
        others = f" ({len(new) - 1} more are new.)" if len(new) > 1 else ""
        raise DataError(
            f"{name!r} of {source} has {new[0]!r}, which the model has not learnt. "
            f"{nearest(str(new[0]), [str(label) for label in known])}{others}"
        )


def _labels(
    source: str, names: tuple[str, ...], columns: list[pl.Series], known: Sequence[str | int] | None
) -> tuple[np.ndarray, Any]:
    if len(columns) > 1:
        raise DataError(f"{_listed(names)} are several columns: labels at once are in the cells of one.")
    cells = [{part.strip() for part in text.split(BETWEEN)} - {""} for text in as_texts(columns[0]).to_list()]
    labels = tuple(sorted(set().union(*cells)))
    if known is not None:
        _require_known(names[0], source, labels, known)
        labels = tuple(map(str, known))
    if not labels:
        raise DataError(f"{names[0]!r} of {source} has no labels.")
    if len(labels) > MOST_CLASSES:
        raise DataError(f"{names[0]!r} has {len(labels):,} different labels; at most {MOST_CLASSES:,} are told apart.")
    index = {label: number for number, label in enumerate(labels)}
    flags = np.zeros((len(cells), len(labels)), np.int32)
    for row, cell in enumerate(cells):
        flags[row, [index[label] for label in cell]] = 1
    return flags, labels


def _numbers(
    source: str, names: tuple[str, ...], columns: list[pl.Series], known: Sequence[str | int] | None
) -> tuple[np.ndarray, Any]:
    for name, column in zip(names, columns, strict=True):
        if not column.dtype.is_numeric():
            example = column.drop_nulls()[0]
            raise DataError(f"{name!r} of {source} holds {example!r}, which is no number to learn.")
        if known is None and column.n_unique() < 2:
            raise DataError(f"Every row of {source} has the same {name} ({column[0]}): there is nothing to learn.")
    values = np.stack([column.cast(pl.Float64).to_numpy() for column in columns], axis=1)
    return (values[:, 0] if len(columns) == 1 else values), None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
