"""Predict: answers of a saved model for what a person has: rows of a table, pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brickwork.core.errors import DataError, SettingError
from brickwork.data.picture_encoder import read_pictures
from brickwork.data.picture_folder import pictures_in
from brickwork.data.table import Table, read_table
from brickwork.data.table.frames import from_records
from brickwork.services.answers import Answers
from brickwork.services.saved import Saved, open_saved
from brickwork.tasks.answers import given_by


def predict(
    path: str | Path,
    sources: Any,
    *,
    below: float | None = None,
    separator: str | None = None,
    encoding: str | None = None,
) -> Answers:
    """Return the answers of the model at `path`.

    Args:
        path: a saved model.
        sources: for a model of tables a file, a data frame, or rows as dictionaries; for one of pictures files, or
            folders of them, in which what cannot be read is skipped and listed.
        below: mark answers less probable than this as unsure.
        separator: what stands between the fields of delimited text; guessed when not given.
        encoding: of text; guessed when not given.

    Raises:
        BundleError: the model cannot be read.
        SettingError: the model takes no files; `below` for a model of numbers.
        DataError: a file is missing or cannot be used; columns are missing; the message names them.
    """
    saved = open_saved(path)
    if below is not None and not 0 < below <= 1:
        raise SettingError(f"What is unsure is below a probability from 0 to 1, got {below:g}.")
    if below is not None and saved.question == "number":
        raise SettingError(
            "below= is for probabilities: this model answers with numbers, whose intervals say how sure."
        )
    if saved.table is not None:
        return answers_for_table(saved, read_rows(sources, separator, encoding), below)
    return answers_for_pictures(saved, sources, below)


def answers_for_table(saved: Saved, table: Table, below: float | None = None) -> Answers:
    """Return the answers for the rows of a table; columns beyond those learnt from are left alone."""
    assert saved.table is not None
    given = given_by(saved.model, saved.table(table), saved.question)
    sources = tuple(f"row {row + 1}" for row in range(len(table)))
    return _answers(saved, given, sources, below, table=table, notes=_unknown(saved, table))


def answers_for_pictures(saved: Saved, sources: Any, below: float | None = None) -> Answers:
    """Return the answers for pictures: files that are named must be readable, those found in folders may not be."""
    named = [sources] if isinstance(sources, str | Path) else list(sources)
    if not named:
        raise DataError("There is nothing to predict: name at least one picture.")
    paths: list[Path] = []
    for source in map(Path, named):
        paths += pictures_in(source) if source.is_dir() else [source]
    strict = not any(Path(source).is_dir() for source in named)
    if strict:
        inputs = np.stack([saved.encoder(path) for path in paths])
        skipped: tuple[tuple[str, str], ...] = ()
    else:
        inputs, kept, skipped = read_pictures(saved.encoder, paths)
        paths = [paths[place] for place in kept]
    given = given_by(saved.model, inputs, saved.question)
    return _answers(saved, given, tuple(map(str, paths)), below, skipped=skipped)


def read_rows(sources: Any, separator: str | None = None, encoding: str | None = None) -> Table:
    """Return rows as a table: from a file, a data frame, one dictionary or a list of them."""
    if isinstance(sources, Sequence) and not isinstance(sources, str):
        if not sources:
            raise DataError("There is nothing to predict: give a file of rows.")
        if all(isinstance(row, Mapping) for row in sources):
            return _from_dicts(sources)
        if len(sources) > 1:
            raise DataError(f"Give one file of rows at a time; got {len(sources)}.")
        sources = sources[0]
    if isinstance(sources, Mapping):
        return _from_dicts([sources])
    return read_table(sources, separator=separator, encoding=encoding)


def _from_dicts(rows: Sequence[Any]) -> Table:
    return read_table(from_records([dict(row) for row in rows]))


def _answers(saved: Saved, given: np.ndarray, sources: tuple[str, ...], below: float | None, **more: Any) -> Answers:
    return Answers(
        saved.question,
        saved.names,
        saved.targets,
        given,
        sources,
        widths=saved.widths,
        below=below,
        **more,
    )


def _unknown(saved: Saved, table: Table) -> tuple[str, ...]:
    """Say which columns have values that the model knows nothing of."""
    ours = {"answer", "probability", "low", "high", "unsure"}
    taken = [name for name in table.columns if name in ours]
    notes = [f"The rows have a column {name!r} of their own: ours is called '{name}_'." for name in taken]
    for column in saved.table.columns if saved.table is not None else ():
        found = column.unknown(table.written(column.name))
        if found:
            shown = ", ".join(repr(word[:40]) for word in found[:3]) + (
                f" and {len(found) - 3} more" if found[3:] else ""
            )
            notes.append(f"{column.name!r} has values that the model did not learn: {shown}. They count as unknown.")
    return tuple(notes)
