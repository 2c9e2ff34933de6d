"""Other shapes of the same numbers: one row of them, another division into axes, another order of axes."""

from math import prod

from jax import Array
from jaxtyping import Float

from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope


@brick
class Flatten(Brick):
    """Makes one row of numbers of whatever each row holds.

        y[a B + b] = x[a, b],   for axes of A and B

    Shapes: (rows, a, b, ...) to (rows, a b ...).

    Raises:
        ShapeError: an input without axes.

    Source: the step from feature maps to full layers in LeCun et al. 1998, "Gradient-Based Learning Applied to
    Document Recognition", section II.B.

    >>> import jax.numpy as jnp
    >>> net, x = Flatten(), jnp.ones((5, 8, 8, 1))
    >>> net.apply(net.plan(x).shapes(), x).output.shape
    (5, 64)
    """

    def __call__(self, scope: Scope, x: Float[Array, "rows ..."]) -> Float[Array, "rows features"]:
        """Merge all axes but the first."""
        del scope
        if x.ndim < 1:
            raise ShapeError("it wants rows of something, got a single number: add an axis of rows, x[None].")
        return x.reshape(x.shape[0], prod(x.shape[1:]))


@brick
class Reshape(Brick):
    """Divides the numbers of each row into other axes, in the same order.

        Reshape((2, 6)), Reshape((2, -1)), Reshape((-1,))       of 12 numbers a row: (2, 6), (2, 6), (12,)

    The last axis runs fastest, before and after. Shapes: (rows, a, b, ...) to (rows, *shape).

    Args:
        shape: the axes after the rows; one of them may be -1, whatever is left.

    Raises:
        SettingError: a size below 1 other than one -1.
        ShapeError: rows with another number of numbers, or of which -1 leaves none.

    Source: Iverson 1962, "A Programming Language", section 1.20 (the layout of arrays row by row).

    >>> import jax.numpy as jnp
    >>> net, x = Reshape((2, -1)), jnp.arange(6.0)[None]
    >>> net.apply(net.plan(x).shapes(), x).output.tolist()
    [[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]]
    """

    shape: tuple[int, ...]

    def validate(self) -> None:
        """Check sizes."""
        known = [size for size in self.shape if size != -1]
        ok = all(size >= 1 for size in known) and len(self.shape) - len(known) <= 1
        self.require(ok, "shape", "sizes of at least 1, one of them -1 at most")

    def __call__(self, scope: Scope, x: Float[Array, "rows ..."]) -> Float[Array, "rows ..."]:
        """Give the rows their new shape."""
        del scope
        if x.ndim < 1:
            raise ShapeError("it wants rows of something, got a single number: add an axis of rows, x[None].")
        count, known = prod(x.shape[1:]), prod(size for size in self.shape if size != -1)
        if count % known or not count or (count != known and -1 not in self.shape):
            raise ShapeError(f"a row of {x.shape} has {count} numbers, which do not fill the shape {self.shape}.")
        return x.reshape(x.shape[0], *(count // known if size == -1 else size for size in self.shape))


@brick
class Permute(Brick):
    """Puts the axes of each row into another order.

        y[row, j, i] = x[row, i, j]      for Permute((2, 1))

    Shapes: with order (2, 1), (rows, a, b) to (rows, b, a): axis k of the output is axis order[k] of the input, both
    counted from 1, the first after the rows (as in Keras).

    Args:
        order: the numbers 1, 2, ... of the axes after the rows, each once.

    Raises:
        SettingError: numbers that are not 1, 2, ... each once.
        ShapeError: inputs with another number of axes.

    Source: Iverson 1962, "A Programming Language", section 1.20 (transposition).

    >>> import jax.numpy as jnp
    >>> net, x = Permute((2, 1)), jnp.array([[[1.0, 2.0], [3.0, 4.0]]])
    >>> net.apply(net.plan(x).shapes(), x).output.tolist()
    [[[1.0, 3.0], [2.0, 4.0]]]
    """

    order: tuple[int, ...]

    def validate(self) -> None:
        """Check that it is an order."""
        ok = sorted(self.order) == list(range(1, len(self.order) + 1))
        self.require(ok, "order", "the numbers 1, 2, ... of the axes after the rows, each once")

    def __call__(self, scope: Scope, x: Float[Array, "rows ..."]) -> Float[Array, "rows ..."]:
        """Transpose."""
        del scope
        if x.ndim != len(self.order) + 1:
            raise ShapeError(f"its order {self.order} is for {len(self.order)} axes after the rows, got {x.shape}.")
        return x.transpose(0, *self.order)
