"""The gated recurrent unit."""

from typing import Literal

from jax import Array

from brickwork.bricks.initializers import zeros
from brickwork.bricks.recurrent import Recurrent, State
from brickwork.core.brick import Brick, brick
from brickwork.core.scope import Scope
from brickwork.ops import gru_sweep


@brick
class GRU(Recurrent, Brick):
    """Gated recurrent unit: one gate mixes the old state with a new one, another says how much the new one may recall.

        r, z = sigmoid of the first two blocks of x W + h U + b
        n = tanh(x W + b + r (h U + a)) in the third block
        h' = (1 - z) n + z h

    The blocks are, in this order, reset gate, update gate, candidate; this form, with the reset after the product, is
    PyTorch's and cuDNN's (`nn.GRU`), and needs one product a step. With `reset` "before" it is the paper's:

        n = tanh(x W + b + (r h) U),   without a

    Shapes: x (rows, time, features), W `input_weight` (features, 3 units), U `memory_weight` (units, 3 units), b `bias`
    (3 units,), a `memory_bias` (units,); y is the last h (rows, units), or with `return_sequence` all (rows, time,
    units). `Padded` sequences, `step` and `memory`, segments, and both kinds of dropout are those of `LSTM`.

    PyTorch's two biases of the gates are one here: b is their sum in the first two blocks and `bias_ih` in the third, a
    the third block of `bias_hh`.

    Args:
        units: size of h.
        return_sequence: whether to return the h of every step instead of the last.
        reset: "after" or "before" the product with U.
        weights: name of the initialiser of W.
        memory_weights: name of the initialiser of U.
        dropout: rate at which features of x are dropped.
        memory_dropout: rate at which features of h are dropped on their way to U.

    Raises:
        SettingError: units below 1, an unknown initialiser or form, a rate outside 0 <= rate < 1.
        ShapeError: inputs that are no sequences; a memory of another shape.

    Source: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
    Translation", section 2.3, equations 5 to 8; dropout: Gal & Ghahramani 2016, "A Theoretically Grounded Application
    of Dropout in Recurrent Neural Networks", section 4.

    >>> import jax.numpy as jnp
    >>> net, x = GRU(8, return_sequence=True), jnp.ones((2, 5, 3))
    >>> net.plan(x).output.shape
    (2, 5, 8)
    """

    padded = "aware"
    wide = ("h",)

    units: int
    return_sequence: bool = False
    reset: Literal["after", "before"] = "after"
    weights: str = "glorot_uniform"
    memory_weights: str = "orthogonal"
    dropout: float = 0.0
    memory_dropout: float = 0.0

    def _sweep(
        self, scope: Scope, x: Array, state: State, memory_scale: Array | None, lengths: Array | None
    ) -> tuple[Array, State]:
        z, u = self._products(scope, x, 3, zeros)
        a = scope.param("memory_bias", (self.units,), zeros) if self.reset == "after" else None
        hs, h = gru_sweep(z, state[0], u, a, reset=self.reset, memory_scale=memory_scale, lengths=lengths)
        return hs, (h,)
