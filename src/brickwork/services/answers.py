"""Answers: what a model says of rows or pictures, one by one or as a frame to be written as a file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from brickwork.core.errors import SettingError
from brickwork.data.table import Table
from brickwork.data.table.target import BETWEEN
from brickwork.explain import certainty
from brickwork.explain.findings import Question
from brickwork.storage.files import write_atomic


@dataclass(frozen=True)
class Answer:
    """The answer for one thing.

    `probability` and `ranking` (the most probable first) are for classes and labels, `low` and `high` for numbers: the
    ends of their intervals, by target.
    """

    source: str
    answer: Any
    probability: float | None = None
    ranking: tuple[tuple[Any, float], ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers for many things: a sequence of `Answer`s, or a frame to be written as a file.

    `given` (rows, outputs) holds probabilities or numbers; `table` the rows, where they came as a table; `skipped` says
    which pictures could not be read, and why; `notes` what a person should know of the rows.
    """

    question: Question
    names: tuple[str | int, ...]
    targets: tuple[str, ...]
    given: np.ndarray
    sources: tuple[str, ...]
    table: Table | None = None
    widths: tuple[float, ...] = ()
    below: float | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.given)

    def __iter__(self) -> Iterator[Answer]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, row: int) -> Answer:
        numbers = self.given[row]
        if self.question == "number":
            width, answer = np.asarray(self.widths or np.nan), numbers.tolist()
            ends = [tuple((numbers + side * width).tolist()) if self.widths else () for side in (-1, 1)]
            return Answer(self.sources[row], answer[0] if len(answer) == 1 else tuple(answer), None, (), *ends)
        order = np.argsort(-numbers, kind="stable")
        ranking = tuple((self.names[place], float(numbers[place])) for place in order)
        if self.question == "classes":
            return Answer(self.sources[row], ranking[0][0], ranking[0][1], ranking)
        there = tuple(name for name, share in zip(self.names, numbers, strict=True) if share > 0.5)
        return Answer(self.sources[row], there, float(self.certainty[row]), ranking)

    @cached_property
    def certainty(self) -> np.ndarray:
        """The probability of each answer; of labels that of the least certain one."""
        return certainty(self.question, self.given)

    @property
    def unsure(self) -> np.ndarray:
        """Which rows are for a person, in order: those less certain than `below`, the least certain first."""
        if self.below is None:
            return np.zeros(0, np.int64)
        order = np.argsort(self.certainty, kind="stable")
        return order[self.certainty[order] < self.below]

    def some(self, rows: np.ndarray) -> "Answers":
        """Return the answers for some rows."""
        table = None if self.table is None else self.table.rows(rows)
        sources = tuple(self.sources[row] for row in rows)
        return replace(self, given=self.given[rows], sources=sources, table=table)

    def frame(self, given_too: bool = True) -> pl.DataFrame:
        """Return the answers as a frame, beside the columns of the table they are for.

        Of classes: `answer`, `probability`, and the probability of each class, `p(class)`. Of labels: `answer`, with
        `|` between labels, and `p(label)`. Of numbers: `answer`, `low` and `high`; of several, with `(target)` behind.
        With a bound for what is unsure, `unsure` says which rows those are.
        """
        columns: dict[str, Any] = {}
        if self.question == "number":
            for place, target in enumerate(self.targets):
                behind = f" ({target})" if len(self.targets) > 1 else ""
                numbers = self.given[:, place]
                columns[f"answer{behind}"] = numbers
                if self.widths:
                    columns[f"low{behind}"] = numbers - self.widths[place]
                    columns[f"high{behind}"] = numbers + self.widths[place]
        else:
            texts = np.array([str(name) for name in self.names], object)
            if self.question == "classes":
                columns["answer"] = np.asarray(self.names)[self.given.argmax(1)].tolist()
                columns["probability"] = self.given.max(1)
            else:
                columns["answer"] = [BETWEEN.join(texts[row > 0.5]) for row in self.given]
            columns |= {f"p({name})": self.given[:, place] for place, name in enumerate(texts)}
        if self.below is not None:
            flags = np.zeros(len(self), bool)
            flags[self.unsure] = True
            columns["unsure"] = flags
        if not given_too:
            return pl.DataFrame(columns)
        given = pl.DataFrame({"source": list(self.sources)}) if self.table is None else self.table.frame
        taken = set(given.columns)
        return given.hstack(pl.DataFrame({_free(name, taken): values for name, values in columns.items()}))


def write_frame(path: str | Path, frame: pl.DataFrame) -> Path:
    """Write a frame as a file of the kind its name says, whole or not at all; return its path.

    CSV, TSV, JSON Lines, JSON, Parquet and Arrow are written. Raises `SettingError` for another ending, `StorageError`
    when it cannot be written.
    """
    path = Path(path)
    writers: dict[str, Any] = {
        ".csv": frame.write_csv,
        ".tsv": lambda out: frame.write_csv(out, separator="\t"),
        ".jsonl": frame.write_ndjson,
        ".json": frame.write_json,
        ".parquet": frame.write_parquet,
        ".arrow": frame.write_ipc,
    }
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise SettingError(f"{path} does not say how to write it: give a name that ends in {', '.join(writers)}.")
    write_atomic(path, writer)
    return path


def _free(name: str, taken: set[str]) -> str:
    """Return a column name that is not taken, and take it."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
