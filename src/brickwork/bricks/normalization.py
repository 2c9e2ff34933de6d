"""Normalisation over a batch, and over the features of each position."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.initializers import ones, zeros
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import batch_moments, normalize, standardize


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
        values = scope.cast(x.values if isinstance(x, Padded) else x)
        if values.ndim < 2:
            raise ShapeError(f"it wants (rows, ..., channels), got {values.shape}. A single row needs x[None].")
        channels = values.shape[-1:]
        scale = scope.param("scale", channels, ones) if self.scale else None
        offset = scope.param("offset", channels, zeros) if self.offset else None
        mean, variance = scope.stat("mean", channels, zeros), scope.stat("variance", channels, ones)
        if scope.training:
            running = mean, variance
            mean, variance, total = batch_moments(values, _counted(scope, values, x))
            stored = variance * total / jnp.maximum(total - 1, jnp.ones_like(total))
            for name, old, new in zip(("mean", "variance"), running, (mean, stored), strict=True):
                moved = self.momentum * old + (1 - self.momentum) * new.astype(old.dtype)
                scope.write(name, jnp.where(total > 0, moved, old))
        y = standardize(values, mean, variance, scale, offset, epsilon=self.epsilon)
        return x.with_values(y) if isinstance(x, Padded) else y


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


@brick
class LayerNorm(Brick):
    """Gives the features of each position mean 0 and variance 1, then a learned scale and offset.

        y = (x - mean) / sqrt(variance + epsilon) * scale + offset,   mean and variance over the last axis of x

    It looks at no other row, so training and evaluation are the same, and so are batches of one. Statistics are
    computed in float32 at least.

    Shapes: (..., features), kept; `scale` and `offset` (features,).

    Args:
        epsilon: added to the variance.
        scale: whether there is a learned scale, from 1.
        offset: whether there is a learned offset, from 0.

    Raises:
        SettingError: an epsilon that is not above 0.
        ShapeError: an input without an axis of features.

    Source: Ba, Kiros & Hinton 2016, "Layer Normalization", section 3, equation 4.

    >>> import jax, jax.numpy as jnp
    >>> net, x = LayerNorm(), jnp.array([[1.0, 3.0]])
    >>> net.apply(net.init(jax.random.key(0), x), x).output.round(2).tolist()
    [[-1.0, 1.0]]
    """

    padded = "pointwise"

    epsilon: float = 1e-5
    scale: bool = True
    offset: bool = True

    def validate(self) -> None:
        """Check the range."""
        self.require(self.epsilon > 0, "epsilon", "above 0")

    def __call__(self, scope: Scope, x: Float[Array, "... features"]) -> Float[Array, "... features"]:
        """Normalise each position."""
        if x.ndim < 1 or x.shape[-1] < 1:
            raise ShapeError(f"it wants (..., features) with at least one feature, got {x.shape}.")
        features = x.shape[-1:]
        scale = scope.param("scale", features, ones) if self.scale else None
        offset = scope.param("offset", features, zeros) if self.offset else None
        return normalize(scope.cast(x), -1, scale, offset, epsilon=self.epsilon)
