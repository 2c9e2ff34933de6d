"""Recurrent layers."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float

from brickwork.bricks.checks import check_sequences
from brickwork.bricks.initializers import Initializer, Shape, initializer, zeros
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import lstm_cell, lstm_sweep
from brickwork.ops.precision import wide_type


class LSTMMemory(NamedTuple):
    """What an LSTM carries from step to step: its output h and its cell c, both (rows, units)."""

    h: Float[Array, "rows units"]
    c: Float[Array, "rows units"]


@brick
class LSTM(Brick):
    """Long short-term memory: a cell that gates let in, keep and let out, so that gradients last over many steps.

        i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of the four blocks of x W + h U + b
        c' = f c + i g,   h' = o tanh(c')

    The blocks are, in this order, input gate, forget gate, candidate, output gate (as in PyTorch and Keras).
    Shapes: x (rows, time, features), W `input_weight` (features, 4 units), U `memory_weight` (units, 4 units), b `bias`
    (4 units,); y is the last h (rows, units), or with `return_sequence` all (rows, time, units). Of `Padded` sequences
    the last h is that of the last real step, and a sequence comes back `Padded`, 0 past the ends. The forget
    gate's bias starts at 1, the rest at 0; every gate's weights are drawn on their own.

    One step at a time, with the same parameters: `y, memory = lstm.step(scope, x, memory)`, x (rows, features), from
    `memory = lstm.memory(rows)`.

    Args:
        units: size of h and of c.
        return_sequence: whether to return the h of every step instead of the last.
        weights: name of the initialiser of W.
        memory_weights: name of the initialiser of U.

    Raises:
        SettingError: units below 1 or an unknown initialiser.
        ShapeError: inputs that are no sequences; a memory of another shape.

    Source: Hochreiter & Schmidhuber 1997, "Long Short-Term Memory"; forget gate: Gers, Schmidhuber & Cummins 2000,
    "Learning to Forget", its bias: Jozefowicz, Zaremba & Sutskever 2015, "An Empirical Exploration of Recurrent
    Network Architectures", section 2.2.

    >>> import jax, jax.numpy as jnp
    >>> net, x = LSTM(8), jnp.ones((2, 5, 3))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.shape
    (2, 8)
    """

    padded = "aware"

    units: int
    return_sequence: bool = False
    weights: str = "glorot_uniform"
    memory_weights: str = "orthogonal"

    def validate(self) -> None:
        """Check the number of units and the names."""
        self.require(self.units >= 1, "units", "at least 1")
        initializer(self.weights)
        initializer(self.memory_weights)

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> LSTMMemory:
        """Return the memory before the first step: zeros. `length` is for bricks that keep every step."""
        del length
        return LSTMMemory(jnp.zeros((rows, self.units), dtype), jnp.zeros((rows, self.units), dtype))

    def __call__(
        self,
        scope: Scope,
        x: Float[Array, "rows time features"] | Padded,
        memory: LSTMMemory | None = None,
        return_memory: bool = False,
    ) -> Array | Padded | tuple[Array | Padded, LSTMMemory]:
        """Run over whole sequences, from zeros or from `memory`; with `return_memory` return (y, memory)."""
        values, lengths = (x.values, x.lengths) if isinstance(x, Padded) else (x, None)
        check_sequences(values)
        w, u, b = self._weights(scope, values.shape[-1])
        gates = scope.cast(values) @ w
        gates = gates + jnp.broadcast_to(b, gates.shape)
        start = self._checked(memory, values.shape[0], gates.dtype)
        hs, (h, c) = lstm_sweep(gates, start.h, start.c, u, lengths=lengths)
        last = LSTMMemory(h.astype(start.h.dtype), c)
        y = h if not self.return_sequence else x.with_values(hs) if isinstance(x, Padded) else hs
        return (y, last) if return_memory else y

    def step(self, scope: Scope, x: Float[Array, "rows features"], memory: LSTMMemory) -> tuple[Array, LSTMMemory]:
        """Run one step: return its h (rows, units), and the memory after it."""
        if x.ndim != 2:
            raise ShapeError(f"a step wants (rows, features), got {x.shape}; call the brick itself for sequences.")
        w, u, b = self._weights(scope, x.shape[-1])
        memory = self._checked(memory, x.shape[0], scope.dtype)
        gates = scope.cast(x) @ w + scope.cast(memory.h) @ u
        h, c = lstm_cell(gates + jnp.broadcast_to(b, gates.shape), memory.c)
        return h, LSTMMemory(h.astype(memory.h.dtype), c)

    def _weights(self, scope: Scope, features: int) -> tuple[Array, Array, Array]:
        return (
            scope.param("input_weight", (features, 4 * self.units), _Gates(initializer(self.weights))),
            scope.param("memory_weight", (self.units, 4 * self.units), _Gates(initializer(self.memory_weights))),
            scope.param("bias", (4 * self.units,), _forget_bias),
        )

    def _checked(self, memory: LSTMMemory | None, rows: int, dtype: DTypeLike) -> LSTMMemory:
        if memory is None:
            # the cell adds up over many steps: it keeps a wide type
            h, c = (jnp.zeros((rows, self.units), kind) for kind in (dtype, wide_type(dtype)))
            return LSTMMemory(h, c)
        for name, array in zip(LSTMMemory._fields, memory, strict=True):
            if array.shape != (rows, self.units):
                raise ShapeError(f"its memory's {name} must be {(rows, self.units)}, got {array.shape}.")
        return LSTMMemory(*memory)


class _Gates:
    """An initialiser that draws the four gates' blocks one by one, each with its own fans."""

    def __init__(self, one: Initializer):
        self.one = one

    def __call__(self, key: Array, shape: Shape, dtype: DTypeLike) -> Array:
        block = (shape[0], shape[1] // 4)
        return jnp.concatenate([self.one(k, block, dtype) for k in jax.random.split(key, 4)], axis=1)


def _forget_bias(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    units = shape[0] // 4
    return zeros(key, shape, dtype).at[units : 2 * units].set(1)
