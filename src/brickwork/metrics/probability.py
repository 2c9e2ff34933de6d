"""Metrics of probabilities: whether what is said to happen nine times in ten does."""

import math
from collections.abc import Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from brickwork.metrics.base import Metric, knowing_flags, metric
from brickwork.metrics.counts import answered, are_flags, labels_of
from brickwork.metrics.sums import Sums, as_rows, count_of, counted, counts_of, floating, ratio, weighed
from brickwork.ops.cross_entropy import sigmoid_cross_entropy, softmax_cross_entropy


class _OfLogits(Metric):
    """Metrics of logits, of classes or of questions: a setting `multi_label: bool | None` says of which."""

    higher_is_better = False

    def fitted(self, targets: Any, question: str = "other") -> Self:
        """Return the metric that knows whether rows of targets are flags."""
        del targets
        return knowing_flags(self, question)

    def asks_questions(self, outputs: Array, targets: Array) -> bool:
        """Tell whether each output is a yes or no of its own."""
        return are_flags(outputs, targets, self.settings()["multi_label"])


def _rows_or_labels(outputs: Array, targets: Array) -> Array:
    return targets if floating(targets) and targets.shape == outputs.shape else labels_of(outputs, targets)


@metric
class LogLoss(_OfLogits):
    """How surprised the network is by the truth, in nats: minus the mean logarithm of the probability it gave to it.

        log loss = mean over rows of -sum over k of t_k log p_k

    with p the softmax of K logits, or the sigmoid of one. With `multi_label` a row counts with the mean over its
    questions. It is the loss "cross_entropy" as a metric, without smoothing or class weights.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags or probabilities; or, `multi_label`, K logits for yes with K flags. `Padded`
    sequences and pictures count position by position.

    Args:
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        ShapeError: targets that do not fit.

    Source: Good 1952, "Rational Decisions", section 8.

    >>> import jax.numpy as jnp
    >>> metric = LogLoss()
    >>> round(metric.result(metric.sums(jnp.zeros((1, 4)), jnp.array([2]))), 4)    # log 4
    1.3863
    """

    aliases = ("negative_log_likelihood", "nll")

    multi_label: bool | None = None

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return the surprise of each row."""
        if self.asks_questions(outputs, targets):
            return sigmoid_cross_entropy(outputs, targets.astype(outputs.dtype)).reshape(len(outputs), -1).mean(axis=-1)
        return softmax_cross_entropy(outputs, _rows_or_labels(outputs, targets))


@metric
class Perplexity(LogLoss):
    """Among how many equally probable choices the network hesitates on average: 1 is certain and right.

        perplexity = exp(log loss)

    Of a language model over the real positions of `Padded` sequences: each of its tokens counts once, whatever the
    length of its text.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags or probabilities; or, `multi_label`, K logits for yes with K flags. `Padded`
    sequences and pictures count position by position.

    Args:
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        ShapeError: targets that do not fit.

    Source: Jelinek et al. 1977, "Perplexity: a measure of the difficulty of speech recognition tasks".

    >>> import jax.numpy as jnp
    >>> metric = Perplexity()
    >>> round(metric.result(metric.sums(jnp.zeros((1, 4)), jnp.array([2]))), 3)
    4.0
    """

    aliases = ("ppl",)

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return the exponential of the log loss."""
        return float(np.exp(min(super().result(sums), 700.0)))


@metric
class Brier(_OfLogits):
    """The squared distance of the probabilities from the truth: 0 is certain and right, and no answer costs infinity.

        score = mean over rows of (p - t)^2                      for yes or no
                mean over rows of sum over k of (p_k - t_k)^2    for three classes or more

    with p the softmax of K logits, or the sigmoid of one. For two classes it is half of that sum, which is the score of
    yes or no. With `multi_label` a row counts with the mean over its questions.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags or probabilities; or, `multi_label`, K logits for yes with K flags. `Padded`
    sequences and pictures count position by position.

    Args:
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        ShapeError: targets that do not fit.

    Source: Brier 1950, "Verification of Forecasts Expressed in Terms of Probability", equation 2, whose score of two
    classes is twice ours.

    >>> import jax.numpy as jnp
    >>> metric = Brier()
    >>> metric.result(metric.sums(jnp.array([0.0, 0.0]), jnp.array([1, 0])))
    0.25
    """

    aliases = ("brier_score",)

    multi_label: bool | None = None

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return the squared distance of each row."""
        if self.asks_questions(outputs, targets):
            square = jnp.square(jax.nn.sigmoid(outputs) - targets.astype(outputs.dtype))
            return square.reshape(len(outputs), -1).mean(axis=-1)
        truth = _rows_or_labels(outputs, targets)
        if not floating(truth):
            truth = (truth[:, None] == jnp.arange(outputs.shape[-1], dtype=truth.dtype)).astype(outputs.dtype)
        square = jnp.square(jax.nn.softmax(outputs, axis=-1) - truth.astype(outputs.dtype)).sum(axis=-1)
        return square / 2 if outputs.shape[-1] == 2 else square


@metric
class CalibrationError(_OfLogits):
    """How far confidence is from being right as often as it says: of answers given with 90 %, 90 % should be right.

        error = sum over bins b of n_b / n |hits_b / n_b - mean confidence in b|

    The confidence is the probability of the answer; answers are sorted into bins of equal width by it. A small error
    does not mean right answers: always answering the frequencies of the classes has none. With `multi_label` every
    question counts as an answer. nan when no row counted, or an output is nan.

    Shapes: outputs are logits (rows, K) with class numbers (rows,) or rows of probabilities (rows, K); one logit for
    yes, (rows, 1) or (rows,), with flags; or, `multi_label`, K logits for yes with K flags. `Padded` sequences and
    pictures count position by position.

    Args:
        bins: how many, at least 1; bin b of B holds the confidences in (b / B, (b + 1) / B].
        multi_label: whether rows of targets are flags; None leaves it to the loss.

    Raises:
        SettingError: no bins.
        ShapeError: targets that do not fit.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", equations 2, 3 and 5.

    >>> import jax.numpy as jnp
    >>> metric = CalibrationError()
    >>> sums = metric.sums(jnp.log(jnp.array([[0.8, 0.2], [0.8, 0.2]])), jnp.array([0, 1]))    # half of them right
    >>> round(metric.result(sums), 3)
    0.3
    """

    aliases = ("ece", "expected_calibration_error")

    bins: int = 15
    multi_label: bool | None = None

    def validate(self) -> None:
        """Check the number of bins."""
        self.require(self.bins >= 1, "bins", "1 or more")

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return for each bin how many answers there are, how many are right, and the sum of their confidences."""
        outputs, targets, weight = as_rows(outputs, targets, weight)
        if self.asks_questions(outputs, targets):
            answers, truth = (flags.reshape(-1) for flags in answered(outputs, targets, multi_label=True))
            right, confidence = answers == truth, jax.nn.sigmoid(jnp.abs(outputs)).reshape(-1)
            weight = jnp.repeat(weight, right.size // weight.size)
        else:
            right = jnp.argmax(outputs, axis=-1).astype(jnp.int32) == labels_of(outputs, targets)
            confidence = jax.nn.softmax(outputs, axis=-1).max(axis=-1)
        place = jnp.clip(jnp.ceil(confidence * self.bins) - 1, 0, self.bins - 1)
        own = (place[:, None] == jnp.arange(self.bins, dtype=place.dtype)).astype(weight.dtype)
        return {
            "confidence": weighed(own * confidence[:, None], weight),
            **counted("hits", weighed(own * right[:, None].astype(weight.dtype), weight)),
            **counted("answers", weighed(own, weight)),
            **counted("unknown", weighed(jnp.isnan(confidence).astype(weight.dtype), weight)),
        }

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return the error."""
        gaps = np.abs(counts_of(sums, "hits") - np.asarray(sums["confidence"], np.float64))
        if count_of(sums, "unknown"):
            return math.nan
        return ratio(float(gaps.sum()), float(counts_of(sums, "answers").sum()))
