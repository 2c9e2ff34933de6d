"""Weights of classes, as weights of rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from brickwork.core.errors import DataError, SettingError
from brickwork.data import Examples, encode_labels
from brickwork.losses import Question
from brickwork.train.recipe import ClassWeights


def with_class_weights(
    examples: Examples,
    class_weights: ClassWeights | None,
    classes: Sequence[Any] | None = None,
    question: Question = "class",
) -> Examples:
    """Return examples whose rows count by their class, times the weights that they have.

    "balanced" gives every class that occurs the same weight in all: n / (K n_k), for the weight n of all rows, the n_k
    of class k, and K classes (King & Zeng 2001, "Logistic Regression in Rare Events Data", section 4.2). Pairs of a
    label and a number leave the other classes at 1.

    Args:
        examples: their targets are indices of classes, one a row (or 0 and 1, for one yes-or-no question).
        class_weights: "balanced", one number a class, or pairs of a label and a number.
        classes: the labels in the order of their indices, where they have names.
        question: what the targets answer, by their loss.

    Raises:
        DataError: targets are not one class a row; a label is not among the classes (naming the nearest).
        SettingError: there is not one number for each class, or no row counts.
    """
    if class_weights is None:
        return examples
    labels = _labels(None if question == "number" else examples.targets)
    given = np.ones(len(labels)) if examples.weight is None else np.asarray(examples.weight, np.float64)
    count = int(labels.max()) + 1 if classes is None else len(classes)
    if class_weights == "balanced":
        sizes = np.bincount(labels, given, count)
        numbers = sizes.sum() / (np.count_nonzero(sizes) * np.where(sizes > 0, sizes, 1))
    else:
        numbers = _numbers(class_weights, classes, count)
    weight = (given * numbers[labels]).astype(np.float32)
    if not weight.any():
        raise SettingError(f"class_weights={class_weights!r} leave no row that counts: the classes that occur have 0.")
    return examples.replace(weight=weight)


def _labels(targets: Any) -> np.ndarray:
    array = np.asarray(targets) if isinstance(targets, np.ndarray) else None
    if array is not None and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array is None or array.ndim != 1 or array.dtype.kind not in "iufb" or (array != np.round(array)).any():
        raise DataError(
            "class_weights are for targets of one class a row. Where each pixel or step has its own, weights belong "
            "into the loss: CrossEntropy(class_weights=...)."
        )
    return array.astype(np.int64)


def _numbers(class_weights: Any, classes: Sequence[Any] | None, count: int) -> np.ndarray:
    if isinstance(class_weights[0], tuple):
        labels = [label for label, _ in class_weights]
        known = tuple(range(count)) if classes is None else tuple(classes)
        places = [int(encode_labels(np.asarray([label]), known)[0][0]) for label in labels]
        if len(set(places)) < len(places):
            raise SettingError(f"class_weights name a class twice: {labels}.")
        numbers = np.ones(count)
        numbers[places] = [number for _, number in class_weights]
        return numbers
    if len(class_weights) < count or (classes is not None and len(class_weights) != count):
        raise SettingError(f"class_weights need one number for each of the {count} classes, got {len(class_weights)}.")
    return np.asarray(class_weights, np.float64)
