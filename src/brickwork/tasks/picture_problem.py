"""Pictures made ready: read, brought to one size, split, with the classes of their folders or a column of a table."""

import numpy as np

from brickwork.core.errors import DataError, SettingError
from brickwork.data import stratified_split
from brickwork.data.picture_encoder import fit_picture_encoder, read_pictures
from brickwork.data.picture_files import Pictures
from brickwork.data.splits import part_sizes
from brickwork.data.table import Table
from brickwork.data.table.target import Target, read_target
from brickwork.tasks.asked import Asked
from brickwork.tasks.problem import Problem
from brickwork.tasks.table_problem import (
    PARTS,
    check_columns,
    class_notes,
    examples_of,
    few_rows,
    group_notes,
    split_rows,
    targets_of,
)

HELD_OUT = 0.15
"""Share of what is there to train on that is held out, where folders give some of the parts only."""


def picture_problem(pictures: Pictures, asked: Asked, name: str, table: Table | None = None) -> Problem:
    """Return the problem of pictures: of a folder with a sub-folder for each class, or of a table with their paths.

    Pictures that turn out to be damaged are left out and counted. The size that all are brought to is chosen by the
    training pictures.

    Raises:
        SettingError: settings that fit tables only.
        DataError: no target in the table, too few pictures, more than fit in memory.
    """
    if table is None:
        for setting in ("group", "time", "by", "leave_out"):
            if getattr(asked, setting):
                raise SettingError(f"A folder of pictures has no columns: {setting}= does not fit it.")
        target, groups = _of_folders(pictures), ()
        split, parts = _parts(pictures, target, asked)
    else:
        assert pictures.rows is not None
        check_columns(table, asked)
        table = table.rows(pictures.rows)
        target = read_target(table, asked.target, asked.question)
        split, parts = split_rows(table, target, asked)
        groups = group_notes(table, asked.group)
        pictures, table = pictures.keep(target.rows), table.rows(target.rows)
    encoder = fit_picture_encoder(pictures, asked.size, parts[0])
    inputs, kept, skipped = read_pictures(encoder, pictures.paths)
    values, labels = targets_of(target)
    places = np.full(len(pictures), -1)
    places[kept] = np.arange(len(kept))
    found = {part: places[some][places[some] >= 0] for part, some in zip(PARTS, parts, strict=True)}
    pictures, values = pictures.keep(kept, skipped), values[kept]
    for part, some in found.items():
        if not len(some):
            raise DataError(f"No picture of the {part} part can be read: give more of them.")
    examples = {part: examples_of(inputs[some], values[some], labels) for part, some in found.items()}
    return Problem(
        name=name,
        title=name,
        kind=target.question,
        why=target.why,
        inputs="pictures",
        train=examples["train"],
        valid=examples["valid"],
        test=examples["test"],
        targets=target.names,
        labels=labels,
        encoder=encoder,
        rows=found,
        warnings=few_rows(found),
        notes=(*pictures.notes, *pictures.left_out, *target.notes, *class_notes(target, values, found), *groups),
        split=split,
        table=None if table is None else table.rows(kept),
        pictures=pictures.paths,
    )


def _of_folders(pictures: Pictures) -> Target:
    """Return the classes of folders as a target."""
    assert pictures.labels is not None
    classes = pictures.classes
    why = f"{pictures.source} has a folder for each of {len(classes)} classes"
    return Target((), "classes", why, np.array(pictures.labels, object), np.arange(len(pictures)), classes)


def _parts(pictures: Pictures, target: Target, asked: Asked) -> tuple[str, tuple[np.ndarray, ...]]:
    """Return in words how pictures are split, and the places of each part: as folders say, or classes in proportion."""
    if pictures.parts is None:
        return "at random, classes in proportion", stratified_split(target.values, seed=asked.split_seed)
    parts = np.array(pictures.parts)
    given = {part: np.flatnonzero(parts == part) for part in PARTS}
    test = given["test"] if len(given["test"]) else given["valid"]
    valid = given["valid"] if len(given["test"]) else np.zeros(0, np.int64)
    train = given["train"]
    if len(valid):
        return "as the folders say", (train, valid, test)
    part_sizes(len(train), (1 - HELD_OUT, HELD_OUT))
    kept, held = stratified_split(target.values[train], (1 - HELD_OUT, HELD_OUT), asked.split_seed)
    tested = "test" if len(given["test"]) else "valid"
    return f"as the folders say: {tested!r} is tested on, a part of 'train' held out to stop by", (
        train[kept],
        train[held],
        test,
    )
