"""Tables with a column of paths: the pictures that the rows are about."""

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from brickwork.core.errors import DataError
from brickwork.data.picture_files import Pictures, is_picture, with_headers
from brickwork.data.picture_folder import check_pictures_left

if TYPE_CHECKING:  # polars is slow to import
    from brickwork.data.table import Table

SAMPLE = 1000
MOST = 0.9
"""The share of a column's values that are names of pictures where it is one of paths."""


def picture_column(
    table: "Table", folder: str | os.PathLike[str] | None = None, besides: Collection[str] = ()
) -> str | None:
    """Return the column of a table that holds paths of pictures, or None.

    It is one of texts nearly all of which end as names of pictures do (.png, .jpg...). Of several it is the one whose
    first files are there, relative to `folder`; columns in `besides` are not looked at.
    """
    best: tuple[int, str] | None = None
    for name in table.columns:
        values = table.written(name)
        if name in besides or str(values.dtype) != "String":
            continue
        texts = values.drop_nulls().head(SAMPLE).to_list()
        if not texts or sum(map(is_picture, texts)) < MOST * len(texts):
            continue
        place = _folder_of(table, folder)
        there = sum(_found(place, text) is not None for text in texts[:20])
        if best is None or there > best[0]:
            best = there, name
    return None if best is None else best[1]


def pictures_of_table(table: "Table", column: str, folder: str | os.PathLike[str] | None = None) -> Pictures:
    """Return the pictures that a column of a table names.

    Paths are absolute, or relative to `folder`, which is that of the table's file unless another is given. Files that
    are missing or no pictures are skipped, and listed in `Pictures.skipped`; `Pictures.rows` has the rows of the rest.

    Raises:
        DataError: there is no such column (naming the nearest), or none of its pictures can be read.
    """
    place = _folder_of(table, folder)
    texts = [None if text is None else str(text) for text in table.written(column).to_list()]
    named = [row for row, text in enumerate(texts) if text]
    paths = [_found(place, texts[row] or "") or place / (texts[row] or "") for row in named]
    if paths and not any(path.exists() for path in paths):
        raise DataError(
            f"None of the {len(paths):,} pictures that {column!r} of {table.source} names is there: {paths[0]} is the "
            f"first. Paths are taken from {place.resolve()}; put the table beside its pictures, or, if they do not "
            f"matter, leave the column {column!r} out."
        )
    pictures, kept = with_headers(table.source, paths)
    blank = len(texts) - len(named)
    notes = (f"{blank:,} of {len(texts):,} rows name no picture in {column!r} and are left out.",) if blank else ()
    pictures = replace(pictures, rows=np.array(named, np.int64)[kept], notes=notes)
    check_pictures_left(pictures)
    return pictures


def _folder_of(table: "Table", folder: str | os.PathLike[str] | None) -> Path:
    if folder is not None:
        return Path(folder)
    path = Path(table.source)
    return path.parent if path.is_file() else Path()


def _found(folder: Path, text: str) -> Path | None:
    """Return the file that a cell names, also when it was written on a system with backslashes in paths."""
    for name in (text, text.replace("\\", "/")):
        path = folder / name
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):  # a name that is too long, or has a zero byte
            continue
    return None
