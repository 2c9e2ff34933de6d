"""Means and variances, with weights, and the normalisations made of them."""

from collections.abc import Sequence
from functools import partial
from math import prod

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Shaped

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops.implementation import choose
from brickwork.ops.native_layer_normalization import layer_normalize_native
from brickwork.ops.native_normalization import batch_normalize_native
from brickwork.ops.precision import accumulated, narrow


def moments(
    x: Float[Array, "..."],
    axes: int | Sequence[int],
    weights: Shaped[Array, "..."] | None = None,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return mean and variance over some axes, which stay in the result with size 1.

    mean = sum(w x) / sum(w),   variance = sum(w (x - mean)^2) / sum(w)   (not corrected: divided by n, not n - 1)

    Two passes, so a large mean costs no digits, with sums in float32 at least: the results are float32 for bfloat16
    and float16. `weights` (numbers from 0 up, or a mask) broadcast against `x` from the right as NumPy's do; what
    has weight 0 is never read, not even a nan, and no weight at all gives mean 0 and variance 0.

    Raises `ShapeError` when weights do not broadcast against `x` or there is nothing to take the mean of, and
    `SettingError` for an axis that `x` does not have. Source: Chan, Golub and LeVeque (1983), "Algorithms for
    computing the sample variance", equation 1.5 (two-pass).
    """
    mean, variance, _ = _weighted_moments(x, _axes(x, axes), weights)
    return mean, variance


def batch_moments(
    x: Float[Array, "batch *places channels"],
    weights: Shaped[Array, "batch *some_places"] | None = None,
) -> tuple[Float[Array, " channels"], Float[Array, " channels"], Float[Array, ""]]:
    """Return mean and variance of each channel over rows and places, and the total weight they are made from.

    `weights` has the shape of the first axes of `x`: (batch,) for rows, (batch, time) for steps of sequences; each
    place then counts as much as its row or step. The total is the number of places if there are no weights; it
    tells how much to trust the moments, and is 0 for a batch of padding (whose mean and variance are 0). On a
    batch spread over devices these are the moments of the whole batch.

    Raises `ShapeError` when weights do not have the shape of the first axes of `x`.
    Source: Ioffe and Szegedy (2015), "Batch normalization", algorithm 1.
    """
    if x.ndim < 2:
        raise ShapeError(f"batch_moments needs (batch, places..., channels), got {x.shape}.")
    if weights is not None:
        weights = _over_places("batch_moments", weights, x)
    mean, variance, total = _weighted_moments(x, tuple(range(x.ndim - 1)), weights)
    return mean.reshape(-1), variance.reshape(-1), total.reshape(())


def batch_normalize(
    x: Float[Array, "batch *places channels"],
    scale: Float[Array, " channels"] | None = None,
    offset: Float[Array, " channels"] | None = None,
    *,
    counted: Bool[Array, "batch *some_places"] | None = None,
    epsilon: float = 1e-5,
) -> tuple[
    Float[Array, "batch *places channels"], Float[Array, " channels"], Float[Array, " channels"], Float[Array, ""]
]:
    """Give each channel mean 0 and variance 1 over rows and places, then scale and offset it.

    y = (x - mean) / sqrt(variance + epsilon) scale + offset,   mean, variance, total = batch_moments(x, counted)

    Returns y, mean, variance and total. `counted` tells which rows, or which steps of rows, the moments are made from;
    y has all of them. On a CPU a kernel of our own computes it, and its gradient.

    Raises as `batch_moments` and `standardize` do. Source: Ioffe and Szegedy (2015), "Batch normalization",
    algorithm 1.
    """
    _check_epsilon(epsilon)
    if x.ndim < 2:
        raise ShapeError(f"batch_normalize needs (batch, places..., channels), got {x.shape}.")
    if counted is not None:
        _over_places("batch_normalize", counted, x)
    for name, array in {"scale": scale, "offset": offset}.items():
        if array is not None and array.shape != x.shape[-1:]:
            raise ShapeError(f"batch_normalize: {name} for {x.shape} must be {x.shape[-1:]}, got {array.shape}.")
    if 0 in x.shape or not narrow(x):
        return _batch_normalize_plain(x, scale, offset, counted, epsilon=epsilon)
    table = {
        "xla": partial(_batch_normalize_plain, epsilon=epsilon),
        "native": partial(_batch_normalize_native, epsilon=epsilon),
    }
    return choose(table, x, scale, offset, counted)


def _batch_normalize_plain(x, scale, offset, counted, *, epsilon):
    mean, variance, total = batch_moments(x, counted)
    return standardize(x, mean, variance, scale, offset, epsilon=epsilon), mean, variance, total


def _batch_normalize_native(x, scale, offset, counted, *, epsilon):
    channels, axes = x.shape[-1], 1 if counted is None else counted.ndim
    wide = accumulated(x).reshape(prod(x.shape[:axes]), prod(x.shape[axes:-1]), channels)
    rows, places, _ = wide.shape
    weights = jnp.zeros(0, wide.dtype) if counted is None else counted.reshape(rows).astype(wide.dtype)
    scale = jnp.ones(channels, wide.dtype) if scale is None else scale.astype(wide.dtype)
    offset = jnp.zeros(channels, wide.dtype) if offset is None else offset.astype(wide.dtype)
    y, mean, variance = batch_normalize_native(wide, weights, scale, offset, epsilon=epsilon)
    total = jnp.asarray(rows * places, wide.dtype) if counted is None else jnp.sum(weights) * places
    return y.reshape(x.shape).astype(x.dtype), mean, variance, total


def standardize(
    x: Float[Array, "..."],
    mean: Float[Array, "..."],
    variance: Float[Array, "..."],
    scale: Float[Array, "..."] | None = None,
    offset: Float[Array, "..."] | None = None,
    *,
    epsilon: float = 1e-5,
) -> Float[Array, "..."]:
    """Shift and stretch with given moments: y = (x - mean) / sqrt(variance + epsilon) scale + offset.

    All broadcast against `x`, whose shape and type the result has; computed in float32 at least.

    Raises `ShapeError` when one of them does not broadcast against `x`, `SettingError` for a negative epsilon.
    """
    _check_epsilon(epsilon)
    wide = accumulated(x)
    for name, array in {"mean": mean, "variance": variance, "scale": scale, "offset": offset}.items():
        if array is not None:
            _check_broadcast("standardize", name, array, x)
    factor = lax.rsqrt(variance.astype(wide.dtype) + jnp.asarray(epsilon, wide.dtype))
    if scale is not None:
        factor = factor * scale.astype(wide.dtype)
    y = (wide - mean.astype(wide.dtype)) * factor
    if offset is not None:
        y = y + offset.astype(wide.dtype)
    return y.astype(x.dtype)


def normalize(
    x: Float[Array, "..."],
    axes: int | Sequence[int],
    scale: Float[Array, "..."] | None = None,
    offset: Float[Array, "..."] | None = None,
    *,
    weights: Shaped[Array, "..."] | None = None,
    epsilon: float = 1e-5,
) -> Float[Array, "..."]:
    """Give `x` mean 0 and variance 1 over some axes, then scale and offset it.

    y = (x - mean) / sqrt(variance + epsilon) scale + offset, with `moments(x, axes, weights)`. Over the last axis it
    is layer normalisation, over height and width of pictures instance normalisation.

    Raises as `moments` and `standardize` do. Source: Ba, Kiros and Hinton (2016), "Layer normalization", equation 4.
    """
    plain = partial(_normalize, axes=axes, weights=weights, epsilon=epsilon)
    if weights is not None or _axes(x, axes) != (x.ndim - 1,) or not _is_layer(x, scale, offset, epsilon):
        return plain(x, scale, offset)
    ones = jnp.ones(x.shape[-1:], x.dtype) if scale is None else scale
    zeros = jnp.zeros(x.shape[-1:], x.dtype) if offset is None else offset
    return choose({"xla": plain, "native": partial(layer_normalize_native, epsilon=epsilon)}, x, ones, zeros)


def _normalize(x, scale, offset, *, axes, weights, epsilon):
    mean, variance = moments(x, axes, weights)
    return standardize(x, mean, variance, scale, offset, epsilon=epsilon)


def _is_layer(x: Array, scale: Array | None, offset: Array | None, epsilon: float) -> bool:
    """Tell whether kernels normalise the last axis of `x`: floats of up to 32 bits, a scale and an offset for each."""
    known = isinstance(epsilon, int | float) and epsilon >= 0
    given = [one for one in (scale, offset) if one is not None]
    real = narrow(x, *given)
    return known and real and x.size > 0 and all(one.shape == x.shape[-1:] for one in given)


def group_normalize(
    x: Float[Array, "batch *places channels"],
    groups: int,
    scale: Float[Array, " channels"] | None = None,
    offset: Float[Array, " channels"] | None = None,
    *,
    weights: Shaped[Array, "batch *some_places"] | None = None,
    epsilon: float = 1e-5,
) -> Float[Array, "batch *places channels"]:
    """Give each group of channels of each row mean 0 and variance 1 over its places, then scale and offset channels.

    y = (x - mean) / sqrt(variance + epsilon) scale + offset, mean and variance over all places and the channels of one
    group, which stand side by side. As many groups as channels make it instance normalisation. `weights` are as
    in `batch_moments`: what has weight 0 is never read; a row without any weight is normalised with mean 0 and
    variance 0.

    Raises `SettingError` when groups do not divide the channels, `ShapeError` for weights that do not have the
    shape of the first axes of `x`. Source: Wu and He (2018), "Group normalization", equation 7.
    """
    if x.ndim < 2:
        raise ShapeError(f"group_normalize needs (batch, places..., channels), got {x.shape}.")
    channels = x.shape[-1]
    if groups < 1 or channels % groups:
        raise SettingError(f"groups must divide the {channels} channels of {x.shape}, got {groups}.")
    grouped = x.reshape(*x.shape[:-1], groups, channels // groups)
    if weights is not None:
        weights = _over_places("group_normalize", weights, x)[..., None]
    mean, variance = moments(grouped, (*range(1, x.ndim - 1), -1), weights)
    each = (groups, channels // groups)
    scale, offset = (None if one is None else one.reshape(each) for one in (scale, offset))
    return standardize(grouped, mean, variance, scale, offset, epsilon=epsilon).reshape(x.shape)


def rms_normalize(
    x: Float[Array, "..."],
    axes: int | Sequence[int],
    scale: Float[Array, "..."] | None = None,
    *,
    epsilon: float = 1e-6,
) -> Float[Array, "..."]:
    """Divide by the root of the mean square over some axes: y = x / sqrt(mean(x^2) + epsilon) scale.

    Raises as `normalize` does. Source: Zhang and Sennrich (2019), "Root mean square layer normalization", equation 4.
    """
    mean_square, _, _ = _weighted_moments(jnp.square(accumulated(x)), _axes(x, axes), None)
    return standardize(x, jnp.zeros((), x.dtype), mean_square, scale, epsilon=epsilon)


def _weighted_moments(x: Array, axes: tuple[int, ...], weights: Array | None) -> tuple[Array, Array, Array]:
    x = accumulated(x)
    if weights is None:
        count = prod(x.shape[axis] for axis in axes)
        if count == 0:
            raise ShapeError(f"There is nothing to take the mean of: {x.shape} over the axes {axes}. Give weights.")
        mean = jnp.mean(x, axis=axes, keepdims=True)
        variance = jnp.mean(jnp.square(x - mean), axis=axes, keepdims=True)
        return mean, variance, jnp.asarray(count, x.dtype)
    _check_broadcast("moments", "weights", weights, x)
    weights = weights.astype(x.dtype).reshape((1,) * (x.ndim - weights.ndim) + weights.shape)
    x = jnp.where(weights != 0, x, jnp.zeros_like(x))
    repeats = prod(x.shape[axis] for axis in axes if weights.shape[axis] == 1)
    total = jnp.sum(weights, axis=axes, keepdims=True) * repeats
    divisor = jnp.where(total > 0, total, jnp.ones_like(total))
    mean = jnp.sum(weights * x, axis=axes, keepdims=True) / divisor
    variance = jnp.sum(weights * jnp.square(x - mean), axis=axes, keepdims=True) / divisor
    return mean, variance, total


def _axes(x: Array, axes: int | Sequence[int]) -> tuple[int, ...]:
    given = (axes,) if isinstance(axes, int) else tuple(axes)
    if any(not -x.ndim <= axis < x.ndim for axis in given):
        raise SettingError(f"axes must name axes of {x.shape}, from {-x.ndim} to {x.ndim - 1}, got {axes!r}.")
    found = tuple(axis % x.ndim for axis in given)
    if len(set(found)) != len(found):
        raise SettingError(f"axes must name every axis once, got {axes!r} for {x.shape}.")
    return found


def _over_places(what: str, weights: Array, x: Array) -> Array:
    """Return weights of rows, or of rows and some places, with axes of 1 for the rest of `x`."""
    if not 1 <= weights.ndim < x.ndim or weights.shape != x.shape[: weights.ndim]:
        raise ShapeError(
            f"{what}: weights for {x.shape} must have the shape of its first axes, such as {x.shape[:1]}, "
            f"got {weights.shape}."
        )
    return weights.reshape(weights.shape + (1,) * (x.ndim - weights.ndim))


def _check_epsilon(epsilon: float) -> None:
    if isinstance(epsilon, int | float) and not epsilon >= 0:
        raise SettingError(f"epsilon must be 0 or more, got {epsilon!r}.")


def _check_broadcast(what: str, name: str, array: Array, x: Array) -> None:
    try:
        fits = jnp.broadcast_shapes(array.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{what}: {name} of shape {array.shape} does not fit {x.shape}: sizes must be equal or 1.")
