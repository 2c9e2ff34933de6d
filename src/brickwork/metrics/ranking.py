"""Metrics of order: whether what is wanted comes first. They need all rows at once."""

import math
from typing import Any, Self

import jax
import numpy as np

from brickwork.core.errors import unwritten
from brickwork.metrics.base import RowMetric, knowing_flags, metric
from brickwork.metrics.sums import as_rows


class _Ranking(RowMetric):
    """The area under a curve: of one logit, of two classes, or the mean over classes or questions."""

    higher_is_better = True

    def area(self, scores: np.ndarray, yes: np.ndarray, weight: np.ndarray) -> float:
        """Return the area for one yes or no, both of which occur."""
        del scores, yes, weight
        raise unwritten(self, "area(self, scores, yes, weight)")

    def fitted(self, targets: Any, question: str = "other") -> Self:
        """Return the metric that knows whether rows of targets are flags."""
        del targets
        return knowing_flags(self, question)

    def result_rows(self, outputs: Any, targets: Any, weight: Any = None) -> float:
        """Return the area; nan where an output is nan, or where a yes and a no never both occur."""
        rows = jax.device_get(as_rows(outputs, targets, weight))
        scores, truth, weights = (np.asarray(part) for part in rows)
        kept = weights != 0
        scores, truth, weights = scores[kept].astype(np.float64), truth[kept], weights[kept]
        if np.isnan(scores).any():
            return math.nan
        if scores.ndim == 1:
            return self._known_area(scores, truth > 0.5, weights)
        if self.settings()["multi_label"] and truth.shape == scores.shape:
            columns, flags = scores, truth > 0.5
        else:
            classes = truth if truth.ndim == 1 else truth.argmax(axis=-1)
            if scores.shape[-1] == 2:
                return self._known_area(scores[:, 1] - scores[:, 0], classes == 1, weights)
            columns = np.exp(scores - scores.max(axis=-1, keepdims=True))
            columns /= columns.sum(axis=-1, keepdims=True)
            flags = classes[:, None] == np.arange(scores.shape[-1])
        areas = [self._known_area(columns[:, k], flags[:, k], weights) for k in range(scores.shape[-1])]
        known = [area for area in areas if not math.isnan(area)]
        return sum(known) / len(known) if known else math.nan

    def _known_area(self, scores: np.ndarray, yes: np.ndarray, weight: np.ndarray) -> float:
        return math.nan if yes.size == 0 or yes.all() or not yes.any() else self.area(scores, yes, weight)


@metric
class RocAuc(_Ranking):
    """The area under the ROC curve: how probably a yes gets a higher output than a no.

        area = P(z_yes > z_no) + P(z_yes = z_no) / 2

    for a yes and a no drawn at random: 1/2 is guessing, whatever their frequencies. Of K classes it is the mean, over
    the classes that occur and do not fill everything, of the area of that class's softmax probability against the rest;
    with `multi_label` the mean over the questions. nan when no class and its contrary both occur. Computed by
    scikit-learn, from all rows.

    Shapes: one logit, (rows, 1) or (rows,), with targets 0 and 1; two logits (rows, 2) with class 0 and 1; K logits
    with class numbers (rows,) or rows of probabilities (rows, K); or, `multi_label`, K logits for yes with K flags.
    `Padded` sequences and pictures count position by position.

    Args:
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        ShapeError: targets that do not fit.

    Sources: Hanley & McNeil 1982, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve"; one against the rest: Provost & Domingos 2000, "Well-Trained PETs", without its weights by class size.

    >>> import numpy as np
    >>> RocAuc().result_rows(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    0.75
    """

    aliases = ("auc", "auroc")

    multi_label: bool | None = None

    def area(self, scores: np.ndarray, yes: np.ndarray, weight: np.ndarray) -> float:
        """Return the area under the ROC curve."""
        from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - it loads slowly

        return float(roc_auc_score(yes, scores, sample_weight=weight))


@metric
class AveragePrecision(_Ranking):
    """The mean precision as one goes down the list from the surest yes: where yes is rare it tells more than ROC AUC.

        AP = sum over n of (recall_n - recall_n-1) precision_n

    over the thresholds n from the highest output down; guessing gets the share of yes. Of K classes it is the mean,
    over the classes that occur and do not fill everything, of that class's softmax probability against the rest; with
    `multi_label` the mean over the questions ("mAP"). nan when no class and its contrary both occur. Computed by
    scikit-learn, from all rows; the points of the curve are not joined by lines.

    Shapes: one logit, (rows, 1) or (rows,), with targets 0 and 1; two logits (rows, 2) with class 0 and 1; K logits
    with class numbers (rows,) or rows of probabilities (rows, K); or, `multi_label`, K logits for yes with K flags.
    `Padded` sequences and pictures count position by position.

    Args:
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        ShapeError: targets that do not fit.

    Source: Salton & McGill 1983, "Introduction to Modern Information Retrieval"; against lines between the points:
    Davis & Goadrich 2006, "The Relationship Between Precision-Recall and ROC Curves".

    >>> import numpy as np
    >>> round(AveragePrecision().result_rows(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])), 4)
    0.8333
    """

    aliases = ("ap", "map", "pr_auc", "mean_average_precision")

    multi_label: bool | None = None

    def area(self, scores: np.ndarray, yes: np.ndarray, weight: np.ndarray) -> float:
        """Return the average precision."""
        from sklearn.metrics import average_precision_score  # noqa: PLC0415 - it loads slowly

        return float(average_precision_score(yes, scores, sample_weight=weight))
