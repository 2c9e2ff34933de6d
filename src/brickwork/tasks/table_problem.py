"""A table made ready: its target read, its rows split, its columns encoded by what the training rows show."""

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from brickwork.core.errors import DataError, SettingError
from brickwork.data import Examples, encode_labels, random_split, stratified_split
from brickwork.data.splits import FRACTIONS, group_split, time_split
from brickwork.data.table import Table, TableEncoder
from brickwork.data.table.leaks import leaks
from brickwork.data.table.target import Target, read_target
from brickwork.tasks.asked import Asked
from brickwork.tasks.problem import Problem

PARTS = ("train", "valid", "test")

LARGEST = 1e15
"""Numbers from here on are not learnt: their squares would leave what single precision holds."""

FEW_TESTED = 30

MOST_REPEATED = 0.05
"""Share of test rows that may be equal to one learnt from before it is worth a warning."""


def table_problem(table: Table, asked: Asked, name: str, title: str | None = None) -> Problem:
    """Return the problem of a table.

    Rows without an answer are left out. Columns are judged by how they are written in all rows; what is learnt of
    their values, medians and words, is learnt of the training rows alone.

    Raises:
        SettingError: no target, or the same column asked for and left out.
        DataError: columns that are not there (naming the nearest), a target that cannot be learnt, too few rows, no
            column to learn from.
    """
    check_columns(table, asked)
    target = read_target(table, asked.target, asked.question)
    split, parts = split_rows(table, target, asked)
    places: dict[str, np.ndarray] = dict(zip(PARTS, parts, strict=True))  # among the rows that have an answer
    rows = {part: target.rows[some] for part, some in places.items()}
    out = {*asked.target, *asked.leave_out, *((asked.group,) if asked.group else ())}
    names = [column for column in table.columns if column not in out]
    encoder, judged = TableEncoder.fit(table, names, rows["train"])
    values, labels = targets_of(target)
    examples = {
        part: examples_of(encoder(table.rows(rows[part])), values[some], labels) for part, some in places.items()
    }
    notes = (
        *table.notes,
        *target.notes,
        *class_notes(target, values, places),
        *same_columns(table, names),
        *group_notes(table, asked.group),
    )
    warnings = (*few_rows(places), *leak_warnings(table, target, names), *same_rows(table, names, rows))
    return Problem(
        name=name,
        title=title or name,
        kind=target.question,
        why=target.why,
        inputs="table",
        train=examples["train"],
        valid=examples["valid"],
        test=examples["test"],
        targets=target.names,
        labels=labels,
        encoder=encoder,
        rows=rows,
        columns=judged,
        notes=notes,
        warnings=warnings,
        split=split,
        table=table,
    )


def check_columns(table: Table, asked: Asked) -> None:
    """Raise where no target is named, for columns that are not there, or named for two things at odds."""
    if not asked.target:
        shown = ", ".join(map(repr, table.columns[:12])) + (", ..." if len(table.columns) > 12 else "")
        raise SettingError(f"Say which column to learn: target=..., or --target COLUMN. There are {shown}.")
    for column in (*asked.leave_out, *asked.by, *(c for c in (asked.group, asked.time) if c)):
        if column not in table.left_out:
            table.column(column)
    for columns, what in ((asked.leave_out, "left out"), ((asked.group,), "the group"), ((asked.time,), "the time")):
        both = [column for column in asked.target if column in columns]
        if both:
            raise SettingError(f"{both[0]!r} is the target and is to be {what}: it cannot be both.")


def examples_of(inputs: Any, targets: np.ndarray, labels: Sequence[str | int] | None) -> Examples:
    """Return encoded rows or pictures as examples, which their encoder has checked already."""
    return Examples(inputs, targets, classes=None if labels is None or targets.ndim > 1 else tuple(labels))


def targets_of(target: Target) -> tuple[np.ndarray, tuple[str | int, ...] | None]:
    """Return targets as a network learns them, and the names of classes or labels."""
    if target.question == "classes":
        return encode_labels(target.values, target.labels)
    if target.question == "labels":
        return target.values, target.labels
    values = target.values.reshape(len(target.values), -1)
    if not (np.abs(values) < LARGEST).all():
        raise DataError(
            f"The target {', '.join(map(repr, target.names))} has values that are not finite, or beyond {LARGEST:g}: "
            "give it in other units."
        )
    return values.astype(np.float32), None


def split_rows(table: Table, target: Target, asked: Asked) -> tuple[str, tuple[np.ndarray, ...]]:
    """Return in words how the rows that have an answer are split, and which of them are to train, validate and test."""
    if asked.group is not None:
        codes = group_codes(table, asked.group)[target.rows]
        return f"by groups of {asked.group!r}, none of which is in two parts", group_split(
            codes, FRACTIONS, asked.split_seed
        )
    if asked.time is not None:
        times = table.column(asked.time).gather(target.rows)
        if not (times.dtype.is_temporal() or times.dtype.is_numeric()):
            raise DataError(f"{asked.time!r} holds {times.drop_nulls()[0]!r}: rows are split by a date or a number.")
        return f"in the order of {asked.time!r}: what is tested is latest", time_split(times.to_numpy(), FRACTIONS)
    if target.question == "classes":
        return "at random, classes in proportion", stratified_split(target.values, FRACTIONS, asked.split_seed)
    return "at random", random_split(len(target.rows), FRACTIONS, asked.split_seed)


def group_codes(table: Table, group: str) -> np.ndarray:
    """Return a number for each row, the same for rows of one group; a row without a group is one by itself."""
    codes = table.column(group).rank("dense").cast(pl.Int64)
    alone = pl.Series(np.arange(len(table)) + len(table) + 1)
    return codes.fill_null(alone).to_numpy()


def group_notes(table: Table, group: str | None) -> tuple[str, ...]:
    """Say how intervals are made of groups, and how many rows have none."""
    if group is None:
        return ()
    missing = table.column(group).null_count()
    alone = f" {missing:,} rows have none: each is taken as one by itself." if missing else ""
    return (f"Rows of one {group!r} may be alike: intervals of scores are made of whole groups.{alone}",)


def few_rows(places: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Warn of a test part that says little."""
    count = len(places["test"])
    return (f"Only {count} rows are tested on: scores are rough guesses.",) if count < FEW_TESTED else ()


def class_notes(target: Target, values: np.ndarray, rows: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Say which classes or labels are too rare to be learnt or tested."""
    if target.question == "number" or target.labels is None:
        return ()
    what = "class" if target.question == "classes" else "label"
    notes = []
    learnt = np.concatenate([rows["train"], rows["valid"]])
    for part, missing in (
        (learnt, "learn: it is never answered"),
        (rows["test"], "test: how well it is told is not known"),
    ):
        some = values[part]
        counts = np.bincount(some, minlength=len(target.labels)) if target.question == "classes" else some.sum(0)
        rare = [repr(label) for label, count in zip(target.labels, counts, strict=True) if not count]
        if rare:
            more = f" and {len(rare) - 3} more" if len(rare) > 3 else ""
            notes.append(f"No row of the {what} {', '.join(rare[:3])}{more} is among those to {missing}.")
    return tuple(notes)


def leak_warnings(table: Table, target: Target, names: Sequence[str]) -> tuple[str, ...]:
    """Warn of columns that tell the target by themselves: they are often not known when the question is asked."""
    return tuple(
        f"The column {name!r} alone tells the target ({why}). If it is not known when you ask, leave it out "
        f"(--leave-out {shlex.quote(name)}): the score would promise too much."
        for name, why in leaks(table, names, target)
    )


def same_rows(table: Table, names: Sequence[str], rows: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Warn of test rows that are also among those learnt from."""
    frame = table.frame.select(names)
    hashes = frame.hash_rows(seed=0).to_numpy()
    learnt = np.concatenate([rows["train"], rows["valid"]])
    same = np.isin(hashes[rows["test"]], hashes[learnt]).mean()
    if frame.width < 2 or same <= MOST_REPEATED:
        return ()
    return (f"{same:.0%} of the test rows equal a row that was learnt from: the score says less about new rows.",)


def same_columns(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """Say which columns hold the same values."""
    first: dict[tuple[str, int], str] = {}
    notes = []
    for name in names:
        column = table.frame[name]
        before = first.setdefault((str(column.dtype), int(column.hash(seed=0).sum())), name)
        if before != name and column.n_unique() > 1 and column.equals(table.frame[before], null_equal=True):
            notes.append(f"The columns {before!r} and {name!r} hold the same.")
    return tuple(notes)
