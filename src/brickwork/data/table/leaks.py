"""Leaks: columns that give the answer away, because they were written when it was known."""

import warnings
from collections.abc import Sequence

import numpy as np
import polars as pl

from brickwork.data.table.columns import as_texts
from brickwork.data.table.reading import Table
from brickwork.data.table.target import Target
from brickwork.data.table.written import seconds_of

ROWS = 3000
"""Most rows that are looked at."""

FOLDS = 3
ENOUGH = 0.99  # what a column alone must reach
REDUCTION = 0.95  # and how much of the error of the best constant answer it must take away
LABELS = 30  # of labels at once the most frequent
FEWEST = 20  # rows, below which nothing can be told


def leaks(table: Table, names: Sequence[str], target: Target, seed: int = 0) -> tuple[tuple[str, str], ...]:
    """Return the columns that alone (nearly) determine the target, and what was seen, in words.

    A copy of the target under another name, its code, its logarithm, a date that is only filled in when the answer is
    yes: such a column makes a score near perfect that will not hold on new rows, where it is not known yet. It may also
    be right to use it: only a person knows when a column is filled in. Judged is whether a small model that sees this
    one column is right in at least 99% of the rows that it was not fitted on, and leaves at most a twentieth of the
    error of the best constant answer. Of numbers it must explain 99% of the variance of their ranks, which a few very
    large ones do not govern. Words count only if they recur.

    Args:
        table: the table.
        names: the columns to look at, without the target's.
        target: the answers, as `read_target` gives them.
        seed: of the choice of rows and folds.

    Source: Kaufman, Rosset, Perlich & Stitelman 2012, "Leakage in Data Mining", for what leaks are; the test is ours.
    """
    source = np.random.default_rng(seed)
    rows = len(target.rows)
    if rows < FEWEST:
        return ()
    chosen = source.permutation(rows)[:ROWS]
    truth = np.asarray(target.values)[chosen]
    fold = np.arange(len(chosen)) % FOLDS
    numbers = target.question == "number"
    if numbers or target.question == "labels":
        truth = truth.reshape(len(truth), -1)
        asked = [str(name) for name in (target.names if numbers else target.labels or ())]
    else:
        truth, asked = np.unique(truth, return_inverse=True)[1][:, None], [target.names[0]]
    answers = [_ranks(one) if numbers else one.astype(np.int64) for one in truth.T]
    if target.question == "labels":
        often = np.argsort(-truth.sum(axis=0), kind="stable")[:LABELS]
        answers, asked = [answers[k] for k in often], [asked[k] for k in often]
    found = []
    for name in names:
        given = _values(table.column(name).gather(target.rows[chosen]))
        given_away = [(_score(given, one, fold, numbers), what) for one, what in zip(answers, asked, strict=True)]
        best, what = max(given_away)
        if best > 0:
            share = f"{int(1000 * best) / 10:g}%"
            tells = f"the order of {what!r} to {share}" if numbers else f"{what!r} in {share} of the rows"
            found.append((name, f"it tells {tells}"))
    return tuple(found)


def _values(values: pl.Series) -> np.ndarray:
    """Return a column as numbers: words by their place among those that recur, missing ones as nan."""
    if values.dtype.is_temporal():
        values = seconds_of(values)
    if values.dtype == pl.String:
        texts = as_texts(values)
        counts = texts.drop_nulls().value_counts().sort(texts.name)
        often = counts.filter(pl.col("count") > 1)[texts.name]
        places = pl.Series(range(1, len(often) + 1), dtype=pl.Float64)
        found = texts.replace_strict(often, places, default=0.0, return_dtype=pl.Float64) if len(often) else texts
        codes = found.to_numpy() if len(often) else np.zeros(len(texts))
        return np.where(texts.is_null().to_numpy(), np.nan, codes.astype(np.float64))
    return values.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)


def _ranks(numbers: np.ndarray) -> np.ndarray:
    """Return the place of each number among all, from 0 to 1; equal ones share the middle of theirs."""
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - counts / 2)[places] / len(numbers)


def _score(given: np.ndarray, truth: np.ndarray, fold: np.ndarray, numbers: bool) -> float:
    """Return how much a column alone tells of the truth in folds that were not fitted, 0 where that is no leak."""
    known = np.unique(given[~np.isnan(given)])
    if len(known) + bool(np.isnan(given).any()) < 2:
        return 0.0
    base = truth.mean() if numbers else np.bincount(truth).argmax()
    constant = np.square(truth - base).mean() if numbers else (truth != base).mean()
    if constant <= 0:
        return 0.0
    if not numbers:  # a tree takes float32, which cannot tell moments or long numbers apart, but their places
        given = np.where(np.isnan(given), np.nan, np.searchsorted(known, given))
    errors = np.zeros(len(truth))
    for k in range(FOLDS):
        fitted, held = fold != k, fold == k
        answers = (_between if numbers else _tree)(given[fitted], truth[fitted], given[held])
        errors[held] = np.square(answers - truth[held]) if numbers else answers != truth[held]
        most = (1 - REDUCTION) * constant if numbers else min(1 - ENOUGH, (1 - REDUCTION) * constant)
        if k == 0 and errors[held].mean() > 3 * most:
            return 0.0  # far off, as most columns are
    left = errors.mean() / constant
    score = 1 - left if numbers else 1 - errors.mean()
    return float(score) if score >= ENOUGH and left <= 1 - REDUCTION else 0.0


def _tree(given: np.ndarray, truth: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return the classes that a decision tree tells."""
    from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415 - it loads slowly

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of many classes, which is for others to say
        return DecisionTreeClassifier(random_state=0).fit(given[:, None], truth).predict(held[:, None])


def _between(given: np.ndarray, truth: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return the numbers on the lines between the means of rows with equal values."""
    gone = np.isnan(given)
    missing = truth[gone].mean() if gone.any() else truth.mean()
    if gone.all():
        return np.full(len(held), missing)
    known, places = np.unique(given[~gone], return_inverse=True)
    means = np.bincount(places, truth[~gone]) / np.bincount(places)
    return np.where(np.isnan(held), missing, np.interp(held, known, means))
