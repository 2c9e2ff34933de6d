"""Losses for numbers."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Shaped

from brickwork.core.errors import DataError, ShapeError, unwritten
from brickwork.losses.base import Loss, loss
from brickwork.losses.shapes import alike, over_outputs, unit, without_single
from brickwork.losses.targets import fit_alike, real, require_finite


class NumberLoss(Loss):
    """Losses of numbers: targets are finite numbers, by default of the shape of the outputs."""

    question = "number"

    def answers(self, outputs: Float[Array, "*shape"]) -> Float[Array, "..."]:
        """Return the numbers; an axis of one output is dropped: (rows, 1) gives (rows,)."""
        return without_single(jnp.asarray(outputs))

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return numbers as floats in the outputs' shape: (rows,) for (rows, 1) gets an axis."""
        return fit_alike(self, output_shape, targets)

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise for targets that are not finite."""
        require_finite(real(self.fit_targets(output_shape, targets)))


class _OfResidual(NumberLoss):
    """Losses of the difference r = output - target, averaged over the outputs of an example."""

    def __call__(self, outputs: Float[Array, "*shape"], targets: Shaped[Array, "*rest"]) -> Float[Array, "..."]:
        """Return the loss of each example: outputs (..., k) or (rows,), targets of the same shape."""
        outputs, targets = alike(self.name, outputs, targets)
        return over_outputs(self.of_residual(outputs - targets))

    def of_residual(self, residual: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the loss of differences, element by element."""
        del residual
        raise unwritten(self, "of_residual(self, residual)")


@loss
class MeanSquaredError(_OfResidual):
    """The square of the difference: twice as far off counts four times as much, and the best answer is the mean.

        loss = ((output - target) / scale)^2

    averaged over the outputs of an example.

    Shapes: outputs (..., k) or (rows,), targets of the same shape; the result is (...) or (rows,).

    Args:
        scale: what differences are divided by, one number or one for each output: with the targets' deviations several
            numbers of different units (degrees and grams) count alike.

    Raises:
        SettingError: a scale that is not above 0.
        ShapeError: targets of another shape, scales that are not one for each output.

    Source: Gauss 1809, "Theoria motus corporum coelestium", sections 175 to 179: the most probable value under normal
    noise.

    >>> import jax.numpy as jnp
    >>> MeanSquaredError()(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([[1.0, 4.0], [3.0, 4.0]])).tolist()
    [2.0, 0.0]
    """

    aliases = ("mse", "l2")

    scale: float | tuple[float, ...] = 1.0

    def validate(self) -> None:
        """Check the scale."""
        numbers = self.scale if isinstance(self.scale, tuple) else (self.scale,)
        self.require(all(0 < number < math.inf for number in numbers) and len(numbers) > 0, "scale", "above 0")

    def of_residual(self, residual: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return (r / scale)^2."""
        if isinstance(self.scale, tuple) and len(self.scale) != (outputs := residual.shape[-1]):
            raise ShapeError(
                f"{self.name} has {len(self.scale)} scales for {outputs} outputs: give one for each output."
            )
        if self.scale != 1.0:
            residual = residual / jnp.asarray(self.scale, residual.dtype)
        return residual * residual


@loss
class MeanAbsoluteError(_OfResidual):
    """The absolute difference: outliers count less than in the square, and the best answer is the median.

        loss = |output - target|

    averaged over the outputs of an example. The gradient at 0 is taken as 0.

    Shapes: outputs (..., k) or (rows,), targets of the same shape; the result is (...) or (rows,).

    Raises:
        ShapeError: targets of another shape.

    Source: Laplace 1774, "Mémoire sur la probabilité des causes par les événements".

    >>> import jax.numpy as jnp
    >>> MeanAbsoluteError()(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])).tolist()
    [0.0, 2.0]
    """

    aliases = ("mae", "l1")

    def of_residual(self, residual: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return |r|."""
        return residual * lax.stop_gradient(jnp.sign(residual))  # the slope of jnp.abs at 0 is 1


@loss
class Huber(_OfResidual):
    """Squared for small differences, straight for large ones, so that outliers pull with a limited force.

        loss = r^2 / 2                    for |r| <= delta,   r = output - target
               delta (|r| - delta / 2)    beyond

    averaged over the outputs of an example.

    Shapes: outputs (..., k) or (rows,), targets of the same shape; the result is (...) or (rows,).

    Args:
        delta: where the straight part begins, and its slope; more than 0.

    Raises:
        SettingError: a delta of 0 or less.
        ShapeError: targets of another shape.

    Source: Huber 1964, "Robust Estimation of a Location Parameter", section 1.

    >>> import jax.numpy as jnp
    >>> Huber()(jnp.array([0.5, 3.0]), jnp.zeros(2)).tolist()
    [0.125, 2.5]
    """

    delta: float = 1.0

    def validate(self) -> None:
        """Check delta."""
        self.require(self.delta > 0 and math.isfinite(self.delta), "delta", "more than 0")

    def of_residual(self, residual: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return Huber's function."""
        size = jnp.abs(residual)
        near = jnp.minimum(size, self.delta)  # no square of a large number, whose overflow would reach the gradient
        return near * near / 2 + self.delta * (size - near)


@loss
class LogCosh(_OfResidual):
    """Nearly half the square for small differences, nearly the size of large ones, and smooth all the way.

        loss = log cosh r,   r = output - target

    averaged over the outputs of an example; its slope is tanh r. Finite for all finite numbers.

    Shapes: outputs (..., k) or (rows,), targets of the same shape; the result is (...) or (rows,).

    Raises:
        ShapeError: targets of another shape.

    Source: Green 1990, "Bayesian Reconstructions from Emission Tomography Data Using a Modified EM Algorithm",
    as a potential.

    >>> import jax.numpy as jnp
    >>> [round(float(loss), 3) for loss in LogCosh()(jnp.array([0.0, 1.0, 50.0]), jnp.zeros(3))]
    [0.0, 0.434, 49.307]
    """

    aliases = ("log_cosh_error", "logcosh")

    def of_residual(self, residual: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return log cosh r, without the cosh, which overflows, nor digits lost near 0."""
        size = jnp.abs(residual)
        near = jnp.minimum(size, 1.0)  # beyond 1 the subtraction keeps its digits
        return jnp.where(
            size < 1, jnp.log1p(2 * jnp.square(jnp.sinh(near / 2))), size + jax.nn.softplus(-2 * size) - math.log(2)
        )


@loss
class CosineDistance(Loss):
    """The angle between two vectors: 0 where they point the same way, 1 at right angles, 2 opposite; length is free.

        loss = 1 - sum over k of o_k t_k / (|o| |t|)

    A vector of zeros is at distance 1 from every other.

    Shapes: outputs o (..., k) are vectors, k at least 2, targets t of the same shape; the result is (...).

    Raises:
        ShapeError: targets of another shape, outputs that are no vectors.

    Source: Salton & McGill 1983, "Introduction to Modern Information Retrieval".

    >>> import jax.numpy as jnp
    >>> CosineDistance()(jnp.array([[3.0, 0.0], [1.0, 0.0]]), jnp.array([[1.0, 0.0], [0.0, 2.0]])).tolist()
    [0.0, 1.0]
    """

    aliases = ("cosine", "cosine_similarity")

    def __call__(self, outputs: Float[Array, "*batch k"], targets: Shaped[Array, "*rest"]) -> Float[Array, "*batch"]:
        """Return the distance of each pair."""
        outputs, targets = alike(self.name, outputs, targets)
        if outputs.ndim < 2 or outputs.shape[-1] < 2:
            raise ShapeError(f"{self.name} compares vectors of two numbers or more, (..., k); got {outputs.shape}.")
        return 1 - jnp.sum(unit(outputs) * unit(targets), axis=-1)

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return vectors as floats in the outputs' shape."""
        return fit_alike(self, output_shape, targets)

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise for targets that are not finite, and for vectors of zeros, which point nowhere."""
        fitted = real(self.fit_targets(output_shape, targets))
        require_finite(fitted)
        nowhere = ~np.any(fitted, axis=-1)
        if np.any(nowhere):
            raise DataError(
                f"Row {int(np.argwhere(nowhere)[0][0])} of the targets is a vector of zeros, which points nowhere: "
                "leave such rows out."
            )
