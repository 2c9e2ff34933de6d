"""Confusion: which class is taken for which."""

import numpy as np

from brickwork.explain.answers import answered_classes, answered_flags, checked
from brickwork.explain.findings import Answered, Confusion


def confusion(answered: Answered) -> Confusion:
    """Return how often each class was answered as which, and the recall and precision of each.

        recall_k = rows of class k answered as k / rows of class k
        precision_k = the same / rows answered as k

    nan where there are no such rows. Of labels at once, the diagonal counts the rows in which a label is there and was
    answered; beside it, row i and column j count those in which i is there and was missed while j was answered and is
    not there: what one was taken for. Such rows of counts need not add up to how often a label is there.

    Args:
        answered: answers and truths of classes or labels.

    Raises:
        DataError: numbers were answered: see `residuals`.
    """
    answered = checked(answered, "classes", "labels")
    size = len(answered.labels)
    if answered.question == "classes":
        place = answered.truth * size + answered_classes(answered)
        counts = np.bincount(place, minlength=size * size).reshape(size, size)
        there, given = counts.sum(axis=1), counts.sum(axis=0)
    else:
        truth, flags = (array.astype(np.float64) for array in (answered.truth, answered_flags(answered)))
        counts = (truth * (1 - flags)).T @ (flags * (1 - truth)) + np.diag((truth * flags).sum(axis=0))
        there, given = truth.sum(axis=0), flags.sum(axis=0)
    hits = np.diag(counts).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return Confusion(answered.labels, counts.astype(np.int64), hits / there, hits / given)
