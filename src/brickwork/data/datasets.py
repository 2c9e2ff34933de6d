"""Small data sets that come with the dependencies: digits, iris, wine, breast_cancer, diabetes."""

import gzip
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brickwork.core.errors import DataError, SettingError, nearest
from brickwork.data.cards import CARDS, DatasetCard
from brickwork.data.examples import Examples
from brickwork.data.splits import FRACTIONS, random_split, stratified_split


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
    """Return the names that `load` knows."""
    return tuple(CARDS)


def cards() -> tuple[DatasetCard, ...]:
    """Return the card of every data set, reading none of them."""
    return tuple(CARDS.values())


def load(name: str, seed: int = 0) -> Dataset:
    """Return a data set, split into 70% to train, 15% to validate and 15% to test on, classes in proportion.

    `seed` chooses the split; the same seed gives the same rows everywhere. Nothing is downloaded.

        digits = datasets.load("digits")
        digits.train.inputs.shape        # (1258, 8, 8, 1): rows, height, width, one channel; bytes from 0 to 16

    Raises `SettingError` for an unknown name (with the nearest), `DataError` when the file is not what the card says.
    """
    examples = load_all(name)
    split = stratified_split if CARDS[name].target == "classes" else _plain_split
    train, valid, test = (examples[rows] for rows in split(examples.targets, FRACTIONS, seed))
    return Dataset(train, valid, test, CARDS[name])


def load_all(name: str) -> Examples:
    """Return all rows of a data set in their original order, not split; raises as `load` does."""
    if name not in CARDS:
        raise SettingError(f"There is no data set named {name!r}. {nearest(str(name), CARDS)}")
    card = CARDS[name]
    inputs, targets = _bundled(name) or _from_library(name)
    if len(inputs) != card.rows or len(targets) != card.rows or inputs[0].size != np.prod(card.inputs):
        raise DataError(
            f"The file of {name!r} that came with scikit-learn has shape {inputs.shape}, not {card.rows} rows of "
            f"{card.inputs}. Install scikit-learn again."
        )
    inputs = inputs.reshape(card.rows, *card.inputs).astype(np.uint8 if name == "digits" else np.float32)
    targets = targets.astype(np.float32 if card.target == "number" else np.int32)
    return Examples.of(inputs, targets, classes=card.classes, columns=card.columns)


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
