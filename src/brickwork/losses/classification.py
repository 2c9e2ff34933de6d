"""Losses for classes and for yes-or-no questions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import DataError, ShapeError
from brickwork.losses.base import Loss, loss
from brickwork.losses.shapes import alike, over_outputs, without_single
from brickwork.losses.targets import (
    first,
    fit_alike,
    fit_padded,
    floats,
    in_words,
    misfit,
    numbers,
    real,
    require_finite,
)
from brickwork.ops.cross_entropy import sigmoid_cross_entropy, softmax_cross_entropy
from brickwork.ops.precision import accumulated


@loss
class CrossEntropy(Loss):
    """One of several classes: minus the logarithm of the probability that the network gave to the right one.

    loss = -sum over k of t_k log softmax(z)_k, where t is 1 for the right class and 0 for the others, mixed with the
    uniform distribution by `label_smoothing` s: t_k (1 - s) + s / K.

    Outputs z are logits (..., K), K at least 2; targets are class numbers (...) or rows of probabilities (..., K).
    The result is (...), finite for all finite logits.

    Sources: Bridle (1990), "Probabilistic interpretation of feedforward classification network outputs"; smoothing:
    Szegedy et al. (2016), "Rethinking the Inception Architecture for Computer Vision", section 7.
    """

    aliases = ("softmax_cross_entropy",)
    question = "class"

    label_smoothing: float = 0.0

    def validate(self) -> None:
        """Check the smoothing."""
        self.require(0 <= self.label_smoothing < 1, "label_smoothing", "at least 0 and less than 1")

    def __call__(
        self, outputs: Float[Array, "*batch classes"], targets: Shaped[Array, "*rest"]
    ) -> Float[Array, "*batch"]:
        """Return the loss of each example."""
        outputs = accumulated(jnp.asarray(outputs))
        targets = jnp.asarray(targets)
        if jnp.issubdtype(targets.dtype, jnp.floating) and targets.shape == outputs.shape[:-1]:
            raise ShapeError(
                f"Class numbers are whole numbers, got {targets.dtype} of shape {targets.shape} for logits "
                f"{outputs.shape}: convert them by fit_targets or astype(int), or give rows of probabilities."
            )
        if outputs.ndim == 0 or targets.shape not in (outputs.shape, outputs.shape[:-1]):
            raise ShapeError(
                f"{self.name}: for logits {outputs.shape}, targets are class numbers {outputs.shape[:-1]} or rows of "
                f"probabilities {outputs.shape}; they have the shape {targets.shape}."
            )
        if targets.shape == outputs.shape:
            targets = targets.astype(outputs.dtype)
        elif targets.dtype == bool:
            targets = targets.astype(jnp.int32)
        losses = softmax_cross_entropy(outputs, targets)
        if not self.label_smoothing:
            return losses
        uniform = softmax_cross_entropy(outputs, jnp.full_like(outputs, 1 / outputs.shape[-1]))
        return (1 - self.label_smoothing) * losses + self.label_smoothing * uniform

    def probabilities(self, outputs: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
        """Return softmax of the logits."""
        return jax.nn.softmax(accumulated(jnp.asarray(outputs)), axis=-1)

    def answers(self, outputs: Float[Array, "*batch classes"]) -> Integer[Array, "*batch"]:
        """Return the number of the most probable class."""
        return jnp.argmax(jnp.asarray(outputs), axis=-1)

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return class numbers as int32 (...), or rows of probabilities as floats (..., K)."""
        if isinstance(targets, Padded):
            return fit_padded(self, output_shape, targets)
        targets = numbers(targets)
        if len(output_shape) < 2 or output_shape[-1] < 2:
            raise ShapeError(
                f"Cross-entropy compares two classes or more, but the network gives {in_words(output_shape)}: end it "
                "in Dense(2) or more, one output for each class, or use the loss 'binary_cross_entropy'."
            )
        between, shape = output_shape[1:-1], targets.shape[1:]
        if shape == (*between, 1):
            targets, shape = targets[..., 0], between
        if shape == between:
            whole = np.isfinite(targets) & (targets == np.round(targets)) if targets.dtype.kind == "f" else True
            if not np.all(whole):
                row, value = first(targets, ~np.asarray(whole))
                raise DataError(
                    f"Labels must be whole numbers, the number of the class from 0 on; row {row} has {value}. "
                    "For numbers to predict use the loss 'mse'."
                )
            # Nothing is hidden by int32: labels that do not fit into it are far out of range.
            return np.clip(targets.astype(np.int64), -(2**31), 2**31 - 1).astype(np.int32)
        if shape == output_shape[1:]:
            return floats(targets)
        raise ShapeError(misfit(output_shape, targets.shape, classes=True))

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise for labels out of range and rows that are no probabilities."""
        fitted = real(self.fit_targets(output_shape, targets))
        outputs = output_shape[-1]
        if fitted.size == 0:
            raise DataError("There are no targets to learn from.")
        if fitted.dtype.kind == "f":
            require_finite(fitted)
            wrong = np.any(fitted < 0, axis=-1) | (np.abs(fitted.sum(axis=-1) - 1) > 1e-3)
            if np.any(wrong):
                row, value = first(fitted, wrong)
                raise DataError(
                    f"Target rows must be probabilities that sum to 1; row {row} has {value}. When several classes can "
                    "be right at once, use the loss 'binary_cross_entropy'."
                )
            return
        low, high = int(fitted.min()), int(fitted.max())
        if low < 0:
            raise DataError(
                f"Label {low} (row {first(fitted, fitted == low)[0]}) is negative: classes are numbered from 0. "
                "To leave rows out, give them weight 0 and any class."
            )
        if high >= outputs:
            shifted = f" or, if labels count from {low}, subtract {low}," if low and high - low < outputs else ""
            raise DataError(
                f"Label {high} (row {first(fitted, fitted == high)[0]}) is out of range: the network has {outputs} "
                f"outputs, for labels 0 to {outputs - 1}. End the network in Dense({high + 1}),{shifted} or check "
                "the labels."
            )


@loss
class BinaryCrossEntropy(Loss):
    """Yes or no, once or several times per example: the cross-entropy of a sigmoid.

    loss = -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)), averaged over the outputs of an example; smoothing s makes
    t (1 - s) + s / 2 of a target t.

    Outputs z are logits (..., questions) or (rows,), targets 0, 1 or a probability, in the same shape. The result is
    (...), or (rows,), finite for all finite logits.

    Source: Cox (1958), "The regression analysis of binary sequences".
    """

    aliases = ("sigmoid_cross_entropy", "bce")
    question = "flags"

    label_smoothing: float = 0.0

    def validate(self) -> None:
        """Check the smoothing."""
        self.require(0 <= self.label_smoothing < 1, "label_smoothing", "at least 0 and less than 1")

    def __call__(self, outputs: Float[Array, "*shape"], targets: Shaped[Array, "*rest"]) -> Float[Array, "..."]:
        """Return the loss of each example."""
        outputs, targets = alike(self.name, outputs, targets)
        if self.label_smoothing:
            targets = (1 - self.label_smoothing) * targets + self.label_smoothing / 2
        return over_outputs(sigmoid_cross_entropy(outputs, targets))

    def probabilities(self, outputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
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
