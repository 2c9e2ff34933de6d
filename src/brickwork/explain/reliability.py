"""Reliability: whether answers of 90% are right nine times in ten."""

import numpy as np

from brickwork.core.errors import SettingError
from brickwork.explain.answers import answered_classes, answered_flags, checked
from brickwork.explain.findings import Answered, Reliability


def reliability(answered: Answered, bins: int = 10) -> Reliability:
    """Return how often answers of some confidence are right, and the expected calibration error.

        error = sum over bins b of n_b / n |frequency_b - confidence_b|

    The confidence is the probability of what was answered, for each label that of its yes or no; bin b of B holds the
    confidences in (b / B, (b + 1) / B]. Points on the diagonal are perfect. A small error does not mean right answers:
    always answering the frequencies of the classes has none.

    Args:
        answered: answers and truths of classes or labels.
        bins: how many bins of equal width.

    Raises:
        DataError: numbers were answered, which have no probability.
        SettingError: bins below 1.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", equations 2, 3 and 5.
    """
    if bins < 1:
        raise SettingError(f"bins must be 1 or more, got {bins}.")
    answered = checked(answered, "classes", "labels")
    given = np.asarray(answered.given, np.float64)
    if answered.question == "classes":
        right, confidence = answered_classes(answered) == answered.truth, given.max(axis=1, initial=0.0)
    else:
        right, confidence = (answered_flags(answered) == answered.truth).ravel(), np.maximum(given, 1 - given).ravel()
    place = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(np.int64)
    rows, sums, hits = (np.bincount(place, values, bins) for values in (None, confidence, right.astype(np.float64)))
    there = rows > 0
    error = float(np.abs(hits - sums).sum() / rows.sum()) if there.any() else float("nan")
    rows = rows[there]
    return Reliability(sums[there] / rows, hits[there] / rows, rows, error)
