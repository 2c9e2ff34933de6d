"""Row order for training: which rows make up each batch of an epoch, decided on the host."""

import numpy as np
from jaxtyping import Float32, Int32
from numpy.typing import ArrayLike

from brickwork.core.errors import DataError, SettingError, nearest

ORDERS = ("shuffled", "sequential")


def epoch_rows(
    rows: int,
    batch_size: int,
    *,
    order: str = "shuffled",
    seed: int = 0,
    epoch: int = 0,
    weights: ArrayLike | None = None,
) -> tuple[Int32[np.ndarray, "steps batch"], Float32[np.ndarray, "steps batch"]]:
    """Return the row numbers of every batch of one epoch, and the weight of each place in a batch.

    Steps = ceil(rows / batch_size). Every row comes once, with weight 1; the last batch is filled up with row 0
    at weight 0, so that all batches have one shape. The order is a function of (seed, epoch) alone: a run that
    was killed finds the same batches again.

    `order` is "shuffled" or "sequential". With `weights` (rows,) the epoch is `rows` draws with replacement, row i
    with probability weights[i] / sum(weights) (resampling); `order` then plays no part.

    Raises `SettingError` for a batch size below 1, a negative seed or epoch, or an unknown order; `DataError`
    for no rows, and for weights that are negative, not finite, all zero or of the wrong number.
    """
    if rows < 1:
        raise DataError("There are no rows to train on.")
    if batch_size < 1:
        raise SettingError(f"batch_size must be at least 1, got {batch_size}.")
    if seed < 0 or epoch < 0:
        raise SettingError(f"seed and epoch must not be negative, got seed={seed}, epoch={epoch}.")
    if order not in ORDERS:
        raise SettingError(f"There is no order {order!r}. {nearest(str(order), ORDERS)}")
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, epoch))))
    if weights is not None:
        chosen = _draws(generator, rows, np.asarray(weights))
    elif order == "shuffled":
        chosen = generator.permutation(rows)
    else:
        chosen = np.arange(rows)
    steps = -(-rows // batch_size)
    numbers = np.zeros(steps * batch_size, np.int32)
    weight = np.zeros(steps * batch_size, np.float32)
    numbers[:rows] = chosen
    weight[:rows] = 1.0
    return numbers.reshape(steps, batch_size), weight.reshape(steps, batch_size)


def _draws(generator: np.random.Generator, rows: int, weights: np.ndarray) -> np.ndarray:
    if weights.shape != (rows,):
        raise DataError(f"Sampling weights must be one number a row, shape ({rows},); got shape {weights.shape}.")
    if weights.dtype.kind not in "fiub":
        raise DataError(f"Sampling weights must be numbers, got {weights.dtype}.")
    weights = weights.astype(np.float64)
    if not np.isfinite(weights).all():
        bad = int(np.flatnonzero(~np.isfinite(weights))[0])
        raise DataError(f"Sampling weights must be finite; row {bad} has {weights[bad]}.")
    if (weights < 0).any():
        bad = int(np.flatnonzero(weights < 0)[0])
        raise DataError(f"Sampling weights must not be negative; row {bad} has {weights[bad]}.")
    if not weights.any():
        raise DataError("Sampling weights are all zero: there is nothing to draw. Give at least one row a weight.")
    # Scaled first, so that weights near the largest float do not overflow in the sum. A draw in [0, 1) finds the
    # first row whose cumulative share is above it; rows of weight zero add nothing and are never found.
    cumulative = np.cumsum(weights / weights.max())
    return np.searchsorted(cumulative, generator.random(rows) * cumulative[-1], side="right").clip(
        0, int(np.flatnonzero(weights)[-1])
    )
