"""What was answered, read from probabilities and numbers: which class, which labels, in which words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from brickwork.core.errors import DataError, SettingError, nearest
from brickwork.explain.findings import Answered, Question

LEAST = float(np.finfo(np.float32).eps)
"""The least probability whose logarithm is taken: what a float32 can still tell from 0 beside 1."""


def checked(answered: Answered, *questions: Question) -> Answered:
    """Return what was answered with its truth in the shape that belongs to it.

    Raises `DataError` for shapes that do not belong together, answers that are not finite, truths that are no class, no
    flag or no number, and for a question that is not among `questions`, where some are given.
    """
    if questions and answered.question not in questions:
        raise DataError(
            f"This is for answers of {' or '.join(questions)}, these are of the kind {answered.question!r}."
        )
    given, truth = np.asarray(answered.given), np.asarray(answered.truth)
    if answered.question == "number":
        given, truth = (array[:, None] if array.ndim == 1 else array for array in (given, truth))
    outputs = len(answered.labels)
    wanted = (len(given),) if answered.question == "classes" else (len(given), outputs)
    if given.ndim != 2 or given.shape[1] != outputs or truth.shape != wanted:
        raise DataError(
            f"With {outputs} labels answers of {answered.question} are (rows, {outputs}) and truths {wanted}; they are "
            f"{given.shape} and {truth.shape}."
        )
    bad = int((~np.isfinite(given)).any(axis=1).sum())
    if bad:
        raise DataError(f"{bad:,} of {len(given):,} answers are not finite: the network has diverged.")
    if answered.question == "classes":
        if len(truth) and not (truth.min() >= 0 and truth.max() < outputs and (truth == np.round(truth)).all()):
            raise DataError(f"The truths of {outputs} classes are whole numbers from 0 to {outputs - 1}.")
        truth = truth.astype(np.int64)
    elif answered.question == "labels":
        truth = truth > 0.5
    elif not np.isfinite(truth).all():
        raise DataError("Some of the true numbers are not finite: leave their rows out.")
    return Answered(answered.question, truth, given, answered.labels, answered.clusters)


def answered_classes(answered: Answered) -> Int[np.ndarray, " rows"]:
    """Return the most probable class of each row, the first of those that are equally so."""
    return np.asarray(answered.given).argmax(axis=1)


def answered_flags(answered: Answered) -> Bool[np.ndarray, "rows labels"]:
    """Return for each label whether it was answered: its probability is above a half."""
    return np.asarray(answered.given) > 0.5


def certainty(question: Question, given: Float[np.ndarray, "rows outputs"]) -> Float[np.ndarray, " rows"]:
    """Return how probable each answer is: of classes the most probable one, of labels the least certain yes or no."""
    given = np.asarray(given, np.float64)
    if question == "classes":
        return given.max(axis=1, initial=0.0)
    return np.maximum(given, 1 - given).min(axis=1, initial=1.0)


def chosen_outputs(outputs: int | Sequence[int] | None, given: Float[np.ndarray, "rows outputs"]) -> np.ndarray:
    """Return for each row which output is asked for: the given one, else the largest."""
    if outputs is None:
        return given.argmax(axis=1)
    wanted = np.broadcast_to(np.asarray(outputs, np.int64), (len(given),))
    if not ((wanted >= 0) & (wanted < given.shape[1])).all():
        raise SettingError(f"An output is from 0 to {given.shape[1] - 1} here, got {outputs}.")
    return wanted


def some(answered: Answered, rows: Any) -> Answered:
    """Return what was answered for some of the rows."""
    clusters = None if answered.clusters is None else answered.clusters[rows]
    return Answered(answered.question, answered.truth[rows], answered.given[rows], answered.labels, clusters)


def named(name: str, known: Any) -> str:
    """Return a name as it is known, whether it is written `log loss` or `log_loss`; unknown ones raise."""
    names = {one.lower(): one for one in known}
    found = names.get(name.lower().replace("_", " "))
    if found is None:
        raise SettingError(f"There is no score {name!r} here. {nearest(name, names.values())}")
    return found


def written(value: Any, digits: int = 6) -> str:
    """Return a value as a person reads it: numbers with at most some digits that count."""
    if isinstance(value, float | np.floating):
        size = abs(float(value))
        if size != 0 and np.isfinite(size) and not 1e-5 <= size < 1e15:
            return f"{value:.3g}"
        return np.format_float_positional(float(value), precision=digits, fractional=False, trim="-")
    return "missing" if value is None else str(value)
