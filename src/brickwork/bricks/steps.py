"""From one thing to many steps, from many steps to one, and steps in another order."""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Shaped

from brickwork.bricks.checks import check_sequences
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import backwards


@brick
class Repeat(Brick):
    """Makes a sequence of one thing by saying it n times, so that a recurrent layer can unfold it: one to many.

        y[t] = x    for t = 0 ... n - 1

    Shapes: x (rows, ...) to y (rows, n, ...), of any type.

    Args:
        n: how many steps.

    Raises:
        SettingError: n below 1.
        ShapeError: an input without rows.

    Source: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
    Translation", section 2.2: every step of the decoder sees the summary c.

    >>> import jax.numpy as jnp
    >>> net, x = Repeat(3), jnp.array([[1.0, 2.0]])
    >>> net.apply(net.plan(x).shapes(), x).output.tolist()
    [[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]]
    """

    n: int

    def validate(self) -> None:
        """Check the number of steps."""
        self.require(self.n >= 1, "n", "at least 1")

    def __call__(self, scope: Scope, x: Shaped[Array, "rows ..."]) -> Shaped[Array, "rows n ..."]:
        """Repeat x along a new axis of time."""
        del scope
        if x.ndim < 1:
            raise ShapeError("it wants rows of something, got a single number: add an axis of rows, x[None].")
        return jnp.broadcast_to(x[:, None], (x.shape[0], self.n, *x.shape[1:]))


@brick
class LastStep(Brick):
    """Keeps the last step of a sequence, the one that has seen all others: many to one.

        y = x[length - 1]

    For networks that return sequences but are asked one thing, such as causal attention; recurrent layers return their
    last step by themselves. Of `Padded` sequences it is each row's last real step, 0 where there is none.

    Shapes: x (rows, time, ...) to y (rows, ...), of any type. Run by `step`, it passes on each step: the last so far.

    Raises:
        ShapeError: an input without steps.

    Source: Sutskever, Vinyals & Le 2014, "Sequence to Sequence Learning with Neural Networks", section 2: a sentence
    is what the network holds after its last word.

    >>> import jax.numpy as jnp
    >>> from brickwork.core.batch import Padded
    >>> net, x = LastStep(), Padded(jnp.arange(6.0).reshape(2, 3, 1), jnp.array([3, 1]))
    >>> net.apply(net.plan(x).shapes(), x).output.tolist()
    [[2.0], [3.0]]
    """

    padded = "aware"

    def __call__(self, scope: Scope, x: Shaped[Array, "rows time ..."] | Padded) -> Shaped[Array, "rows ..."]:
        """Pick the last steps."""
        del scope
        values = _checked(x)
        if not values.shape[1]:
            raise ShapeError(f"there is no last step in sequences of no steps, {values.shape}.")
        if not isinstance(x, Padded):
            return values[:, -1]
        last = jnp.maximum(x.lengths - 1, 0).reshape(-1, *[1] * (values.ndim - 1))
        y = jnp.take_along_axis(values, last, axis=1)[:, 0]
        return jnp.where((x.lengths > 0).reshape(-1, *[1] * (y.ndim - 1)), y, jnp.zeros_like(y))

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> tuple[()]:
        """Return nothing: the last step so far is the one that comes."""
        del rows, dtype, length
        return ()

    def step(self, scope: Scope, x: Array, memory: Any) -> tuple[Array, Any]:
        """Return the step as it is."""
        del scope
        return x, memory


@brick
class Reverse(Brick):
    """Reads a sequence from its last step to its first, so that what comes later is known sooner.

        y[t] = x[length - 1 - t]

    Of `Padded` sequences each row turns within its own length; lengths stay, and so does what lies past them.

    Shapes: x (rows, time, ...), kept, of any type. It cannot run step by step: the last step would have to come first.

    Raises:
        ShapeError: an input without steps.

    Source: Sutskever, Vinyals & Le 2014, "Sequence to Sequence Learning with Neural Networks", section 3.3, "Reversing
    the Source Sentences".

    >>> import jax.numpy as jnp
    >>> net, x = Reverse(), jnp.arange(3.0).reshape(1, 3, 1)
    >>> net.apply(net.plan(x).shapes(), x).output[0, :, 0].tolist()
    [2.0, 1.0, 0.0]
    """

    over_time = True
    padded = "aware"

    def __call__(self, scope: Scope, x: Shaped[Array, "rows time ..."] | Padded) -> Any:
        """Turn the steps around."""
        del scope
        values = _checked(x)
        return x.with_values(backwards(values, x.lengths)) if isinstance(x, Padded) else backwards(values)


def _checked(x: Array | Padded) -> Array:
    values = x.values if isinstance(x, Padded) else x
    if values.ndim < 3:
        check_sequences(values)
    return values
