"""Counts behind metrics of answers: per class how often it was right, predicted and actual; who is taken for whom."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer, Shaped

from brickwork.core.errors import ShapeError, unwritten
from brickwork.metrics.base import Metric, knowing_flags
from brickwork.metrics.sums import Sums, as_rows, counted, counts_of, weighed


def labels_of(outputs: Float[Array, "rows classes"], targets: Shaped[Array, "rows ..."]) -> Integer[Array, " rows"]:
    """Return class numbers, from class numbers or from rows of probabilities."""
    if targets.shape == outputs.shape:
        return jnp.argmax(targets, axis=-1).astype(jnp.int32)
    return targets.astype(jnp.int32)


def are_flags(outputs: Array, targets: Array, multi_label: bool | None) -> bool:
    """Tell whether each output is a yes or no of its own, not one of several classes."""
    return outputs.ndim == 1 or (bool(multi_label) and outputs.shape == targets.shape)


def answered(
    outputs: Float[Array, "rows ..."],
    targets: Shaped[Array, "rows ..."],
    multi_label: bool | None = None,
    threshold: float = 0.5,
) -> tuple[Bool[Array, "rows k"], Bool[Array, "rows k"]]:
    """Return for each row the answers and the truth: k = 1 for one logit, else a column for each question or class."""
    least = math.log(threshold / (1 - threshold))
    if are_flags(outputs, targets, multi_label):
        columns = (len(outputs), -1)
        return (outputs > least).reshape(columns), (targets.astype(outputs.dtype) > 0.5).reshape(columns)
    classes = jnp.arange(outputs.shape[-1], dtype=jnp.int32)
    if len(classes) == 2 and threshold != 0.5:
        best = (outputs[:, 1] - outputs[:, 0] > least).astype(jnp.int32)
    elif threshold != 0.5:
        raise ShapeError(
            f"A threshold is for a yes or no, one logit or two classes, but there are {len(classes)} classes: leave it "
            "at 0.5."
        )
    else:
        best = jnp.argmax(outputs, axis=-1).astype(jnp.int32)
    return best[:, None] == classes, labels_of(outputs, targets)[:, None] == classes


def confusion_sums(outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
    """Return the sums of a batch that `confusion_matrix` is made of: pure, exact, added up like those of a metric.

    `outputs` are logits (rows, K), or one logit for yes, (rows, 1) or (rows,), which has the classes no and yes;
    `Padded` and axes between are allowed, as in every metric. Rows whose outputs are nan, and targets that are no
    class, are in no cell.

    Raises `ShapeError` when outputs and targets do not belong together.
    """
    outputs, targets, weight = as_rows(outputs, targets, weight)
    valid = ~jnp.isnan(outputs).reshape(len(outputs), -1).any(axis=-1)
    answers, truth = answered(outputs, targets)
    if outputs.ndim == 1:
        answers, truth = (jnp.concatenate([~flags, flags], axis=-1) for flags in (answers, truth))
    counts = jnp.where(valid, weight, jnp.zeros_like(weight))
    cells = jnp.matmul(
        jnp.where(truth, counts[:, None], jnp.zeros_like(counts)[:, None]).T,
        answers.astype(counts.dtype),
        precision="highest",
    )
    return counted("confusion", cells)


def confusion_matrix(sums: Mapping[str, Any]) -> Float[np.ndarray, "actual predicted"]:
    """Return how often each class, a row, was taken for each class, a column: from (merged) `confusion_sums`.

    Source: Miller & Nicely 1955, "An Analysis of Perceptual Confusions Among Some English Consonants".

    >>> import jax.numpy as jnp
    >>> logits = jnp.array([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0]])
    >>> confusion_matrix(confusion_sums(logits, jnp.array([0, 1, 1]))).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    return counts_of(sums, "confusion")


@dataclass(frozen=True)
class Counts:
    """Counts per class, or per question: how often it was predicted rightly, predicted, and actual, of how many."""

    hits: np.ndarray
    predicted: np.ndarray
    actual: np.ndarray
    total: float

    @property
    def occurs(self) -> np.ndarray:
        """Which classes are there, in the targets or in the answers."""
        return (self.predicted + self.actual) > 0

    def two_classes(self, question: int) -> "Counts":
        """Return no and yes of one question as two classes."""
        hits, predicted, actual = (float(part[question]) for part in (self.hits, self.predicted, self.actual))
        no = self.total - predicted - actual + hits
        return Counts(
            np.asarray([no, hits]),
            np.asarray([self.total - predicted, predicted]),
            np.asarray([self.total - actual, actual]),
            self.total,
        )


class CountMetric(Metric):
    """Metrics made of the counts of each class, or of each question; of what is nan there is no count: they are nan.

    Subclasses have the setting `multi_label: bool | None`, and `threshold: float` if they like.
    """

    higher_is_better = True

    def fitted(self, targets: Any, question: str = "other") -> Self:
        """Return the metric that knows whether rows of targets are flags."""
        del targets
        return knowing_flags(self, question)

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return how often each class was predicted rightly, predicted, and actual."""
        outputs, targets, weight = as_rows(outputs, targets, weight)
        settings = self.settings()
        answers, truth = answered(outputs, targets, settings["multi_label"], settings.get("threshold", 0.5))
        unknown = jnp.isnan(outputs).reshape(len(outputs), -1).any(axis=-1)
        kinds = {"hits": answers & truth, "predicted": answers, "actual": truth, "unknown": unknown}
        sums = counted("count", jnp.sum(weight))
        for name, flags in kinds.items():
            sums |= counted(name, weighed(flags.astype(weight.dtype), weight))
        return sums

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return the metric; nan when no row counted or an output was nan."""
        total = float(counts_of(sums, "count"))
        if not total or counts_of(sums, "unknown"):
            return math.nan
        table = Counts(counts_of(sums, "hits"), counts_of(sums, "predicted"), counts_of(sums, "actual"), total)
        if len(table.hits) == 1:
            return self.of_classes(table.two_classes(0))
        return self.of_questions(table) if self.settings()["multi_label"] else self.of_classes(table)

    def of_classes(self, table: Counts) -> float:
        """Return the metric of classes, of which each row has one."""
        del table
        raise unwritten(self, "of_classes(self, table)")

    def of_questions(self, table: Counts) -> float:
        """Return the metric of several questions: the mean over them, each with the classes no and yes."""
        return float(np.mean([self.of_classes(table.two_classes(k)) for k in range(len(table.hits))]))


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, and 0 where there is nothing."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0.0)
