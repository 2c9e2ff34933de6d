"""Positions for networks that would not know the order of a sequence without them."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from brickwork.bricks.checks import check_sequences
from brickwork.bricks.initializers import initializer
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import sinusoids

Steps = Int[Array, ""]
Tokens = Float[Array, "rows features"] | Float[Array, "rows time features"]


@brick
class LearnedPositions(Brick):
    """Adds a learned vector for each place in the sequence, so that attention can tell first from last.

        y[t] = x[t] + table[t]

    Shapes: x (rows, time, features), kept, with time of at most `length`; `table` (length, features). Step by step:
    `y, memory = positions.step(scope, x, memory)` from `memory = positions.memory(rows)`, which counts the steps; x is
    one step (rows, features) or several. Steps past the end of the table give NaN.

    Args:
        length: how many places there are vectors for.
        weights: name of the initialiser of the table.

    Raises:
        SettingError: a length below 1, or a memory for more steps than that; an unknown initialiser.
        ShapeError: inputs that are no sequences, or longer than the table.

    Source: Gehring et al. 2017, "Convolutional Sequence to Sequence Learning", section 3.1.

    >>> import jax.numpy as jnp
    >>> plan = LearnedPositions(10).plan(jnp.zeros((2, 3, 4)))
    >>> plan.params["table"].shape
    (10, 4)
    """

    padded = "pointwise"

    length: int
    weights: str = "normal"

    def validate(self) -> None:
        """Check the length and the initialiser's name."""
        self.require(self.length >= 1, "length", "at least 1")
        initializer(self.weights)

    def __call__(self, scope: Scope, x: Float[Array, "rows time features"]) -> Float[Array, "rows time features"]:
        """Add the first vectors of the table."""
        check_sequences(x)
        if x.shape[1] > self.length:
            raise ShapeError(f"it has {self.length} places, and x {x.shape} has {x.shape[1]} steps. Set length higher.")
        return scope.cast(x) + self._table(scope, x)[: x.shape[1]]

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> Steps:
        """Return the number of steps so far: none."""
        del rows, dtype
        if length is not None and length > self.length:
            raise SettingError(f"LearnedPositions({self.length}) cannot run {length} steps. Set its length higher.")
        return jnp.zeros((), jnp.int32)

    def step(self, scope: Scope, x: Tokens, memory: Steps) -> tuple[Array, Steps]:
        """Add the vectors of the next step, or steps."""
        steps, places, after = _next(x, memory)
        table = self._table(scope, steps)
        found = jnp.take(table, places, axis=0, mode="fill", fill_value=jnp.nan)
        return (scope.cast(steps) + found).reshape(x.shape), after

    def _table(self, scope: Scope, x: Array) -> Array:
        return scope.param("table", (self.length, x.shape[-1]), initializer(self.weights))


@brick
class SinusoidalPositions(Brick):
    """Adds waves of many lengths, whose values together tell the place: nothing to learn, and no longest sequence.

        y[t, 2i] = x[t, 2i] + sin(t / base^(2i / features))
        y[t, 2i + 1] = x[t, 2i + 1] + cos(t / base^(2i / features))

    Shapes: x (rows, time, features), kept; an odd number of features ends in a sine. Step by step: `y, memory =
    positions.step(scope, x, memory)` from `memory = positions.memory(rows)`, which counts the steps; x is one step
    (rows, features) or several.

    Args:
        base: how much longer the longest wave is than the shortest, 2π steps.

    Raises:
        SettingError: a base that is not above 0.
        ShapeError: inputs that are no sequences.

    Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.5.

    >>> import jax.numpy as jnp
    >>> from brickwork.core.variables import Variables
    >>> y = SinusoidalPositions().apply(Variables({}), jnp.zeros((1, 2, 2))).output
    >>> [round(float(number), 2) for number in y.ravel()]
    [0.0, 1.0, 0.84, 0.54]
    """

    padded = "pointwise"

    base: float = 10_000.0

    def validate(self) -> None:
        """Check the range."""
        self.require(self.base > 0, "base", "above 0")

    def __call__(self, scope: Scope, x: Float[Array, "rows time features"]) -> Float[Array, "rows time features"]:
        """Add the waves from place 0 on."""
        check_sequences(x)
        return self._add(scope, x, jnp.arange(x.shape[1], dtype=jnp.int32))

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> Steps:
        """Return the number of steps so far: none."""
        del rows, dtype, length
        return jnp.zeros((), jnp.int32)

    def step(self, scope: Scope, x: Tokens, memory: Steps) -> tuple[Array, Steps]:
        """Add the waves at the next step, or steps."""
        steps, places, after = _next(x, memory)
        return self._add(scope, steps, places).reshape(x.shape), after

    def _add(self, scope: Scope, x: Array, places: Array) -> Array:
        return scope.cast(x) + sinusoids(places, x.shape[-1], base=self.base, dtype=scope.dtype)


def _next(x: Array, before: Steps) -> tuple[Array, Array, Steps]:
    """Return the next steps as a sequence, their places, and the number of steps after them."""
    steps = x[:, None] if x.ndim == 2 else x
    check_sequences(steps)
    after = before + jnp.asarray(steps.shape[1], before.dtype)
    return steps, before + jax.lax.iota(before.dtype, steps.shape[1]), after
