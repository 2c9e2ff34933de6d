"""Metrics that are a ratio of counts for each class: precision, recall and their kin."""

import math
from typing import Any, Literal

import numpy as np
from jaxtyping import Array, Float

from brickwork.core.errors import ShapeError, unwritten
from brickwork.metrics.base import metric
from brickwork.metrics.counts import CountMetric, Counts, share
from brickwork.metrics.sums import Sums

Average = Literal["binary", "macro", "micro", "weighted"]
"""How the numbers of several classes become one: that of yes alone, the mean over the classes that occur, all counts
together, or the mean weighted by how often a class is actual."""


class _Ratio(CountMetric):
    """A ratio of counts for each class, averaged over the classes."""

    def parts(self, table: Counts) -> tuple[np.ndarray, np.ndarray]:
        """Return what is divided by what, for each class."""
        del table
        raise unwritten(self, "parts(self, table)")

    @property
    def name(self) -> str:
        """`macro_precision` for the average "macro", `precision` when it is not given."""
        average = self.settings()["average"]
        return super().name if average is None else f"{average}_{super().name}"

    def validate(self) -> None:
        """Check the threshold."""
        self.require(
            0 < self.settings().get("threshold", 0.5) < 1, "threshold", "a probability, more than 0 and less than 1"
        )

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return how often each class was predicted rightly, predicted, and actual."""
        sums = super().sums(outputs, targets, weight)
        count = len(sums["hits"])
        if self.settings()["average"] == "binary" and (count > 2 or (count == 2 and self.settings()["multi_label"])):
            raise ShapeError(
                f"{self.name} is about one yes or no, but there are {count} outputs: average='macro', 'micro' or "
                "'weighted' say how to take them together."
            )
        return sums

    def of_classes(self, table: Counts) -> float:
        """Return the ratio of yes where there are two classes, else the average."""
        average = self.settings()["average"] or ("binary" if len(table.hits) == 2 else "macro")
        part, whole = self.parts(table)
        if average == "binary":
            return float(share(part, whole)[1])
        return self._averaged(table, average)

    def of_questions(self, table: Counts) -> float:
        """Return the average over the questions."""
        return self._averaged(table, self.settings()["average"] or "macro")

    def _averaged(self, table: Counts, average: Average) -> float:
        part, whole = self.parts(table)
        if average == "micro":
            return float(share(part.sum(), whole.sum()))
        values = share(part, whole)
        if average == "weighted":
            return float(share(np.sum(values * table.actual), np.sum(table.actual)))
        return float(values[table.occurs].mean()) if table.occurs.any() else 0.0


@metric
class PrecisionScore(_Ratio):
    """Of what was answered yes, how much is yes: few false alarms make it high.

        precision_k = hits_k / predicted_k

    for class k; where nothing is divided by nothing it is 0. Classes that occur neither in the targets nor in the
    answers are left out of means. nan when no row counted, or an output is nan.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        average: of which class: "binary" (yes, class 1), "macro" (the mean over the classes that occur), "micro" (all
            counts together), "weighted" (by how often a class is actual). None: "binary" where there is one yes or
            no, else "macro".
        threshold: the probability above which the answer is yes, for one yes or no or several.
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        SettingError: an unknown average, a threshold outside 0 to 1.
        ShapeError: targets that do not fit, the average "binary" or a threshold for more than two classes.

    Source: Kent et al. 1955, "Machine literature searching VIII. Operational criteria for designing information
    retrieval systems". scikit-learn counts absent questions as 0.

    >>> import jax.numpy as jnp
    >>> metric = PrecisionScore()
    >>> sums = metric.sums(jnp.array([1.0, 2.0, -1.0, 3.0]), jnp.array([1, 0, 1, 1]))    # answers 1, 1, 0, 1
    >>> round(metric.result(sums), 3)
    0.667
    """

    aliases = ("precision", "positive_predictive_value", "ppv")

    average: Average | None = None
    threshold: float = 0.5
    multi_label: bool | None = None

    @property
    def name(self) -> str:
        """`precision`; the class has a longer name because `Precision` is that of numbers."""
        return "precision" if self.average is None else f"{self.average}_precision"

    def parts(self, table: Counts) -> tuple[np.ndarray, np.ndarray]:
        """Return what is divided by what, for each class."""
        return table.hits, table.predicted


@metric
class Recall(_Ratio):
    """Of what is yes, how much was answered yes: few misses make it high.

        recall_k = hits_k / actual_k

    for class k; where nothing is divided by nothing it is 0. Classes that occur neither in the targets nor in the
    answers are left out of means. nan when no row counted, or an output is nan.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        average: of which class: "binary" (yes, class 1), "macro" (the mean over the classes that occur), "micro" (all
            counts together), "weighted" (by how often a class is actual). None: "binary" where there is one yes or
            no, else "macro".
        threshold: the probability above which the answer is yes, for one yes or no or several.
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        SettingError: an unknown average, a threshold outside 0 to 1.
        ShapeError: targets that do not fit, the average "binary" or a threshold for more than two classes.

    Source: Kent et al. 1955, "Machine literature searching VIII. Operational criteria for designing information
    retrieval systems". scikit-learn counts absent questions as 0.

    >>> import jax.numpy as jnp
    >>> metric = Recall()
    >>> sums = metric.sums(jnp.array([1.0, 2.0, -1.0, 3.0]), jnp.array([1, 0, 1, 1]))    # answers 1, 1, 0, 1
    >>> round(metric.result(sums), 3)
    0.667
    """

    aliases = ("sensitivity", "true_positive_rate", "tpr")

    average: Average | None = None
    threshold: float = 0.5
    multi_label: bool | None = None

    def parts(self, table: Counts) -> tuple[np.ndarray, np.ndarray]:
        """Return what is divided by what, for each class."""
        return table.hits, table.actual


@metric
class Specificity(_Ratio):
    """Of what is no, how much was answered no: the recall of the other side.

        specificity_k = (total - predicted_k - actual_k + hits_k) / (total - actual_k)

    for class k against the rest; where nothing is divided by nothing it is 0. Classes that occur neither in the
    targets nor in the answers are left out of means. nan when no row counted, or an output is nan.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        average: of which class: "binary" (yes, class 1), "macro" (the mean over the classes that occur), "micro" (all
            counts together), "weighted" (by how often a class is actual). None: "binary" where there is one yes or
            no, else "macro".
        threshold: the probability above which the answer is yes, for one yes or no or several.
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        SettingError: an unknown average, a threshold outside 0 to 1.
        ShapeError: targets that do not fit, the average "binary" or a threshold for more than two classes.

    Source: Yerushalmy 1947, "Statistical Problems in Assessing Methods of Medical Diagnosis".

    >>> import jax.numpy as jnp
    >>> metric = Specificity()
    >>> sums = metric.sums(jnp.array([1.0, 2.0, -1.0, 3.0]), jnp.array([1, 0, 1, 1]))    # answers 1, 1, 0, 1
    >>> round(metric.result(sums), 3)
    0.0
    """

    aliases = ("true_negative_rate", "tnr")

    average: Average | None = None
    threshold: float = 0.5
    multi_label: bool | None = None

    def parts(self, table: Counts) -> tuple[np.ndarray, np.ndarray]:
        """Return what is divided by what, for each class."""
        return table.total - table.predicted - table.actual + table.hits, table.total - table.actual


@metric
class F1(_Ratio):
    """Precision and recall in one number, which is high only where both are: their harmonic mean.

        F1_k = 2 hits_k / (predicted_k + actual_k)

    for class k; where nothing is divided by nothing it is 0. Classes that occur neither in the targets nor in the
    answers are left out of means. nan when no row counted, or an output is nan. Of the pixels of pictures it is the
    Dice score.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        average: of which class: "binary" (yes, class 1), "macro" (the mean over the classes that occur), "micro" (all
            counts together), "weighted" (by how often a class is actual). None: "binary" where there is one yes or
            no, else "macro".
        threshold: the probability above which the answer is yes, for one yes or no or several.
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        SettingError: an unknown average, a threshold outside 0 to 1.
        ShapeError: targets that do not fit, the average "binary" or a threshold for more than two classes.

    Source: van Rijsbergen 1979, "Information Retrieval", chapter 7; Dice 1945, "Measures of the Amount of Ecologic
    Association Between Species". scikit-learn counts absent questions as 0.

    >>> import jax.numpy as jnp
    >>> metric = F1()
    >>> sums = metric.sums(jnp.array([1.0, 2.0, -1.0, 3.0]), jnp.array([1, 0, 1, 1]))    # answers 1, 1, 0, 1
    >>> round(metric.result(sums), 3)
    0.667
    """

    aliases = ("f1_score", "dice_score", "dice")

    average: Average | None = None
    threshold: float = 0.5
    multi_label: bool | None = None

    def parts(self, table: Counts) -> tuple[np.ndarray, np.ndarray]:
        """Return what is divided by what, for each class."""
        return 2 * table.hits, table.predicted + table.actual


@metric
class FBeta(_Ratio):
    """Precision and recall in one number, with recall counting beta times as much.

        F_k = (1 + beta^2) hits_k / (predicted_k + beta^2 actual_k)

    for class k; where nothing is divided by nothing it is 0. Classes that occur neither in the targets nor in the
    answers are left out of means. nan when no row counted, or an output is nan.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        beta: how many times as much recall counts, more than 0.
        average: of which class: "binary" (yes, class 1), "macro" (the mean over the classes that occur), "micro" (all
            counts together), "weighted" (by how often a class is actual). None: "binary" where there is one yes or
            no, else "macro".
        threshold: the probability above which the answer is yes, for one yes or no or several.
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        SettingError: an unknown average, a beta of 0 or less, a threshold outside 0 to 1.
        ShapeError: targets that do not fit, the average "binary" or a threshold for more than two classes.

    Source: van Rijsbergen 1979, "Information Retrieval", chapter 7. scikit-learn counts absent questions as 0.

    >>> import jax.numpy as jnp
    >>> metric = FBeta(beta=2.0)
    >>> sums = metric.sums(jnp.array([1.0, 2.0, -1.0, 3.0]), jnp.array([1, 0, 1, 1]))    # answers 1, 1, 0, 1
    >>> round(metric.result(sums), 3)
    0.667
    """

    aliases = ("f2", "fbeta")

    beta: float = 2.0
    average: Average | None = None
    threshold: float = 0.5
    multi_label: bool | None = None

    def validate(self) -> None:
        """Check beta and the threshold."""
        super().validate()
        self.require(0 < self.beta < math.inf, "beta", "more than 0")

    @property
    def name(self) -> str:
        """`f2` for beta = 2, `macro_f2` with the average "macro"."""
        number = f"f{self.beta:g}"
        return number if self.average is None else f"{self.average}_{number}"

    def parts(self, table: Counts) -> tuple[np.ndarray, np.ndarray]:
        """Return what is divided by what, for each class."""
        return (1 + self.beta**2) * table.hits, table.predicted + self.beta**2 * table.actual


@metric
class IOU(_Ratio):
    """Of what was answered or is there, how much is both: intersection over union, the measure of segmentation.

        IOU_k = hits_k / (predicted_k + actual_k - hits_k)

    for class k, counted over all positions of all rows; the mean over classes is the "mean IoU". Where nothing is
    divided by nothing it is 0. Classes that occur neither in the targets nor in the answers are left out of means.
    nan when no row counted, or an output is nan.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        average: of which class: "binary" (yes, class 1), "macro" (the mean over the classes that occur), "micro" (all
            counts together), "weighted" (by how often a class is actual). None: "binary" where there is one yes or
            no, else "macro".
        threshold: the probability above which the answer is yes, for one yes or no or several.
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        SettingError: an unknown average, a threshold outside 0 to 1.
        ShapeError: targets that do not fit, the average "binary" or a threshold for more than two classes.

    Source: Everingham et al. 2010, "The PASCAL Visual Object Classes (VOC) Challenge", section 4.3, Jaccard 1912, "The
    Distribution of the Flora in the Alpine Zone". scikit-learn counts absent questions as 0.

    >>> import jax.numpy as jnp
    >>> metric = IOU()
    >>> sums = metric.sums(jnp.array([1.0, 2.0, -1.0, 3.0]), jnp.array([1, 0, 1, 1]))    # answers 1, 1, 0, 1
    >>> round(metric.result(sums), 3)
    0.5
    """

    aliases = ("mean_iou", "jaccard", "jaccard_index", "intersection_over_union")

    average: Average | None = None
    threshold: float = 0.5
    multi_label: bool | None = None

    def parts(self, table: Counts) -> tuple[np.ndarray, np.ndarray]:
        """Return what is divided by what, for each class."""
        return table.hits, table.predicted + table.actual - table.hits
