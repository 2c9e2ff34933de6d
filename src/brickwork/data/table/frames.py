"""Data frames and lists of records as polars frames of plain columns; what no column can hold is left out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from brickwork.core.errors import DataError
from brickwork.data.table.written import MISSING

LONGEST_NAME = 1000

NESTED = (list, tuple, set, frozenset, Mapping, np.ndarray, bytes, bytearray, complex, pl.Series)


def named(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Return a frame whose names have no needless blanks; raises `DataError` for a name twice, or one far too long."""
    names = [" ".join(name.split()) or f"column {number}" for number, name in enumerate(frame.columns, 1)]
    # To polars "*" and "^a$" are patterns for other names, wherever a name is given.
    names = [f"({name})" if name == "*" or (name[0] == "^" and name[-1] == "$") else name for name in names]
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name in first:
            raise DataError(
                f"{source} has several columns named {name!r} ({first[name]}, {number}): rename all but one."
            )
        if len(name) > LONGEST_NAME:
            raise DataError(f"{source} has a column whose name has {len(name):,} characters ({name[:40]!r}...).")
        first[name] = number
    frame = frame.clone()
    frame.columns = names
    return frame


def plain(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...], dict[str, str]]:
    """Return a frame of plain columns, which of them came as texts, and what was left out and why.

    Plain are Int64, Float64 (finite), Boolean, String without blanks around, Date, Datetime in microseconds (UTC), and
    Time; durations become seconds. What stands for a missing value becomes null. Categories and enums become texts that
    do not count as having come as such: their owner chose what they are.
    """
    casts: list[pl.Expr] = []
    texts: list[str] = []
    left_out: dict[str, str] = {}
    for name, kind in frame.schema.items():
        column = pl.col(name)
        if kind.is_nested() or kind in (pl.Object, pl.Binary):
            left_out[name] = "raw bytes" if kind == pl.Binary else "several values in a cell"
        elif kind in (pl.Categorical, pl.Enum, pl.String):
            text = column.cast(pl.String).str.strip_chars()
            casts.append(pl.when(~text.is_in(MISSING)).then(text).alias(name))
            texts += [name] if kind == pl.String else []
        elif kind.is_integer():
            fits = frame[name].cast(pl.Int64, strict=False).null_count() == frame[name].null_count()
            casts.append(column.cast(pl.Int64 if fits else pl.Float64))
        elif kind.is_numeric() or kind == pl.Null:
            number = column.cast(pl.Float64)
            casts.append(pl.when(number.is_finite()).then(number).alias(name))
        elif kind == pl.Duration:
            parts = {"ns": 1e9, "us": 1e6, "ms": 1e3}[getattr(kind, "time_unit", "us")]
            casts.append(column.to_physical().cast(pl.Float64) / parts)
        elif kind == pl.Datetime:
            utc = column.dt.convert_time_zone("UTC") if getattr(kind, "time_zone", None) else column
            casts.append(utc.dt.replace_time_zone(None).cast(pl.Datetime("us"), strict=False))
        else:
            casts.append(column)
    return frame.select(casts), tuple(texts), left_out


def from_pandas(source: Any) -> pl.DataFrame:
    """Return a pandas frame as a polars one, column by column, without pyarrow."""
    names = [str(name) for name in source.columns]
    columns = []
    for number, name in enumerate(names):
        values = source.iloc[:, number]
        kind = values.dtype
        if hasattr(kind, "categories"):
            words = [None if item is None else str(item) for item in _without_missing(values)]
            column = pl.Series(name, words, pl.String).cast(pl.Categorical)
        elif getattr(kind, "tz", None) is not None:
            column = pl.Series(name, values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]"))
        elif not isinstance(kind, np.dtype) or kind.kind not in "biufmM":
            column = from_objects(name, _without_missing(values))
        elif kind.kind in "mM":
            column = pl.Series(name, values.to_numpy(f"{'timedelta' if kind.kind == 'm' else 'datetime'}64[us]"))
        else:
            array = values.to_numpy()
            wide = array.astype(np.float64) if kind.kind == "f" else array
            column = pl.Series(name, wide, nan_to_null=True)
        columns.append(column.alias(f"{number}"))
    frame = pl.DataFrame(columns)
    # Names twice are for `named` to tell of: polars would refuse them in words of its own.
    if len(set(names)) == len(names):
        frame.columns = names
        return frame
    twice = next(name for name in names if names.count(name) > 1)
    raise DataError(f"the data frame has several columns named {twice!r}: rename all but one.")


def _without_missing(values: Any) -> list[Any]:
    missing = values.isna().to_numpy()
    return [None if gone else item for item, gone in zip(values.tolist(), missing, strict=True)]


def from_records(records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return records as a frame; a name that a record lacks is a missing value there."""
    names = dict.fromkeys(name for record in records for name in record)
    return pl.DataFrame([from_objects(name, [record.get(name) for record in records]) for name in names])


def from_objects(name: str, items: Iterable[Any]) -> pl.Series:
    """Return Python objects as a column: of numbers, flags, dates or times if all are, else of texts.

    A column in which a cell has several values is one of lists, for `plain` to leave out.
    """
    values = [item.item() if isinstance(item, np.generic) else item for item in items]
    kinds = {type(item) for item in values if item is not None}

    def all_are(*allowed: type) -> bool:
        return all(issubclass(kind, allowed) for kind in kinds)

    if not kinds:
        return pl.Series(name, values, pl.Null)
    if any(issubclass(kind, NESTED) for kind in kinds):
        return pl.Series(name, [None if item is None else [] for item in values], pl.List(pl.String))
    if all_are(bool):
        return pl.Series(name, values, pl.Boolean)
    if all_are(int) and all(item is None or -(2**63) <= item < 2**63 for item in values):
        return pl.Series(name, [None if item is None else int(item) for item in values], pl.Int64)
    if all_are(int, float, Decimal) and not all_are(int):
        return pl.Series(name, [_finite(item) for item in values], pl.Float64)
    if all_are(date):
        if not any(issubclass(kind, datetime) for kind in kinds):
            return pl.Series(name, values, pl.Date)
        return pl.Series(name, [None if item is None else _utc(item) for item in values], pl.Datetime("us"))
    if all_are(time):
        return pl.Series(name, [None if item is None else item.replace(tzinfo=None) for item in values], pl.Time)
    if all_are(timedelta):
        return pl.Series(name, [None if item is None else item.total_seconds() for item in values], pl.Float64)
    return pl.Series(name, [None if item is None else str(item) for item in values], pl.String)


def _finite(item: Any) -> float | None:
    try:
        number = float(item) if item is not None else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _utc(item: date) -> datetime:
    if not isinstance(item, datetime):
        return datetime(item.year, item.month, item.day)
    plain_item = datetime(*item.timetuple()[:6], item.microsecond)
    offset = item.utcoffset()
    return plain_item - offset if offset is not None else plain_item
