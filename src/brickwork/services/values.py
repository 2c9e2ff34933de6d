"""Values of cells as a person reads them."""

from collections.abc import Sequence
from typing import Any

import polars as pl

LONGEST = 60


def shown(value: Any) -> str:
    """Return a value as a short text: numbers with four digits that count, dates without fractions of seconds."""
    if value is None:
        return "missing"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.4g}"
    text = str(value)
    text = text[:19] if hasattr(value, "microsecond") else text
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def shown_rows(frame: pl.DataFrame) -> list[dict[str, str]]:
    """Return the rows of a frame with their values as short texts."""
    return [{name: shown(value) for name, value in row.items()} for row in frame.iter_rows(named=True)]


def shown_row(frame: pl.DataFrame, row: int, names: Sequence[str]) -> dict[str, str]:
    """Return some values of one row as short texts."""
    return shown_rows(frame[[row]].select(names))[0]
