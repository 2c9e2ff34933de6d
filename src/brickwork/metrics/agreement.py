"""Metrics that see through unequal classes: what a guess without knowledge gets is the zero, or known."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Array, Float

from brickwork.metrics.base import Metric, metric
from brickwork.metrics.counts import CountMetric, Counts, confusion_matrix, confusion_sums
from brickwork.metrics.sums import Sums


@metric
class BalancedAccuracy(CountMetric):
    """Accuracy as if all classes were equally frequent: always answering the most frequent one gains nothing.

        balanced accuracy = mean over the classes k that are actual of hits_k / actual_k

    that is the mean recall; always answering one of K classes gives 1 / K. With `multi_label` the mean over the
    questions. nan when no row counted, or an output is nan.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        ShapeError: targets that do not fit.

    Source: Brodersen et al. 2010, "The Balanced Accuracy and Its Posterior Distribution".

    >>> import jax.numpy as jnp
    >>> metric = BalancedAccuracy()
    >>> metric.result(metric.sums(jnp.array([1.0, 1.0, 1.0, 1.0]), jnp.array([1, 1, 1, 0])))    # always yes
    0.5
    """

    multi_label: bool | None = None

    def of_classes(self, table: Counts) -> float:
        """Return the mean recall of the actual classes."""
        there = table.actual > 0
        return float(np.mean(table.hits[there] / table.actual[there])) if there.any() else math.nan


@metric
class MatthewsCorrelation(CountMetric):
    """The correlation of answers and truth: 1 is perfect, 0 as good as guessing, -1 always the contrary.

        correlation = (c s - sum p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2))

    with c hits of s rows, and p_k and t_k how often class k was predicted and is actual; 0 where nothing varies. It
    looks at all cells of the confusion matrix, of any number of classes. With `multi_label` the mean over the
    questions. nan when no row counted, or an output is nan.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        ShapeError: targets that do not fit.

    Sources: Matthews 1975, "Comparison of the predicted and observed secondary structure of T4 phage lysozyme"; several
    classes: Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation coefficient".

    >>> import jax.numpy as jnp
    >>> metric = MatthewsCorrelation()
    >>> metric.result(metric.sums(jnp.array([1.0, -1.0, 1.0, -1.0]), jnp.array([1, 0, 0, 1])))
    0.0
    """

    aliases = ("mcc", "matthews", "phi")

    multi_label: bool | None = None

    def of_classes(self, table: Counts) -> float:
        """Return the correlation."""
        predicted, actual, total = table.predicted, table.actual, table.total
        covariance = table.hits.sum() * total - predicted @ actual
        spread = (total**2 - predicted @ predicted) * (total**2 - actual @ actual)
        return float(covariance / math.sqrt(spread)) if spread > 0 else 0.0


@metric
class CohenKappa(Metric):
    """How much better than chance answers agree with the truth: 1 is perfect, 0 what equal habits would give anyway.

        kappa = 1 - sum over i, j of d_ij n_ij / sum over i, j of d_ij t_i p_j / n

    of n rows, n_ij of class i were answered j, t_i are of class i and p_j were answered j. The disagreement d_ij is 1
    for i not j, |i - j| for "linear" and (i - j)^2 for "quadratic" weights, which suit classes in an order. 0 where
    chance cannot disagree, nan when no row counted.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K), or one logit for
    yes, (rows, 1) or (rows,), with flags. `Padded` sequences and pictures count position by position.

    Args:
        weights: how bad a confusion is: None (all alike), "linear" or "quadratic" in the distance of the classes.

    Raises:
        SettingError: unknown weights.
        ShapeError: targets that do not fit.

    Sources: Cohen 1960, "A Coefficient of Agreement for Nominal Scales"; weights: Cohen 1968, "Weighted kappa".

    >>> import jax.numpy as jnp
    >>> metric = CohenKappa()
    >>> metric.result(metric.sums(jnp.array([1.0, -1.0, 1.0, 1.0]), jnp.array([1, 0, 0, 1])))
    0.5
    """

    aliases = ("kappa",)
    higher_is_better = True

    weights: Literal["linear", "quadratic"] | None = None

    @property
    def name(self) -> str:
        """`quadratic_cohen_kappa` with weights, `cohen_kappa` without."""
        return super().name if self.weights is None else f"{self.weights}_{super().name}"

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return the confusion matrix as sums."""
        return confusion_sums(outputs, targets, weight)

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return kappa; nan when no row counted."""
        matrix = confusion_matrix(sums)
        total = matrix.sum()
        if not total:
            return math.nan
        places = np.arange(len(matrix))
        distance = np.abs(places[:, None] - places).astype(np.float64)
        cost = {None: np.sign(distance), "linear": distance, "quadratic": distance**2}[self.weights]
        by_chance = np.outer(matrix.sum(axis=1), matrix.sum(axis=0)) / total
        chance = float((cost * by_chance).sum())
        return 1 - float((cost * matrix).sum()) / chance if chance else 0.0
