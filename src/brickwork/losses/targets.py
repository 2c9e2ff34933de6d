"""Targets on the host: their type and shape, and words for what does not fit."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.core.batch import Padded
from brickwork.core.errors import DataError, ShapeError
from brickwork.losses.base import Loss


def host_mask(padded: Padded) -> np.ndarray:
    """Return the mask of sequences as a NumPy array."""
    return np.arange(padded.values.shape[1])[None, :] < np.asarray(padded.lengths)[:, None]


def fit_padded(loss: Loss, output_shape: tuple[int, ...], targets: Padded) -> Padded:
    """Fit the values of sequences, whose time axis has any length and whose padding holds anything."""
    values, mask = np.asarray(targets.values), host_mask(targets)
    values = np.where(mask.reshape(mask.shape + (1,) * (values.ndim - 2)), values, np.zeros((), values.dtype))
    shape = (output_shape[0], values.shape[1], *output_shape[2:])
    return targets.with_values(loss.fit_targets(shape, values))


def fit_alike(loss: Loss, output_shape: tuple[int, ...], targets: Any) -> Any:
    """Return numbers in the outputs' shape, an axis of one added or dropped; anything else raises."""
    if isinstance(targets, Padded):
        return fit_padded(loss, output_shape, targets)
    targets = floats(numbers(targets))
    wanted, shape = output_shape[1:], targets.shape[1:]
    if shape == wanted:
        return targets
    if wanted == (*shape, 1):
        return targets[..., None]
    if shape == (*wanted, 1):
        return targets[..., 0]
    raise ShapeError(misfit(output_shape, targets.shape, classes=False))


def misfit(output_shape: tuple[int, ...], target_shape: tuple[int, ...], classes: bool) -> str:
    """Say that outputs and targets do not fit, and what to change."""
    what = f"The network gives {in_words(output_shape)}, but the targets have {in_words(target_shape)}: "
    if len(target_shape) == len(output_shape) and target_shape[1:-1] == output_shape[1:-1]:
        return what + f"end the network in Dense({target_shape[-1]})."
    if not classes and target_shape[1:] == output_shape[1:-1]:
        return what + "end the network in Dense(1), or use the loss 'cross_entropy' if the targets are class numbers."
    if len(output_shape) > 2 and len(target_shape) < len(output_shape):
        return what + "put Flatten() or GlobalPool() before the last Dense."
    return what + "they must agree in every axis before the last."


def in_words(shape: tuple[int, ...]) -> str:
    """Return what one row is by the shape of all."""
    if len(shape) == 1:
        return "one number a row"
    if len(shape) == 2:
        return f"{shape[1]} number{'s' if shape[1] != 1 else ''} a row"
    return f"arrays {shape[1:]} a row"


def numbers(targets: Any) -> np.ndarray:
    """Return targets as an array of numbers or flags with rows."""
    if isinstance(targets, dict):
        names = ", ".join(sorted(map(str, targets)))
        raise ShapeError(
            f"The targets are named ({names}), but the loss compares one output with one target: "
            "for several heads write a loss of your own, a function of both dicts."
        )
    targets = np.asarray(targets)
    if targets.ndim == 0:
        raise ShapeError(f"Targets need one entry per row, got the single value {targets}.")
    if jnp.issubdtype(targets.dtype, jnp.floating):
        return targets if targets.dtype.kind == "f" else targets.astype(np.float32)
    if targets.dtype.kind not in "biu":
        example = f" (such as {targets.ravel()[:1].tolist()[0]!r})" if targets.size else ""
        raise DataError(
            f"Targets must be numbers, got {targets.dtype}{example}: number the classes first, for example by "
            "np.unique(targets, return_inverse=True)."
        )
    return targets


def floats(targets: np.ndarray) -> np.ndarray:
    """Return targets in the widest float that JAX is set to."""
    with np.errstate(over="ignore"):
        return np.asarray(targets, jax.dtypes.canonicalize_dtype(np.float64))


def real(targets: Any) -> np.ndarray:
    """Return targets as one array, with a real one in place of padding."""
    if not isinstance(targets, Padded):
        return targets
    values, mask = np.array(targets.values), host_mask(targets)
    values[~mask] = values[mask][:1] if mask.any() else 0
    return values if mask.any() else values[:0]


def first(values: np.ndarray, wrong: np.ndarray) -> tuple[int, Any]:
    """Return row and value of the first wrong entry."""
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    value = values[index]
    return index[0], value.tolist()


def require_finite(targets: np.ndarray) -> None:
    """Raise `DataError` when there are no targets, or some are infinite or nan."""
    if targets.size == 0:
        raise DataError("There are no targets to learn from.")
    wrong = ~np.isfinite(targets)
    if np.any(wrong):
        row, value = first(targets, wrong)
        raise DataError(
            f"{int(wrong.sum())} of {targets.size} targets are not finite; the first is {value} in row {row}. Leave "
            "such rows out, or fill them in."
        )
