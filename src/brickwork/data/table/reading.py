"""Tables from files: CSV, TSV, Parquet, JSON Lines, Arrow, as one frame with checked names."""

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from brickwork.core.errors import DataError, nearest
from brickwork.data.table.delimited import ALONE, SEPARATORS, read_delimited
from brickwork.data.table.frames import from_pandas, from_records, named, plain
from brickwork.data.table.guessing import guess_columns
from brickwork.data.table.textfile import read_text

DELIMITED = (".csv", ".tsv", ".tab", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
JSON = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz")
BINARY = (".parquet", ".pq", ".arrow", ".ipc", ".feather")
SUFFIXES = (*DELIMITED, *JSON, *BINARY)
"""What files of tables are recognised by."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table as it was read: its frame, where it is from, and what a person should know about how it was read.

    `frame` has columns of numbers (Int64, Float64), flags, texts, dates and times; null where a value is missing.
    `texts` are the columns that came as texts and were understood as something else, as they were written, and
    `forms` how they are written (a strptime form of dates, else the decimal sign where it is known): what was guessed
    from all rows of a training table is what rows to predict are read by. `left_out` says why of
    the columns that cannot be learnt from.
    """

    frame: pl.DataFrame
    source: str
    notes: tuple[str, ...] = ()
    texts: pl.DataFrame = field(default_factory=pl.DataFrame)
    forms: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.frame.height

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.frame.columns)

    def column(self, name: str) -> pl.Series:
        """Return a column; raises `DataError` with the nearest name when there is none of that name."""
        if name in self.frame.columns:
            return self.frame[name]
        if name in self.left_out:
            raise DataError(f"The column {name!r} of {self.source} cannot be used: it has {self.left_out[name]}.")
        raise DataError(f"{self.source} has no column {name!r}. {nearest(name, self.frame.columns)}")

    def written(self, name: str) -> pl.Series:
        """Return a column as it came: as texts, where it came as texts."""
        return self.texts[name] if name in self.texts.columns else self.column(name)

    def rows(self, rows: np.ndarray) -> "Table":
        """Return the table of some rows."""
        texts = self.texts[rows] if self.texts.width else self.texts
        return Table(self.frame[rows], self.source, self.notes, texts, self.forms, self.left_out)


def is_table(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is one of a table, by its name."""
    return os.fspath(path).lower().endswith(SUFFIXES)


def read_table(source: Any, *, separator: str | None = None, encoding: str | None = None) -> Table:
    """Return a table from a file or a data frame.

    CSV and TSV, JSON Lines and JSON (all also packed, `.csv.gz`), Parquet and Arrow files are recognised by their
    names; polars and pandas data frames go straight in. Texts that are numbers, flags or dates in (nearly) all their
    values become so; numbers may have thousands, a currency or a percent sign. Blanks, "NA", "null", "?" and the like
    are missing values. Columns with several values in a cell are left out, which a note says.

    Args:
        source: a path, or a data frame.
        separator: what stands between the fields of delimited text; guessed when not given.
        encoding: of text; guessed when not given.

    Raises:
        DataError: a file that is missing (naming the nearest), empty, damaged or something else; the same name twice;
            lines of different lengths.
    """
    notes: list[str] = []
    day_first = False
    if isinstance(source, str | os.PathLike):
        if "://" in os.fspath(source):
            raise DataError(f"{source} is an address: download the file and give its path.")
        path = Path(source)
        name = str(path)
        _check_file(path)
        if name.lower().endswith(BINARY):
            frame = _binary(path)
        elif name.lower().endswith(JSON):
            frame = _json(path, encoding)
        else:
            text = read_delimited(path, separator, encoding)
            frame, day_first = text.frame, text.separator == ";"
            if text.encoding != "UTF-8":
                notes.append(f"The text is read as {text.encoding}.")
            if text.separator not in (",", "\t", ALONE):
                notes.append(f"There are {SEPARATORS.get(text.separator, repr(text.separator))} between the fields.")
    else:
        frame, name = _framed(source), "the data frame"
    frame, texts, left_out = plain(named(frame, name))
    notes += [f"The column {column!r} is left out: it has {why}." for column, why in left_out.items()]
    if frame.width == 0 or frame.height == 0:
        if left_out:
            raise DataError(f"{name} has no column to use: there are several values, or raw bytes, in each cell.")
        raise DataError(f"{name} is empty: it has {frame.width} columns and {frame.height} rows.")
    guessed = guess_columns(frame.select(texts), day_first)
    changed = [column for column in texts if guessed.frame[column].dtype != pl.String]
    return Table(
        frame.with_columns(guessed.frame.get_columns()),
        name,
        (*notes, *guessed.notes),
        frame.select(changed),
        guessed.forms,
        left_out,
    )


def _framed(source: Any) -> pl.DataFrame:
    if isinstance(source, pl.DataFrame):
        return source
    if isinstance(source, pl.LazyFrame):
        raise DataError("A lazy frame has no values yet: give frame.collect().")
    if any(cls.__name__ == "DataFrame" and cls.__module__.split(".")[0] == "pandas" for cls in type(source).__mro__):
        return from_pandas(source)
    raise DataError(
        f"A table is a file, or a data frame of polars or pandas; got {type(source).__name__}."
        + (" Give column.to_frame() for one column." if type(source).__name__ == "Series" else "")
    )


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder, not a file of a table.")
        if not path.exists():
            raise DataError(_missing(path))
        if not path.is_file():
            raise DataError(f"{path} is not a file.")
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty: the file has 0 bytes.")
    except OSError as error:
        raise DataError(f"{str(path)[:200]} cannot be read: {error.strerror or error}.") from error
    if path.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise DataError(f"{path} is a spreadsheet: save it as CSV (in its File menu) and give that file.")


def _missing(path: Path) -> str:
    if not path.parent.is_dir():
        return f"There is no file {path}: the folder {path.parent} does not exist."
    hint = nearest(path.name, [entry.name for entry in path.parent.iterdir() if entry.is_file()])
    return f"There is no file {str(path)!r}." + (f" {hint}" if hint.startswith("Did you mean") else "")


def _binary(path: Path) -> pl.DataFrame:
    suffix = path.suffix.lower()
    try:
        data = io.BytesIO(path.read_bytes())  # not mapped: the file may be written again while the table is in use
        return pl.read_parquet(data) if suffix in (".parquet", ".pq") else pl.read_ipc(data)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise DataError(
            f"{path} cannot be read as {suffix[1:]}: {reason}. It may be damaged, cut short, or of another kind."
        ) from error


def _json(path: Path, encoding: str | None) -> pl.DataFrame:
    """Return a list of records, or records line by line: by polars, which is fast, or as Python reads them."""
    data, _ = read_text(path, encoding)
    in_list = data.lstrip().startswith(b"[")
    try:
        if in_list:
            return pl.read_json(io.BytesIO(data), infer_schema_length=None)
        return pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):  # as for NaN, or flags among numbers
        pass
    wanted = "Give a list of records, [{...}, {...}], or one record {...} on each line."
    line = 0
    try:
        if in_list:
            records = json.loads(data)
        else:
            records = []
            for line, text in enumerate(data.split(b"\n"), 1):  # noqa: B007 (named in the error)
                records += [json.loads(text)] if text.strip() else []
    except (ValueError, RecursionError) as error:
        where = f", line {line}" if line else ""
        raise DataError(f"{path}{where} cannot be read as JSON: {error}. {wanted}") from error
    if not all(isinstance(record, dict) for record in records):
        raise DataError(f"{path} has values that are no records. {wanted}")
    return from_records(records)
