"""Rows as scikit-learn gives them, as a table that an encoder takes, in an order of their own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from brickwork.core.errors import DataError
from brickwork.data import stratified_split
from brickwork.data.table import Table, TableEncoder, judge
from brickwork.data.table.columns import column_of
from brickwork.data.table.encoder import storable
from brickwork.data.table.frames import named

SOURCE = "X"
"""What the table is called in errors, as scikit-learn calls it."""

MOST_COPIES = 4
"""Whole numbers as weights are counts of equal rows, where that makes at most so many rows of each, on average."""

FEWEST_HELD_OUT = 10
"""Different rows to validate on, without which nothing is held out."""

FEWEST_IN_FOLD = 5


def is_frame(X: Any) -> bool:
    """Tell whether rows are a data frame, of pandas or polars."""
    return type(X).__module__.split(".")[0] in ("pandas", "polars") and type(X).__name__ == "DataFrame"


def has_more_than_numbers(X: Any) -> bool:
    """Tell whether rows are a data frame that has columns of something else than numbers."""
    if not is_frame(X):
        return False
    if isinstance(X, pl.DataFrame):
        return not all(kind.is_numeric() or kind == pl.Null for kind in X.schema.values())
    return not all(getattr(kind, "kind", "O") in "iuf" for kind in X.dtypes)


def numbers_table(X: np.ndarray, names: Sequence[str] | None) -> Table:
    """Return an array of numbers (rows, columns) as a table; its columns get these names, or x0, x1..."""
    if names is None or len(set(names)) < len(names):
        names = [f"x{number}" for number in range(X.shape[1])]
    columns = np.asarray(X, np.float64, order="F").T  # a table is kept column by column
    series = [pl.Series(name, column, nan_to_null=True) for name, column in zip(names, columns, strict=True)]
    return Table(named(pl.DataFrame(series), SOURCE), SOURCE)


def fit_encoder(table: Table, rows: np.ndarray) -> TableEncoder:
    """Return the encoder of all columns of a table, fitted on some rows.

    Columns of numbers are always numbers here: who gives an array has chosen its columns. The others are judged as
    those of a file are. Raises `DataError` when there are too many columns to be stored, or none that says anything.
    """
    part = table.rows(rows)
    columns = []
    for name in table.columns:
        values = table.frame[name]
        kind = "number" if values.dtype.is_numeric() else judge(values).kind
        if kind != "none":
            columns.append(column_of(kind).fit(part.frame[name], table.forms.get(name, "")))
    if not columns:
        raise DataError(f"No column of {SOURCE} says anything: all are the same, empty, or different in every row.")
    return TableEncoder(storable(tuple(columns), SOURCE))


def repeated(weight: np.ndarray | None, rows: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return which rows to learn from, as their numbers, and their weights if any are left to be told.

    A weight of 0 leaves a row out. Where all are whole numbers they are counts: a row of weight 3 is three rows.
    """
    if weight is None:
        return np.arange(rows), None
    kept = np.flatnonzero(weight)
    given = weight[kept]
    if (given == np.round(given)).all() and given.sum() <= MOST_COPIES * rows:
        return kept.repeat(given.astype(np.int64)), None
    return kept, given


def in_order(table: Table, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an order of the rows that is the same however they came, and which group of equal rows each is of.

    `answers` (rows,) or (rows, columns) count as columns: both results are (rows,), in the new order.
    """
    flat = answers.reshape(len(answers), -1)
    keyed = table.frame.with_columns([pl.Series(f"\0answer {n}", column) for n, column in enumerate(flat.T)])
    ordered = keyed.with_row_index("\0row").sort(pl.exclude("\0row"))
    order = ordered["\0row"].to_numpy().astype(np.int64)
    new = np.zeros(len(order), bool)
    for name in keyed.columns:
        new |= ordered[name].ne_missing(ordered[name].shift(1)).to_numpy()
    new[0] = False
    return order, np.cumsum(new)


def held_out(answers: np.ndarray, groups: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and those to validate on; equal rows stay together, classes in proportion.

    Both are in the rows' own order. Nothing is held out where it would be fewer than ten different rows, or where a
    class would not be left to train on.
    """
    everything = np.arange(len(groups)), np.zeros(0, np.int64)
    _, first = np.unique(groups, return_index=True)
    if not share or len(first) * share < FEWEST_HELD_OUT:
        return everything
    _, valid = stratified_split(answers[first], (1 - share, share), seed)
    chosen = np.isin(groups, groups[first[valid]])
    train = np.flatnonzero(~chosen)
    if answers.dtype.kind in "iu" and answers.ndim == 1 and len(np.unique(answers[train])) < len(np.unique(answers)):
        return everything
    return train, np.flatnonzero(chosen)


def dealt(answers: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray | None:
    """Return a fold number for each row; equal rows stay together, classes in proportion.

    There are fewer folds where there are few different rows, and none at all, None, where there would be one.
    """
    _, first = np.unique(groups, return_index=True)
    count = min(folds, len(first) // FEWEST_IN_FOLD)
    if count < 2:
        return None
    number = np.zeros(len(first), np.int32)
    for fold, some in enumerate(stratified_split(answers[first], (1 / count,) * count, seed)):
        number[some] = fold
    return number[groups]
