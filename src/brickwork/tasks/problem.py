"""A problem: data made ready for one question, whatever they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from brickwork.data import Encoder, Examples
from brickwork.data.table import Judged, Table, TableEncoder
from brickwork.explain import typical
from brickwork.explain.findings import Question

Inputs = Literal["table", "pictures"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Data in three parts and the question they ask.

    Tables have inputs `{"numbers": (rows, n) float32, "categories": (rows, m) int32}`, of which one may be missing;
    pictures have bytes (rows, height, width, channels). Targets are class numbers (rows,), flags (rows, labels) or
    numbers (rows, targets). `encoder` makes such inputs of what people bring and is stored with the model. `labels`
    names the classes or labels, `targets` the columns that are asked for. `rows` says for each part which rows of the
    source it has; `columns` what each column of a table was taken for; `notes` what a person should know of the data,
    `warnings` what may make the result wrong.
    `table` is the source where it was a table, `pictures` the paths of the pictures, in the same order of rows.
    """

    name: str
    title: str
    kind: Question
    why: str
    inputs: Inputs
    train: Examples
    valid: Examples
    test: Examples
    targets: tuple[str, ...]
    labels: tuple[str | int, ...] | None = None
    encoder: Encoder | None = None
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    columns: tuple[Judged, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    split: str = "at random"
    origin: Mapping[str, str] = field(default_factory=dict)
    table: Table | None = None
    pictures: tuple[Path, ...] | None = None

    def __len__(self) -> int:
        return sum(self.sizes.values())

    @property
    def sizes(self) -> dict[str, int]:
        """How many rows each part has."""
        return {"train": len(self.train), "valid": len(self.valid), "test": len(self.test)}

    @property
    def asked(self) -> str:
        """What is asked, in words."""
        if self.targets:
            return ", ".join(map(repr, self.targets))
        return f"which of {len(self.labels or ())} classes it is"

    @property
    def names(self) -> tuple[str | int, ...]:
        """What the outputs are called: classes, labels or target columns."""
        return self.targets if self.labels is None else self.labels

    @property
    def test_names(self) -> tuple[str, ...]:
        """What the test rows are called: paths of pictures, rows of the source, else their number in the part."""
        if "test" not in self.rows:
            return tuple(f"test row {number + 1}" for number in range(len(self.test)))
        rows = self.rows["test"].tolist()
        return tuple(f"row {row + 1}" if self.pictures is None else str(self.pictures[row]) for row in rows)

    @cached_property
    def learnt(self) -> Examples:
        """The training rows and behind them those to validate on: what members that take turns learn from."""
        parts = (self.train, self.valid)
        weight = None
        if any(part.weight is not None for part in parts):
            weights = [np.ones(len(part), np.float32) if part.weight is None else part.weight for part in parts]
            weight = np.concatenate(weights)
        inputs = _one_below_the_other(self.train.inputs, self.valid.inputs)
        return self.train.replace(
            inputs=inputs, targets=_one_below_the_other(self.train.targets, self.valid.targets), weight=weight
        )

    @cached_property
    def brightest(self) -> float:
        """The largest value in the training pictures: 255 of bytes, less of those with few levels of grey."""
        return float(self.train.inputs.max())

    @cached_property
    def typical(self) -> dict[str, np.ndarray] | None:
        """The encoded row of a table that others are explained from."""
        return typical(self.train.inputs) if isinstance(self.encoder, TableEncoder) else None


def _one_below_the_other(first: Any, second: Any) -> Any:
    if isinstance(first, dict):
        return {name: np.concatenate([first[name], second[name]]) for name in first}
    return np.concatenate([first, second])
