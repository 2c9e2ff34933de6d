"""Changing sequences: sounds, spectrograms, measurements over time."""

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from brickwork.bricks.augment.annotated import Annotated, Augmentation, InputAugmentation, per_picture
from brickwork.core.batch import Padded
from brickwork.core.brick import brick
from brickwork.core.errors import ShapeError, unwritten
from brickwork.core.scope import Scope
from brickwork.ops.precision import wide_type


@brick
class TimeMask(InputAugmentation):
    """Covers stretches of time in every sequence while training, so that a network does without some moments.

        y[t] = fill for first <= t < first + n,   n even in 0 .. width,   first even in 0 .. length - n

    `count` times, each drawn apart. `Padded` sequences are covered within their lengths only, and `share` bounds how
    much of a short one goes.

    Shapes: (rows, time, ...) or `Padded` to the same, as floats; or an `Annotated` with such sequences.

    Args:
        width: most steps that are covered at once.
        count: how many stretches.
        share: most of a sequence's length that one stretch covers.
        fill: what covers them: 0 is the mean of standardised features.

    Raises:
        SettingError: settings out of range.
        ShapeError: the input has no axis of time.

    Source: Park et al. 2019, "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition",
    section 2, with p of section 3.1.

    >>> import jax.numpy as jnp
    >>> net, x = TimeMask(width=3), jnp.ones((2, 8, 4))
    >>> net.plan(x).output.shape
    (2, 8, 4)
    """

    padded = "aware"

    width: int
    count: int = 1
    share: float = 1.0
    fill: float = 0.0

    def validate(self) -> None:
        """Check ranges."""
        self.require(self.width >= 0, "width", "0 or more")
        self.require(self.count >= 1, "count", "1 or more")
        self.require(0 <= self.share <= 1, "share", "a share, 0 to 1")

    def inputs(self, scope: Scope, x: Any) -> Any:
        """Cover stretches of time while training."""
        values, lengths = _sequence(scope, x)
        most = jnp.floor(self.share * lengths.astype(wide_type(scope.dtype)))
        return _like(x, _cover(self, scope, values, 1, lengths, most))


@brick
class FrequencyMask(InputAugmentation):
    """Covers bands of neighbouring features in every sequence while training: of a spectrogram, bands of frequencies.

        y[:, f] = fill for first <= f < first + n,   n even in 0 .. width,   first even in 0 .. features - n

    `count` times, each drawn apart.

    Shapes: (rows, time, features, ...) or `Padded` to the same, as floats; or an `Annotated` with such sequences.

    Args:
        width: most features that are covered at once.
        count: how many bands.
        fill: what covers them: 0 is the mean of standardised features.

    Raises:
        SettingError: settings out of range.
        ShapeError: the input has no axis of features.

    Source: Park et al. 2019, "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition",
    section 2.

    >>> import jax.numpy as jnp
    >>> net, x = FrequencyMask(width=3), jnp.ones((2, 8, 4))
    >>> net.plan(x).output.shape
    (2, 8, 4)
    """

    padded = "pointwise"

    width: int
    count: int = 1
    fill: float = 0.0

    def validate(self) -> None:
        """Check ranges."""
        self.require(self.width >= 0, "width", "0 or more")
        self.require(self.count >= 1, "count", "1 or more")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows time features ..."]:
        """Cover bands while training."""
        if x.ndim < 3:
            raise ShapeError(f"it wants sequences of features (rows, time, features), got {x.shape}.")
        x, size = scope.cast(x), jnp.full(x.shape[0], x.shape[2], jnp.int32)
        return _cover(self, scope, x, 2, size, size.astype(wide_type(scope.dtype)))


@brick
class RandomGain(InputAugmentation):
    """Makes every sound louder or softer while training, each by its own factor.

        y = x 10^(g / 20),   g even in -decibels .. decibels

    Shapes: (rows, ...), or `Padded`, to the same, as floats; or an `Annotated` with such inputs.

    Args:
        decibels: most change of the level: 6 is about twice or half the amplitude.

    Raises:
        SettingError: a negative setting.

    Source: Schlueter, Grill 2015, "Exploring Data Augmentation for Improved Singing Voice Detection with Neural
    Networks", section 4.2.

    >>> import jax, jax.numpy as jnp
    >>> net, x = RandomGain(), jnp.ones((2, 3))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    padded = "pointwise"

    decibels: float = 6.0

    def validate(self) -> None:
        """Check the range."""
        self.require(self.decibels >= 0, "decibels", "0 or more")

    def inputs(self, scope: Scope, x: Array) -> Float[Array, "rows ..."]:
        """Scale each row while training."""
        x = scope.cast(x)
        decibels = scope.setting("decibels", self.decibels)
        if not scope.training:
            return x
        draws = self.uniform(scope, 1, x.shape[0], -1.0, 1.0)[0]
        gain = scope.tap("decibels", draws * jnp.asarray(decibels, draws.dtype))
        return x * per_picture(10 ** (gain / 20), x)


class _InTime(Augmentation):
    """A brick that reads sequences, and the labels of their steps, at other steps."""

    fill: float
    fill_label: int

    def change(self, scope: Scope, given: Annotated) -> Annotated:
        """Read inputs and mask alike."""
        values, lengths = _sequence(scope, given.inputs, cast=False)
        if isinstance(given.mask, Padded) != isinstance(given.inputs, Padded) and given.mask is not None:
            raise ShapeError("labels of steps must be Padded where the sequences are, and arrays where they are not.")
        labels = given.mask.values if isinstance(given.mask, Padded) else given.mask
        if labels is not None and labels.shape[:2] != values.shape[:2]:
            raise ShapeError(f"the labels of steps must be {values.shape[:2]}, one for each; got {labels.shape}.")
        found = self.steps(scope, lengths, values.shape[1])
        if found is None:
            return given
        steps, known, lengths = found

        def read(x: Array, fill: float) -> Array:
            index = steps.reshape(*steps.shape, *(1 for _ in x.shape[2:]))
            there = known.reshape(index.shape)
            return jnp.where(there, jnp.take_along_axis(x, index, axis=1), jnp.asarray(fill).astype(x.dtype))

        def around(old: Any, values: Array) -> Any:
            return Padded(values, lengths) if isinstance(old, Padded) else values

        mask = None if labels is None else around(given.mask, read(labels, self.fill_label))
        return replace(given, inputs=around(given.inputs, read(values, self.fill)), mask=mask)

    def steps(
        self, scope: Scope, lengths: Int[Array, " rows"], time: int
    ) -> tuple[Int[Array, "rows time"], Bool[Array, "rows time"], Int[Array, " rows"]] | None:
        """Return at which step each new one is read, whether there is one, and the new lengths; None to leave all."""
        del scope, lengths, time
        raise unwritten(self, "steps(self, scope, lengths, time)")


@brick
class TimeShift(_InTime):
    """Moves every sequence earlier or later by a random number of steps while training.

        y[t] = x[t - s],   s even in -shift .. shift;   beyond the ends `fill`, or with `wrap` the other end

    `Padded` sequences are moved within their lengths. Labels of steps (an `Annotated` with a mask) move along.

    Shapes: (rows, time, ...) or `Padded` to the same, in the same type; or an `Annotated` with such sequences.

    Args:
        shift: most steps to move by.
        wrap: whether what leaves at one end comes in at the other.
        fill: what comes in otherwise.
        fill_label: what comes in in labels of steps.

    Raises:
        SettingError: a negative shift.
        ShapeError: the input has no axis of time; labels of steps do not belong to it.

    Source: Salamon, Bello 2017, "Deep Convolutional Neural Networks and Data Augmentation for Environmental Sound
    Classification", names it among audio augmentations; the equation is the definition.

    >>> import jax, jax.numpy as jnp
    >>> net, x = TimeShift(2), jnp.arange(10).reshape(2, 5)
    >>> net.apply(net.init(jax.random.key(0), x), x).output.tolist()
    [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    """

    padded = "aware"

    shift: int
    wrap: bool = False
    fill: float = 0.0
    fill_label: int = 0

    def validate(self) -> None:
        """Check the shift."""
        self.require(self.shift >= 0, "shift", "0 or more")

    def steps(self, scope: Scope, lengths: Array, time: int) -> Any:
        """Return the steps that come to stand here."""
        if not scope.training:
            return None
        draws = self.uniform(scope, 1, lengths.shape[0])[0] * (2 * self.shift + 1)
        moved = jnp.minimum(jnp.floor(draws).astype(jnp.int32), 2 * self.shift) - self.shift
        moved, now = scope.tap("shifts", moved)[:, None], jnp.arange(time, dtype=jnp.int32)[None]
        last = lengths[:, None]
        steps, real = now - moved, now < last
        if self.wrap:
            steps, inside = steps % jnp.maximum(last, 1), real
        else:
            inside = (steps >= 0) & (steps < last) & real
        return jnp.clip(steps, 0, time - 1), inside, lengths


@brick
class RandomWindow(_InTime):
    """Cuts a window of a fixed number of steps out of every sequence, anywhere while training, else in the middle.

        y[t] = x[t + first],   first even in 0 .. length - size

    A sequence shorter than the window stays as it is, with `fill` after its end; a `Padded` one keeps its length.
    Labels of steps (an `Annotated` with a mask) are cut likewise.

    Shapes: (rows, time, ...) or `Padded` to (rows, size, ...), in the same type; or an `Annotated` with such sequences.

    Args:
        size: how many steps the window has.
        fill: what stands after the end of a shorter sequence.
        fill_label: what stands there in labels of steps.

    Raises:
        SettingError: a size below 1.
        ShapeError: the input has no axis of time; labels of steps do not belong to it.

    Source: Le Guennec, Malinowski, Tavenard 2016, "Data Augmentation for Time Series Classification using
    Convolutional Neural Networks", section 3.1 (window slicing).

    >>> import jax, jax.numpy as jnp
    >>> net, x = RandomWindow(3), jnp.arange(10).reshape(2, 5)
    >>> net.apply(net.init(jax.random.key(0), x), x).output.tolist()
    [[1, 2, 3], [6, 7, 8]]
    """

    padded = "aware"

    size: int
    fill: float = 0.0
    fill_label: int = 0

    def validate(self) -> None:
        """Check the size."""
        self.require(self.size >= 1, "size", "1 or more")

    def steps(self, scope: Scope, lengths: Array, time: int) -> Any:
        """Return the steps of the window."""
        room = jnp.maximum(lengths - self.size, 0)
        if scope.training:
            draws = self.uniform(scope, 1, lengths.shape[0])[0]
            first = jnp.floor(draws * (room + 1).astype(draws.dtype)).astype(jnp.int32)
            first = scope.tap("starts", jnp.minimum(first, room))
        else:
            first = room // 2
        steps = first[:, None] + jnp.arange(self.size, dtype=jnp.int32)
        return jnp.minimum(steps, time - 1), steps < lengths[:, None], jnp.minimum(lengths, self.size)


def _sequence(scope: Scope, x: Any, cast: bool = True) -> tuple[Array, Int[Array, " rows"]]:
    """Return the values and the lengths of sequences."""
    values = x.values if isinstance(x, Padded) else x
    if values.ndim < 2:
        raise ShapeError(f"it wants sequences (rows, time, ...), got {values.shape}. Add the axis of rows, x[None].")
    lengths = (
        x.lengths.astype(jnp.int32) if isinstance(x, Padded) else jnp.full(len(values), values.shape[1], jnp.int32)
    )
    return scope.cast(values) if cast else values, lengths


def _like(old: Any, values: Array) -> Any:
    return old.with_values(values) if isinstance(old, Padded) else values


def _cover(
    brick: TimeMask | FrequencyMask, scope: Scope, x: Array, axis: int, size: Int[Array, " rows"], most: Array
) -> Array:
    """Cover up to `width` and `most` places along an axis, of `size` places, `count` times while training."""
    if not scope.training:
        return x
    widest = jnp.minimum(most, brick.width)
    draws = brick.uniform(scope, 2 * brick.count, x.shape[0]).reshape(2, brick.count, -1)
    width = jnp.minimum(jnp.floor(draws[0] * (widest + 1)), widest)
    room = size.astype(width.dtype) - width
    first = jnp.minimum(jnp.floor(draws[1] * (room + 1)), room)
    first, width = scope.tap("first", first), scope.tap("width", width)
    place = jnp.arange(x.shape[axis]).astype(first.dtype)
    covered = ((place >= first[..., None]) & (place < (first + width)[..., None])).any(0)  # (rows, places)
    shape = [x.shape[0], *(1 for _ in x.shape[1:])]
    shape[axis] = x.shape[axis]
    return jnp.where(covered.reshape(shape), jnp.asarray(brick.fill, x.dtype), x)
