"""Metrics of answers: which class, yes or no."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Shaped

from brickwork.core.errors import ShapeError
from brickwork.metrics.base import Metric, RowMetric, metric
from brickwork.metrics.sums import Sums, as_rows, count_of, counted, ratio, weighed


class _Hits(Metric):
    """The share of rows that are right, counted exactly."""

    higher_is_better = True

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return how many rows are right, and how many there are."""
        outputs, targets, weight = as_rows(outputs, targets, weight)
        hits = weighed(self.values(outputs, targets), weight)
        return {**counted("hits", hits), **counted("count", jnp.sum(weight))}

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return the share; nan when no row counted."""
        return ratio(count_of(sums, "hits"), count_of(sums, "count"))


@metric
class Accuracy(_Hits):
    """The share of right answers.

    Outputs (rows, K) with class numbers (rows,) or with rows of probabilities or one-hot rows (rows, K): right where
    the largest output is at the (most probable) class. One output, (rows, 1) or (rows,), is a logit for yes: right
    where logit > 0 agrees with target > 1/2. With `multi_label`, outputs (rows, K) are K logits for yes, and a row
    counts with the share of its questions that are right (1 - Hamming loss). None leaves that to `fitted`: multi-label
    if the loss asks yes-or-no questions, else classes. An answer that is nan is never right.
    """

    multi_label: bool | None = None

    def fitted(self, targets: Any, question: str = "other") -> "Accuracy":
        """Return the metric that knows whether rows of targets are flags."""
        del targets
        return self if self.multi_label is not None or question == "other" else Accuracy(question == "flags")

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return 1 for a right row, else 0; in between for several questions."""
        valid = ~jnp.isnan(outputs)
        if outputs.ndim == 1 or (self.multi_label and outputs.shape == targets.shape):
            right = ((outputs > 0) == (targets.astype(outputs.dtype) > 0.5)) & valid
            share = right.astype(outputs.dtype)
            return share if share.ndim == 1 else share.mean(axis=-1)
        labels = _labels(outputs, targets)
        right = (jnp.argmax(outputs, axis=-1).astype(labels.dtype) == labels) & valid.all(axis=-1)
        return right.astype(outputs.dtype)


@metric
class TopK(_Hits):
    """The share of rows whose class is among the k largest outputs: (rows, K) logits, K more than k.

    Targets are class numbers (rows,) or rows of probabilities (rows, K). Of equal outputs the first ones count as
    larger, so that k = 1 is `Accuracy`. Raises `ShapeError` when there are no more than k outputs.

    Source: Krizhevsky, Sutskever & Hinton (2012), "ImageNet Classification with Deep Convolutional Neural Networks".
    """

    aliases = ("top_5", "top5")

    k: int = 5

    def validate(self) -> None:
        """Check k."""
        self.require(self.k >= 1, "k", "1 or more")

    @property
    def name(self) -> str:
        """`top_5` for k = 5."""
        return f"top_{self.k}"

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return 1 for a row whose class is among the k largest, else 0."""
        if outputs.ndim < 2 or outputs.shape[-1] <= self.k:
            raise ShapeError(f"{self.name} needs more than {self.k} outputs a row, got {outputs.shape}.")
        labels = _labels(outputs, targets)[:, None]
        places = jnp.arange(outputs.shape[-1], dtype=labels.dtype)[None, :]
        own = jnp.sum(jnp.where(places == labels, outputs, jnp.zeros_like(outputs)), axis=-1, keepdims=True)
        better = (outputs > own) | ((outputs == own) & (places < labels))
        known = (labels[:, 0] >= 0) & (labels[:, 0] < outputs.shape[-1])
        hit = (jnp.sum(better, axis=-1) < self.k) & known & ~jnp.isnan(outputs).any(axis=-1)
        return hit.astype(outputs.dtype)


@metric
class RocAuc(RowMetric):
    """The area under the ROC curve: how probably a yes gets a higher output than a no.

    One logit, (rows, 1) or (rows,), with targets 0 and 1, or two logits (rows, 2) with class 0 and 1: the area. K
    logits with classes: the mean, over the classes that occur and do not fill everything, of the area of that class's
    softmax probability against the rest. With `multi_label` (None leaves it to `fitted`), K logits with K flags: the
    mean over the questions. nan when no class and its contrary both occur. Computed by scikit-learn.

    Source: Hanley & McNeil (1982), "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve"; one against the rest: Provost & Domingos (2000), without its weights by class size.
    """

    aliases = ("auc",)
    higher_is_better = True

    multi_label: bool | None = None

    def fitted(self, targets: Any, question: str = "other") -> "RocAuc":
        """Return the metric that knows whether rows of targets are flags."""
        del targets
        return self if self.multi_label is not None or question == "other" else RocAuc(question == "flags")

    def result_rows(self, outputs: Any, targets: Any, weight: Any = None) -> float:
        """Return the area."""
        rows = jax.device_get(as_rows(outputs, targets, weight))
        scores, truth, weights = (np.asarray(part) for part in rows)
        kept = weights != 0
        scores, truth, weights = scores[kept].astype(np.float64), truth[kept], weights[kept]
        if np.isnan(scores).any():
            return math.nan
        if scores.ndim == 1:
            return _area(scores, truth > 0.5, weights)
        if self.multi_label and truth.shape == scores.shape:
            columns, flags = scores, truth > 0.5
        else:
            classes = truth if truth.ndim == 1 else truth.argmax(axis=-1)
            if scores.shape[-1] == 2:
                return _area(scores[:, 1] - scores[:, 0], classes == 1, weights)
            columns = np.exp(scores - scores.max(axis=-1, keepdims=True))
            columns /= columns.sum(axis=-1, keepdims=True)
            flags = classes[:, None] == np.arange(scores.shape[-1])
        areas = [_area(columns[:, k], flags[:, k], weights) for k in range(scores.shape[-1])]
        known = [area for area in areas if not math.isnan(area)]
        return sum(known) / len(known) if known else math.nan


def _area(scores: np.ndarray, yes: np.ndarray, weight: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - it loads slowly

    if yes.size == 0 or yes.all() or not yes.any():
        return math.nan
    return float(roc_auc_score(yes, scores, sample_weight=weight))


def _labels(outputs: Float[Array, "rows classes"], targets: Shaped[Array, "rows ..."]) -> Integer[Array, " rows"]:
    if targets.shape == outputs.shape:
        return jnp.argmax(targets, axis=-1).astype(jnp.int32)
    return targets.astype(jnp.int32)
