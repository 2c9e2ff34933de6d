"""Metrics of numbers."""

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import ShapeError
from brickwork.metrics.base import Metric, metric
from brickwork.metrics.sums import Sums, as_rows, count_of, counted, weighed


def _residual(name: str, outputs: Array, targets: Array) -> Float[Array, "rows outputs"]:
    if outputs.shape != targets.shape:
        raise ShapeError(f"{name}: outputs {outputs.shape} and targets {targets.shape} must have the same shape.")
    return (outputs - targets.astype(outputs.dtype)).reshape(outputs.shape[0], -1)


@metric
class MSE(Metric):
    """Mean squared error: the mean of (output - target)^2 over rows and outputs."""

    aliases = ("mean_squared_error",)
    higher_is_better = False

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return the mean square of each row."""
        return jnp.square(_residual(self.name, outputs, targets)).mean(axis=-1)


@metric
class RMSE(MSE):
    """Root mean squared error, in the units of the target: the root of the mean over all rows and outputs.

    For several outputs scikit-learn takes the root for each output and then the mean.
    """

    aliases = ("root_mean_squared_error",)

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return the root."""
        return math.sqrt(super().result(sums))


@metric
class MAE(Metric):
    """Mean absolute error, in the units of the target: the mean of |output - target| over rows and outputs."""

    aliases = ("mean_absolute_error",)
    higher_is_better = False

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return the mean size of each row's differences."""
        return jnp.abs(_residual(self.name, outputs, targets)).mean(axis=-1)


@metric
class R2(Metric):
    """The share of the targets' variance that the outputs explain: 1 is perfect, 0 as good as the mean.

    R2 = 1 - sum (y - o)^2 / sum (y - mean y)^2, for several outputs the mean over them. The mean is not known before
    the last batch, so squares are summed around a fixed `shift` s: sum (y - m)^2 = sum (y - s)^2 - (sum (y - s))^2 / n
    for every s. With s far from the mean that difference cancels (in float32 nothing is left when the mean is 2000
    times the deviation), with s near it none does. `fitted` takes the mean of the training targets; without it s is 0.

    Constant targets (a variance below the rounding of the sums): 1 if they are met exactly, else 0, as in scikit-learn.

    Source: Wright (1921), "Correlation and Causation".
    """

    higher_is_better = True

    shift: float | None = None

    def fitted(self, targets: Any, question: str = "other") -> "R2":
        """Return the metric with the mean of the training targets as its shift."""
        del question
        values = np.asarray(targets.values if isinstance(targets, Padded) else targets, np.float64)
        if isinstance(targets, Padded):
            values = values[np.asarray(targets.mask)]
        values = values[np.isfinite(values)]
        return R2(float(values.mean())) if self.shift is None and values.size else self

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return, for each output, the squared residuals and the first two moments around the shift."""
        outputs, targets, weight = as_rows(outputs, targets, weight)
        residual = _residual(self.name, outputs, targets)
        around = targets.astype(outputs.dtype).reshape(residual.shape) - (self.shift or 0.0)
        return {
            "residual": weighed(jnp.square(residual), weight),
            "around": weighed(around, weight),
            "square": weighed(jnp.square(around), weight),
            **counted("count", jnp.sum(weight)),
        }

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return R2; nan for fewer than two rows."""
        count = count_of(sums, "count")
        residual, around, square = (np.asarray(sums[name], np.float64) for name in ("residual", "around", "square"))
        if count < 2:
            return math.nan
        variance = np.maximum(square - around**2 / count, 0.0)
        # What is left of two nearly equal float32 sums is rounding, not variance.
        constant = variance <= 4 * np.finfo(np.float32).eps * square
        explained = 1 - residual / np.where(constant, 1.0, variance)
        return float(np.mean(np.where(constant, np.where(residual == 0, 1.0, 0.0), explained)))
