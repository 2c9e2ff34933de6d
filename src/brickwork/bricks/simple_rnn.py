"""The simple recurrent network."""

from jax import Array

from brickwork.bricks.checks import check_activation
from brickwork.bricks.initializers import zeros
from brickwork.bricks.recurrent import Recurrent, State
from brickwork.core.brick import Brick, brick
from brickwork.core.scope import Scope
from brickwork.ops import simple_sweep


@brick
class SimpleRNN(Recurrent, Brick):
    """A layer that sees, beside its input, its own output of the step before: the simplest memory there is.

        h' = activation(x W + h U + b)

    Its gradients fade or grow with every step, so it learns what lies a few steps back; for more take `LSTM` or `GRU`.

    Shapes: x (rows, time, features), W `input_weight` (features, units), U `memory_weight` (units, units), b `bias`
    (units,); y is the last h (rows, units), or with `return_sequence` all (rows, time, units). `Padded` sequences,
    `step` and `memory`, segments, and both kinds of dropout are those of `LSTM`.

    Args:
        units: size of h.
        activation: name of the nonlinearity (see `brickwork.ops.activate`).
        return_sequence: whether to return the h of every step instead of the last.
        weights: name of the initialiser of W.
        memory_weights: name of the initialiser of U.
        dropout: rate at which features of x are dropped.
        memory_dropout: rate at which features of h are dropped on their way to U.

    Raises:
        SettingError: units below 1, an unknown activation or initialiser, a rate outside 0 <= rate < 1.
        ShapeError: inputs that are no sequences; a memory of another shape.

    Source: Elman 1990, "Finding Structure in Time"; dropout: Gal & Ghahramani 2016, "A Theoretically Grounded
    Application of Dropout in Recurrent Neural Networks", section 4.

    >>> import jax, jax.numpy as jnp
    >>> net, x = SimpleRNN(1, "linear", weights="ones", memory_weights="ones"), jnp.ones((1, 5, 1))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.tolist()    # it counts its steps
    [[5.0]]
    """

    padded = "aware"

    units: int
    activation: str = "tanh"
    return_sequence: bool = False
    weights: str = "glorot_uniform"
    memory_weights: str = "orthogonal"
    dropout: float = 0.0
    memory_dropout: float = 0.0

    def validate(self) -> None:
        """Check the number of units, the names and the rates."""
        super().validate()
        check_activation(self.activation)

    def _sweep(
        self, scope: Scope, x: Array, state: State, memory_scale: Array | None, lengths: Array | None
    ) -> tuple[Array, State]:
        z, u = self._products(scope, x, 1, zeros)
        hs, h = simple_sweep(z, state[0], u, activation=self.activation, memory_scale=memory_scale, lengths=lengths)
        return hs, (h,)
