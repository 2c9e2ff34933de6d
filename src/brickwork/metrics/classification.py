"""Metrics of answers: the share of them that is right."""

from collections.abc import Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from brickwork.core.errors import ShapeError
from brickwork.metrics.base import Metric, knowing_flags, metric
from brickwork.metrics.counts import answered, are_flags, labels_of
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

        accuracy = hits / rows

    Of classes an answer is right where the largest output is at the (most probable) class; of one yes or no where
    logit > 0 agrees with target > 1/2. With `multi_label` a row counts with the share of its questions that are right.
    An answer that is nan is never right. Of pictures it is the pixel accuracy.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        multi_label: whether rows of targets are flags. None leaves it to the loss: if that asks yes-or-no questions
            they are, else rows are of classes.

    Raises:
        ShapeError: targets that do not fit.

    Source: with several questions it is 1 - Hamming loss: Schapire & Singer 2000, "BoosTexter", section 3.

    >>> import jax.numpy as jnp
    >>> metric = Accuracy()
    >>> metric.result(metric.sums(jnp.array([[2.0, 1.0], [0.0, 3.0]]), jnp.array([0, 0])))
    0.5
    """

    aliases = ("pixel_accuracy",)

    multi_label: bool | None = None

    def fitted(self, targets: Any, question: str = "other") -> Self:
        """Return the metric that knows whether rows of targets are flags."""
        del targets
        return knowing_flags(self, question)

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return 1 for a right row, else 0; in between for several questions."""
        valid = ~jnp.isnan(outputs)
        if are_flags(outputs, targets, self.multi_label):
            answers, truth = answered(outputs, targets, self.multi_label)
            right = (answers == truth) & valid.reshape(answers.shape)
            return right.astype(outputs.dtype).mean(axis=-1)
        labels = labels_of(outputs, targets)
        right = (jnp.argmax(outputs, axis=-1).astype(labels.dtype) == labels) & valid.all(axis=-1)
        return right.astype(outputs.dtype)


@metric
class ErrorRate(Accuracy):
    """The share of wrong answers, as papers on pictures report it.

        error rate = 1 - accuracy

    With `multi_label` it is the Hamming loss: the share of all questions that are answered wrongly.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        ShapeError: targets that do not fit.

    Source: Hamming loss: Schapire & Singer 2000, "BoosTexter: A Boosting-based System for Text Categorization",
    section 3.

    >>> import jax.numpy as jnp
    >>> metric = ErrorRate()
    >>> metric.result(metric.sums(jnp.array([1.0, -1.0, 1.0, -1.0]), jnp.array([1, 0, 1, 1])))
    0.25
    """

    aliases = ("error", "hamming_loss", "zero_one_loss")
    higher_is_better = False

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return the share; nan when no row counted."""
        return 1 - super().result(sums)


@metric
class ExactMatch(Accuracy):
    """The share of rows in which everything is right: every question, every position of a sequence, every pixel.

        exact match = rows without a wrong answer / rows

    For one answer a row it is `Accuracy`. Padding is neither right nor wrong; a row of padding alone does not count.

    Shapes: outputs are logits (rows, ..., K) with class numbers (rows, ...) or rows of probabilities; one logit for
    yes, (rows, ..., 1), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` too.

    Args:
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        ShapeError: targets that do not fit.

    Source: "subset accuracy": Ghamrawi & McCallum 2005, "Collective Multi-Label Classification".

    >>> import jax.numpy as jnp
    >>> metric = ExactMatch(multi_label=True)
    >>> metric.result(metric.sums(jnp.array([[1.0, -1.0], [1.0, 1.0]]), jnp.array([[1, 0], [1, 0]])))
    0.5
    """

    aliases = ("subset_accuracy",)

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return how many rows are right in everything, and how many there are."""
        rows = jax.tree.leaves(outputs)[0].shape[0]
        outputs, targets, each = as_rows(outputs, targets, weight)
        weights = each.reshape(rows, -1)  # of a row's positions, 0 at padding
        wrong = jnp.any((self.values(outputs, targets).reshape(rows, -1) < 1) & (weights != 0), axis=-1)
        weight = weights.max(axis=-1)
        hits = jnp.where(wrong, jnp.zeros_like(weight), weight)
        return {**counted("hits", jnp.sum(hits)), **counted("count", jnp.sum(weight))}


@metric
class TopK(_Hits):
    """The share of rows whose class is among the k largest outputs.

        top-k accuracy = rows whose class has fewer than k outputs above its own / rows

    Of equal outputs the first ones count as larger, so that k = 1 is `Accuracy`. An answer that is nan is never right.

    Shapes: outputs are logits (rows, K), K more than k; targets are class numbers (rows,) or rows of probabilities
    (rows, K). `Padded` sequences and pictures count position by position.

    Args:
        k: how many outputs may be tried, at least 1.

    Raises:
        SettingError: a k below 1.
        ShapeError: no more than k outputs, targets that do not fit.

    Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks".

    >>> import jax.numpy as jnp
    >>> metric = TopK(2)
    >>> metric.result(metric.sums(jnp.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), jnp.array([1, 2])))
    0.5
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
        labels = labels_of(outputs, targets)[:, None]
        places = jnp.arange(outputs.shape[-1], dtype=labels.dtype)[None, :]
        own = jnp.sum(jnp.where(places == labels, outputs, jnp.zeros_like(outputs)), axis=-1, keepdims=True)
        better = (outputs > own) | ((outputs == own) & (places < labels))
        known = (labels[:, 0] >= 0) & (labels[:, 0] < outputs.shape[-1])
        hit = (jnp.sum(better, axis=-1) < self.k) & known & ~jnp.isnan(outputs).any(axis=-1)
        return hit.astype(outputs.dtype)
