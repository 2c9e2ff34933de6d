"""The encoder of tables: fitted on the training rows, stored with the model, applied to any later table."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from brickwork.core.errors import DataError, nearest
from brickwork.core.spec import MAX_NODES, registered, to_json
from brickwork.data.encoders import Encoder
from brickwork.data.table.columns import CategoryColumn, Column, NumberColumn, TextColumn, column_of
from brickwork.data.table.reading import Table
from brickwork.data.table.schema import Judged, judge


@registered
class TableEncoder(Encoder):
    """Turns the columns of a table into two arrays: numbers (rows, n) and categories (rows, m).

    Columns that the table has beyond those fitted are ignored, their order does not matter; one that is missing
    altogether is an error, for a network cannot be right without what it learnt from.
    """

    columns: tuple[Column, ...]

    @classmethod
    def fit(cls, table: Table, names: Sequence[str], rows: np.ndarray | None = None) -> tuple[Self, tuple[Judged, ...]]:
        """Return the encoder of some columns, fitted on some rows, and what each column is taken for.

        What a column is taken for is judged by all rows (it is a matter of how it is written); everything that is
        learnt of values, medians and words, is learnt of the given rows alone.

        Raises `DataError` when no column is left that says anything, or when there are too many to be stored.
        """
        judged = tuple(judge(table.column(name)) for name in names)
        part = table if rows is None else table.rows(rows)
        columns = tuple(
            column_of(one.kind).fit(part.frame[one.name], table.forms.get(one.name, ""))
            for one in judged
            if one.kind != "none"
        )
        if not columns:
            reasons = "; ".join(f"{one.name!r}: {one.why}" for one in judged[:5])
            raise DataError(
                f"{table.source} has no column to learn from besides the target ({reasons or 'none at all'})."
            )
        return cls(storable(columns, table.source)), judged

    def __call__(self, source: Table) -> dict[str, np.ndarray]:
        """Return `{"numbers": (rows, n) float32, "categories": (rows, m) int32}`, leaving out what is empty.

        Raises `DataError` for columns that are not there (naming the nearest).
        """
        self._require(source)
        numbers = np.zeros((len(source), len(self.parts)), np.float32)
        categories = np.zeros((len(source), len(self.sizes)), np.int32)
        n = m = 0
        for trained in self.columns:
            values = source.written(trained.name)
            column = _as_written(trained, source.forms.get(trained.name, ""))
            for whole, part, start in (
                (numbers, column.numbers(values), n),
                (categories, column.categories(values), m),
            ):
                whole[:, start : start + part.shape[1]] = part
            n, m = n + len(column.parts), m + len(column.sizes)
        arrays = {"numbers": numbers, "categories": categories}
        return {name: array for name, array in arrays.items() if array.shape[1]}

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each category has, the unseen included."""
        return tuple(size for column in self.columns for size in column.sizes)

    @property
    def parts(self) -> tuple[str, ...]:
        """What each number is called."""
        return tuple(part for column in self.columns for part in column.parts)

    def _require(self, table: Table) -> None:
        there = set(table.columns)
        missing = [column.name for column in self.columns if column.name not in there]
        for name in missing:
            if name in table.left_out:
                table.column(name)  # which raises, and says why
        if missing:
            hint = nearest(missing[0], there - {column.name for column in self.columns})
            raise DataError(
                f"{table.source} lacks {len(missing)} of the {len(self.columns)} columns that the model was trained "
                f"on: {', '.join(map(repr, missing[:5]))}. {hint if hint.startswith('Did') else ''}".rstrip()
            )


def _as_written(column: Column, form: str) -> Column:
    """Return a column that reads numbers with the decimal sign of the table at hand, where that shows one."""
    return column.replace(form=form) if isinstance(column, NumberColumn) and form in (",", ".") else column


def storable(columns: tuple[Column, ...], source: str) -> tuple[Column, ...]:
    """Return columns that a saved model can hold: with fewer words where all of them are too many to be read back."""
    words = [len(column.values) if isinstance(column, CategoryColumn) else 0 for column in columns]
    words = [len(c.words) if isinstance(c, TextColumn) else n for c, n in zip(columns, words, strict=True)]
    room = MAX_NODES - 200 - (sum(map(_values, columns)) - sum(words))
    if room < 0:
        raise DataError(
            f"{source} has {len(columns)} columns to learn from, more than a saved model can describe "
            f"(about {len(columns) * MAX_NODES // (MAX_NODES - room)}). Name those that matter most."
        )
    most = max(words)
    while sum(min(count, most) for count in words) > room:
        most = most * 9 // 10
    return tuple(_with_fewer(column, most) for column in columns)


def _with_fewer(column: Column, most: int) -> Column:
    if isinstance(column, CategoryColumn):
        return column.replace(values=column.values[:most])  # the most common ones come first
    return column.replace(words=column.words[:most]) if isinstance(column, TextColumn) else column


def _values(column: Column) -> int:
    """Return how many values the description of a column has."""

    def count(item: Any) -> int:
        if isinstance(item, dict):
            return 1 + sum(map(count, item["settings"].values())) if "settings" in item else 1
        return 1 + sum(map(count, item)) if isinstance(item, list) else 1

    return count(to_json(column))
