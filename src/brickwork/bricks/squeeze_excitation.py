"""Attention over channels."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.checks import check_activation
from brickwork.bricks.dense import Dense
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import moments


@brick
class SqueezeExcitation(Brick):
    """Looks at the whole picture to say which channels matter in it, and scales each channel by that.

        y[p, c] = x[p, c] * e[c],   e = gate(activation(s W1 + b1) W2 + b2),   s[c] = mean over places p of x[p, c]

    Of `Padded` sequences the real steps make the mean. The maps are Dense bricks named `reduce` (W1) and `expand`
    (W2); the tap `excitation` is e (rows, channels).

    Shapes: (rows, places..., channels), kept; W1 (channels, channels / ratio), W2 (channels / ratio, channels).

    Args:
        ratio: how many times fewer hidden units than channels, rounded down, at least one unit.
        activation: name of the nonlinearity between the maps.
        gate: name of the nonlinearity that makes the scales; "hard_sigmoid" in MobileNetV3.

    Raises:
        SettingError: a ratio below 1, or an unknown activation.
        ShapeError: an input without places.

    Source: Hu, Shen & Sun 2018, "Squeeze-and-Excitation Networks", section 3, equations 2 to 4.

    >>> import jax, jax.numpy as jnp
    >>> net, x = SqueezeExcitation(2), jnp.ones((1, 3, 3, 4))
    >>> net.init(jax.random.key(0), x).params["reduce/weight"].shape
    (4, 2)
    """

    over_time = True
    padded = "aware"

    ratio: int = 16
    activation: str = "relu"
    gate: str = "sigmoid"

    def validate(self) -> None:
        """Check the ratio and the names."""
        self.require(self.ratio >= 1, "ratio", "at least 1")
        check_activation(self.activation)
        check_activation(self.gate)

    def __call__(self, scope: Scope, x: Float[Array, "rows ... channels"] | Padded) -> Array | Padded:
        """Squeeze, excite, scale."""
        values = scope.cast(x.values if isinstance(x, Padded) else x)
        if values.ndim < 3:
            raise ShapeError(
                f"it wants (rows, places..., channels) with at least one axis of places, got {values.shape}."
            )
        channels, places = values.shape[-1], tuple(range(1, values.ndim - 1))
        weights = x.mask.reshape(*x.mask.shape, *(1,) * (values.ndim - 2)) if isinstance(x, Padded) else None
        squeezed = moments(values, places, weights)[0].astype(values.dtype).reshape(-1, channels)
        hidden = scope("reduce", Dense(max(1, channels // self.ratio), self.activation), squeezed)
        excitation = scope.tap("excitation", scope("expand", Dense(channels, self.gate), hidden))
        y = values * jnp.expand_dims(excitation, places)
        return x.with_values(y) if isinstance(x, Padded) else y
