"""Scores as functions of weighted rows, so that one piece of code gives values, intervals, differences and gaps."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from brickwork.explain.answers import LEAST, answered_classes, answered_flags
from brickwork.explain.findings import Answered, Interval
from brickwork.explain.resampling import Statistic, Weights, mean_of_shares, wilson

MANY = 10
"""From so many classes on the five most probable answers are a score as well."""


@dataclass(frozen=True)
class Measure:
    """A score of some answers: a function of how often each row counts.

    `closed` gives the interval where a formula does; `cost` says how many numbers it looks at for a row.
    """

    higher_is_better: bool
    share: bool
    statistic: Statistic
    closed: Callable[[], Interval] | None = None
    cost: int = 1


def statistics(answered: Answered) -> dict[str, Measure]:
    """Return the scores of checked answers by name, what a person asks for first before the others."""
    return {"classes": _classes, "labels": _labels, "number": _numbers}[answered.question](answered)


@dataclass(frozen=True, eq=False)
class Additive:
    """A statistic made of sums over the rows, so that those of parts can be added up: `finish(weights @ columns)`."""

    columns: Float[np.ndarray, "rows sums"]
    finish: Callable[[Float[np.ndarray, "draws sums"]], Float[np.ndarray, " draws"]]

    def __call__(self, weights: Weights) -> Float[np.ndarray, " draws"]:
        """Return the statistic for each draw of weights."""
        return self.finish(weights @ self.columns)


def mean(values: np.ndarray, among: np.ndarray | None = None) -> Additive:
    """Return the weighted mean of a number for each row, or for each row among some."""
    values = np.asarray(values, np.float64)
    there = np.ones(len(values)) if among is None else np.asarray(among, np.float64)
    return Additive(np.stack([values * there, there], axis=1), lambda sums: _ratio(sums[:, 0], sums[:, 1]))


def share(hits: np.ndarray, higher_is_better: bool = True) -> Measure:
    """Return the share of rows that have something, with Wilson's interval."""
    hits = np.asarray(hits, bool)
    return Measure(higher_is_better, True, mean(hits), lambda: wilson(int(hits.sum()), len(hits)))


def share_among(hits: np.ndarray, among: np.ndarray, higher_is_better: bool = True) -> Measure:
    """Return the share of some of the rows that have something, with Wilson's interval."""
    return Measure(
        higher_is_better, True, mean(hits, among), lambda: wilson(int((hits & among).sum()), int(among.sum()))
    )


def surprise(answered: Answered) -> Float[np.ndarray, " rows"]:
    """Return minus the logarithm of the probability that was given to the true class."""
    truth = answered.truth.astype(np.int64)
    given = answered.given[np.arange(len(truth)), truth].astype(np.float64)
    return -np.log(np.clip(given, LEAST, 1.0))


def _classes(answered: Answered) -> dict[str, Measure]:
    truth, answers = answered.truth, answered_classes(answered)
    hits = truth == answers
    found = {
        "accuracy": share(hits),
        "balanced accuracy": _balanced(hits, truth),
        "log loss": Measure(False, False, mean(surprise(answered))),
    }
    if len(answered.labels) == 2:
        # The logarithm of the odds would order rows alike; the second class is what "yes" is taken for.
        found["ROC AUC"] = Measure(True, True, roc_auc(answered.given[:, 1], truth == 1), cost=3)
    if len(answered.labels) >= MANY:
        found["top-5 accuracy"] = share(_place(answered) < 5)
    return found


def _place(answered: Answered) -> np.ndarray:
    """Return how many classes come before the true one, going down from the most probable."""
    truth = answered.truth[:, None]
    own = np.take_along_axis(answered.given, truth, axis=1)
    earlier = np.arange(len(answered.labels)) < truth
    return ((answered.given > own) | ((answered.given == own) & earlier)).sum(axis=1)


def _balanced(hits: np.ndarray, truth: np.ndarray) -> Measure:
    order = np.argsort(truth, kind="stable")
    starts = _starts(truth[order])
    right = hits[order]

    def statistic(weights: Weights) -> np.ndarray:
        weights = weights[:, order]
        found, there = (np.add.reduceat(w, starts, axis=1) for w in (weights * right, weights))
        return _mean_of_known(_ratio(found, there))

    def closed() -> Interval:
        rows, found = np.bincount(truth), np.bincount(truth, hits)
        return mean_of_shares([wilson(found[k], rows[k]) for k in np.flatnonzero(rows)])

    return Measure(True, True, statistic, closed)


def _labels(answered: Answered) -> dict[str, Measure]:
    truth, answers = np.asarray(answered.truth, np.float64), answered_flags(answered).astype(np.float64)
    areas = [
        average_precision(answered.given[:, label], truth[:, label] > 0.5) for label in range(len(answered.labels))
    ]
    hits = truth * answers

    count = len(areas)
    f1 = Additive(
        np.concatenate([2 * hits, truth + answers], axis=1),
        lambda sums: _mean_of_known(_ratio(sums[:, :count], sums[:, count:])),
    )

    def precision(weights: Weights) -> np.ndarray:
        return _mean_of_known(np.stack([area(weights) for area in areas], axis=1))

    return {
        "macro F1": Measure(True, True, f1, cost=count),
        "exact match": share((truth == answers).all(axis=1)),
        "average precision": Measure(True, True, precision, cost=3 * count),
    }


def _numbers(answered: Answered) -> dict[str, Measure]:
    truth = np.asarray(answered.truth, np.float64)
    errors = np.asarray(answered.given, np.float64) - truth
    names, several = answered.labels, len(answered.labels) > 1

    def named(score: str, number: int) -> str:
        return f"{score} of {names[number]}" if several else score

    explained = [r2(truth[:, k], errors[:, k]) for k in range(len(names))]
    found: dict[str, Measure] = {}
    if several:
        found["R2"] = Measure(
            True, False, lambda weights: _mean_of_known(np.stack([one(weights) for one in explained], axis=1))
        )
    found |= {named("R2", k): Measure(True, False, explained[k]) for k in range(len(names))}
    found |= {named("RMSE", k): Measure(False, False, _root_mean(errors[:, k] ** 2)) for k in range(len(names))}
    return found | {named("MAE", k): Measure(False, False, mean(np.abs(errors[:, k]))) for k in range(len(names))}


def roc_auc(scores: np.ndarray, yes: np.ndarray) -> Statistic:
    """Return the area under the ROC curve: how probably a yes has a higher score than a no; nan where one lacks."""
    order = np.argsort(scores, kind="stable")
    starts = _starts(scores[order])
    yes = np.asarray(yes, bool)[order]

    def statistic(weights: Weights) -> np.ndarray:
        weights = weights[:, order]
        positive = np.add.reduceat(weights * yes, starts, axis=1)
        negative = np.add.reduceat(weights * ~yes, starts, axis=1)
        lower = np.cumsum(negative, axis=1) - negative / 2  # those that are equal count half
        return _ratio((positive * lower).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))

    return statistic


def average_precision(scores: np.ndarray, yes: np.ndarray) -> Statistic:
    """Return the mean precision from the highest score down; nan where there is no yes."""
    order = np.argsort(-scores, kind="stable")
    starts = _starts(scores[order])
    yes = np.asarray(yes, bool)[order]

    def statistic(weights: Weights) -> np.ndarray:
        weights = weights[:, order]
        positive = np.add.reduceat(weights * yes, starts, axis=1)
        answered = np.cumsum(np.add.reduceat(weights, starts, axis=1), axis=1)
        precision = np.cumsum(positive, axis=1) / np.where(answered > 0, answered, 1)
        return _ratio((positive * precision).sum(axis=1), positive.sum(axis=1))

    return statistic


def r2(truth: np.ndarray, errors: np.ndarray) -> Additive:
    """Return the share of the truths' variance that is explained; nan where the truths are all the same."""
    centred = truth - truth.mean() if len(truth) else truth
    rounding = 1e-12 * float(np.square(truth).max(initial=0.0))

    def finish(sums: np.ndarray) -> np.ndarray:
        left, total, square, rows = sums.T
        variance = square - _ratio(total**2, rows)
        return 1 - _ratio(left, np.where(variance > rounding * rows, variance, 0.0))

    return Additive(np.stack([errors**2, centred, centred**2, np.ones(len(truth))], axis=1), finish)


def _root_mean(squares: np.ndarray) -> Additive:
    square = mean(squares)
    return Additive(square.columns, lambda sums: np.sqrt(square.finish(sums)))


def _starts(ordered: np.ndarray) -> np.ndarray:
    """Return where each run of equal values begins."""
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, nan where there is nothing."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan)


def _mean_of_known(values: Float[np.ndarray, "draws parts"]) -> Float[np.ndarray, " draws"]:
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1))
