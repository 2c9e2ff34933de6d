"""Normalisation over a batch, with running statistics for the time after training."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.initializers import ones, zeros
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import batch_moments, batch_normalize, standardize


@brick
class BatchNorm(Brick):
    """Gives each channel mean 0 and variance 1 over the batch, then a learned scale and offset.

        y = (x - mean) / sqrt(variance + epsilon) * scale + offset

    In training mean and variance are those of the batch over all axes but the last (variance divided by n), and
    the statistics `mean` and `variance` move towards them: running = momentum * running + (1 - momentum) * batch.
    The stored variance is divided by n - 1 (as in the paper's algorithm 2, and in PyTorch). In evaluation, and in
    frozen parts, the stored ones are used. What fills up counts nowhere: rows of weight 0 (other weights count as
    1), positions past the ends of `Padded` sequences. Where time was merged into the rows, each row's weight
    holds for all its steps. Statistics are computed in float32 at least. On a batch spread over devices they are
    those of the whole batch.

    Shapes: (rows, ..., channels), kept; `scale`, `offset`, `mean`, `variance` (channels,).

    Args:
        momentum: how much of the running statistics stays at each step (PyTorch's momentum is 1 minus this).
        epsilon: added to the variance.
        scale: whether there is a learned scale, from 1.
        offset: whether there is a learned offset, from 0.

    Raises:
        SettingError: momentum outside 0 ... 1, or an epsilon that is not above 0.
        ShapeError: an input without rows and channels, or rows that do not fit the batch's weights.

    Source: Ioffe & Szegedy 2015, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", algorithms 1 and 2.

    >>> import jax, jax.numpy as jnp
    >>> net, x = BatchNorm(), jnp.array([[1.0], [3.0]])
    >>> net.apply(net.init(jax.random.key(0), x), x, training=True).output.round(2).tolist()
    [[-1.0], [1.0]]
    """

    padded = "aware"

    momentum: float = 0.9
    epsilon: float = 1e-5
    scale: bool = True
    offset: bool = True

    def validate(self) -> None:
        """Check ranges."""
        self.require(0 <= self.momentum <= 1, "momentum", "from 0 to 1")
        self.require(self.epsilon > 0, "epsilon", "above 0")

    def __call__(self, scope: Scope, x: Float[Array, "rows ... channels"] | Padded) -> Array | Padded:
        """Normalise; in training also move the running statistics."""
        values, running, scale, offset = _declared(self, scope, x)
        if scope.training:
            counted = _counted(scope, values, x)
            y, *batch, total = batch_normalize(values, scale, offset, counted=counted, epsilon=self.epsilon)
            _move(scope, self.momentum, running, batch, total)
        else:
            y = standardize(values, *running, scale, offset, epsilon=self.epsilon)
        return x.with_values(y) if isinstance(x, Padded) else y


@brick
class BatchRenorm(Brick):
    """Normalises over the batch, then corrects towards the running statistics: training sees what evaluation will.

        y = ((x - mean) / deviation * r + d) * scale + offset,   deviation = sqrt(variance + epsilon)
        r = clip(deviation / running deviation, 1 / max_ratio, max_ratio)
        d = clip((mean - running mean) / running deviation, -max_shift, max_shift)

    Mean and variance are those of the batch; gradients take r and d for constants. Where neither is cut, training
    computes what evaluation computes from the same statistics, (x - running mean) / running deviation: so it holds
    up where batches are small or their rows alike. With max_ratio 1 and max_shift 0 it is `BatchNorm`, whose
    parameters and statistics it shares; the paper starts there and opens the limits while training, which
    `apply(settings={"path/max_ratio": r, "path/max_shift": d})` does inside one compiled program. What fills up
    counts nowhere, as in `BatchNorm`.

    The paper averages deviations; here variances are averaged, so that weights of either fit the other.

    Shapes: (rows, ..., channels), kept; `scale`, `offset`, `mean`, `variance` (channels,).

    Args:
        momentum: how much of the running statistics stays at each step (the paper's alpha is 1 minus this).
        epsilon: added to the variances.
        max_ratio: the most that r may be, and 1 / max_ratio the least.
        max_shift: the most that d may be, either way.
        scale: whether there is a learned scale, from 1.
        offset: whether there is a learned offset, from 0.

    Raises:
        SettingError: momentum outside 0 ... 1, an epsilon not above 0, max_ratio below 1 or max_shift below 0.
        ShapeError: an input without rows and channels, or rows that do not fit the batch's weights.

    Source: Ioffe 2017, "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized Models",
    algorithm 1; the limits 3 and 5 of section 4.1.

    >>> import jax, jax.numpy as jnp
    >>> net, x = BatchRenorm(), jnp.array([[1.0], [3.0]])  # the running statistics start at mean 0 and variance 1
    >>> net.apply(net.init(jax.random.key(0), x), x, training=True).output.round(2).tolist()
    [[1.0], [3.0]]
    """

    padded = "aware"

    momentum: float = 0.9
    epsilon: float = 1e-5
    max_ratio: float = 3.0
    max_shift: float = 5.0
    scale: bool = True
    offset: bool = True

    def validate(self) -> None:
        """Check ranges."""
        self.require(0 <= self.momentum <= 1, "momentum", "from 0 to 1")
        self.require(self.epsilon > 0, "epsilon", "above 0")
        self.require(self.max_ratio >= 1, "max_ratio", "at least 1")
        self.require(self.max_shift >= 0, "max_shift", "at least 0")

    def __call__(self, scope: Scope, x: Float[Array, "rows ... channels"] | Padded) -> Array | Padded:
        """Normalise; in training correct towards the running statistics and move them."""
        values, running, scale, offset = _declared(self, scope, x)
        max_ratio, max_shift = (scope.setting(name, getattr(self, name)) for name in ("max_ratio", "max_shift"))
        mean, variance = running
        if scope.training:
            mean, variance, total = batch_moments(values, _counted(scope, values, x))
            _move(scope, self.momentum, running, (mean, variance), total)
            r, d = _correction(running, (mean, variance), max_ratio, max_shift, self.epsilon)
            if scale is not None:
                r, d = r * scale.astype(r.dtype), d * scale.astype(d.dtype)
            scale, offset = r, d if offset is None else d + offset.astype(d.dtype)
        y = standardize(values, mean, variance, scale, offset, epsilon=self.epsilon)
        return x.with_values(y) if isinstance(x, Padded) else y


def _correction(
    running: tuple[Array, Array], batch: tuple[Array, Array], max_ratio: Any, max_shift: Any, epsilon: float
) -> tuple[Array, Array]:
    """Return the r and d that lead from a batch's moments to the running ones, as far as the limits allow."""
    mean, variance = batch
    known_mean, known_variance = (one.astype(mean.dtype) for one in running)
    max_ratio, max_shift = (jnp.asarray(limit, mean.dtype) for limit in (max_ratio, max_shift))
    known = jnp.sqrt(known_variance + epsilon)
    r = jnp.clip(jnp.sqrt(variance + epsilon) / known, 1 / max_ratio, max_ratio)
    d = jnp.clip((mean - known_mean) / known, -max_shift, max_shift)
    return jax.lax.stop_gradient(r), jax.lax.stop_gradient(d)


def _declared(
    norm: BatchNorm | BatchRenorm, scope: Scope, x: Array | Padded
) -> tuple[Array, tuple[Array, Array], Array | None, Array | None]:
    """Return the values of x, the running mean and variance, the scale and the offset."""
    values = scope.cast(x.finite if isinstance(x, Padded) else x)
    if values.ndim < 2:
        raise ShapeError(f"it wants (rows, ..., channels), got {values.shape}. A single row needs x[None].")
    channels = values.shape[-1:]
    scale = scope.param("scale", channels, ones) if norm.scale else None
    offset = scope.param("offset", channels, zeros) if norm.offset else None
    return values, (scope.stat("mean", channels, zeros), scope.stat("variance", channels, ones)), scale, offset


def _move(scope: Scope, momentum: float, running: tuple[Array, Array], batch: Sequence[Array], total: Array) -> None:
    """Move the running statistics towards those of the batch; not at all if nothing in it counts."""
    mean, variance = batch
    corrected = variance * total / jnp.maximum(total - 1, jnp.ones_like(total))
    for name, old, new in zip(("mean", "variance"), running, (mean, corrected), strict=True):
        moved = momentum * old + (1 - momentum) * new.astype(old.dtype)
        scope.write(name, jnp.where(total > 0, moved, old))


def _counted(scope: Scope, values: Array, x: Array | Padded) -> Array | None:
    """Return which rows, or which steps of which rows, count; None when all do."""
    mask = x.mask if isinstance(x, Padded) else None
    if scope.weight is None:
        return mask
    rows, given = values.shape[0], scope.weight.shape[0]
    if given == 0 or rows % given:
        raise ShapeError(
            f"the batch has {given} row weights, which do not fit the {rows} rows that arrive here ({values.shape}). "
            "Merge other axes into the rows behind them: x.reshape(rows * time, ...)."
        )
    weight = jnp.repeat(scope.weight > 0, rows // given, total_repeat_length=rows)
    return weight if mask is None else mask & weight[:, None]
