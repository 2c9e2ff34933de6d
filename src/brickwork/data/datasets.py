"""Data sets by name: small ones that come with the dependencies, generated ones, and published ones of pictures."""

import gzip
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brickwork.core.errors import DataError, SettingError, nearest
from brickwork.data.cards import CARDS, DatasetCard
from brickwork.data.examples import Examples
from brickwork.data.generated import flights, passes
from brickwork.data.splits import FRACTIONS, random_split, stratified_split

if TYPE_CHECKING:
    from brickwork.data.table import Table

HELD_OUT = 0.1
"""The share of the rows to train on that are held out to choose by, where the rows to test on are given."""


@dataclass(frozen=True)
class Dataset:
    """A data set in three parts, and its card. `train` is learned from, `valid` chosen by, `test` judged on once."""

    train: Examples
    valid: Examples
    test: Examples
    card: DatasetCard

    def __repr__(self) -> str:
        sizes = f"train {len(self.train)}, valid {len(self.valid)}, test {len(self.test)} rows"
        return f"Dataset({self.card.name}: {self.card.title}; {sizes})"


def names() -> tuple[str, ...]:
    """Return the names of all data sets."""
    return tuple(CARDS)


def cards() -> tuple[DatasetCard, ...]:
    """Return the card of every data set, reading none of them."""
    return tuple(CARDS.values())


def card(name: str) -> DatasetCard:
    """Return the card of a data set, reading nothing else; raises `SettingError` for an unknown name."""
    if name not in CARDS:
        raise SettingError(f"There is no data set named {name!r}. {nearest(str(name), CARDS)}")
    return CARDS[name]


def load(
    name: str,
    seed: int = 0,
    *,
    folder: str | os.PathLike[str] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Dataset:
    """Return a data set of arrays, split into 70% to train, 15% to validate and 15% to test on, classes in proportion.

    `seed` chooses the split; the same seed gives the same rows everywhere. Published data sets (`mnist`,
    `fashion_mnist`, `cifar10`) keep the rows to test on that they were published with; a tenth of the others is held
    out to validate on.

        digits = datasets.load("digits")
        digits.train.inputs.shape        # (1258, 8, 8, 1): rows, height, width, one channel; bytes from 0 to 16

    Args:
        name: one of `names()`.
        seed: which rows go where.
        folder: where the files of a published data set are; without it they are downloaded, once, into a cache (the
            folder that BRICKWORK_DATA names, or one of the user's). All others are never downloaded.
        tell: a function that is told in words what is being downloaded, `print` say.

    Raises:
        SettingError: an unknown name (with the nearest); a data set that is a table of words and missing values; a
            folder for one that is not read from files.
        DataError: a file is not what the card says, or cannot be downloaded.
    """
    about = card(name)
    if about.comes == "published":
        (inputs, targets), test = _files(name, folder, tell)
        given, held = stratified_split(targets, (1 - HELD_OUT, HELD_OUT), seed)
        parts = ((inputs[given], targets[given]), (inputs[held], targets[held]), test)
        train, valid, tested = (Examples.of(*part, classes=about.classes) for part in parts)
        return Dataset(train, valid, tested, replace(about, rows=len(inputs) + len(test[0])))
    examples = load_all(name, folder=folder)
    split = stratified_split if about.target == "classes" else _plain_split
    train, valid, test = (examples[rows] for rows in split(examples.targets, FRACTIONS, seed))
    return Dataset(train, valid, test, about)


def load_all(
    name: str, *, folder: str | os.PathLike[str] | None = None, tell: Callable[[str], None] | None = None
) -> Examples:
    """Return all rows of a data set in their original order, not split (those to test on last); raises as `load`."""
    about = card(name)
    if about.comes == "published":
        pairs = zip(*_files(name, folder, tell), strict=True)
        inputs, targets = (np.concatenate(pair) for pair in pairs)
        return Examples.of(inputs, targets, classes=about.classes)
    if folder is not None:
        known = ", ".join(one.name for one in CARDS.values() if one.comes == "published")
        raise SettingError(f"{name!r} is not read from files, so folder= does not fit; it is for {known}.")
    inputs, targets = _numbers(about)
    inputs = inputs.reshape(about.rows, *about.inputs).astype(np.uint8 if name == "digits" else np.float32)
    targets = targets.astype(np.float32 if about.target == "number" else np.int32)
    return Examples.of(inputs, targets, classes=about.classes, columns=about.columns)


def tables() -> tuple[str, ...]:
    """Return the names that `table` knows."""
    return tuple(name for name, one in CARDS.items() if one.columns is not None)


def table(name: str) -> "Table":
    """Return a data set as a table, all rows in their original order, as if it were read from a file.

    The answers are in the column that its card names: `datasets.card(name).answer`. Classes are in words.

        datasets.table("flights").frame.head(4)

    Raises `SettingError` for an unknown name, and for pictures; `DataError` as `load` does.
    """
    from brickwork.data.table import read_table  # noqa: PLC0415  (brings polars: only where a table is asked for)

    about = card(name)
    if about.columns is None:
        hint = f"It has pictures, not columns: use load({name!r})."
        raise SettingError(f"{name!r} is no table. {hint} Tables: {', '.join(tables())}.")
    if name == "flights":
        columns = flights()
    else:
        inputs, targets = _numbers(about)
        columns = dict(zip(about.columns, inputs.T, strict=True))
        columns[about.answer] = targets if about.classes is None else [about.classes[int(row)] for row in targets]
    read = read_table(_frame(columns))
    return replace(read, source=f"the data set {name!r}")


def _files(name: str, folder: Any, tell: Any) -> Any:
    from brickwork.data.published import read_published  # noqa: PLC0415  (brings what downloads: only where it is)

    return read_published(name, folder, tell)


def _frame(columns: dict[str, Any]) -> Any:
    import polars as pl  # noqa: PLC0415

    series = []
    for name, values in columns.items():
        if isinstance(values, np.ndarray) and values.dtype.kind == "M":
            values = values.astype("datetime64[us]")  # noqa: PLW2901
        series.append(pl.Series(name, values, nan_to_null=True))
    return pl.DataFrame(series)


def _numbers(card: DatasetCard) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a data set of numbers as they come, checked against its card."""
    if card.name == "passes":
        return passes()
    if card.name == "flights":
        raise SettingError(
            "'flights' is a table with words, times and missing values: use datasets.table('flights'), and "
            "brickwork.data.table.TableEncoder to make arrays of it."
        )
    inputs, targets = _bundled(card.name) or _from_library(card.name)
    if len(inputs) != card.rows or len(targets) != card.rows or inputs[0].size != np.prod(card.inputs):
        raise DataError(
            f"The file of {card.name!r} that came with scikit-learn has shape {inputs.shape}, not {card.rows} rows of "
            f"{card.inputs}. Install scikit-learn again."
        )
    return inputs, targets


def _plain_split(targets: np.ndarray, fractions: Any, seed: int) -> tuple[np.ndarray, ...]:
    return random_split(len(targets), fractions, seed)


def _bundled(name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Read scikit-learn's own file, or return None where it is not in its usual place.

    Importing `sklearn.datasets` takes more than a second; finding its folder takes nothing.
    """
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data"
    try:
        if name == "diabetes":
            inputs = _table(folder / "diabetes_data_raw.csv.gz", sep=" ")
            return inputs, _table(folder / "diabetes_target.csv.gz", sep=" ").ravel()
        file = {"digits": "digits.csv.gz", "wine": "wine_data.csv"}.get(name, f"{name}.csv")
        table = _table(folder / file, sep=",", skip=name != "digits")
    except (OSError, ValueError, EOFError):
        return None
    return table[:, :-1], table[:, -1]


def _table(path: Path, sep: str, skip: bool = False) -> np.ndarray:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("ascii")
    lines = text.split("\n", 1)[1] if skip else text
    width = len(lines.split("\n", 1)[0].split(sep))
    return np.array(lines.replace("\n", sep).replace("\r", "").rstrip(sep).split(sep), np.float64).reshape(-1, width)


def _from_library(name: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets as library  # noqa: PLC0415  (slow to import: only where its files are elsewhere)

    options = {"scaled": False} if name == "diabetes" else {}
    bunch: Any = getattr(library, f"load_{name}")(**options)
    return bunch.data, bunch.target
