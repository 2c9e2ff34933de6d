"""Calibration: from rows that were not trained on, how sure answers may be and how wide intervals of numbers are."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from brickwork.core.errors import DataError, SettingError
from brickwork.explain.findings import Question

FAR = math.log(20)
"""Temperatures are sought from 1/20 to 20."""

DEVIATION = 0.5
"""How far from 1 temperatures are expected before any row is seen: their logarithm's standard deviation."""

MOST = 4_000_000  # logits that are looked at
LARGEST = 1e4  # further out they make no difference to a probability


def temperature(logits: Any, targets: Any, question: Question) -> float:
    """Return the one number that a network's logits are divided by to be as sure as it is right.

        T = argmin of  sum over rows of -log p(target | logits / T)
                       + mean over rows and classes k of -log p(k | logits / T)
                       + log(T)^2 / (2 0.5^2)

    Above 1 the network was too sure, below 1 not sure enough; the order of the answers stays. The second term is one
    more row, answered by chance: n rows that are all right do not show that the next one will be, so that a perfect
    separation does not make answers certain. The third says that T is near 1 as long as rows do not say otherwise; it
    weighs as much as a few of them, and without rows T is 1. `Rescale(1 / T)` after the network applies it.

    Args:
        logits: the network's outputs for rows that it was not trained on, (rows, classes) or (rows, labels); rows with
            nan are left out.
        targets: class numbers (rows,), or flags (rows, labels).
        question: "classes" or "labels".

    Returns:
        A number from 1/20 to 20.

    Raises:
        DataError: shapes that do not belong together.
        SettingError: numbers have no temperature: see `interval_width`.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2. The second term is
    that of Platt 1999, "Probabilistic Outputs for Support Vector Machines", section 2.2, for many classes; the third
    is ours.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - it loads slowly

    if question not in ("classes", "labels"):
        raise SettingError(f"Classes and labels have a temperature, {question!r} has none: see interval_width.")
    outputs, truth = np.asarray(logits, np.float64), np.asarray(targets)
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    if outputs.shape[1] == 1:  # one logit for yes
        question, truth = "labels", truth.reshape(len(truth), -1)
    if truth.shape != (outputs.shape if question == "labels" else outputs.shape[:1]):
        raise DataError(f"Logits {np.shape(logits)} and targets {np.shape(targets)} do not belong together.")
    known = np.flatnonzero(~np.isnan(outputs).any(axis=1))
    step = 1 + known.size * outputs.shape[1] // MOST
    outputs, truth = outputs[known[::step]].clip(-LARGEST, LARGEST), truth[known[::step]]
    truth = truth.astype(np.int64)[:, None] if question == "classes" else truth

    def surprise(log: float) -> float:
        z = outputs * math.exp(-log)
        if question == "labels":  # those of a row depend on each other: together they count as one
            own = np.logaddexp(0, np.where(truth > 0.5, -z, z)).mean(axis=1)
            chance = (np.logaddexp(0, z) - z / 2).mean()
        else:
            most = z.max(axis=1)
            total = most + np.log(np.exp(z - most[:, None]).sum(axis=1))
            own = total - np.take_along_axis(z, truth, axis=1)[:, 0]
            chance = (total - z.mean(axis=1)).mean()
        return step * float(own.sum()) + float(chance) + 0.5 * (log / DEVIATION) ** 2

    if not len(outputs):
        return 1.0
    grid = np.linspace(-FAR, FAR, 25)
    best = int(np.argmin([surprise(log) for log in grid]))
    ends = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    found: Any = minimize_scalar(surprise, bounds=ends, method="bounded", options={"xatol": 1e-4})
    return math.exp(float(found.x))


def interval_width(truth: Any, answer: Any, level: float = 0.9, spread: Any = None) -> Float[np.ndarray, " targets"]:
    """Return how far up and down from an answer its interval reaches, so that it holds the truth in 90% of new rows.

        width = the k-th smallest |truth - answer|,    k = ceil((rows + 1) level)

    This promises the level, whatever the network and the distribution, on average over new rows that are drawn as the
    given ones were, if the network was not trained on these. In rows that each some members of an ensemble were not
    trained on, the promise is weaker in theory, and in practice about as good (Barber et al. 2021, "Predictive
    Inference with the Jackknife+"). With `spread` the intervals are wider where an answer is less sure:
    answer +- width * spread.

    Args:
        truth: (rows,) or (rows, targets).
        answer: of the same shape; rows with nan are left out.
        level: what share of new truths to hold, above 0 and below 1.
        spread: of the same shape, how unsure each answer is, above 0.

    Returns:
        A half width for each target; infinite where the rows are too few to say, fewer than level / (1 - level).

    Raises:
        DataError: shapes that do not belong together, a spread that is not above 0.
        SettingError: a level that is not between 0 and 1.

    Source: Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018, "Distribution-Free Predictive Inference for Regression",
    sections 2.2 and 5.2; Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World".
    """
    if not 0 < level < 1:
        raise SettingError(f"The level of an interval is between 0 and 1, got {level}.")
    truth, answer = np.asarray(truth, np.float64), np.asarray(answer, np.float64)
    if truth.ndim not in (1, 2) or answer.shape != truth.shape:
        raise DataError(f"Truths {truth.shape} and answers {answer.shape} must be (rows,) or (rows, targets), both.")
    off = np.abs(truth - answer).reshape(len(truth), -1)
    if spread is not None:
        scale = np.asarray(spread, np.float64)
        if scale.shape != truth.shape or (scale <= 0).any():
            raise DataError(f"A spread is above 0 and has the shape of the answers, {truth.shape}.")
        off = off / scale.reshape(off.shape)
    return np.array([_smallest(one[np.isfinite(one)], level) for one in off.T])


def _smallest(off: np.ndarray, level: float) -> float:
    # A product such as 10 * 0.9 may come out above 9: what is a rounding error away from a whole number is that.
    k = math.ceil(round((len(off) + 1) * level, 9))
    return float(np.partition(off, k - 1)[k - 1]) if k <= len(off) else math.inf
