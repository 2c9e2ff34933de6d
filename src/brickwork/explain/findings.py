"""What is found out about a network's answers: plain data, for reports, tables and programs alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, Shaped

from brickwork.data.question import Question

Label = str | int


@dataclass(frozen=True, eq=False)
class Answered:
    """What was answered for some rows, beside the truth.

    Of classes: `truth` (rows,) holds indices, `given` (rows, classes) probabilities. Of labels: `truth` (rows, labels)
    holds 0 and 1, `given` (rows, labels) a probability each. Of numbers: both are (rows, targets). `labels` names the
    classes, the labels or the targets, in order. `clusters` has a number for each row, the same for rows that belong
    together (of one person, one place): such rows are alike, and intervals are then made of whole clusters.
    """

    question: Question
    truth: Shaped[np.ndarray, "rows ..."]
    given: Float[np.ndarray, "rows outputs"]
    labels: tuple[Label, ...]
    clusters: Int[np.ndarray, " rows"] | None = None

    def __len__(self) -> int:
        return len(self.given)


@dataclass(frozen=True)
class Interval:
    """A number with the ends of its interval, of 95% where nothing else is said."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Score:
    """A score of some rows: `share` ones lie in 0..1 and are shown as percentages."""

    name: str
    interval: Interval
    higher_is_better: bool
    share: bool = False


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often (row) a true class or label (column) was answered as which; `recall` and `precision` of each."""

    labels: tuple[Label, ...]
    counts: Int[np.ndarray, "true answered"]
    recall: Float[np.ndarray, " labels"]
    precision: Float[np.ndarray, " labels"]


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often answers of some confidence are right: by bins of equal width, those without rows left out.

    `error` is the expected calibration error: the mean gap between confidence and frequency, weighted by rows.
    """

    confidence: Float[np.ndarray, " bins"]
    frequency: Float[np.ndarray, " bins"]
    rows: Int[np.ndarray, " bins"]
    error: float


@dataclass(frozen=True, eq=False)
class Residuals:
    """Answers and truths of one number; `coverage` is the share of truths inside their intervals, where there are some.

    At most a few thousand rows, drawn at random where there are more.
    """

    name: str
    truth: Float[np.ndarray, " rows"]
    answer: Float[np.ndarray, " rows"]
    width: float | None = None
    level: float | None = None
    coverage: float | None = None


@dataclass(frozen=True)
class Importance:
    """How much worse the headline score gets when a column's values are shuffled among the rows."""

    column: str
    loss: Interval


@dataclass(frozen=True)
class Contribution:
    """How far one column moves the answer for one row away from the answer for a typical row."""

    column: str
    value: str
    effect: float


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong answer: its place among the rows, the truth, the answer, and how sure it was, or how far off."""

    row: int
    truth: str
    answer: str
    probability: float | None = None
    distance: float | None = None


@dataclass(frozen=True)
class GroupScores:
    """The scores of one group of rows, and how far each is from that of all other rows.

    `few` marks groups of so few rows that their scores say little.
    """

    group: str
    rows: int
    scores: tuple[Score, ...]
    gaps: Mapping[str, Interval] = field(default_factory=dict)
    few: bool = False
