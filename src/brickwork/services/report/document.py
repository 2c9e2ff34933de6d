"""What a report tells, as plain data: every part that is empty is left out of the page.

Answers, scores and findings are those of `brickwork.explain`; here is what stands around them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Num

from brickwork.explain.findings import (
    Confusion,
    Contribution,
    GroupScores,
    Importance,
    Interval,
    Label,
    Mistake,
    Question,
    Reliability,
    Residuals,
    Score,
)

Picture = Num[np.ndarray, "height width *channels"]
"""A picture as it is shown: bytes 0..255 or floats 0..1; grey, or of 1, 3 or 4 channels."""


@dataclass(frozen=True)
class Compared:
    """What something else scores on the same rows: the trivial answer, or another way to learn.

    `gains` says, by the name of a score, how much better the network is, row by row (above 0 is better, whether or
    not a higher score is). `trivial` marks the answer that has learnt nothing; `saying` puts it in words ("always
    saying the most frequent class").
    """

    name: str
    scores: tuple[Score, ...]
    gains: Mapping[str, Interval] = field(default_factory=dict)
    trivial: bool = False
    saying: str = ""


@dataclass(frozen=True)
class Distribution:
    """How often which values occur: bars from left to right, named by a label each, or by their `edges`.

    Bars with `edges` (one more than there are bars) are of a number; the others are of words.
    """

    name: str
    counts: tuple[float, ...]
    labels: tuple[Label, ...] = ()
    edges: tuple[float, ...] = ()


@dataclass(frozen=True)
class ColumnCard:
    """A column of a table: what it was taken for and why; kind "none" was left out.

    `missing` is a share of the rows, `summary` a few words on its values ("0 to 86, median 31").
    """

    name: str
    kind: str
    why: str = ""
    missing: float | None = None
    summary: str = ""
    distribution: Distribution | None = None


@dataclass(frozen=True, eq=False)
class Gallery:
    """A few pictures of one class."""

    label: Label
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, eq=False)
class DataCard:
    """The data: rows of each part, how they were parted, columns or pictures, and what to know of them.

    `warnings` are what may make the result wrong (a column that leaks the target) and stand at the top of the page;
    `notes` are the rest (columns left out, pictures skipped).
    """

    source: str
    rows: Mapping[str, int]
    split: str = ""
    columns: tuple[ColumnCard, ...] = ()
    target: tuple[Distribution, ...] = ()
    gallery: tuple[Gallery, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Curve:
    """One measure by epoch, on the training and on the validation part.

    Of an ensemble `train` and `valid` are the means of its members, the ranges (lowest, highest) theirs. `best` is
    the epoch whose weights were kept; of an ensemble, each member's.
    """

    name: str
    epochs: Sequence[int]
    train: Sequence[float] = ()
    valid: Sequence[float] = ()
    train_range: tuple[Sequence[float], Sequence[float]] | None = None
    valid_range: tuple[Sequence[float], Sequence[float]] | None = None
    best: int | tuple[int, ...] | None = None


@dataclass(frozen=True)
class LabelScores:
    """How well one label is found; `rows` counts the test rows that have it."""

    label: Label
    rows: int
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Unsure:
    """Rows that were handed to a person because the answer was less sure than `below`.

    `kept` is the headline score of the other rows, `handed` of those that were handed over.
    """

    below: float
    rows: int
    kept: Score | None = None
    handed: Score | None = None
    file: str = ""


@dataclass(frozen=True, eq=False)
class PictureMap:
    """A picture and how much each of its pixels matters for the answer; below 0 speaks against it."""

    picture: Picture
    map: Num[np.ndarray, "height width"]
    truth: str
    answer: str
    probability: float | None = None


@dataclass(frozen=True, eq=False)
class ShownMistake:
    """A wrong answer with the row it was about: the values of its columns, or its picture, and what led to it."""

    mistake: Mistake
    values: Mapping[str, str] = field(default_factory=dict)
    picture: Picture | None = None
    name: str = ""
    because: tuple[Contribution, ...] = ()


@dataclass(frozen=True)
class Audit:
    """The scores of each group of rows, by the values of one column."""

    column: str
    groups: tuple[GroupScores, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A thing to do next: the command, and what it is for."""

    command: str
    what: str
    language: Literal["shell", "python"] = "shell"


@dataclass(frozen=True)
class Making:
    """How the network was made: enough to make it again.

    `layers` are rows of `services.network_table`; `facts` are further lines ("Stopped", "patience ran out at epoch
    61"); `files` says what lies in the folder.
    """

    command: str = ""
    folder: str = ""
    when: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    layers: Sequence[Mapping[str, Any]] = ()
    parameters: int | None = None
    members: int = 1
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that a report says. The first of `scores` is the headline; names of scores are those of `explain`.

    `asked` are the columns that were asked for (or "class" of a folder of pictures), `why` says how the question was
    recognised ("the target has 2 words that recur"). `summary` stands in for the sentence that is made of the scores.
    `reliability` is by label where there are several. `importance_of` names the score that `importances` are about,
    `importance_share` says that it lies in 0..1.
    """

    asked: tuple[str, ...]
    kind: Question
    source: str = ""
    why: str = ""
    test_rows: int = 0
    summary: str = ""
    inputs: Literal["table", "pictures"] = "table"
    scores: tuple[Score, ...] = ()
    compared: tuple[Compared, ...] = ()
    confusion: Confusion | None = None
    label_scores: tuple[LabelScores, ...] = ()
    residuals: tuple[Residuals, ...] = ()
    reliability: Mapping[str, Reliability] = field(default_factory=dict)
    unsure: Unsure | None = None
    importances: tuple[Importance, ...] = ()
    importance_of: str = ""
    importance_share: bool = False
    maps: tuple[PictureMap, ...] = ()
    mistakes: tuple[ShownMistake, ...] = ()
    audits: tuple[Audit, ...] = ()
    data: DataCard | None = None
    curves: tuple[Curve, ...] = ()
    next_steps: tuple[Step, ...] = ()
    making: Making | None = None
