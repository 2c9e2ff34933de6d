"""Borders: places added around things, or cut away."""

from typing import Any, Literal, TypeAlias

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.checks import check_places
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import Axes, Sizes
from brickwork.ops.windows import NAMES, SIDES, Edges, padded, sizes, written_edges

Amount: TypeAlias = int | tuple[int, ...] | tuple[tuple[int, int], ...]
"""One number for all sides, one for each axis, or for each axis what is before and after it."""


@brick
class Pad(Brick):
    """Adds places around: zeros, or a continuation of what is there.

        zeros 0 0 | a b c d | 0 0      edge a a | a b c d | d d      wrap c d | a b c d | a b
        reflect c b | a b c d | c b    symmetric b a | a b c d | d c

    Shapes: (rows, height, width, channels) to (rows, top + height + bottom, left + width + right, channels), or with
    other `axes` sequences (rows, time, features) and volumes (rows, depth, height, width, channels).

    Args:
        amount: how many places; one number for all sides, one for each axis, or ((top, bottom), (left, right)).
        how: what stands there: "zeros", "edge", "reflect", "symmetric" or "wrap".
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: an amount below 0 or for other axes, another kind.
        ShapeError: inputs with other axes, or with fewer places than are to be continued.

    Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 2.1; reflection:
    Aghdasi & Ward 1996, "Reduction of Boundary Artifacts in Image Restoration", section II.

    >>> import jax.numpy as jnp
    >>> net, x = Pad(((1, 2),), "reflect", axes=1), jnp.array([[[1.0], [2.0], [3.0]]])
    >>> net.apply(net.plan(x).shapes(), x).output[0, :, 0].tolist()
    [2.0, 1.0, 2.0, 3.0, 2.0, 1.0]
    """

    amount: Amount = 1
    how: Literal["zeros", "edge", "reflect", "symmetric", "wrap"] = "zeros"
    axes: Axes = 2

    def validate(self) -> None:
        """Check amounts."""
        edges_of("Pad: setting 'amount'", self.amount, self.axes)

    def __call__(self, scope: Scope, x: Float[Array, "rows *places channels"]) -> Float[Array, "rows *places channels"]:
        """Add places."""
        values = scope.cast(check_places(x, self.axes))
        edges = edges_of("amount", self.amount, self.axes)
        if self.how == "zeros":
            return padded(values, edges)
        for name, size, edge in zip(NAMES[self.axes], values.shape[1:-1], edges, strict=True):
            most = {"edge": max(edge) if size else 0, "reflect": size - 1}.get(self.how, size)
            if max(edge) > most:
                raise ShapeError(
                    f"padding {self.how!r} continues a {name} of {size} by {most} places at most, not by {max(edge)}."
                )
        return jnp.pad(values, ((0, 0), *edges, (0, 0)), mode=self.how)


@brick
class Crop(Brick):
    """Cuts places away at the sides, or all but the middle.

        Crop(1)                    one place at every side
        Crop(((0, 2), (1, 1)))     two rows below, a column left and right
        Crop(size=24)              the 24 x 24 places in the middle; an odd one too many goes from below and right

    Shapes: (rows, height, width, channels) to (rows, height - top - bottom, width - left - right, channels), or with
    other `axes` sequences (rows, time, features) and volumes (rows, depth, height, width, channels).

    Args:
        amount: how many places; one number for all sides, one for each axis, or ((top, bottom), (left, right)).
        size: what is to be left in the middle, one number for all axes or one for each; give this or `amount`.
        axes: 1 for sequences, 2 for pictures, 3 for volumes.

    Raises:
        SettingError: an amount below 0, a size below 1, for other axes, both or neither.
        ShapeError: inputs with other axes, or too small.

    Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks",
    section 4.1 (the central patch); of feature maps: Ronneberger, Fischer & Brox 2015, "U-Net", section 2.

    >>> import jax.numpy as jnp
    >>> net, x = Crop(size=(1, 2)), jnp.arange(12.0).reshape(1, 3, 4, 1)
    >>> net.apply(net.plan(x).shapes(), x).output[0, :, :, 0].tolist()
    [[5.0, 6.0]]
    """

    amount: Amount | None = None
    size: Sizes | None = None
    axes: Axes = 2

    def validate(self) -> None:
        """Check amounts or sizes."""
        if (self.amount is None) == (self.size is None):
            raise SettingError("Crop: give either 'amount', what to cut away, or 'size', what to leave.")
        if self.amount is not None:
            edges_of("Crop: setting 'amount'", self.amount, self.axes)
        if self.size is not None:
            sizes(self.size, "Crop: setting 'size'", self.axes)

    def __call__(self, scope: Scope, x: Float[Array, "rows *places channels"]) -> Float[Array, "rows *places channels"]:
        """Cut."""
        values = scope.cast(check_places(x, self.axes))
        before = values.shape[1:-1]
        if self.size is not None:
            left = sizes(self.size, "size", self.axes)
            starts = [(n - m) // 2 for n, m in zip(before, left, strict=True)]
        else:
            edges = edges_of("amount", self.amount, self.axes)
            left = tuple(n - sum(edge) for n, edge in zip(before, edges, strict=True))
            starts = [low for low, _ in edges]
        if any(m < 1 or m > n for n, m in zip(before, left, strict=True)):
            raise ShapeError(f"it would leave {left} ({', '.join(NAMES[self.axes])}) of {values.shape}.")
        return values[:, *(slice(start, start + m) for start, m in zip(starts, left, strict=True))]


def edges_of(setting: str, amount: Any, axes: int) -> Edges:
    """Return what is before and after each axis; raises `SettingError` for what is no `Amount` for these axes."""
    if isinstance(amount, tuple) and any(isinstance(one, tuple) for one in amount):
        try:
            return written_edges(amount, axes)
        except SettingError:
            raise SettingError(f"{setting} must be ({SIDES[axes]}) of at least 0, got {amount!r}.") from None
    try:
        return tuple((n, n) for n in sizes(amount, setting, axes, least=0))
    except SettingError as error:
        raise SettingError(f"{error} For other numbers before and after: ({SIDES[axes]}).") from None
