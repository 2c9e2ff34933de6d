"""Bricks that make one array of several: where branches of a network meet."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax.numpy as jnp
from jax import Array

from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError, unwritten
from brickwork.core.scope import Scope


@brick
class Concat(Brick):
    """Puts what branches computed side by side, so that the next layer sees all of it.

        y = [x1, x2, ... xn]    along one axis

    Shapes: inputs that agree in all axes but that one, to the same with their sizes added up. `Padded` sequences of
    the same lengths stay so; along time they cannot be joined.

    Args:
        axis: the axis to join along, the last one unless told; the rows (axis 0) are never joined.

    Raises:
        SettingError: axis 0.
        ShapeError: there are no inputs, they differ elsewhere, or there is no such axis.

    Source: Szegedy et al. 2015, "Going Deeper with Convolutions", section 4 (filter concatenation).

    >>> import jax.numpy as jnp
    >>> from brickwork.core.variables import Variables
    >>> Concat().apply(Variables({}), jnp.ones((1, 2)), jnp.zeros((1, 1))).output.tolist()
    [[1.0, 1.0, 0.0]]
    """

    padded = "aware"

    axis: int = -1

    def validate(self) -> None:
        """Check the axis."""
        self.require(self.axis != 0, "axis", "another than 0, the rows")

    def __call__(self, scope: Scope, *inputs: Array | Padded) -> Any:
        """Join the inputs."""
        arrays = _values(scope, inputs)
        axes = arrays[0].ndim
        axis = self.axis % axes if -axes <= self.axis < axes else 0
        if axis == 0:
            raise ShapeError(f"it joins along axis {self.axis}, but its inputs have the shape {arrays[0].shape}.")
        if axis == 1 and isinstance(inputs[0], Padded):
            raise ShapeError("padded sequences cannot be joined along time: each ends elsewhere.")
        rest = {(*array.shape[:axis], *array.shape[axis + 1 :]) for array in arrays}
        if len(rest) > 1 or any(array.ndim != axes for array in arrays):
            raise ShapeError(
                f"inputs that are joined along axis {axis} must agree in all others, got {_shapes(arrays)}. "
                "Bring pictures to one size by padding 'same' or a Resize before."
            )
        return _like(inputs[0], jnp.concatenate(arrays, axis))


class Merge(Brick):
    """What bricks share that merge arrays of one shape number by number."""

    padded = "aware"

    def __call__(self, scope: Scope, *inputs: Array | Padded) -> Any:
        """Merge the inputs."""
        arrays = _values(scope, inputs)
        if any(array.shape != arrays[0].shape for array in arrays):
            raise ShapeError(
                f"its inputs must have one shape, got {_shapes(arrays)}. "
                "Put a brick before it that brings them to the same (Dense, or Conv with kernel=1)."
            )
        return _like(inputs[0], self.merged(arrays))

    def merged(self, arrays: list[Array]) -> Array:
        """Return one array of several of the same shape."""
        del arrays
        raise unwritten(self, "merged(self, arrays)")


@brick
class Add(Merge):
    """Adds up what branches computed: each branch corrects the others.

        y = x1 + x2 + ... + xn

    Shapes: inputs of one shape, kept; nothing is broadcast. `Padded` sequences must have the same lengths.

    Raises:
        ShapeError: there are no inputs, or their shapes differ.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 3.2, equation 1.

    >>> import jax.numpy as jnp
    >>> from brickwork.core.variables import Variables
    >>> x = jnp.array([[1.0, 2.0]])
    >>> Add().apply(Variables({}), x, x, x).output.tolist()
    [[3.0, 6.0]]
    """

    def merged(self, arrays: list[Array]) -> Array:
        """Return the sum."""
        return reduce(jnp.add, arrays)


@brick
class Average(Merge):
    """Takes the mean of what branches computed: a vote that weighs every branch alike.

        y = (x1 + x2 + ... + xn) / n

    Shapes: inputs of one shape, kept; nothing is broadcast. `Padded` sequences must have the same lengths.

    Raises:
        ShapeError: there are no inputs, or their shapes differ.

    Source: Perrone & Cooper 1993, "When Networks Disagree: Ensemble Methods for Hybrid Neural Networks", section 2.

    >>> import jax.numpy as jnp
    >>> from brickwork.core.variables import Variables
    >>> one, two = jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 6.0]])
    >>> Average().apply(Variables({}), one, two).output.tolist()
    [[2.0, 4.0]]
    """

    def merged(self, arrays: list[Array]) -> Array:
        """Return the mean."""
        return reduce(jnp.add, arrays) / len(arrays)


@brick
class Maximum(Merge):
    """Keeps the largest of what branches computed, number by number: any one branch may speak up.

        y = max(x1, x2, ... xn)

    Where several are largest, the gradient is shared among them pair by pair (`jax.numpy.maximum`).
    Shapes: inputs of one shape, kept; nothing is broadcast. `Padded` sequences must have the same lengths.

    Raises:
        ShapeError: there are no inputs, or their shapes differ.

    Source: Goodfellow et al. 2013, "Maxout Networks", section 3 (the maximum over linear pieces).

    >>> import jax.numpy as jnp
    >>> from brickwork.core.variables import Variables
    >>> one, two = jnp.array([[1.0, 5.0]]), jnp.array([[3.0, 2.0]])
    >>> Maximum().apply(Variables({}), one, two).output.tolist()
    [[3.0, 5.0]]
    """

    def merged(self, arrays: list[Array]) -> Array:
        """Return the largest."""
        return reduce(jnp.maximum, arrays)


@brick
class Multiply(Merge):
    """Multiplies what branches computed: one branch opens and closes the other, as a gate.

        y = x1 x2 ... xn

    Shapes: inputs of one shape, kept; but for the rows, axes of size 1 are stretched, so that one number may gate a
    whole map, as (rows, 1, 1, channels) does with (rows, height, width, channels). `Padded` sequences must have the
    same lengths.

    Raises:
        ShapeError: there are no inputs, their numbers of axes differ, or sizes differ and none of them is 1.

    Source: Dauphin et al. 2017, "Language Modeling with Gated Convolutional Networks", section 2, equation 1.

    >>> import jax.numpy as jnp
    >>> from brickwork.core.variables import Variables
    >>> x, gate = jnp.array([[1.0, 2.0]]), jnp.array([[0.5, 0.0]])
    >>> Multiply().apply(Variables({}), x, gate).output.tolist()
    [[0.5, 0.0]]
    """

    def __call__(self, scope: Scope, *inputs: Array | Padded) -> Any:
        """Multiply the inputs."""
        arrays = _values(scope, inputs)
        rows, *sizes = [set(axis) for axis in zip(*(array.shape for array in arrays), strict=False)]
        if len({array.ndim for array in arrays}) > 1 or len(rows) > 1 or any(len(size - {1}) > 1 for size in sizes):
            raise ShapeError(
                f"its inputs must have the same rows, and one shape or 1 where they differ, got {_shapes(arrays)}."
            )
        return _like(inputs[0], self.merged(arrays))

    def merged(self, arrays: list[Array]) -> Array:
        """Return the product."""
        return reduce(jnp.multiply, arrays)


MERGES: dict[str, Callable[[], Brick]] = {
    "concat": Concat,
    "add": Add,
    "average": Average,
    "maximum": Maximum,
    "multiply": Multiply,
}
"""How branches may be merged, by name."""


def _values(scope: Scope, inputs: tuple[Array | Padded, ...]) -> list[Array]:
    """Return the inputs as arrays of the compute type; padded and plain ones are not mixed."""
    if not inputs:
        raise ShapeError("it merges inputs and got none.")
    if len({isinstance(one, Padded) for one in inputs}) > 1:
        raise ShapeError("some of its inputs are padded sequences and some are arrays: end the sequences first.")
    return [scope.cast(one.values if isinstance(one, Padded) else one) for one in inputs]


def _like(first: Array | Padded, values: Array) -> Array | Padded:
    return first.with_values(values) if isinstance(first, Padded) else values


def _shapes(arrays: list[Array]) -> str:
    return ", ".join(str(array.shape) for array in arrays)
