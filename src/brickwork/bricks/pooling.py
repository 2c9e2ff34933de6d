"""Pooling and flattening: fewer places, the same channels; or no places at all."""

from typing import Literal

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.checks import check_pictures
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import (
    Padding,
    Pair,
    average_pool2d,
    global_average_pool,
    global_max_pool,
    max_pool2d,
)
from brickwork.ops.windows import pair


@brick
class MaxPool(Brick):
    """The largest value of each channel under windows: whether something was seen, not exactly where.

        y[p, q, c] = max over i, j of x[p s + i, q s + j, c]

    Shapes: (rows, height, width, channels) to (rows, height', width', channels). Among equals the first gets the
    gradient.

    Args:
        size: height and width of a window, one number for both.
        stride: steps between windows; None: side by side.
        padding: "valid" (none), "same", or ((top, bottom), (left, right)); padding never wins.

    Raises:
        SettingError: a size or stride below 1.
        ShapeError: inputs that are no pictures, or smaller than a window.

    Source: Ranzato et al. 2007, "Unsupervised Learning of Invariant Feature Hierarchies with Applications to Object
    Recognition", section 2.

    >>> import jax.numpy as jnp
    >>> net, x = MaxPool(2), jnp.arange(16.0).reshape(1, 4, 4, 1)
    >>> net.apply(net.plan(x).shapes(), x).output[0, :, :, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """

    size: Pair = 2
    stride: Pair | None = None
    padding: Padding = "valid"

    def validate(self) -> None:
        """Check sizes."""
        _check_windows(self)

    def __call__(
        self, scope: Scope, x: Float[Array, "rows height width channels"]
    ) -> Float[Array, "rows h w channels"]:
        """Take the largest values."""
        check_pictures(x)
        return max_pool2d(scope.cast(x), self.size, stride=self.stride, padding=self.padding)


@brick
class AveragePool(Brick):
    """The mean of each channel under windows.

        y[p, q, c] = 1/n sum over i, j of x[p s + i, q s + j, c]

    Shapes: (rows, height, width, channels) to (rows, height', width', channels). n counts pixels of the picture only
    (as in Keras), unless `count_padding`, which counts padding as zeros (PyTorch's default).

    Args:
        size: height and width of a window, one number for both.
        stride: steps between windows; None: side by side.
        padding: "valid" (none), "same", or ((top, bottom), (left, right)).
        count_padding: whether padding counts in the mean.

    Raises:
        SettingError: a size or stride below 1.
        ShapeError: inputs that are no pictures, or smaller than a window.

    Source: LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", section II.B.

    >>> import jax.numpy as jnp
    >>> net, x = AveragePool(2), jnp.arange(16.0).reshape(1, 4, 4, 1)
    >>> net.apply(net.plan(x).shapes(), x).output[0, :, :, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """

    size: Pair = 2
    stride: Pair | None = None
    padding: Padding = "valid"
    count_padding: bool = False

    def validate(self) -> None:
        """Check sizes."""
        _check_windows(self)

    def __call__(
        self, scope: Scope, x: Float[Array, "rows height width channels"]
    ) -> Float[Array, "rows h w channels"]:
        """Take the means."""
        check_pictures(x)
        return average_pool2d(
            scope.cast(x), self.size, stride=self.stride, padding=self.padding, count_padding=self.count_padding
        )


@brick
class GlobalPool(Brick):
    """The mean or the largest value of each channel over all places: pictures of any size, sequences of any length.

        y[c] = 1/n sum over places p of x[p, c],   or   max over p of x[p, c]

    Shapes: pictures (rows, height, width, channels) or sequences (rows, time, features) to (rows, channels). Of
    `Padded` sequences only real steps count; a sequence of length 0 gives 0.

    Args:
        how: "average" or "max".

    Raises:
        SettingError: another kind.
        ShapeError: inputs without places between rows and channels.

    Source: Lin, Chen & Yan 2013, "Network In Network", section 3.2.

    >>> import jax.numpy as jnp
    >>> net, x = GlobalPool("max"), jnp.arange(8.0).reshape(1, 2, 2, 2)
    >>> net.apply(net.plan(x).shapes(), x).output.tolist()
    [[6.0, 7.0]]
    """

    padded = "aware"

    how: Literal["average", "max"] = "average"

    def __call__(
        self, scope: Scope, x: Float[Array, "rows *places channels"] | Padded
    ) -> Float[Array, "rows channels"]:
        """Pool over everything between rows and channels."""
        values, mask = (x.values, x.mask) if isinstance(x, Padded) else (x, None)
        if values.ndim < 3:
            raise ShapeError(
                "it wants pictures (rows, height, width, channels) or sequences (rows, time, features), got "
                f"{values.shape}: there are no places to pool over."
            )
        if mask is not None and values.ndim > 3:
            mask = jnp.broadcast_to(mask.reshape(*mask.shape, *[1] * (values.ndim - 3)), values.shape[:-1])
        pool = global_average_pool if self.how == "average" else global_max_pool
        return pool(scope.cast(values), mask)


@brick
class Flatten(Brick):
    """Makes one row of numbers of whatever each row holds: (rows, a, b, ...) to (rows, a b ...).

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
        if x.ndim < 1:
            raise ShapeError("it wants rows of something, got a single number: add an axis of rows, x[None].")
        size = 1
        for axis in x.shape[1:]:
            size *= axis
        return scope.cast(x).reshape(x.shape[0], size)


def _check_windows(spec: MaxPool | AveragePool) -> None:
    pair(spec.size, f"{type(spec).__name__}: setting 'size'")
    if spec.stride is not None:
        pair(spec.stride, f"{type(spec).__name__}: setting 'stride'")
