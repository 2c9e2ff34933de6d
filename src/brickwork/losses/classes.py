"""Losses for one of several classes."""

import math
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import DataError, ShapeError
from brickwork.losses.base import Loss, loss
from brickwork.losses.shapes import class_targets, is_class
from brickwork.losses.targets import first, fit_padded, floats, in_words, misfit, numbers, real, require_finite
from brickwork.ops.cross_entropy import softmax_cross_entropy
from brickwork.ops.precision import accumulated

WEIGHTS = "numbers of at least 0, one for each class"


class ClassLoss(Loss):
    """Losses of logits (..., K), K at least 2: targets are class numbers (...), or rows of probabilities (..., K).

    `takes` says which of the two a loss is for: "numbers", "rows" or "both".
    """

    question = "class"
    takes: ClassVar[Literal["numbers", "rows", "both"]] = "both"

    def probabilities(self, outputs: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"] | None:
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
            what = "Cross-entropy" if self.name == "cross_entropy" else f"The loss {self.name!r}"
            raise ShapeError(
                f"{what} compares two classes or more, but the network gives {in_words(output_shape)}: end it "
                "in Dense(2) or more, one output for each class, or use the loss 'binary_cross_entropy'."
            )
        between, shape = output_shape[1:-1], targets.shape[1:]
        if shape == (*between, 1):
            targets, shape = targets[..., 0], between
        if shape == output_shape[1:] and self.takes != "numbers":
            return floats(targets)
        if shape == between and self.takes == "rows":
            raise ShapeError(
                f"The loss {self.name!r} compares distributions: give rows of {output_shape[-1]} probabilities as "
                "targets, or use the loss 'cross_entropy' for class numbers."
            )
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
            raise ShapeError(
                f"The loss {self.name!r} takes class numbers, and the targets are rows of {output_shape[-1]}: give "
                "targets.argmax(-1), or use the loss 'cross_entropy', which takes probabilities too."
            )
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


def _valid(weights: tuple[float, ...] | None) -> bool:
    return weights is None or (weights != () and all(math.isfinite(w) and w >= 0 for w in weights))


def _weights(name: str, given: tuple[float, ...] | None, classes: int, dtype: Any) -> Float[Array, " classes"]:
    """Return the weights of the classes, 1 by default."""
    if given is None:
        return jnp.ones(classes, dtype)
    if len(given) != classes:
        raise ShapeError(f"{name} has {len(given)} class_weights for {classes} outputs: give one for each class.")
    return jnp.asarray(given, dtype)


def _weight_of(targets: Integer[Array, "*batch"], weights: Float[Array, " classes"]) -> Float[Array, "*batch"]:
    """Return the weight of each row's class."""
    return jnp.sum(jnp.where(is_class(targets, len(weights)), weights, jnp.zeros_like(weights)), axis=-1)


class _Weighted(ClassLoss):
    """Losses with a setting `class_weights`, one number a class."""

    def validate(self) -> None:
        """Check the weights."""
        self.require(_valid(self.settings()["class_weights"]), "class_weights", WEIGHTS)

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise for targets out of range, and for a wrong number of class weights."""
        super().check(output_shape, targets)
        _weights(self.name, self.settings()["class_weights"], output_shape[-1], jnp.float32)


@loss
class CrossEntropy(_Weighted):
    """One of several classes: minus the logarithm of the probability that the network gave to the right one.

        loss = -sum over k of w_k t_k log softmax(z)_k

    where t is 1 for the right class and 0 for the others, mixed with the uniform distribution by `label_smoothing` s:
    t_k (1 - s) + s / K. Finite for all finite logits.

    Shapes: outputs are logits z (..., K), K at least 2; targets are class numbers (...) or rows of probabilities
    (..., K); the result is (...).

    Args:
        label_smoothing: how much of a target is spread over all classes, 0 to less than 1.
        class_weights: w, one number for each class; None means 1. Rare classes get larger ones.

    Raises:
        SettingError: a smoothing or a weight out of range.
        ShapeError: targets that are neither of the two, weights that are not one for each class.

    Sources: Bridle 1990, "Probabilistic interpretation of feedforward classification network outputs"; smoothing:
    Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", section 7. The mean over rows
    divides by their number; PyTorch's divides by the sum of their class weights.

    >>> import jax.numpy as jnp
    >>> round(float(CrossEntropy()(jnp.array([[2.0, 1.0, 0.0]]), jnp.array([0]))[0]), 4)
    0.4076
    """

    aliases = ("softmax_cross_entropy", "categorical_cross_entropy", "sparse_categorical_cross_entropy", "nll")

    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None

    def validate(self) -> None:
        """Check the smoothing and the weights."""
        super().validate()
        self.require(0 <= self.label_smoothing < 1, "label_smoothing", "at least 0 and less than 1")

    def __call__(
        self, outputs: Float[Array, "*batch classes"], targets: Shaped[Array, "*rest"]
    ) -> Float[Array, "*batch"]:
        """Return the loss of each example."""
        outputs, targets = class_targets(self.name, outputs, targets)
        weights = _weights(self.name, self.class_weights, outputs.shape[-1], outputs.dtype)
        if self.class_weights is None:
            losses = softmax_cross_entropy(outputs, targets)
        elif targets.shape == outputs.shape:
            losses = softmax_cross_entropy(outputs, targets * weights)
        else:
            losses = softmax_cross_entropy(outputs, targets) * _weight_of(targets, weights)
        if not self.label_smoothing:
            return losses
        uniform = softmax_cross_entropy(outputs, jnp.broadcast_to(weights / outputs.shape[-1], outputs.shape))
        return (1 - self.label_smoothing) * losses + self.label_smoothing * uniform


@loss
class Focal(_Weighted):
    """Cross-entropy that forgets what is already right, so that many easy rows do not drown the few hard ones.

        loss = -w_y (1 - p_y)^gamma log p_y,   p = softmax(z)

    for the right class y. With gamma = 0 it is `CrossEntropy`; with 2 a row that is right with probability 0.9 counts
    a hundredth. Finite for all finite logits, with its gradient. For yes-or-no questions see `BinaryFocal`.

    Shapes: outputs are logits z (..., K), K at least 2; targets are class numbers (...); the result is (...).

    Args:
        gamma: how fast right answers lose weight, at least 0.
        class_weights: w, the paper's alpha, one number for each class; None means 1.

    Raises:
        SettingError: a gamma or a weight below 0.
        ShapeError: targets that are no class numbers, weights that are not one for each class.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 5, which is about two classes.

    >>> import jax.numpy as jnp
    >>> [round(float(loss), 2) for loss in Focal(gamma=2.0)(jnp.array([[4.0, 0.0], [0.0, 4.0]]), jnp.array([0, 0]))]
    [0.0, 3.87]
    """

    takes = "numbers"

    gamma: float = 2.0
    class_weights: tuple[float, ...] | None = None

    def validate(self) -> None:
        """Check gamma and the weights."""
        super().validate()
        self.require(self.gamma >= 0 and math.isfinite(self.gamma), "gamma", "at least 0")

    def __call__(
        self, outputs: Float[Array, "*batch classes"], targets: Integer[Array, "*rest"]
    ) -> Float[Array, "*batch"]:
        """Return the loss of each example."""
        outputs, targets = class_targets(self.name, outputs, targets, soft=False)
        losses = softmax_cross_entropy(outputs, targets)
        if self.class_weights is not None:
            weights = _weights(self.name, self.class_weights, outputs.shape[-1], outputs.dtype)
            losses = losses * _weight_of(targets, weights)
        if self.gamma:
            others = ~is_class(targets, outputs.shape[-1])
            # log(1 - p): the power of 1 - p itself has no finite slope at 0 for gamma below 1.
            log_wrong = jax.nn.logsumexp(outputs, axis=-1, where=others) - jax.nn.logsumexp(outputs, axis=-1)
            losses = losses * jnp.exp(self.gamma * log_wrong)
        return losses


@loss
class Poly1(ClassLoss):
    """Cross-entropy with the weight of its first and largest term changed.

        loss = -log p_y + epsilon (1 - p_y),   p = softmax(z)

    -log p is the sum of (1 - p)^j / j over j = 1, 2, ...; the second part changes the weight of j = 1 from 1 to
    1 + epsilon. Of rows of probabilities t it is the mean over the classes y with these probabilities.

    Shapes: outputs are logits z (..., K), K at least 2; targets are class numbers (...) or rows of probabilities
    (..., K); the result is (...).

    Args:
        epsilon: what is added to the first weight, at least -1. The paper uses 2 for ImageNet, -1 for detection.

    Raises:
        SettingError: an epsilon below -1, which would reward wrong answers.
        ShapeError: targets that are neither of the two.

    Source: Leng et al. 2022, "PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions".

    >>> import jax.numpy as jnp
    >>> round(float(Poly1(epsilon=2.0)(jnp.zeros((1, 2)), jnp.array([1]))[0]), 4)    # log 2 + 2 / 2
    1.6931
    """

    aliases = ("poly_loss", "poly")

    epsilon: float = 2.0

    def validate(self) -> None:
        """Check epsilon."""
        self.require(-1 <= self.epsilon < math.inf, "epsilon", "at least -1")

    def __call__(
        self, outputs: Float[Array, "*batch classes"], targets: Shaped[Array, "*rest"]
    ) -> Float[Array, "*batch"]:
        """Return the loss of each example."""
        outputs, targets = class_targets(self.name, outputs, targets)
        truth = targets
        if targets.shape != outputs.shape:
            truth = is_class(targets, outputs.shape[-1]).astype(outputs.dtype)
        wrong = jnp.sum(truth * (1 - jax.nn.softmax(outputs, axis=-1)), axis=-1)
        return softmax_cross_entropy(outputs, targets) + self.epsilon * wrong


@loss
class KLDivergence(ClassLoss):
    """How far a distribution over classes is from the one that is wanted, in nats: 0 when they agree.

        loss = sum over k of t_k (log t_k - log softmax(z)_k),   0 log 0 = 0

    It is the cross-entropy less the entropy of the target, which no network can change: the gradients of both are the
    same. Finite for all finite logits.

    Shapes: outputs are logits z (..., K), K at least 2; targets are rows of probabilities t (..., K); the result is
    (...).

    Raises:
        ShapeError: targets that are no rows of probabilities.

    Source: Kullback & Leibler 1951, "On Information and Sufficiency".

    >>> import jax.numpy as jnp
    >>> [round(float(loss), 4) for loss in KLDivergence()(jnp.zeros((2, 2)), jnp.array([[0.5, 0.5], [1.0, 0.0]]))]
    [0.0, 0.6931]
    """

    aliases = ("kl", "kld", "kl_div")
    takes = "rows"

    def __call__(
        self, outputs: Float[Array, "*batch classes"], targets: Float[Array, "*rest"]
    ) -> Float[Array, "*batch"]:
        """Return the divergence of each example."""
        outputs, targets = accumulated(jnp.asarray(outputs)), jnp.asarray(targets)
        if targets.shape != outputs.shape:
            raise ShapeError(
                f"{self.name}: for logits {outputs.shape}, targets are rows of probabilities of the same shape; they "
                f"have the shape {targets.shape}."
            )
        targets = targets.astype(outputs.dtype)
        possible = targets > 0
        entropy = jnp.sum(jnp.where(possible, targets * jnp.log(jnp.where(possible, targets, 1)), 0), axis=-1)
        return entropy + softmax_cross_entropy(outputs, targets)


@loss
class MulticlassHinge(ClassLoss):
    """The right class must lead every other by a margin of 1; what it lacks is the loss, and beyond it nothing counts.

        "crammer_singer":  loss = max over k not y of max(0, 1 + z_k - z_y)
        "weston_watkins":  loss = sum over k not y of max(0, 1 + z_k - z_y)

    Outputs are scores: they have no probabilities.

    Shapes: outputs are scores z (..., K), K at least 2; targets are class numbers y (...); the result is (...).

    Args:
        form: whether the strongest rival alone counts ("crammer_singer") or all of them ("weston_watkins").

    Raises:
        SettingError: a form that is neither of the two.
        ShapeError: targets that are no class numbers.

    Sources: Crammer & Singer 2001, "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines";
    Weston & Watkins 1999, "Support Vector Machines for Multi-Class Pattern Recognition", with a margin of 2.

    >>> import jax.numpy as jnp
    >>> z, y = jnp.array([[2.0, 1.5, 1.25]]), jnp.array([0])
    >>> MulticlassHinge()(z, y).tolist(), MulticlassHinge("weston_watkins")(z, y).tolist()
    ([0.5], [0.75])
    """

    aliases = ("multi_margin", "categorical_hinge", "multiclass_svm")
    takes = "numbers"

    form: Literal["crammer_singer", "weston_watkins"] = "crammer_singer"

    def __call__(
        self, outputs: Float[Array, "*batch classes"], targets: Integer[Array, "*rest"]
    ) -> Float[Array, "*batch"]:
        """Return the loss of each example."""
        outputs, targets = class_targets(self.name, outputs, targets, soft=False)
        own = is_class(targets, outputs.shape[-1])
        score = jnp.sum(jnp.where(own, outputs, jnp.zeros_like(outputs)), axis=-1, keepdims=True)
        lacking = jnp.where(own, jnp.zeros_like(outputs), jax.nn.relu(1 + outputs - score))
        losses = lacking.sum(axis=-1) if self.form == "weston_watkins" else lacking.max(axis=-1)
        return jnp.where(own.any(axis=-1), losses, jnp.full_like(losses, jnp.nan))

    def probabilities(self, outputs: Float[Array, "*batch classes"]) -> None:
        """Return None: scores are no probabilities."""
        del outputs
