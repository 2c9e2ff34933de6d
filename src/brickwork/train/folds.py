"""Folds: every member of an ensemble leaves out other rows, to stop by them and to be judged on them."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from brickwork.bricks.ensemble import Combine, combined
from brickwork.core.errors import DataError, SettingError
from brickwork.data import Examples, stratified_split


def held_out_rows(targets: Any, rows: int, members: int, folds: Any, seed: int) -> list[np.ndarray]:
    """Return for each member the row numbers that it leaves out.

    The rows are dealt into `folds` parts, every class in its proportion; member i leaves out part i. With more members
    than folds the rows are dealt anew for the next ones. `folds` may also be a fold number for each row (rows that
    belong together, of one patient say, have one number), or None for as many as there are members.

    Raises `SettingError` for folds that are no such thing, `DataError` for fewer rows than folds.
    """
    if folds is not None and not isinstance(folds, int | np.integer):
        return _given(np.asarray(folds), rows, members)
    count = members if folds is None else int(folds)
    if not 2 <= count <= members:
        raise SettingError(
            f"folds must be from 2 to the number of members, which is {members}; got {count}. Every row must be left "
            "out by some member, and learnt from by another."
        )
    if rows < count:
        raise DataError(f"{rows} rows cannot be dealt into {count} folds.")
    labels = _labels(targets, rows)
    parts: list[np.ndarray] = []
    for deal in range(-(-members // count)):
        parts += [np.sort(part) for part in stratified_split(labels, (1 / count,) * count, seed + deal)]
    return parts[:members]


def other_rows(rows: int, left_out: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return for each member the rows that it learns from: all others."""
    return [np.setdiff1d(np.arange(rows), some) for some in left_out]


def held_out_examples(examples: Examples, left_out: Sequence[np.ndarray]) -> Examples:
    """Return what each member leaves out side by side: every array is (rows, members, ...).

    Shorter ones are filled up with rows of weight 0.
    """
    longest = max(len(some) for some in left_out)
    places = np.zeros((longest, len(left_out)), np.int64)
    weight = np.zeros(places.shape, np.float32)
    for member, some in enumerate(left_out):
        places[: len(some), member] = some
        weight[: len(some), member] = 1.0 if examples.weight is None else examples.weight[some]
    inputs, targets = jax.tree.map(lambda array: array[places], (examples.inputs, examples.targets))
    return Examples(inputs, targets, weight)  # pyright: ignore[reportArgumentType]


def gathered(outputs: np.ndarray, left_out: Sequence[np.ndarray], rows: int, combine: Combine) -> np.ndarray:
    """Return one output for each row, combined over the members that left it out; not a number where there is none.

    `outputs` are (rows left out, members, ...).
    """
    found = np.full((rows, *outputs.shape[2:]), np.nan, np.float32)
    counts = np.zeros(rows, np.int64)
    for some in left_out:
        counts[some] += 1
    stacked = np.zeros((max(1, int(counts.max())), *found.shape), np.float32)
    filled = np.zeros(rows, np.int64)
    for member, some in enumerate(left_out):
        stacked[filled[some], some] = outputs[: len(some), member]
        filled[some] += 1
    for count in range(1, len(stacked) + 1):
        which = counts == count
        if count == 1:  # a mean of one: nothing to compile
            found[which] = stacked[0, which]
        elif which.any():
            found[which] = np.asarray(combined(jax.numpy.asarray(stacked[:count, which]), combine))
    return found


def _given(numbers: np.ndarray, rows: int, members: int) -> list[np.ndarray]:
    if numbers.shape != (rows,) or numbers.dtype.kind not in "iu":
        raise SettingError(
            f"folds is how many there are, or a whole number for each of {rows} rows; got {numbers.dtype} of shape "
            f"{numbers.shape}."
        )
    known = np.unique(numbers)
    if not 2 <= len(known) <= members:
        raise SettingError(
            f"folds names {len(known)} folds, but there are {members} members: there must be at least 2 folds, and no "
            "more than members."
        )
    return [np.flatnonzero(numbers == known[member % len(known)]) for member in range(members)]


def _labels(targets: Any, rows: int) -> np.ndarray:
    """Return what the rows are dealt by: labels where there is one a row, else nothing that matters."""
    if isinstance(targets, np.ndarray) and (targets.ndim == 1 or targets.shape[1:] == (1,)):
        return targets.reshape(rows)
    return np.linspace(0.1, 0.9, rows)  # no labels: dealt at random
