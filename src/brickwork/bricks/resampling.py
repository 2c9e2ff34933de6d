"""Resampling: the same sequence, picture or volume at another size."""

from typing import Literal

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.checks import check_places
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.scope import Scope
from brickwork.ops import Axes, Interpolation, Sizes, resize
from brickwork.ops.windows import LARGEST_SIDE, ended, sizes


@brick
class Upsample(Brick):
    """Makes things a whole number of times larger: by repeating every place, or with values between places.

        y[o] = x[floor(o / f)],   or on the line between the places around c = (o + 1/2) / f - 1/2

    along each axis; beyond the border the border counts. Before a `Conv` it is the way to grow pictures without the
    checkerboards that a `ConvTranspose` can leave. Shapes: (rows, height, width, channels) to (rows, f height, f'
    width, channels), or with other `axes` sequences (rows, time, features) and volumes (rows, depth, height, width,
    channels). Of `Padded` sequences each gives what it would give alone, 0 past its new end.

    Args:
        factor: f, one number for all axes or one for each.
        how: "nearest" or "linear".
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: a factor below 1, another kind, factors for other axes, more than a million places along an axis.
        ShapeError: inputs with other axes.

    Source: Odena, Dumoulin & Olah 2016, "Deconvolution and Checkerboard Artifacts", section "Better Upsampling"; places
    as in PyTorch's `Upsample` (align_corners=False).

    >>> import jax.numpy as jnp
    >>> net, x = Upsample(2, "linear", axes=1), jnp.array([[[0.0], [4.0]]])
    >>> net.apply(net.plan(x).shapes(), x).output[0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    padded = "aware"

    factor: Sizes = 2
    how: Literal["nearest", "linear"] = "nearest"
    axes: Axes = 2

    def validate(self) -> None:
        """Check factors."""
        sizes(self.factor, "Upsample: setting 'factor'", self.axes)

    def __call__(
        self, scope: Scope, x: Float[Array, "rows *places channels"] | Padded
    ) -> Float[Array, "rows *places channels"] | Padded:
        """Make it larger."""
        values = scope.cast(check_places(x, self.axes))
        factors = sizes(self.factor, "factor", self.axes)
        size = tuple(n * factor for n, factor in zip(values.shape[1:-1], factors, strict=True))
        if not isinstance(x, Padded):
            return resize(values, size, self.how)
        last = jnp.maximum(x.lengths - 1, 0)[:, None, None]
        values = jnp.where(x.mask[..., None], values, jnp.take_along_axis(values, last, axis=1))
        return ended(resize(values, size, self.how), x.lengths * factors[0])


@brick
class Resize(Brick):
    """Resamples to a fixed size, larger or smaller: pictures of one size from pictures of any.

        y[o] = sum over i of x[i] w(c - i),   c = (o + 1/2) n / m - 1/2

    along each axis, for n old and m new places: places are little squares, and the outer borders stay where they are. w
    picks the nearest place, or is 1 - |t| up to 1 (linear), or Keys's curve over four places (cubic, a = -3/4); beyond
    the border the border counts. Shapes: (rows, height, width, channels) to (rows, m, m', channels), or with other
    `axes` sequences (rows, time, features) and volumes (rows, depth, height, width, channels).

    Args:
        size: m, one number for all axes or one for each: (height, width).
        how: "nearest", "linear" or "cubic".
        antialias: whether a smaller picture is made of all places of the larger one, with w stretched by n / m (and a =
            -1/2), rather than of the few around each c. It changes nothing for "nearest".
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: a size below 1 or past a million, another kind, sizes for other axes.
        ShapeError: inputs with other axes, or without places.

    Source: Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing", equation 4; places, borders and a
    as in PyTorch's `interpolate` (align_corners=False; nearest is its "nearest-exact").

    >>> import jax.numpy as jnp
    >>> net, x = Resize(2, axes=1), jnp.array([[[0.0], [4.0], [8.0], [12.0]]])
    >>> net.apply(net.plan(x).shapes(), x).output[0, :, 0].tolist()
    [2.0, 10.0]
    """

    size: Sizes
    how: Interpolation = "linear"
    antialias: bool = False
    axes: Axes = 2

    def validate(self) -> None:
        """Check sizes."""
        many = sizes(self.size, "Resize: setting 'size'", self.axes)
        self.require(max(many) <= LARGEST_SIDE, "size", f"at most {LARGEST_SIDE} along an axis")

    def __call__(self, scope: Scope, x: Float[Array, "rows *places channels"]) -> Float[Array, "rows *places channels"]:
        """Resample."""
        values = scope.cast(check_places(x, self.axes))
        return resize(values, self.size, self.how, antialias=self.antialias)
