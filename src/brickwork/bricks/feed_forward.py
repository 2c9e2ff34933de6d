"""The part of a transformer that works on each position alone."""

from jax import Array
from jaxtyping import Float

from brickwork.bricks.checks import check_activation
from brickwork.bricks.dense import Dense
from brickwork.bricks.dropout import Dropout
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope


@brick
class FeedForward(Brick):
    """Widens each position to many hidden units and narrows it again: where a transformer keeps most of its weights.

        y = activation(x W1 + b1) W2 + b2
        y = (activation(x V + c) (x W1 + b1)) W2 + b2        gated

    Gated with "silu" it is SwiGLU, with "gelu" GEGLU, with "sigmoid" the plain gated linear unit. The maps are Dense
    bricks named `hidden` (W1), `gate` (V) and `output` (W2).

    Shapes: x (..., features), kept; W1 and V (features, hidden), W2 (hidden, features).

    Args:
        hidden: how many hidden units; often four times the features, with a gate 8/3 times, which is as many weights.
        activation: name of the nonlinearity (see `brickwork.ops.activate`).
        gated: whether a second map of x, after the nonlinearity, multiplies the hidden units.
        dropout: rate at which hidden units are dropped in training.
        bias: whether the maps have biases; the gated paper leaves them out.
        weights: name of the initialiser of the maps.

    Raises:
        SettingError: hidden below 1, a rate outside 0 ... 1, or an unknown activation or initialiser.
        ShapeError: an input without an axis of features.

    Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.3; gated: Shazeer 2020, "GLU Variants Improve
    Transformer", section 2, equation 6.

    >>> import jax.numpy as jnp
    >>> plan = FeedForward(16, "silu", gated=True, bias=False).plan(jnp.ones((2, 3, 4)))
    >>> sorted(plan.params)
    ['gate/weight', 'hidden/weight', 'output/weight']
    """

    padded = "pointwise"

    hidden: int
    activation: str = "gelu"
    gated: bool = False
    dropout: float = 0.0
    bias: bool = True
    weights: str = "glorot_uniform"

    def validate(self) -> None:
        """Check the number of hidden units, the rate and the names."""
        self.require(self.hidden >= 1, "hidden", "at least 1")
        check_activation(self.activation)
        Dense(1, weights=self.weights)
        Dropout(self.dropout)

    def __call__(self, scope: Scope, x: Float[Array, "... features"]) -> Float[Array, "... features"]:
        """Widen, bend and narrow each position."""
        if x.ndim < 1 or x.shape[-1] < 1:
            raise ShapeError(f"it wants (..., features) with at least one feature, got {x.shape}.")
        if self.gated:
            hidden = scope("hidden", self._map(self.hidden), x)
            hidden = hidden * scope("gate", self._map(self.hidden, self.activation), x)
        else:
            hidden = scope("hidden", self._map(self.hidden, self.activation), x)
        hidden = scope("dropout", Dropout(self.dropout), hidden)
        return scope("output", self._map(x.shape[-1]), hidden)

    def _map(self, units: int, activation: str = "linear") -> Dense:
        return Dense(units, activation, bias=self.bias, weights=self.weights)
