"""Losses for yes-or-no questions, one or several per example."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Shaped

from brickwork.core.errors import DataError, ShapeError
from brickwork.losses.base import Loss, loss
from brickwork.losses.shapes import alike, over_outputs, without_single
from brickwork.losses.targets import first, fit_alike, real, require_finite
from brickwork.ops.cross_entropy import sigmoid_cross_entropy
from brickwork.ops.precision import accumulated


class FlagLoss(Loss):
    """Losses of logits (..., questions) or (rows,), above 0 for yes; targets are 0, 1 or between, in the same shape."""

    question = "flags"

    def probabilities(self, outputs: Float[Array, "*shape"]) -> Float[Array, "*shape"] | None:
        """Return sigmoid of the logits, the probability of yes."""
        return jax.nn.sigmoid(accumulated(jnp.asarray(outputs)))

    def answers(self, outputs: Float[Array, "*shape"]) -> Integer[Array, "..."]:
        """Return 1 where yes is more probable, else 0; an axis of one output is dropped: (rows, 1) gives (rows,)."""
        return without_single(jnp.asarray(outputs) > 0).astype(jnp.int32)

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return flags or probabilities as floats in the outputs' shape: (rows,) for (rows, 1) gets an axis."""
        return fit_alike(self, output_shape, targets)

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise for targets outside 0 to 1."""
        fitted = real(self.fit_targets(output_shape, targets))
        require_finite(fitted)
        wrong = (fitted < 0) | (fitted > 1)
        if np.any(wrong):
            row, _ = first(fitted, wrong)
            more = " For more than two classes use the loss 'cross_entropy'." if np.max(fitted) > 1 else ""
            raise DataError(
                f"Targets of yes-or-no questions must be 0 or 1 (or probabilities between); row {row} has "
                f"{fitted[wrong][0]:g}.{more}"
            )


@loss
class BinaryCrossEntropy(FlagLoss):
    """Yes or no, once or several times per example: the cross-entropy of a sigmoid.

        loss = -w t log sigmoid(z) - (1 - t) log(1 - sigmoid(z))

    averaged over the outputs of an example; smoothing s makes t (1 - s) + s / 2 of a target t. Finite for all finite
    logits.

    Shapes: outputs are logits z (..., questions) or (rows,), targets t 0, 1 or a probability, in the same shape; the
    result is (...) or (rows,).

    Args:
        label_smoothing: how much of a target is moved to one half, 0 to less than 1.
        positive_weight: w, one number, or one for each question: how much more a yes counts, where yes is rare.

    Raises:
        SettingError: a smoothing or a weight out of range.
        ShapeError: targets of another shape, weights that are not one for each question.

    Source: Cox 1958, "The regression analysis of binary sequences".

    >>> import jax.numpy as jnp
    >>> z, t = jnp.zeros((2, 1)), jnp.array([[1.0], [0.0]])
    >>> [round(float(loss), 4) for loss in BinaryCrossEntropy(positive_weight=3.0)(z, t)]
    [2.0794, 0.6931]
    """

    aliases = ("sigmoid_cross_entropy", "bce")

    label_smoothing: float = 0.0
    positive_weight: float | tuple[float, ...] = 1.0

    def validate(self) -> None:
        """Check the smoothing and the weight."""
        self.require(0 <= self.label_smoothing < 1, "label_smoothing", "at least 0 and less than 1")
        weights = self.positive_weight if isinstance(self.positive_weight, tuple) else (self.positive_weight,)
        fine = all(w > 0 and math.isfinite(w) for w in weights)
        self.require(fine and weights != (), "positive_weight", "more than 0, one number or one for each question")

    def __call__(self, outputs: Float[Array, "*shape"], targets: Shaped[Array, "*rest"]) -> Float[Array, "..."]:
        """Return the loss of each example."""
        outputs, targets = alike(self.name, outputs, targets)
        if self.label_smoothing:
            targets = (1 - self.label_smoothing) * targets + self.label_smoothing / 2
        losses = sigmoid_cross_entropy(outputs, targets)
        if self.positive_weight != 1:
            more = self._weights(outputs.shape, outputs.dtype) - 1
            losses = losses + more * targets * jax.nn.softplus(-outputs)
        return over_outputs(losses)

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise for targets outside 0 to 1, and a wrong number of weights."""
        super().check(output_shape, targets)
        self._weights(output_shape, jnp.float32)

    def _weights(self, output_shape: tuple[int, ...], dtype: Any) -> Array:
        weights, questions = self.positive_weight, output_shape[-1] if len(output_shape) > 1 else 1
        if isinstance(weights, tuple) and len(weights) != questions:
            raise ShapeError(
                f"{self.name} has {len(weights)} positive_weight for {questions} outputs: give one for each question."
            )
        return jnp.broadcast_to(jnp.asarray(weights, dtype), output_shape)


@loss
class BinaryFocal(FlagLoss):
    """Yes-or-no cross-entropy that forgets what is already right: for detection, where nearly all is background.

        loss = -a t (1 - p)^gamma log p - (1 - a) (1 - t) p^gamma log(1 - p),   p = sigmoid(z)

    averaged over the outputs of an example, with alpha a; without alpha both sides have weight 1. Finite for all
    finite logits, with its gradient. For several classes see `Focal`.

    Shapes: outputs are logits z (..., questions) or (rows,), targets t 0, 1 or a probability, in the same shape; the
    result is (...) or (rows,).

    Args:
        gamma: how fast right answers lose weight, at least 0.
        alpha: weight of yes, that of no being 1 - alpha; None means 1 for both.

    Raises:
        SettingError: a gamma below 0, an alpha outside 0 to 1.
        ShapeError: targets of another shape.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 5, with the settings of table 1b.

    >>> import jax.numpy as jnp
    >>> z, t = jnp.array([[3.0], [-3.0]]), jnp.array([[1.0], [1.0]])
    >>> [round(float(loss), 3) for loss in BinaryFocal()(z, t)]
    [0.0, 0.692]
    """

    aliases = ("sigmoid_focal",)

    gamma: float = 2.0
    alpha: float | None = 0.25

    def validate(self) -> None:
        """Check gamma and alpha."""
        self.require(self.gamma >= 0 and math.isfinite(self.gamma), "gamma", "at least 0")
        self.require(self.alpha is None or 0 <= self.alpha <= 1, "alpha", "0 to 1, or None")

    def __call__(self, outputs: Float[Array, "*shape"], targets: Shaped[Array, "*rest"]) -> Float[Array, "..."]:
        """Return the loss of each example."""
        z, t = alike(self.name, outputs, targets)
        yes, no = jax.nn.softplus(-z), jax.nn.softplus(z)  # minus the logarithms of p and of 1 - p
        of_yes, of_no = (1.0, 1.0) if self.alpha is None else (self.alpha, 1 - self.alpha)
        hard_yes, hard_no = (jnp.exp(-self.gamma * other) for other in (no, yes))
        return over_outputs(of_yes * t * hard_yes * yes + of_no * (1 - t) * hard_no * no)


class _Margin(FlagLoss):
    """Losses of scores whose sign is the answer; they have no probabilities."""

    def lacking(self, outputs: Any, targets: Any) -> Float[Array, "*shape"]:
        """Return what is missing to a margin of 1 on the right side, averaged between the sides for 0 < t < 1."""
        z, t = alike(self.name, outputs, targets)
        return jax.nn.relu(1 - (2 * t - 1) * z)

    def probabilities(self, outputs: Float[Array, "*shape"]) -> None:
        """Return None: scores are no probabilities."""
        del outputs


@loss
class Hinge(_Margin):
    """Yes or no by a margin: scores on the right side of 0 by 1 or more cost nothing, others what they lack.

        loss = max(0, 1 - y z),   y = 2 t - 1

    averaged over the outputs of an example: the loss of support vector machines.

    Shapes: outputs are scores z (..., questions) or (rows,), targets t are 0 or 1 in the same shape; the result is
    (...) or (rows,).

    Raises:
        ShapeError: targets of another shape.

    Source: Cortes & Vapnik 1995, "Support-Vector Networks", section 3. Targets are 0 and 1 here, not -1 and 1.

    >>> import jax.numpy as jnp
    >>> Hinge()(jnp.array([2.0, 0.25, 0.25]), jnp.array([1, 1, 0])).tolist()
    [0.0, 0.75, 1.25]
    """

    aliases = ("svm",)

    def __call__(self, outputs: Float[Array, "*shape"], targets: Shaped[Array, "*rest"]) -> Float[Array, "..."]:
        """Return the loss of each example."""
        return over_outputs(self.lacking(outputs, targets))


@loss
class SquaredHinge(_Margin):
    """The square of what a score lacks to its margin: far off counts more, and the slope has no kink.

        loss = max(0, 1 - y z)^2,   y = 2 t - 1

    averaged over the outputs of an example.

    Shapes: outputs are scores z (..., questions) or (rows,), targets t are 0 or 1 in the same shape; the result is
    (...) or (rows,).

    Raises:
        ShapeError: targets of another shape.

    Source: Cortes & Vapnik 1995, "Support-Vector Networks", section 3, with exponent 2; in networks: Tang 2013, "Deep
    Learning using Linear Support Vector Machines".

    >>> import jax.numpy as jnp
    >>> SquaredHinge()(jnp.array([2.0, 0.5, 0.5]), jnp.array([1, 1, 0])).tolist()
    [0.0, 0.25, 2.25]
    """

    aliases = ("l2_svm",)

    def __call__(self, outputs: Float[Array, "*shape"], targets: Shaped[Array, "*rest"]) -> Float[Array, "..."]:
        """Return the loss of each example."""
        return over_outputs(jnp.square(self.lacking(outputs, targets)))
