"""Losses for numbers."""

import math
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Shaped

from brickwork.core.errors import SettingError
from brickwork.losses.base import Loss, loss
from brickwork.losses.shapes import alike, over_outputs, without_single
from brickwork.losses.targets import fit_alike, real, require_finite


class _Regression(Loss):
    """Losses of the difference r = output - target, averaged over the outputs of an example."""

    question = "number"

    def __call__(self, outputs: Float[Array, "*shape"], targets: Shaped[Array, "*rest"]) -> Float[Array, "..."]:
        """Return the loss of each example: outputs (..., k) or (rows,), targets of the same shape."""
        outputs, targets = alike(self.name, outputs, targets)
        return over_outputs(self.of_residual(outputs - targets))

    def of_residual(self, residual: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the loss of differences, element by element."""
        del residual
        raise SettingError(f"{type(self).__name__} has no of_residual(self, residual): write one.")

    def answers(self, outputs: Float[Array, "*shape"]) -> Float[Array, "..."]:
        """Return the numbers; an axis of one output is dropped: (rows, 1) gives (rows,)."""
        return without_single(jnp.asarray(outputs))

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return numbers as floats in the outputs' shape: (rows,) for (rows, 1) gets an axis."""
        return fit_alike(self, output_shape, targets)

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise for targets that are not finite."""
        require_finite(real(self.fit_targets(output_shape, targets)))


@loss
class MeanSquaredError(_Regression):
    """The square of the difference, (output - target)^2, averaged over the outputs of an example.

    Outputs (..., k) or (rows,), targets of the same shape; the result is (...) or (rows,).

    Source: Gauss (1809), "Theoria motus corporum coelestium": the most probable value under normal noise.
    """

    aliases = ("mse",)

    def of_residual(self, residual: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return r^2."""
        return residual * residual


@loss
class MeanAbsoluteError(_Regression):
    """The absolute difference |output - target|, averaged over the outputs of an example: outliers count less.

    Outputs (..., k) or (rows,), targets of the same shape; the result is (...) or (rows,). Its best constant answer is
    the median; the gradient at 0 is taken as 0.

    Source: Laplace (1774), "Mémoire sur la probabilité des causes par les événements".
    """

    aliases = ("mae",)

    def of_residual(self, residual: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return |r|."""
        return residual * lax.stop_gradient(jnp.sign(residual))  # the slope of jnp.abs at 0 is 1


@loss
class Huber(_Regression):
    """Squared for small differences, straight for large ones, so that outliers pull with a limited force.

    loss = r^2 / 2 for |r| <= delta, delta (|r| - delta / 2) beyond; averaged over the outputs of an example.
    Outputs (..., k) or (rows,), targets of the same shape; the result is (...) or (rows,).

    Source: Huber (1964), "Robust Estimation of a Location Parameter".
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
