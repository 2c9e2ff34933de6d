"""Columns of a table inside the arrays that a network takes: where each one is, and what a typical row holds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from brickwork.core.errors import DataError

if TYPE_CHECKING:  # importing it would load polars
    from brickwork.data.table import TableEncoder

Inputs = Mapping[str, np.ndarray]
"""Arrays with the rows along axis 0, as an encoder of tables makes them: numbers (rows, n), categories (rows, m)."""

Groups = Mapping[str, Mapping[str, Sequence[int]]]
"""For each column of a table, which columns of each array it became: `{"age": {"numbers": (0, 1)}}`."""

MOST = 50_000  # rows that are predicted at a time


def column_groups(encoder: "TableEncoder") -> dict[str, dict[str, tuple[int, ...]]]:
    """Return for each column of a table which columns of the encoded arrays it became."""
    groups: dict[str, dict[str, tuple[int, ...]]] = {}
    numbers = categories = 0
    for column in encoder.columns:
        places = {
            "numbers": tuple(range(numbers, numbers + len(column.parts))),
            "categories": tuple(range(categories, categories + len(column.sizes))),
        }
        numbers, categories = numbers + len(column.parts), categories + len(column.sizes)
        groups[column.name] = {name: indices for name, indices in places.items() if indices}
    return groups


def typical(inputs: Inputs) -> dict[str, np.ndarray]:
    """Return one row that stands for all: the middle value of each number, the most frequent of each category.

    Of an even number of rows the lower of the two middle values is taken, so that a flag stays a flag. The row need
    not occur: it is what each column is by itself.
    """
    if not _rows(inputs):
        raise DataError("There are no rows to find a typical one of.")
    found = {}
    for name, array in inputs.items():
        values = np.asarray(array)
        if np.issubdtype(values.dtype, np.integer):
            row = [np.bincount(column - column.min()).argmax() + column.min() for column in values.T]
            found[name] = np.array(row, values.dtype)[None]
        else:
            found[name] = np.quantile(values, 0.5, axis=0, method="lower").astype(values.dtype)[None]
    return found


def checked_groups(inputs: Inputs, groups: Groups) -> int:
    """Return how many rows there are; raises `DataError` for groups that name what is not there."""
    rows = {name: len(array) for name, array in inputs.items()}
    if len(set(rows.values())) != 1:
        raise DataError(f"The inputs must be arrays with the same number of rows, got {rows or 'none'}.")
    for column, places in groups.items():
        for name, indices in places.items():
            width = inputs[name].shape[1] if name in inputs else 0
            if any(not 0 <= index < width for index in indices):
                raise DataError(f"Column {column!r} is said to be at {list(indices)} of the {width} {name}.")
    return next(iter(rows.values()))


def predicted(predict: Any, parts: Iterable[dict[str, np.ndarray]], wanted: np.ndarray | None = None) -> np.ndarray:
    """Return what a function answers, (rows, outputs) in float64, for inputs given in pieces, many rows at a time.

    With `wanted`, an output for each row, only these are kept: (rows,).
    """
    outputs: list[np.ndarray] = []
    waiting: list[dict[str, np.ndarray]] = []
    rows = done = 0

    def answer() -> None:
        together = {name: np.concatenate([part[name] for part in waiting]) for name in waiting[0]}
        given = np.asarray(predict(together), np.float64)
        given = given.reshape(len(given), -1)
        outputs.append(given if wanted is None else given[np.arange(rows), wanted[done : done + rows]])

    for part in parts:
        waiting.append(part)
        rows += _rows(part)
        if rows >= MOST:
            answer()
            waiting, rows, done = [], 0, done + rows
    if waiting:
        answer()
    return np.concatenate(outputs)


def _rows(inputs: Inputs) -> int:
    return len(next(iter(inputs.values()), ()))
