"""A problem: data made ready for one question, whatever they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from brickwork.data import Encoder, Examples
from brickwork.data.table import Judged, Table
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
        return len(self.train) + len(self.valid) + len(self.test)

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
