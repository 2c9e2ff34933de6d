"""From what a person names to a problem: a data set, a table, a folder of pictures, a table of pictures."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from brickwork.core.errors import DataError, SettingError, nearest
from brickwork.data import datasets
from brickwork.data.picture_folder import read_picture_folder
from brickwork.data.picture_table import picture_column, pictures_of_table
from brickwork.data.table import Table, is_table, read_table
from brickwork.tasks.asked import Asked
from brickwork.tasks.dataset_problem import dataset_problem
from brickwork.tasks.picture_problem import picture_problem
from brickwork.tasks.problem import Problem
from brickwork.tasks.table_problem import table_problem


def prepare(source: Any, asked: Asked, tell: Callable[[str], None] | None = None) -> Problem:
    """Return the problem that a source and a question make.

    `source` is the name of a data set, a path (a file of a table, a folder of pictures) or a data frame. `tell` is told
    in words what is being downloaded, where a data set must be.

    Raises:
        SettingError: no target for a table, settings that do not fit the source.
        DataError: nothing of that name (naming the nearest), data that cannot be read or learnt.
    """
    if not isinstance(source, str | os.PathLike):
        return _of_table(read_table(source), asked, "data", Path())
    path = Path(source)
    try:
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise DataError(f"{str(source)[:200]!r} is no name of a file or a data set.") from error
    if not exists and str(source) in datasets.names():
        return dataset_problem(str(source), asked, tell)
    if path.is_dir():
        if asked.target:
            raise SettingError(
                f"{path} is a folder, whose sub-folders are the classes: there is no column {asked.target[0]!r}. "
                "Give a table with a column of paths to learn something else."
            )
        return picture_problem(read_picture_folder(path), asked, path.resolve().name)
    if not exists and not is_table(path) and path.parent == Path():
        raise SettingError(_unknown(path))
    table = read_table(path, separator=asked.separator, encoding=asked.encoding)
    return _of_table(table, asked, path.name.split(".")[0] or "data", path.parent)


def _of_table(table: Table, asked: Asked, name: str, folder: Path) -> Problem:
    paths = picture_column(table, folder, besides=(*asked.target, *asked.leave_out))
    if paths is None:
        return table_problem(table, asked, name)
    return picture_problem(pictures_of_table(table, paths, folder), asked, name, table)


def _unknown(path: Path) -> str:
    """Say what could have been meant by a name that is neither a data set nor a file."""
    here = [entry.name for entry in Path().iterdir() if entry.is_dir() or is_table(entry)]
    hint = nearest(str(path), [*datasets.names(), *here])
    return f"There is no data set and no file named {str(path)!r}. {hint}"


def source_name(source: Any) -> str:
    """Return what to call a source in the documents of a run."""
    if isinstance(source, str | os.PathLike):
        return str(Path(source).resolve()) if Path(source).exists() else os.fspath(source)
    if hasattr(source, "columns"):
        return "a data frame"
    raise DataError(f"Give the name of a data set, a path or a data frame; got {type(source).__name__}.")
