"""Audits: whether answers are as good, and as often yes, for some people or things as for the others."""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any

import numpy as np

from brickwork.core.errors import DataError, SettingError
from brickwork.explain.answers import answered_classes, answered_flags, checked, some, written
from brickwork.explain.findings import Answered, GroupScores, Score
from brickwork.explain.resampling import cluster_blocks, percentiles, weight_blocks
from brickwork.explain.statistics import Additive, Measure, mean, share, share_among, statistics, surprise

FEW = 10
"""Groups of fewer rows are marked."""

MISSING, OTHER = "missing", "other"
QUARTERS = 10  # numbers with more different values than this are cut into quarters
BUDGET = 15_000_000  # weights that are drawn
DRAWS = (100, 1000)


def by_group(answered: Answered, groups: Iterable[Any], most: int = 20, seed: int = 0) -> tuple[GroupScores, ...]:
    """Return the scores of each group of rows, and its gaps to all rows that are not in it, the largest group first.

    Of classes: accuracy, log loss, and how often each class is answered, whatever the truth ("answered yes"; equal
    rates are called demographic parity); of two classes also how often the second is answered where it is true and
    where it is not ("yes where true", "yes where false"; both equal are called equalised odds). Of labels: macro F1,
    exact match, and how often each is answered. Of numbers: RMSE, MAE, and the mean error, answer minus truth, which
    tells whether a group is rated too high. `higher_is_better` of a rate or a mean error means nothing.

    A gap is the group's score minus that of all others; its 95% interval, like those of scores that are no shares of
    rows, is made of samples of the rows, drawn with replacement (the bootstrap). With 20 groups one interval in twenty
    leaves out 0 by chance alone, and a gap does not say where it comes from. These measures cannot all be equal where
    groups differ in their truths (Chouldechova 2017, "Fair Prediction with Disparate Impact").

    Args:
        answered: answers and truths.
        groups: a value for each row. Numbers and dates with more than ten different values are cut into quarters; None
            and nan are a group "missing".
        most: how many groups at most; the rows of the smallest beyond are a group "other".
        seed: of the samples.

    Raises:
        DataError: not one value for each row.
        SettingError: fewer than two groups allowed.

    Source: Hardt, Price & Srebro 2016, "Equality of Opportunity in Supervised Learning", sections 1 and 2.
    """
    answered = checked(answered)
    if most < 2:
        raise SettingError(f"most must be 2 or more groups, got {most}.")
    values = list(groups)
    if len(values) != len(answered):
        raise DataError(f"There are {len(answered):,} answers and {len(values):,} values of groups: one for each row.")
    names, ranked = _names(values)
    names = _joined(names, most)
    sizes = Counter(names)
    order = sorted(sizes, key=lambda name: (name in (MISSING, OTHER), ranked.get(name, -sizes[name]), name))
    rows = np.concatenate([np.flatnonzero(np.array(names, object) == name) for name in order] or [np.zeros(0, int)])
    ends = np.cumsum([0, *(sizes[name] for name in order)])
    answered = some(answered, rows)  # each group's rows side by side
    measured = {name: one.statistic for name, one in _measured(answered).items() if isinstance(one.statistic, Additive)}
    whole = _values(measured, ends, np.ones((1, len(rows))))
    draws = int(np.clip(BUDGET // max(1, len(rows)), *DRAWS))
    if answered.clusters is not None:
        blocks = cluster_blocks(answered.clusters, draws, seed)
    else:
        blocks = weight_blocks(len(rows), draws, seed) if len(rows) > 1 else ()
    drawn = [_values(measured, ends, weights) for weights in blocks]
    found = []
    for place, name in enumerate(order):
        inside = _measured(some(answered, slice(ends[place], ends[place + 1])))
        scores, gaps = [], {}
        for score, one in inside.items():
            value, rest = (side[place] for side in whole[score])
            samples, others = (
                np.concatenate([block[score][side][place] for block in drawn] or [np.zeros(0)]) for side in (0, 1)
            )
            interval = (
                one.closed() if one.closed and answered.clusters is None else percentiles(float(value[0]), samples)
            )
            scores.append(Score(score, interval, one.higher_is_better, one.share))
            if len(order) > 1:
                gaps[score] = percentiles(float(value[0] - rest[0]), samples - others)
        found.append(GroupScores(name, sizes[name], tuple(scores), gaps, sizes[name] < FEW))
    return tuple(found)


def _values(statistics: dict[str, Additive], ends: np.ndarray, weights: np.ndarray) -> dict[str, tuple[list, list]]:
    """Return for each score its values inside of each group, and those outside of it."""
    columns = np.concatenate([one.columns for one in statistics.values()], axis=1)
    inside = [weights[:, a:b] @ columns[a:b] for a, b in pairwise(ends)]
    total = sum(inside, np.zeros((len(weights), columns.shape[1])))
    found, first = {}, 0
    for name, one in statistics.items():
        last = first + one.columns.shape[1]
        parts = [part[:, first:last] for part in inside]
        found[name] = [one.finish(p) for p in parts], [one.finish(total[:, first:last] - p) for p in parts]
        first = last
    return found


def _measured(answered: Answered) -> dict[str, Measure]:
    """Return the scores that are looked at in groups."""
    names = [str(label) for label in answered.labels]
    if answered.question == "number":
        errors = np.asarray(answered.given, np.float64) - np.asarray(answered.truth, np.float64)
        several = len(names) > 1
        known = {n: one for n, one in statistics(answered).items() if not n.startswith("R2")}
        return known | {
            f"mean error of {name}" if several else "mean error": Measure(False, False, mean(errors[:, k]))
            for k, name in enumerate(names)
        }
    if answered.question == "labels":
        known = statistics(answered)
        flags = answered_flags(answered)
        rates = {f"answered {name}": share(flags[:, k]) for k, name in enumerate(names)} if len(names) <= 20 else {}
        return {name: known[name] for name in ("macro F1", "exact match")} | rates
    answers, truth = answered_classes(answered), answered.truth
    found = {
        "accuracy": share(answers == truth),
        "log loss": Measure(False, False, mean(surprise(answered))),
    }
    if len(names) == 2:
        yes = names[1]
        found[f"answered {yes}"] = share(answers == 1)
        found[f"{yes} where true"] = share_among(answers == 1, truth == 1)
        found[f"{yes} where false"] = share_among(answers == 1, truth == 0, higher_is_better=False)
    elif len(names) <= 20:
        found |= {f"answered {name}": share(answers == k) for k, name in enumerate(names)}
    return found


def _names(values: list[Any]) -> tuple[list[str], dict[str, int]]:
    """Return the name of the group of each value, and the order of these where they are quarters."""
    known = [value for value in values if not _missing(value)]
    ordered = all(isinstance(value, int | float | np.number) for value in known) or any(
        all(isinstance(value, kind) for value in known) for kind in (datetime, date, time, np.datetime64)
    )
    flags = all(isinstance(value, bool | np.bool_) for value in known)
    if not ordered or flags or len(set(known)) <= QUARTERS:
        return [MISSING if _missing(value) else written(value) for value in values], {}
    ranked = sorted(known)
    # A border belongs to the quarter below it; equal values stay together.
    borders = sorted({ranked[min(len(ranked) - 1, math.ceil(len(ranked) * k / 4) - 1)] for k in (1, 2, 3, 4)})
    places = {value: next(k for k, border in enumerate(borders) if value <= border) for value in set(known)}
    shown = []
    for place in range(len(borders)):
        inside = [value for value, own in places.items() if own == place]
        low, high = written(min(inside), 4), written(max(inside), 4)
        shown.append(low if low == high else f"{low} to {high}")
    names = [MISSING if _missing(value) else shown[places[value]] for value in values]
    return names, {name: place for place, name in enumerate(shown)}


def _joined(names: list[str], most: int) -> list[str]:
    """Return names with those of the smallest groups joined, so that no more than `most` are left."""
    sizes = Counter(names)
    if len(sizes) <= most:
        return names
    room = most - 1 - (MISSING in sizes)
    ranked = sorted((name for name in sizes if name != MISSING), key=lambda name: (-sizes[name], name))
    kept = {MISSING, *ranked[:room]}
    return [name if name in kept else OTHER for name in names]


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))
