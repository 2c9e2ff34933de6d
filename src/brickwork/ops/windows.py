"""Windows that slide over sequences, pictures and volumes: sizes, padding and the slices they see."""

from collections.abc import Sequence
from math import prod
from typing import Any, Literal, NamedTuple, TypeAlias

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Int, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError, nearest

Axes: TypeAlias = Literal[1, 2, 3]
"""How many axes lie between rows and channels: 1 (time), 2 (height, width) or 3 (depth, height, width)."""

Sizes: TypeAlias = int | tuple[int, ...]
"""One number for all axes between rows and channels, or one for each."""

Padding: TypeAlias = Literal["same", "valid", "causal"] | tuple[tuple[int, int], ...]
"""`"same"`, `"valid"`, what to add before and after each axis (`((top, bottom), (left, right))` for pictures), or for
sequences `"causal"`: all of it before, so that nothing sees what comes after it."""

Edges: TypeAlias = tuple[tuple[int, int], ...]

NAMES = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}
KINDS = {1: "sequence", 2: "picture", 3: "volume"}
SIDES = {1: "(before, after),", 2: "(top, bottom), (left, right)", 3: "(front, back), (top, bottom), (left, right)"}

PADDINGS = ("same", "valid", "causal")

LARGEST_LOOP = 128
"""Positions of a window up to which it is computed by a slice for each: longer loops would be traced for ever."""

LARGEST_SIDE = 2**20
"""Places that an axis may be resampled to: tables of that size are made while a program is traced."""


def layout(axes: int) -> str:
    """Return what arrays with that many axes hold, in words: 'pictures (batch, height, width, channels)'."""
    return f"{KINDS[axes]}s (batch, {', '.join(NAMES[axes])}, channels)"


def axes_of(what: str, x: Shaped[Array, "..."]) -> int:
    """Return how many axes lie between rows and channels; raises `ShapeError` unless they are 1, 2 or 3."""
    if not 3 <= x.ndim <= 5:
        raise ShapeError(
            f"{what} needs {', '.join(map(layout, KINDS))}, got {x.shape}. "
            "A single picture needs a batch axis: x[None]."
        )
    return x.ndim - 2


def sizes(value: Sizes | Sequence[int], setting: str, axes: int, least: int = 1) -> tuple[int, ...]:
    """Return one number for each axis; raises `SettingError` unless they are whole and at least `least`."""
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(values) != axes or any(not isinstance(v, int) or isinstance(v, bool) or v < least for v in values):
        each = f", or one for each of {' and '.join(NAMES[axes])}" if axes > 1 else ""
        raise SettingError(f"{setting} must be a whole number of at least {least}{each}, got {value!r}.")
    return values


def reaches(window: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """Return how many positions a window reaches over along each axis, gaps included."""
    return tuple((k - 1) * d + 1 for k, d in zip(window, dilation, strict=True))


def padded_edges(
    size: Sequence[int], window: Sequence[int], stride: Sequence[int], dilation: Sequence[int], padding: Any
) -> Edges:
    """Return how much a `Padding` adds before and after each axis; raises `SettingError` for anything else.

    `"same"` gives ceil(size / stride) places and splits what is missing evenly, the odd one after (as
    XLA and Keras do; PyTorch's `padding=k // 2` places strided windows otherwise: write its edges out for that).
    `"causal"`, for sequences, adds everything before.
    """
    reach = reaches(window, dilation)
    if padding == "valid":
        return ((0, 0),) * len(size)
    if padding == "same":
        missing = [max((-(-n // s) - 1) * s + r - n, 0) for n, r, s in zip(size, reach, stride, strict=True)]
        return tuple((m // 2, m - m // 2) for m in missing)
    if padding == "causal" and len(size) == 1:
        return ((reach[0] - 1, 0),)
    return written_edges(padding, len(size))


def written_edges(padding: Any, axes: int) -> Edges:
    """Return padding that is written out for each axis; raises `SettingError` for anything else."""
    if padding == "causal":
        raise SettingError(f"padding 'causal' is for sequences only: a {KINDS[axes]} has no before and after.")
    if isinstance(padding, str):
        raise SettingError(f"There is no padding {padding!r}. {nearest(padding, PADDINGS)}")
    try:
        edges = tuple((low, high) for low, high in padding)
    except (TypeError, ValueError):
        edges = ()
    if len(edges) != axes:
        raise SettingError(f"padding must be ({SIDES[axes]}), got {padding!r}.")
    if any(not isinstance(n, int) or isinstance(n, bool) or n < 0 for pair in edges for n in pair):
        raise SettingError(f"padding must be whole numbers of at least 0, got {padding!r}.")
    return edges


def check_padding(padding: Any, axes: int) -> None:
    """Raise `SettingError` unless this is a `Padding` for that many axes."""
    if padding not in (PADDINGS if axes == 1 else PADDINGS[:2]):
        written_edges(padding, axes)


def places(
    what: str,
    size: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    edges: Edges,
) -> tuple[int, ...]:
    """Return how many places a window takes along each axis; raises `ShapeError` when it does not fit once."""
    reach = reaches(window, dilation)
    around = tuple(n + sum(e) for n, e in zip(size, edges, strict=True))
    if any(r > n for r, n in zip(reach, around, strict=True)):
        raise ShapeError(
            f"{what}: a window reaching over {_by(reach)} does not fit into a {KINDS[len(reach)]} of {_by(size)} "
            f"(padded {_by(around)}). Use a smaller window or dilation, larger {KINDS[len(reach)]}s, or padding 'same'."
        )
    return tuple((n - r) // s + 1 for n, r, s in zip(around, reach, stride, strict=True))


def _by(numbers: Sequence[int]) -> str:
    return "x".join(map(str, numbers))


def shifted(x: Shaped[Array, "..."], axis: int, count: int, places: int, stride: int, dilation: int) -> list[Array]:
    """Return `count` slices of an axis: what position 0, 1, ... of the sliding window sees at each place."""
    starts = (i * dilation for i in range(count))
    return [lax.slice_in_dim(x, start, start + (places - 1) * stride + 1, stride, axis) for start in starts]


def padded(x: Shaped[Array, "batch *places channels"], edges: Edges, value: float = 0) -> Array:
    """Return an array with places of `value` added around it."""
    if not any(map(any, edges)):
        return x
    config = [(0, 0, 0), *((low, high, 0) for low, high in edges), (0, 0, 0)]
    return lax.pad(x, jnp.asarray(value, x.dtype), config)


def few_positions(window: Sequence[int]) -> bool:
    """Tell whether a loop over the positions of a window is short enough to be traced."""
    return prod(window) <= LARGEST_LOOP


# ---------------------------------------------------------------------------------- sequences of different lengths


class Steps(NamedTuple):
    """Padded sequences laid out for windows, so that each gives what it would give alone.

    `values` (rows, time', channels) hold a fill wherever `mask` (rows, time') is false; `padding` is the one to slide
    windows with, and `lengths` (rows,) are those afterwards.
    """

    values: Shaped[Array, "rows time channels"]
    mask: Bool[Array, "rows time"]
    padding: Edges
    lengths: Int[Array, " rows"]

    def ended(self, y: Shaped[Array, "rows time channels"]) -> Padded:
        """Return what the windows gave as padded sequences, 0 past their ends."""
        return ended(y, self.lengths)


def ended(y: Shaped[Array, "rows time channels"], lengths: Int[Array, " rows"]) -> Padded:
    """Return values as padded sequences of these lengths, 0 past their ends."""
    sequences = Padded(y, lengths)
    return sequences.with_values(jnp.where(sequences.mask[..., None], y, jnp.zeros_like(y)))


def laid_out(x: Padded, window: int, stride: int, dilation: int, padding: Any, fill: float = 0) -> Steps:
    """Lay padded sequences out for windows; see `Steps`. A sequence of length 0 stays one.

    With a stride, where the windows of padding "same" start depends on the length: every row is then shifted to
    where its own windows start.
    """
    time, reach = x.values.shape[1], (window - 1) * dilation + 1
    after = -(-x.lengths // stride)
    if padding != "same" or stride == 1:
        edges = padded_edges((time,), (window,), (stride,), (dilation,), padding)
        if padding not in ("same", "causal"):
            after = jnp.maximum((x.lengths + sum(edges[0]) - reach) // stride + 1, 0)
            after = jnp.where(x.lengths > 0, after, 0)
        mask = x.mask
        values = jnp.where(mask[..., None], x.values, jnp.asarray(fill, x.values.dtype))
        return Steps(values, mask, edges, after)
    before = jnp.maximum((after - 1) * stride + reach - x.lengths, 0) // 2
    total = (-(-time // stride) - 1) * stride + reach
    source = jnp.arange(total, dtype=x.lengths.dtype)[None] - before[:, None]
    mask = (source >= 0) & (source < x.lengths[:, None])
    values = jnp.take_along_axis(x.values, jnp.clip(source, 0, time - 1)[..., None], axis=1)
    values = jnp.where(mask[..., None], values, jnp.asarray(fill, values.dtype))
    return Steps(values, mask, ((0, 0),), after)
