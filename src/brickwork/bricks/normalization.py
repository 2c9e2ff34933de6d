"""Normalisation within each row: over the features of a position, or the places of a channel. No row sees another."""

from jax import Array
from jaxtyping import Float

from brickwork.bricks.initializers import ones, zeros
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import group_normalize, normalize, rms_normalize


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


@brick
class RMSNorm(Brick):
    """Gives the features of each position a mean square of 1: a LayerNorm that leaves the mean alone, and is cheaper.

        y = x / sqrt(mean square + epsilon) * scale,   mean square = mean of x² over the last axis

    Training and evaluation are the same. Mean squares are computed in float32 at least.

    Shapes: (..., features), kept; `scale` (features,).

    Args:
        epsilon: added to the mean square.
        scale: whether there is a learned scale, from 1.

    Raises:
        SettingError: an epsilon that is not above 0.
        ShapeError: an input without an axis of features.

    Source: Zhang & Sennrich 2019, "Root Mean Square Layer Normalization", equation 4; epsilon, which is not in the
    paper, as in Llama (Touvron et al. 2023).

    >>> import jax, jax.numpy as jnp
    >>> net, x = RMSNorm(), jnp.array([[2.0, -2.0]])
    >>> net.apply(net.init(jax.random.key(0), x), x).output.round(2).tolist()
    [[1.0, -1.0]]
    """

    padded = "pointwise"

    epsilon: float = 1e-6
    scale: bool = True

    def validate(self) -> None:
        """Check the range."""
        self.require(self.epsilon > 0, "epsilon", "above 0")

    def __call__(self, scope: Scope, x: Float[Array, "... features"]) -> Float[Array, "... features"]:
        """Normalise each position."""
        if x.ndim < 1 or x.shape[-1] < 1:
            raise ShapeError(f"it wants (..., features) with at least one feature, got {x.shape}.")
        scale = scope.param("scale", x.shape[-1:], ones) if self.scale else None
        return rms_normalize(scope.cast(x), -1, scale, epsilon=self.epsilon)


@brick
class GroupNorm(Brick):
    """Gives each group of channels, within each row, mean 0 and variance 1: as good for one row as for many.

        y = (x - mean) / sqrt(variance + epsilon) * scale + offset

    Mean and variance are those of a group of neighbouring channels of one row over all its places (height and
    width, time); scale and offset belong to channels. One group is a layer normalisation over everything in the
    row, as many groups as channels are `InstanceNorm`. Of `Padded` sequences the real steps count alone. Training
    and evaluation are the same. Statistics are computed in float32 at least.

    Shapes: (rows, places..., channels), kept; `scale` and `offset` (channels,).

    Args:
        groups: how many groups; they must divide the channels.
        epsilon: added to the variance.
        scale: whether there is a learned scale, from 1.
        offset: whether there is a learned offset, from 0.

    Raises:
        SettingError: groups below 1, or an epsilon that is not above 0.
        ShapeError: an input without rows and channels, or channels that groups do not divide.

    Source: Wu & He 2018, "Group Normalization", section 3.1, equations 1, 2 and 7.

    >>> import jax, jax.numpy as jnp
    >>> net, x = GroupNorm(2), jnp.array([[1.0, 3.0, 10.0, 30.0]])
    >>> net.apply(net.init(jax.random.key(0), x), x).output.round(2).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    over_time = True
    padded = "aware"

    groups: int = 32
    epsilon: float = 1e-5
    scale: bool = True
    offset: bool = True

    def validate(self) -> None:
        """Check ranges."""
        self.require(self.groups >= 1, "groups", "at least 1")
        self.require(self.epsilon > 0, "epsilon", "above 0")

    def __call__(self, scope: Scope, x: Float[Array, "rows ... channels"] | Padded) -> Array | Padded:
        """Normalise each group of each row."""
        shape = x.values.shape if isinstance(x, Padded) else x.shape
        if len(shape) < 2:
            raise ShapeError(f"it wants (rows, places..., channels), got {shape}. A single row needs x[None].")
        if shape[-1] % self.groups:
            raise ShapeError(f"its {self.groups} groups do not divide the {shape[-1]} channels of {shape}.")
        return _normalized(self, scope, x, self.groups)


@brick
class InstanceNorm(Brick):
    """Gives each channel of each row mean 0 and variance 1 over its places: contrast and brightness are taken away.

        y = (x - mean) / sqrt(variance + epsilon) * scale + offset

    Mean and variance are those of one channel of one row over all places (height and width, time). Of `Padded`
    sequences the real steps count alone. Training and evaluation are the same. Statistics are computed in float32
    at least.

    Shapes: (rows, places..., channels), kept; `scale` and `offset` (channels,).

    Args:
        epsilon: added to the variance.
        scale: whether there is a learned scale, from 1 (PyTorch has none unless asked).
        offset: whether there is a learned offset, from 0.

    Raises:
        SettingError: an epsilon that is not above 0.
        ShapeError: an input without places: with one number a channel there is nothing to take the mean of.

    Source: Ulyanov, Vedaldi & Lempitsky 2016, "Instance Normalization: The Missing Ingredient for Fast Stylization",
    equation 3.

    >>> import jax, jax.numpy as jnp
    >>> net, x = InstanceNorm(), jnp.array([[[1.0, 10.0], [3.0, 30.0]]])
    >>> net.apply(net.init(jax.random.key(0), x), x).output.round(2).tolist()
    [[[-1.0, -1.0], [1.0, 1.0]]]
    """

    over_time = True
    padded = "aware"

    epsilon: float = 1e-5
    scale: bool = True
    offset: bool = True

    def validate(self) -> None:
        """Check the range."""
        self.require(self.epsilon > 0, "epsilon", "above 0")

    def __call__(self, scope: Scope, x: Float[Array, "rows ... channels"] | Padded) -> Array | Padded:
        """Normalise each channel of each row."""
        shape = x.values.shape if isinstance(x, Padded) else x.shape
        if len(shape) < 3:
            raise ShapeError(
                f"it wants (rows, places..., channels) with at least one axis of places, got {shape}. "
                "Rows of features go to a LayerNorm."
            )
        return _normalized(self, scope, x, shape[-1])


def _normalized(norm: GroupNorm | InstanceNorm, scope: Scope, x: Array | Padded, groups: int) -> Array | Padded:
    values, mask = (x.finite, x.mask) if isinstance(x, Padded) else (x, None)
    channels = values.shape[-1:]
    scale = scope.param("scale", channels, ones) if norm.scale else None
    offset = scope.param("offset", channels, zeros) if norm.offset else None
    y = group_normalize(scope.cast(values), groups, scale, offset, weights=mask, epsilon=norm.epsilon)
    return x.with_values(y) if isinstance(x, Padded) else y
