"""Reading a sequence from both ends."""

from typing import Any, Literal

from jax import Array
from jaxtyping import Shaped

from brickwork.bricks.merging import MERGES
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import backwards


@brick
class Bidirectional(Brick):
    """Reads a sequence from both ends with two bricks, so that every step knows what comes after it too.

        y = merge(forward(x), reverse(backward(reverse(x))))          steps; the last states have nothing to reverse

    Of `Padded` sequences each row is read backwards from its own last real step. Where the two bricks return
    sequences, both come back in the order of x and are merged step by step; where they return their last state, the
    state after the last step is merged with the state that arrives at the first.

    Shapes: x (rows, time, ...), y (rows, time, units) or (rows, units) as the two bricks return it; "concat" joins the
    units of both. Parameters are below `forward/` and `backward/`. It cannot run step by step: the end would have to
    come first.

    With `memory=` and `return_memory=True` it passes a pair (forward, backward) to bricks and from them.

    Args:
        forward: the brick that reads from the first step on, such as `LSTM(units, return_sequence=True)`.
        backward: the one that reads from the last step back; None: one like `forward`, with its own weights.
        merge: "concat", "add", "average", "maximum" or "multiply".

    Raises:
        SettingError: an unknown way to merge.
        ShapeError: what the two give cannot be merged.

    Source: Schuster & Paliwal 1997, "Bidirectional Recurrent Neural Networks", section II.

    >>> import jax.numpy as jnp
    >>> from brickwork.bricks import LSTM
    >>> net, x = Bidirectional(LSTM(4, return_sequence=True)), jnp.ones((2, 5, 3))
    >>> net.plan(x).output.shape
    (2, 5, 8)
    """

    over_time = True
    padded = "aware"

    forward: Brick
    backward: Brick | None = None
    merge: Literal["concat", "add", "average", "maximum", "multiply"] = "concat"

    def __call__(
        self,
        scope: Scope,
        x: Shaped[Array, "rows time ..."] | Padded,
        memory: tuple[Any, Any] | None = None,
        return_memory: bool = False,
    ) -> Any:
        """Run both bricks over whole sequences; with `return_memory` return (y, (forward, backward))."""
        more: dict[str, Any] = {"return_memory": True} if return_memory else {}
        starts: list[dict[str, Any]] = [{}, {}] if memory is None else [{"memory": start} for start in memory]
        one = scope("forward", self.forward, x, **starts[0], **more)
        two = scope("backward", self.backward or self.forward, _turned(x), **starts[1], **more)
        (one, first), (two, second) = (one, two) if return_memory else ((one, None), (two, None))
        if _is_sequence(two, x):
            two = _turned(two)
        if _is_sequence(one, x) != _is_sequence(two, x):
            raise ShapeError(
                "one of its bricks returns a sequence and the other does not: give both the same return_sequence."
            )
        y = scope.run(MERGES[self.merge](), one, two)
        return (y, (first, second)) if return_memory else y


def _turned(x: Array | Padded) -> Array | Padded:
    return x.with_values(backwards(x.values, x.lengths)) if isinstance(x, Padded) else backwards(x)


def _is_sequence(y: Array | Padded, x: Array | Padded) -> bool:
    if isinstance(y, Padded) or isinstance(x, Padded):
        return isinstance(y, Padded)
    return y.ndim > 2
