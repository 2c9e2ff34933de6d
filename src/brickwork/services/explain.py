"""Explain: row by row, or picture by picture, what an answer rests on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from brickwork.core.errors import DataError, SettingError
from brickwork.explain import Contribution, column_groups, contributions, pixel_map
from brickwork.services.answers import Answer
from brickwork.services.maps import over_grey, write_picture
from brickwork.services.predict import answers_for_table, read_rows
from brickwork.services.saved import Saved, open_saved
from brickwork.services.values import shown_rows
from brickwork.tasks.answers import given_by

MOST_ROWS = 1000


@dataclass(frozen=True)
class Explanation:
    """One answer, what is answered for a typical row, and how far each column moves the answer from there.

    The effects add up to `number - typical`: probabilities of the answered class or label, or numbers. `target` says
    which of several numbers or labels is explained.
    """

    answer: Answer
    target: str
    number: float
    typical: float
    contributions: tuple[Contribution, ...]


def explain_rows(
    path: str | Path,
    source: Any,
    *,
    rows: Sequence[int] | None = None,
    output: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
) -> list[Explanation]:
    """Return what the answers of the model at `path` for rows of a table rest on.

    Args:
        path: a saved model of tables.
        source: a file of a table, a data frame, or rows as dictionaries.
        rows: which rows, counted from 0; the first ten when not given.
        output: which class, label or target to explain; what was answered when not given.
        separator: what stands between the fields of delimited text; guessed when not given.
        encoding: of text; guessed when not given.

    Raises:
        BundleError: the model cannot be read.
        DataError: data that cannot be read, rows that are not there, an output that the model does not have.
    """
    saved = open_saved(path)
    if saved.table is None:
        raise DataError(f"{path} is a model of pictures: explain_pictures shows which pixels matter.")
    if not saved.typical:
        raise SettingError(f"{path} was saved without a typical row, which answers are explained from: learn it again.")
    table = read_rows(source, separator, encoding)
    chosen = range(min(10, len(table))) if rows is None else rows
    wrong = [row for row in chosen if not 0 <= row < len(table)]
    if wrong:
        raise DataError(f"There is no row {wrong[0] + 1}: {table.source} has {len(table):,}.")
    if len(chosen) > MOST_ROWS:
        raise DataError(f"{len(chosen):,} rows are more than the {MOST_ROWS:,} that are explained at once.")
    table = table.rows(np.asarray(chosen))
    answers = replace(answers_for_table(saved, table), sources=tuple(f"row {row + 1}" for row in chosen))
    places = [_place(saved, output, row) for row in answers.given]
    typical = {name: row.astype(np.float32 if name == "numbers" else np.int32) for name, row in saved.typical.items()}

    def predict(inputs: Any) -> np.ndarray:
        return given_by(saved.model, inputs, saved.question)

    usual = predict(typical)[0]
    groups = column_groups(saved.table)
    effects = contributions(predict, saved.table(table), typical, groups, places, shown=shown_rows(table.frame))
    return [
        Explanation(answers[row], str(saved.names[place]), float(answers.given[row, place]), float(usual[place]), found)
        for row, (place, found) in enumerate(zip(places, effects, strict=True))
    ]


def explain_pictures(path: str | Path, pictures: Sequence[str | Path], folder: str | Path) -> list[tuple[str, Path]]:
    """Write a picture beside each of some pictures that shows which pixels its answer rests on; return the paths.

    What speaks for the answer is orange, what speaks against it is blue, over the picture in grey, as the network sees
    it.

    Raises:
        DataError: a model of tables, pictures that cannot be read.
        StorageError: the folder cannot be written.
    """
    saved = open_saved(path)
    if saved.table is not None:
        raise DataError(f"{path} is a model of tables: give rows, not pictures.")
    if not pictures:
        raise DataError("There is nothing to explain: name at least one picture.")
    inputs = np.stack([saved.encoder(Path(picture)) for picture in pictures])
    assert saved.model.variables is not None
    maps = pixel_map(saved.model.net, saved.model.variables, inputs, saved.question)
    written: list[tuple[str, Path]] = []
    taken: set[Path] = set()
    for picture, pixels, found in zip(pictures, inputs, maps, strict=True):
        target, number = Path(folder) / f"{Path(picture).stem}-why.png", 1
        while target in taken:  # pictures of one name in several folders
            number += 1
            target = Path(folder) / f"{Path(picture).stem}-why-{number}.png"
        taken.add(target)
        write_picture(target, over_grey(pixels, found))
        written.append((str(picture), target))
    return written


def _place(saved: Saved, output: str | None, given: np.ndarray) -> int:
    if output is None:
        return 0 if saved.question == "number" else int(given.argmax())
    names = [str(name) for name in saved.names]
    if output not in names:
        raise DataError(f"The model has no answer {output!r}: it has {', '.join(names[:20])}.")
    return names.index(output)
