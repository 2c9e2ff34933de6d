"""The answers to look at one by one: the worst that were given, and those that a person should give."""

from typing import Any

import numpy as np
from jaxtyping import Int

from brickwork.core.errors import DataError, SettingError
from brickwork.explain.answers import answered_classes, answered_flags, certainty, checked, written
from brickwork.explain.findings import Answered, Mistake


def worst(answered: Answered, count: int = 12) -> tuple[Mistake, ...]:
    """Return the worst answers, the worst first: the surest of those that are wrong, or the numbers farthest off.

    They tell more than a score: wrong truths in the data, rows that are unlike the others, what the network cannot see.
    Of labels at once, a row is as bad as its worst label. Of several numbers, a row is as bad as its worst number,
    measured in standard deviations of the truths; its distance is that number's own.

    Args:
        answered: answers and truths.
        count: most answers to return; there may be fewer wrong ones.
    """
    answered = checked(answered)
    return {"classes": _classes, "labels": _labels, "number": _numbers}[answered.question](answered, count)


def unsure(answered: Answered, below: float, spread: Any = None) -> Int[np.ndarray, " rows"]:
    """Return which rows to hand to a person: those whose answer is less sure than `below`. The truths play no part.

    Of classes, the most probable one has a probability below it; of labels at once, at least one of them is answered,
    yes or no, with less. A number is as sure as the share of all variance that its own uncertainty leaves,

        sure = 1 - (spread / standard deviation of all answers)^2

    of several numbers as sure as the least sure.

    Args:
        answered: answers; what they are beside is not looked at.
        below: a probability.
        spread: of numbers, the standard deviation of each answer, (rows, targets) or (rows,).

    Raises:
        SettingError: `below` is no probability.
        DataError: numbers without a spread.
    """
    if not 0 <= below <= 1:
        raise SettingError(f"Unsure answers are those below a probability from 0 to 1, got {below}.")
    given = np.asarray(answered.given, np.float64)
    if answered.question != "number":
        return np.flatnonzero(certainty(answered.question, given) < below)
    if spread is None:
        raise DataError(
            "Answers that are numbers have no probability to be below of. Look at their intervals, or give the spread "
            "of each answer, as an ensemble has it."
        )
    given = given.reshape(len(given), -1)
    deviation = given.std(axis=0) if len(given) else np.ones(given.shape[1])
    spread = np.asarray(spread, np.float64).reshape(given.shape)
    sure = 1 - (spread / np.where(deviation > 0, deviation, 1.0)) ** 2
    return np.flatnonzero((sure < below).any(axis=1))


def _classes(answered: Answered, count: int) -> tuple[Mistake, ...]:
    answers, names = answered_classes(answered), answered.labels
    probability = certainty("classes", answered.given)
    wrong = np.flatnonzero(answers != answered.truth)
    order = wrong[np.argsort(-probability[wrong], kind="stable")][:count]
    return tuple(
        Mistake(int(row), str(names[answered.truth[row]]), str(names[answers[row]]), float(probability[row]))
        for row in order
    )


def _labels(answered: Answered, count: int) -> tuple[Mistake, ...]:
    flags, given = answered_flags(answered), np.asarray(answered.given, np.float64)
    sure = np.where(flags != answered.truth, np.maximum(given, 1 - given), 0.0).max(axis=1, initial=0.0)
    order = np.argsort(-sure, kind="stable")[:count]

    def listed(row: np.ndarray) -> str:
        return "|".join(str(answered.labels[k]) for k in np.flatnonzero(row)) or "none"

    return tuple(
        Mistake(int(row), listed(answered.truth[row]), listed(flags[row]), float(sure[row]))
        for row in order
        if sure[row] > 0
    )


def _numbers(answered: Answered, count: int) -> tuple[Mistake, ...]:
    truth, given = np.asarray(answered.truth, np.float64), np.asarray(answered.given, np.float64)
    off = np.abs(given - truth)
    deviation = truth.std(axis=0) if len(truth) else np.ones(truth.shape[1])
    measured = off / np.where(deviation > 0, deviation, 1.0)
    order = np.argsort(-measured.max(axis=1, initial=0.0), kind="stable")[:count]

    def listed(numbers: np.ndarray) -> str:
        if len(numbers) == 1:
            return written(numbers[0])
        return ", ".join(f"{name} {written(value)}" for name, value in zip(answered.labels, numbers, strict=True))

    return tuple(
        Mistake(int(row), listed(truth[row]), listed(given[row]), distance=float(off[row, measured[row].argmax()]))
        for row in order
        if measured[row].max() > 0
    )
