"""Residuals: answered numbers beside the true ones, and how many of these lie in their intervals."""

from typing import Any

import numpy as np

from brickwork.explain.answers import checked
from brickwork.explain.findings import Answered, Residuals


def residuals(
    answered: Answered, width: Any = None, level: float | None = None, limit: int = 2000, seed: int = 0
) -> tuple[Residuals, ...]:
    """Return for each answered number the answers beside the truths, and the coverage of the intervals, if given.

        coverage = share of the rows with |truth - answer| <= width

    Of more rows than `limit` some are drawn at random, for showing; the coverage is that of all rows.

    Args:
        answered: answers and truths of numbers.
        width: the half width of the intervals: a number, one for each target, or (rows, targets), of which the result
            has the median.
        level: what share of the truths the intervals are meant to hold.
        limit: most rows that are kept.
        seed: of the choice of rows.

    Raises:
        DataError: classes or labels were answered: see `confusion`.
    """
    answered = checked(answered, "number")
    rows, count = len(answered), len(answered.labels)
    truth, given = np.asarray(answered.truth, np.float64), np.asarray(answered.given, np.float64)
    chosen = np.arange(rows)
    if rows > limit:
        chosen = np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))
    if width is None:
        return tuple(Residuals(str(answered.labels[k]), truth[chosen, k], given[chosen, k]) for k in range(count))
    widths = np.broadcast_to(np.asarray(width, np.float64), (rows, count))
    inside = np.abs(truth - given) <= widths
    nothing = float("nan")
    return tuple(
        Residuals(
            str(answered.labels[k]),
            truth[chosen, k],
            given[chosen, k],
            float(np.median(widths[:, k])) if rows else nothing,
            level,
            float(inside[:, k].mean()) if rows else nothing,
        )
        for k in range(count)
    )
