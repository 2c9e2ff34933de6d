"""Losses of numbers whose outputs say more than one number: quantiles, a rate, a mean with its variance."""

import math
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import DataError, ShapeError
from brickwork.losses.base import loss
from brickwork.losses.regression import NumberLoss
from brickwork.losses.shapes import alike, bounded, over_outputs, without_single
from brickwork.losses.targets import first, fit_alike, fit_padded, floats, in_words, numbers, real
from brickwork.ops.precision import accumulated


@loss
class Quantile(NumberLoss):
    """Numbers that the target stays below with given probabilities: an interval in place of a single guess.

        loss = max(q r, (q - 1) r),   r = target - output

    averaged over the quantiles q, one output for each. For q = 1/2 it is half the absolute error, and the best answer
    the median; for q = 0.9 being too low costs nine times as much as being too high.

    Shapes: outputs (..., Q), one for each quantile; targets (...), or (..., 1) on the host; the result is (...).

    Args:
        quantiles: the Q probabilities, rising, between 0 and 1.

    Raises:
        SettingError: no quantiles, or such that do not rise between 0 and 1.
        ShapeError: outputs that are not one for each quantile, targets that are not one for each example.

    Source: Koenker & Bassett 1978, "Regression Quantiles".

    >>> import jax.numpy as jnp
    >>> loss = Quantile((0.1, 0.9))
    >>> round(float(loss(jnp.array([[1.0, 3.0]]), jnp.array([5.0]))[0]), 4)    # (0.1 * 4 + 0.9 * 2) / 2
    1.1
    """

    aliases = ("pinball",)

    quantiles: tuple[float, ...] = (0.5,)

    def validate(self) -> None:
        """Check that the quantiles rise from 0 to 1."""
        bounds = (0.0, *self.quantiles, 1.0)
        rising = all(low < high for low, high in pairwise(bounds))
        self.require(rising and len(bounds) > 2, "quantiles", "one or more probabilities rising between 0 and 1")

    def __call__(self, outputs: Float[Array, "*batch q"], targets: Shaped[Array, "*rest"]) -> Float[Array, "*batch"]:
        """Return the loss of each example."""
        outputs, targets = accumulated(jnp.asarray(outputs)), jnp.asarray(targets)
        self._require_outputs(outputs.shape)
        if targets.shape != outputs.shape[:-1]:
            raise ShapeError(
                f"{self.name}: for outputs {outputs.shape}, targets are {outputs.shape[:-1]}, one for all quantiles; "
                f"they have the shape {targets.shape}."
            )
        missing = targets.astype(outputs.dtype)[..., None] - outputs
        q = jnp.asarray(self.quantiles, outputs.dtype)
        return jnp.mean(jnp.maximum(q * missing, (q - 1) * missing), axis=-1)

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return numbers as floats (...), one for all quantiles."""
        if isinstance(targets, Padded):
            return fit_padded(self, output_shape, targets)
        self._require_outputs(output_shape)
        targets = floats(numbers(targets))
        if targets.shape[1:] == (*output_shape[1:-1], 1):
            return targets[..., 0]
        if targets.shape[1:] != output_shape[1:-1]:
            raise ShapeError(
                f"The network gives {in_words(output_shape)}, the quantiles of one number, but the targets have "
                f"{in_words(targets.shape)}: use one network, or one head, for each number."
            )
        return targets

    def _require_outputs(self, shape: tuple[int, ...]) -> None:
        count = len(self.quantiles)
        if len(shape) < 2 or shape[-1] != count:
            raise ShapeError(
                f"{self.name} has {count} quantiles, but the network gives {in_words(shape)}: end it in Dense({count})."
            )


@loss
class Poisson(NumberLoss):
    """Counts of what happens independently of each other: the network gives the logarithm of the expected number.

        loss = exp(z) - t z,   z = log rate

    averaged over the outputs of an example: minus the logarithm of Poisson's probability of t, without log t!, which no
    network can change. The exponential stops growing at z = 80, where the gradient still points back: finite for
    all finite outputs. `answers` are rates.

    Shapes: outputs z (..., k) or (rows,), targets t of the same shape, 0 or more; the result is (...) or (rows,).

    Raises:
        ShapeError: targets of another shape.

    Source: Nelder & Wedderburn 1972, "Generalized Linear Models".

    >>> import jax.numpy as jnp
    >>> [round(float(loss), 3) for loss in Poisson()(jnp.log(jnp.array([2.0, 4.0])), jnp.array([2, 2]))]
    [0.614, 1.227]
    """

    aliases = ("poisson_nll",)

    def __call__(self, outputs: Float[Array, "*shape"], targets: Shaped[Array, "*rest"]) -> Float[Array, "..."]:
        """Return the loss of each example."""
        outputs, targets = alike(self.name, outputs, targets)
        return over_outputs(jnp.exp(bounded(outputs, high=80.0)) - targets * outputs)

    def answers(self, outputs: Float[Array, "*shape"]) -> Float[Array, "..."]:
        """Return the rates; an axis of one output is dropped: (rows, 1) gives (rows,)."""
        return without_single(jnp.exp(bounded(accumulated(jnp.asarray(outputs)), high=80.0)))

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise for targets that are not finite or below 0."""
        super().check(output_shape, targets)
        fitted = real(self.fit_targets(output_shape, targets))
        if np.any(fitted < 0):
            row, _ = first(fitted, fitted < 0)
            raise DataError(f"Counts are 0 or more; row {row} of the targets has {fitted[fitted < 0][0]:g}.")


@loss
class GaussianNLL(NumberLoss):
    """A guess with its own uncertainty: the network gives a mean and the logarithm of a variance for each target.

        loss = (s + (t - m)^2 exp(-s) + log(2 pi)) / 2,   s = log variance

    averaged over the targets of an example: minus the logarithm of the normal density. Where the network says that it
    is unsure, errors count less, and being unsure costs. s counts as no less than log `floor`, with the gradient that
    it has there: a variance near 0 would make the loss infinite. `answers` are means; `deviations` give exp(s / 2).

    Shapes: outputs (..., 2 k), first the k means m, then the k logarithms s; targets t (..., k); the result is (...).

    Args:
        floor: the least variance, more than 0, in squared units of the target.

    Raises:
        SettingError: a floor of 0 or less.
        ShapeError: outputs that are not two for each target.

    Source: Nix & Weigend 1994, "Estimating the Mean and Variance of the Target Probability Distribution".

    >>> import jax.numpy as jnp
    >>> sure, unsure = [2.0, 0.0], [2.0, 3.0]    # both are off by 2
    >>> [round(float(loss), 3) for loss in GaussianNLL()(jnp.array([sure, unsure]), jnp.zeros((2, 1)))]
    [2.919, 2.519]
    """

    aliases = ("gaussian", "normal_nll")

    floor: float = 1e-6

    def validate(self) -> None:
        """Check the floor."""
        self.require(0 < self.floor < math.inf, "floor", "more than 0")

    def __call__(self, outputs: Float[Array, "*batch 2k"], targets: Shaped[Array, "*rest"]) -> Float[Array, "*batch"]:
        """Return the loss of each example."""
        outputs = accumulated(jnp.asarray(outputs))
        mean, spread = self._halves(outputs)
        mean, targets = alike(self.name, mean, targets)
        log_variance = bounded(spread, low=math.log(self.floor))
        scaled = jnp.square(targets - mean) * jnp.exp(-log_variance)
        return jnp.mean(log_variance + scaled + math.log(2 * math.pi), axis=-1) / 2

    def answers(self, outputs: Float[Array, "*batch 2k"]) -> Float[Array, "..."]:
        """Return the means; an axis of one is dropped: (rows, 2) gives (rows,)."""
        return without_single(self._halves(jnp.asarray(outputs))[0])

    def deviations(self, outputs: Float[Array, "*batch 2k"]) -> Float[Array, "..."]:
        """Return the standard deviations, in units of the target; an axis of one is dropped."""
        log_variance = self._halves(accumulated(jnp.asarray(outputs)))[1]
        return without_single(jnp.exp(jnp.maximum(log_variance, math.log(self.floor)) / 2))

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return numbers as floats (..., k), half as many as outputs."""
        if isinstance(targets, Padded):
            return fit_padded(self, output_shape, targets)
        self._require_pairs(output_shape)
        wanted = (*output_shape[:-1], output_shape[-1] // 2)
        try:
            return fit_alike(self, wanted, targets)
        except ShapeError as error:
            raise ShapeError(
                f"{self.name}: the network gives {in_words(output_shape)}, means and logarithms of variances for "
                f"targets {wanted[1:]} a row, but the targets have {in_words(np.shape(targets))}: end it in two "
                "outputs for each."
            ) from error

    def _halves(self, outputs: Array) -> tuple[Array, Array]:
        self._require_pairs(outputs.shape)
        count = outputs.shape[-1] // 2
        return outputs[..., :count], outputs[..., count:]

    def _require_pairs(self, shape: tuple[int, ...]) -> None:
        if len(shape) < 2 or shape[-1] < 2 or shape[-1] % 2:
            raise ShapeError(
                f"{self.name} needs two outputs for each target, its mean and the logarithm of its variance, but the "
                f"network gives {in_words(shape)}: end it in Dense(2) for one target."
            )
