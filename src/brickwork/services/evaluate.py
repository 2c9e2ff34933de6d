"""Evaluate: how well a saved model answers for new data whose answers are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from brickwork.core.errors import DataError, SettingError
from brickwork.data import encode_labels
from brickwork.data.picture_encoder import read_pictures
from brickwork.data.picture_folder import read_picture_folder
from brickwork.data.picture_table import picture_column, pictures_of_table
from brickwork.data.table import Table, is_table, read_table
from brickwork.data.table.target import read_target
from brickwork.explain import Answered, GroupScores, Score, by_group, scores
from brickwork.services.saved import Saved, open_saved
from brickwork.tasks.answers import given_by
from brickwork.tasks.table_problem import PARTS


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of a model on other data, those it had on its own test rows, and those by group where asked for."""

    answered: Answered
    scores: tuple[Score, ...]
    before: Mapping[str, float]
    groups: Mapping[str, tuple[GroupScores, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


def evaluate(
    path: str | Path,
    source: Any,
    *,
    by: str | Sequence[str] = (),
    separator: str | None = None,
    encoding: str | None = None,
) -> Evaluation:
    """Return how well the model at `path` answers for data whose answers are known.

    Args:
        path: a saved model.
        source: a file of a table or a data frame with the target among its columns; for pictures a folder with a
            sub-folder for each class, or a table of paths.
        by: columns by whose groups the answers are audited as well.
        separator: what stands between the fields of delimited text; guessed when not given.
        encoding: of text; guessed when not given.

    Raises:
        BundleError: the model cannot be read.
        DataError: data that cannot be read, columns that are missing, classes that the model has not learnt.
    """
    saved = open_saved(path)
    by = (by,) if isinstance(by, str) else tuple(by)
    before = saved.before
    if saved.table is not None or not _is_folder(source):
        table = read_table(source, separator=separator, encoding=encoding)
        return _of_table(saved, table, before, by, Path() if not _is_path(source) else Path(source).parent)
    if by:
        raise SettingError("Folders of pictures have no columns to audit by: give a table with a column of paths.")
    pictures = read_picture_folder(source, known=[str(name) for name in saved.names])
    if pictures.parts is not None:  # those of train were learnt from
        pictures = pictures.keep(np.flatnonzero(np.array(pictures.parts) == max(pictures.parts, key=PARTS.index)))
    inputs, kept, skipped = read_pictures(saved.encoder, pictures.paths)
    labels = pictures.labels or ()
    truth, _ = encode_labels([labels[place] for place in kept], [str(name) for name in saved.names])
    answered = Answered(saved.question, truth, given_by(saved.model, inputs, saved.question), saved.names)
    return Evaluation(answered, scores(answered), before, {}, pictures.notes, (*pictures.skipped, *skipped))


def _of_table(saved: Saved, table: Table, before: Mapping[str, float], by: tuple[str, ...], folder: Path) -> Evaluation:
    if not saved.targets:
        raise DataError(
            f"{saved.path} learnt classes that folders name: give a folder with a sub-folder for each class."
        )
    known = () if saved.question == "number" else saved.names
    target = read_target(table, saved.targets, saved.question, known)
    rows, skipped = target.rows, ()
    table = table if len(rows) == len(table) else table.rows(rows)
    if saved.table is not None:
        inputs: Any = saved.table(table)
        places = np.arange(len(table))
    else:
        column = picture_column(table, folder, besides=saved.targets)
        if column is None:
            raise DataError(f"{table.source} has no column with paths of pictures, which the model takes.")
        pictures = pictures_of_table(table, column, folder)
        inputs, kept, skipped = read_pictures(saved.encoder, pictures.paths)
        assert pictures.rows is not None
        places, skipped = pictures.rows[kept], (*pictures.skipped, *skipped)
    truth = target.values[places]
    if saved.question == "classes":
        truth, _ = encode_labels(truth, saved.names)
    truth = truth if saved.question == "classes" else truth.reshape(len(truth), -1)
    answered = Answered(saved.question, truth, given_by(saved.model, inputs, saved.question), saved.names)
    groups = {column: by_group(answered, table.column(column).gather(places).to_list()) for column in by}
    return Evaluation(answered, scores(answered), before, groups, (*table.notes, *target.notes), skipped)


def _is_path(source: Any) -> bool:
    return isinstance(source, str | Path)


def _is_folder(source: Any) -> bool:
    return _is_path(source) and not is_table(source)
