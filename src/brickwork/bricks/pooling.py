"""Pooling: fewer places, the same channels; or no places at all."""

from typing import Literal

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.checks import check_places
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import (
    Axes,
    Padding,
    Sizes,
    adaptive_pool,
    average_pool,
    global_average_pool,
    global_max_pool,
    max_pool,
)
from brickwork.ops.precision import accumulated
from brickwork.ops.windows import LARGEST_SIDE, Steps, check_padding, laid_out, sizes


@brick
class MaxPool(Brick):
    """The largest value of each channel under windows: whether something was seen, not exactly where.

        y[p, q, c] = max over i, j of x[p s + i, q s + j, c]

    Shapes: (rows, height, width, channels) to (rows, height', width', channels), or with other `axes` sequences (rows,
    time, features) and volumes (rows, depth, height, width, channels). Among equals the first gets the gradient. Of
    `Padded` sequences each gives what it would give alone, 0 past its new end.

    Args:
        size: size of a window, one number for all axes or one for each: (height, width).
        stride: steps between windows; None: side by side.
        padding: "valid" (none), "same", what to add at the sides, ((top, bottom), (left, right)), or for sequences
            "causal" (before only); padding never wins.
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: a size or stride below 1, sizes for other axes.
        ShapeError: inputs with other axes, or smaller than a window.

    Source: Ranzato et al. 2007, "Unsupervised Learning of Invariant Feature Hierarchies with Applications to Object
    Recognition", section 2.

    >>> import jax.numpy as jnp
    >>> net, x = MaxPool(2), jnp.arange(16.0).reshape(1, 4, 4, 1)
    >>> net.apply(net.plan(x).shapes(), x).output[0, :, :, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """

    padded = "aware"

    size: Sizes = 2
    stride: Sizes | None = None
    padding: Padding = "valid"
    axes: Axes = 2

    def validate(self) -> None:
        """Check sizes."""
        _check_windows(self)

    def __call__(
        self, scope: Scope, x: Float[Array, "rows *places channels"] | Padded
    ) -> Float[Array, "rows *places channels"] | Padded:
        """Take the largest values."""
        values = scope.cast(check_places(x, self.axes))
        if not isinstance(x, Padded):
            return max_pool(values, self.size, stride=self.stride, padding=self.padding)
        steps = _steps(self, x.with_values(values), -jnp.inf)
        return steps.ended(max_pool(steps.values, self.size, stride=self.stride, padding=steps.padding))


@brick
class AveragePool(Brick):
    """The mean of each channel under windows.

        y[p, q, c] = 1/n sum over i, j of x[p s + i, q s + j, c]

    Shapes: (rows, height, width, channels) to (rows, height', width', channels), or with other `axes` sequences (rows,
    time, features) and volumes (rows, depth, height, width, channels). n counts places of the input only (as in
    Keras), unless `count_padding`, which counts padding as zeros (PyTorch's default). Of `Padded` sequences each gives
    what it would give alone, 0 past its new end.

    Args:
        size: size of a window, one number for all axes or one for each: (height, width).
        stride: steps between windows; None: side by side.
        padding: "valid" (none), "same", what to add at the sides, ((top, bottom), (left, right)), or for sequences
            "causal" (before only).
        count_padding: whether padding counts in the mean.
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: a size or stride below 1, sizes for other axes.
        ShapeError: inputs with other axes, or smaller than a window.

    Source: LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", section II.B.

    >>> import jax.numpy as jnp
    >>> net, x = AveragePool(2), jnp.arange(16.0).reshape(1, 4, 4, 1)
    >>> net.apply(net.plan(x).shapes(), x).output[0, :, :, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """

    padded = "aware"

    size: Sizes = 2
    stride: Sizes | None = None
    padding: Padding = "valid"
    count_padding: bool = False
    axes: Axes = 2

    def validate(self) -> None:
        """Check sizes."""
        _check_windows(self)

    def __call__(
        self, scope: Scope, x: Float[Array, "rows *places channels"] | Padded
    ) -> Float[Array, "rows *places channels"] | Padded:
        """Take the means."""
        values = scope.cast(check_places(x, self.axes))
        if not isinstance(x, Padded):
            return average_pool(
                values, self.size, stride=self.stride, padding=self.padding, count_padding=self.count_padding
            )
        steps = _steps(self, x.with_values(values), 0)

        def mean(values: Array) -> Array:
            return average_pool(values, self.size, stride=self.stride, padding=steps.padding, count_padding=True)

        y = mean(accumulated(steps.values))
        if not self.count_padding:
            share = mean(steps.mask[..., None].astype(y.dtype))  # of each window, how much is real
            y = y / jnp.where(share > 0, share, jnp.ones_like(share))
        return steps.ended(y.astype(values.dtype))


@brick
class GlobalPool(Brick):
    """The mean or the largest value of each channel over all places: pictures of any size, sequences of any length.

        y[c] = 1/n sum over places p of x[p, c],   or   max over p of x[p, c]

    Shapes: sequences (rows, time, features), pictures (rows, height, width, channels), volumes (rows, depth, height,
    width, channels), or any other axes between rows and channels, to (rows, channels). Of `Padded` sequences only real
    steps count; a sequence of length 0 gives 0.

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
class AdaptivePool(Brick):
    """Divides whatever comes into a fixed number of windows, as equal as can be, and pools each: equal sizes for all.

        y[i, c] = mean or max of x[p, c] over floor(i n / m) <= p < ceil((i + 1) n / m)

    along each axis, for n places and m windows. Shapes: (rows, height, width, channels) to (rows, m, m', channels), or
    with other `axes` sequences (rows, time, features) and volumes (rows, depth, height, width, channels). `Padded`
    sequences become one array (rows, m, features): each is divided from its own first to its own last step, and a
    sequence of length 0 gives 0.

    Args:
        size: m, one number for all axes or one for each.
        how: "average" or "max".
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: a size below 1 or past a million, another kind, sizes for other axes.
        ShapeError: inputs with other axes, or without places.

    Source: He et al. 2014, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition", section
    2.2; the windows are those of PyTorch's adaptive pools.

    >>> import jax.numpy as jnp
    >>> net, x = AdaptivePool(2, axes=1), jnp.array([[[1.0], [2.0], [6.0]]])
    >>> net.apply(net.plan(x).shapes(), x).output.tolist()
    [[[1.5], [4.0]]]
    """

    padded = "aware"

    size: Sizes
    how: Literal["average", "max"] = "average"
    axes: Axes = 2

    def validate(self) -> None:
        """Check sizes."""
        many = sizes(self.size, "AdaptivePool: setting 'size'", self.axes)
        self.require(max(many) <= LARGEST_SIDE, "size", f"at most {LARGEST_SIDE} along an axis")

    def __call__(
        self, scope: Scope, x: Float[Array, "rows *places channels"] | Padded
    ) -> Float[Array, "rows *places channels"]:
        """Pool each window."""
        values = scope.cast(check_places(x, self.axes))
        return adaptive_pool(values, self.size, self.how, x.lengths if isinstance(x, Padded) else None)


def _check_windows(spec: MaxPool | AveragePool) -> None:
    sizes(spec.size, f"{type(spec).__name__}: setting 'size'", spec.axes)
    if spec.stride is not None:
        sizes(spec.stride, f"{type(spec).__name__}: setting 'stride'", spec.axes)
    check_padding(spec.padding, spec.axes)


def _steps(spec: MaxPool | AveragePool, x: Padded, fill: float) -> Steps:
    (size,) = sizes(spec.size, "size", 1)
    (stride,) = (size,) if spec.stride is None else sizes(spec.stride, "stride", 1)
    steps = laid_out(x, size, stride, 1, spec.padding, fill)
    if max(steps.padding[0]) >= size:
        raise SettingError(f"padding {spec.padding!r} has room for whole windows of {size}: give less.")
    return steps
