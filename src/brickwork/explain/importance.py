"""Importance: which columns a network's answers rest on."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from brickwork.core.errors import DataError, SettingError
from brickwork.explain.answers import checked, named, some
from brickwork.explain.columns import Groups, Inputs, checked_groups, predicted
from brickwork.explain.findings import Answered, Importance, Interval
from brickwork.explain.resampling import percentiles, weight_blocks
from brickwork.explain.statistics import statistics

DRAWS = 400
PREDICTIONS = 500_000
"""Most rows that are predicted: with more columns fewer rows are shuffled, though never fewer than 200."""

FEWEST = 200


def matters(
    predict: Callable[[dict[str, np.ndarray]], np.ndarray],
    inputs: Inputs,
    answered: Answered,
    groups: Groups,
    score: str | None = None,
    repeats: int = 5,
    seed: int = 0,
    rows: int = 2000,
) -> tuple[Importance, ...]:
    """Return how much worse a score gets when one column's values are shuffled among the rows, the most first.

        loss = score as it is - mean over repeats of the score with the column shuffled    (errors: the other way round)

    A column that answers rest on is missed when it no longer belongs to its row; one that is not used makes no
    difference. All that a column became (a number and whether it is missing, the words of a text) moves together. Where
    columns tell the same, each looks as if it mattered little, for the other one still says it; and shuffling makes
    rows that cannot occur. It is about this network, not about causes. Intervals are those of the bootstrap over rows
    and repeats.

    Args:
        predict: from inputs to answers as in `answered`: probabilities or numbers (rows, outputs).
        inputs: rows that were not trained on.
        answered: the truths of these rows, and the answers.
        groups: for each column its places in the inputs, as `column_groups(encoder)` tells.
        score: the name of a score, as `scores` names it; the first of these when not given.
        repeats: how often each column is shuffled.
        seed: of rows, shuffling and bootstrap.
        rows: at most so many rows are used, drawn at random; fewer where there are many columns (at most half a million
            predictions are made, if 200 rows are enough for that).

    Raises:
        DataError: inputs and answers of different rows, no rows, groups that name what is not there.
        SettingError: no such score, no repeats.

    Source: Breiman 2001, "Random Forests", section 10; for any model: Fisher, Rudin & Dominici 2019, "All Models are
    Wrong, but Many are Useful", section 3.
    """
    answered = checked(answered)
    given_rows = checked_groups(inputs, groups)
    if given_rows != len(answered) or not given_rows:
        raise DataError(f"There are {given_rows:,} rows of inputs and {len(answered):,} answers.")
    if repeats < 1 or rows < 1:
        raise SettingError(f"repeats and rows must be 1 or more, got {repeats} and {rows}.")
    score = named(score, statistics(answered)) if score else next(iter(statistics(answered)))
    source = np.random.default_rng(seed)
    count = min(given_rows, rows, max(FEWEST, PREDICTIONS // max(1, repeats * len(groups))))
    chosen = np.sort(source.choice(given_rows, count, replace=False))
    inputs = {name: np.asarray(array)[chosen] for name, array in inputs.items()}
    answered = some(answered, chosen)
    orders = [source.permutation(count) for _ in range(repeats)]

    weights = np.concatenate([np.ones((1, count)), *weight_blocks(count, DRAWS, seed)])
    measured = statistics(answered)[score]
    base = measured.statistic(weights)
    sign = 1.0 if measured.higher_is_better else -1.0
    # Which repeats a draw sees; the first one, of the rows themselves, sees each once.
    picks = source.multinomial(repeats, np.full(repeats, 1 / repeats), DRAWS) / repeats
    picks = np.concatenate([np.full((1, repeats), 1 / repeats), picks])

    def loss(places: Mapping[str, Sequence[int]]) -> Interval:
        shuffled = ({n: _moved(array, places.get(n, ()), order) for n, array in inputs.items()} for order in orders)
        outputs = predicted(predict, shuffled).reshape(repeats, count, -1)
        changed = [Answered(answered.question, answered.truth, one, answered.labels) for one in outputs]
        after = np.stack([statistics(one)[score].statistic(weights) for one in changed], axis=1)
        lost = sign * (picks * (base[:, None] - after)).sum(axis=1)
        return percentiles(float(lost[0]), lost[1:])

    found = [Importance(name, loss(places)) for name, places in groups.items()]
    return tuple(sorted(found, key=lambda one: -np.nan_to_num(one.loss.value)))


def _moved(array: np.ndarray, columns: Sequence[int], order: np.ndarray) -> np.ndarray:
    if not len(columns):
        return array
    moved, indices = array.copy(), list(columns)
    moved[:, indices] = array[order][:, indices]
    return moved
