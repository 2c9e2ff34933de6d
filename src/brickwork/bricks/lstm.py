"""The long short-term memory."""

from typing import NamedTuple

from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, UInt

from brickwork.bricks.initializers import Shape, zeros
from brickwork.bricks.recurrent import Recurrent, State
from brickwork.core.brick import Brick, brick
from brickwork.core.scope import Scope
from brickwork.ops import lstm_sweep


class LSTMMemory(NamedTuple):
    """What an LSTM carries from step to step: its output h and its cell c, both (rows, units).

    `seed` is there with dropout only: see `RecurrentMemory`.
    """

    h: Float[Array, "rows units"]
    c: Float[Array, "rows units"]
    seed: UInt[Array, ""] | None = None


@brick
class LSTM(Recurrent, Brick):
    """Long short-term memory: a cell that gates let in, keep and let out, so that gradients last over many steps.

        i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of the four blocks of x W + h U + b
        c' = f c + i g,   h' = o tanh(c')

    The blocks are, in this order, input gate, forget gate, candidate, output gate (as in PyTorch and Keras).
    Shapes: x (rows, time, features), W `input_weight` (features, 4 units), U `memory_weight` (units, 4 units), b `bias`
    (4 units,); y is the last h (rows, units), or with `return_sequence` all (rows, time, units). Of `Padded` sequences
    the last h is that of the last real step, and a sequence comes back `Padded`, 0 past the ends. The forget
    gate's bias starts at 1, the rest at 0; every gate's weights are drawn on their own.

    One step at a time, with the same parameters: `y, memory = lstm.step(scope, x, memory)`, x (rows, features), from
    `memory = lstm.memory(rows)`. A long sequence in segments: `y, memory = lstm(scope, x, memory, return_memory=True)`.

    In training `dropout` sets features of x to 0, and `memory_dropout` those of h on their way to U, by one mask a row
    for all steps of a call: what is dropped stays dropped. All gates share the masks (the paper's tied weights), and
    what is kept is divided by 1 - rate. The masks are the taps `mask` (rows, features) and `memory_mask` (rows, units).
    Single steps in training share masks too: the memory carries the seed of them.

    Args:
        units: size of h and of c.
        return_sequence: whether to return the h of every step instead of the last.
        weights: name of the initialiser of W.
        memory_weights: name of the initialiser of U.
        dropout: rate at which features of x are dropped.
        memory_dropout: rate at which features of h are dropped.

    Raises:
        SettingError: units below 1, an unknown initialiser, a rate outside 0 <= rate < 1.
        ShapeError: inputs that are no sequences; a memory of another shape.

    Source: Hochreiter & Schmidhuber 1997, "Long Short-Term Memory"; forget gate: Gers, Schmidhuber & Cummins 2000,
    "Learning to Forget", its bias: Jozefowicz, Zaremba & Sutskever 2015, "An Empirical Exploration of Recurrent
    Network Architectures", section 2.2; dropout: Gal & Ghahramani 2016, "A Theoretically Grounded Application of
    Dropout in Recurrent Neural Networks", section 4.

    >>> import jax, jax.numpy as jnp
    >>> net, x = LSTM(8), jnp.ones((2, 5, 3))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.shape
    (2, 8)
    """

    padded = "aware"
    memory_type = LSTMMemory
    wide = ("c",)

    units: int
    return_sequence: bool = False
    weights: str = "glorot_uniform"
    memory_weights: str = "orthogonal"
    dropout: float = 0.0
    memory_dropout: float = 0.0

    def _sweep(
        self, scope: Scope, x: Array, state: State, memory_scale: Array | None, lengths: Array | None
    ) -> tuple[Array, State]:
        gates, u = self._products(scope, x, 4, _forget_bias)
        h, c = state
        return lstm_sweep(gates, h, c, u, memory_scale=memory_scale, lengths=lengths)


def _forget_bias(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    units = shape[0] // 4
    return zeros(key, shape, dtype).at[units : 2 * units].set(1)
