"""Metrics of numbers."""

import math
from collections.abc import Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import ShapeError
from brickwork.metrics.base import Metric, RowMetric, metric
from brickwork.metrics.sums import Sums, as_rows, count_of, counted, weighed


def _residual(name: str, outputs: Array, targets: Array) -> Float[Array, "rows outputs"]:
    if outputs.shape != targets.shape:
        raise ShapeError(f"{name}: outputs {outputs.shape} and targets {targets.shape} must have the same shape.")
    return (outputs - targets.astype(outputs.dtype)).reshape(outputs.shape[0], -1)


@metric
class MSE(Metric):
    """Mean squared error: the mean of the squares of all differences, in squared units of the target.

        MSE = mean over rows and outputs of (output - target)^2

    Shapes: outputs (rows, k) or (rows,), targets of the same shape. `Padded` sequences and pictures count position by
    position.

    Raises:
        ShapeError: targets of another shape.

    Source: Gauss 1823, "Theoria combinationis observationum erroribus minimis obnoxiae", article 7.

    >>> import jax.numpy as jnp
    >>> metric = MSE()
    >>> metric.result(metric.sums(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])))
    2.0
    """

    aliases = ("mean_squared_error",)
    higher_is_better = False

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return the mean square of each row."""
        return jnp.square(_residual(self.name, outputs, targets)).mean(axis=-1)


@metric
class RMSE(MSE):
    """Root mean squared error, in the units of the target: how far off answers typically are, large errors first.

        RMSE = root of the mean over rows and outputs of (output - target)^2

    For several outputs scikit-learn takes the root for each output and then the mean.

    Shapes: outputs (rows, k) or (rows,), targets of the same shape. `Padded` sequences and pictures count position by
    position.

    Raises:
        ShapeError: targets of another shape.

    Source: Gauss 1823, "Theoria combinationis observationum erroribus minimis obnoxiae", article 7.

    >>> import jax.numpy as jnp
    >>> metric = RMSE()
    >>> metric.result(metric.sums(jnp.array([1.0, 2.0]), jnp.array([4.0, 6.0])))    # root of (9 + 16) / 2
    3.5355339059327378
    """

    aliases = ("root_mean_squared_error",)

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return the root."""
        return math.sqrt(super().result(sums))


@metric
class MAE(Metric):
    """Mean absolute error, in the units of the target: how far off answers are on average.

        MAE = mean over rows and outputs of |output - target|

    Shapes: outputs (rows, k) or (rows,), targets of the same shape. `Padded` sequences and pictures count position by
    position.

    Raises:
        ShapeError: targets of another shape.

    Source: Willmott & Matsuura 2005, "Advantages of the mean absolute error (MAE) over the root mean square error
    (RMSE) in assessing average model performance".

    >>> import jax.numpy as jnp
    >>> metric = MAE()
    >>> metric.result(metric.sums(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])))
    1.0
    """

    aliases = ("mean_absolute_error",)
    higher_is_better = False

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return the mean size of each row's differences."""
        return jnp.abs(_residual(self.name, outputs, targets)).mean(axis=-1)


@metric
class MAPE(Metric):
    """Mean absolute error as a share of the target: 0.1 is off by a tenth, whatever the units.

        MAPE = mean over rows and outputs of |output - target| / |target|

    A target of 0 makes it huge: |target| counts as no less than 2.2e-16, as in scikit-learn. Prefer `MAE` where targets
    come near 0.

    Shapes: outputs (rows, k) or (rows,), targets of the same shape. `Padded` sequences and pictures count position by
    position.

    Raises:
        ShapeError: targets of another shape.

    Source: Makridakis 1993, "Accuracy measures: theoretical and practical concerns".

    >>> import jax.numpy as jnp
    >>> metric = MAPE()
    >>> metric.result(metric.sums(jnp.array([9.0, 20.0]), jnp.array([12.0, 16.0])))
    0.25
    """

    aliases = ("mean_absolute_percentage_error",)
    higher_is_better = False

    def values(self, outputs: Float[Array, "rows ..."], targets: Shaped[Array, "rows ..."]) -> Float[Array, " rows"]:
        """Return the mean share of each row's differences."""
        residual = _residual(self.name, outputs, targets)
        size = jnp.maximum(jnp.abs(targets.astype(outputs.dtype)), float(np.finfo(np.float64).eps))
        return (jnp.abs(residual) / size.reshape(residual.shape)).mean(axis=-1)


@metric
class MedianAbsoluteError(RowMetric):
    """The error that half of the answers stay below, in the units of the target: no outlier changes it.

        error = median over rows of |output - target|

    of each output, and the mean over outputs. Row weights count as in a weighted median. Computed by scikit-learn, from
    all rows; nan when no row counted or something is nan.

    Shapes: outputs (rows, k) or (rows,), targets of the same shape. `Padded` sequences and pictures count position by
    position.

    Raises:
        ShapeError: targets of another shape.

    Source: Hampel 1974, "The Influence Curve and its Role in Robust Estimation".

    >>> import numpy as np
    >>> MedianAbsoluteError().result_rows(np.array([1.0, 2.0, 99.0]), np.array([1.0, 3.0, 3.0]))
    1.0
    """

    aliases = ("median_ae",)
    higher_is_better = False

    def result_rows(self, outputs: Any, targets: Any, weight: Any = None) -> float:
        """Return the median."""
        from sklearn.metrics import median_absolute_error  # noqa: PLC0415 - it loads slowly

        rows = jax.device_get(as_rows(outputs, targets, weight))
        found, truth, weights = (np.asarray(part, np.float64) for part in rows)
        if found.shape != truth.shape:
            raise ShapeError(f"{self.name}: outputs {found.shape} and targets {truth.shape} must have the same shape.")
        kept = weights != 0
        found, truth, weights = found[kept], truth[kept], weights[kept]
        if not len(found) or np.isnan(found).any() or np.isnan(truth).any():
            return math.nan
        return float(median_absolute_error(truth, found, sample_weight=None if weight is None else weights))


@metric
class R2(Metric):
    """The share of the targets' variance that the outputs explain: 1 is perfect, 0 as good as the mean.

        R2 = 1 - sum (y - o)^2 / sum (y - mean y)^2

    for several outputs the mean over them. The mean is not known before the last batch, so squares are summed around a
    fixed `shift` s: sum (y - m)^2 = sum (y - s)^2 - (sum (y - s))^2 / n for every s. With s far from the mean that
    difference cancels (in float32 nothing is left when the mean is 2000 times the deviation), with s near it none does.

    Constant targets (a variance below the rounding of the sums): 1 if they are met exactly, else 0, as in scikit-learn.
    nan for fewer than two rows.

    Shapes: outputs (rows, k) or (rows,), targets of the same shape. `Padded` sequences and pictures count position by
    position.

    Args:
        shift: s; None takes the mean of the training targets (by `fitted`), and 0 without them.

    Raises:
        ShapeError: targets of another shape.

    Source: Wright 1921, "Correlation and Causation".

    >>> import jax.numpy as jnp
    >>> metric = R2()
    >>> metric.result(metric.sums(jnp.array([1.0, 2.0, 4.0]), jnp.array([1.0, 2.0, 3.0])))    # 1 - 1 / 2
    0.5
    """

    aliases = ("r_squared", "coefficient_of_determination")
    higher_is_better = True

    shift: float | None = None

    def fitted(self, targets: Any, question: str = "other") -> Self:
        """Return the metric with the mean of the training targets as its shift."""
        del question
        values = np.asarray(targets.values if isinstance(targets, Padded) else targets, np.float64)
        if isinstance(targets, Padded):
            values = values[np.asarray(targets.mask)]
        values = values[np.isfinite(values)]
        return self.replace(shift=float(values.mean())) if self.shift is None and values.size else self

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return, for each output, the residuals, their squares, and the first two moments around the shift."""
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
        return math.nan if count < 2 else _explained(residual, square - around**2 / count, square)


@metric
class ExplainedVariance(R2):
    """The share of the targets' variance that the outputs explain when a constant error is forgiven.

        EV = 1 - Var(y - o) / Var(y)

    for several outputs the mean over them. `R2` is the same where the errors have mean 0, and lower where they have
    not: the difference tells of a bias that one number would mend. Constant targets and the shift are as in `R2`.

    Shapes: outputs (rows, k) or (rows,), targets of the same shape. `Padded` sequences and pictures count position by
    position.

    Args:
        shift: around which squares of targets are summed; None takes the mean of the training targets (by `fitted`),
            and 0 without them.

    Raises:
        ShapeError: targets of another shape.

    Source: Kent 1983, "Information gain and a general measure of correlation".

    >>> import jax.numpy as jnp
    >>> metric = ExplainedVariance()
    >>> metric.result(metric.sums(jnp.array([2.0, 3.0, 4.0]), jnp.array([1.0, 2.0, 3.0])))    # always 1 too high
    1.0
    """

    aliases = ("explained_variance_score",)

    def sums(self, outputs: Any, targets: Any, weight: Float[Array, " rows"] | None = None) -> Sums:
        """Return the sums of R2, and those of the residuals themselves."""
        sums = super().sums(outputs, targets, weight)
        outputs, targets, weight = as_rows(outputs, targets, weight)
        return sums | {"bias": weighed(_residual(self.name, outputs, targets), weight)}

    def result(self, sums: Mapping[str, Any]) -> float:
        """Return the share; nan for fewer than two rows."""
        count = count_of(sums, "count")
        names = ("residual", "bias", "around", "square")
        residual, bias, around, square = (np.asarray(sums[name], np.float64) for name in names)
        if count < 2:
            return math.nan
        spread = np.maximum(residual - bias**2 / count, 0.0)
        spread = np.where(spread <= 4 * np.finfo(np.float32).eps * residual, 0.0, spread)
        return _explained(spread, square - around**2 / count, square)


def _explained(left: np.ndarray, variance: np.ndarray, square: np.ndarray) -> float:
    """Return 1 - left / variance, averaged; `square` is the larger number that the variance was subtracted from."""
    variance = np.maximum(variance, 0.0)
    # What is left of two nearly equal float32 sums is rounding, not variance.
    constant = variance <= 4 * np.finfo(np.float32).eps * square
    explained = 1 - left / np.where(constant, 1.0, variance)
    return float(np.mean(np.where(constant, np.where(left == 0, 1.0, 0.0), explained)))
