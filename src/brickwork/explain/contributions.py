"""Contributions: what moved the answer for one row away from the usual one, column by column."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from brickwork.core.errors import DataError, SettingError
from brickwork.explain.answers import chosen_outputs, written
from brickwork.explain.columns import Groups, Inputs, checked_groups, predicted
from brickwork.explain.findings import Contribution

PIECE = 2000  # made-up rows at a time


def contributions(
    predict: Callable[[dict[str, np.ndarray]], np.ndarray],
    inputs: Inputs,
    typical: Inputs,
    groups: Groups,
    output: int | Sequence[int] | None = None,
    samples: int = 16,
    seed: int = 0,
    shown: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[tuple[Contribution, ...], ...]:
    """Return for each row how far each column moves the answer away from that for a typical row (Shapley values).

        effect_i = mean over orders of the columns of  answer(those before i and i) - answer(those before i)

    where columns that are not there yet have their typical values. The effects of a row add up exactly to its answer
    minus the typical answer. With n columns that differ all 2^n combinations are tried where these are few, so that the
    effects are exact; else orders are drawn at random, each one forwards and backwards, which leaves some noise in how
    the sum is shared out.

    What is shared out is a probability or a number, as people read it. The logarithm of the odds would add up more
    evenly near 0 and 1, but in units that say nothing to most; `predict` may return it instead.

    Args:
        predict: from inputs to answers (rows, outputs).
        inputs: the rows to explain.
        typical: one row to compare with, as `typical(inputs)` makes it.
        groups: for each column its places in the inputs, as `column_groups(encoder)` tells.
        output: which of the outputs, one for all rows or one for each; by default each row's largest, which is the
            answered class.
        samples: how many orders are drawn, besides each one's reverse.
        seed: of the orders.
        shown: for each row what its columns are shown as; empty when not given.

    Returns:
        For each row its columns, those with the largest effects first.

    Raises:
        DataError: typical is not one row like the inputs, groups that do not have every input once.
        SettingError: no samples, an output that there is not.

    Source: Štrumbelj & Kononenko 2014, "Explaining prediction models and individual predictions with feature
    contributions", section 2; a single row to compare with: Sundararajan & Najmi 2020, "The many Shapley values for
    model explanation", section 3.2; reversed orders: Mitchell, Cooper, Frank & Holmes 2022, "Sampling Permutations for
    Shapley Value Estimation", section 4.
    """
    rows = checked_groups(inputs, groups)
    inputs = {name: np.asarray(array) for name, array in inputs.items()}
    typical = {name: np.asarray(array) for name, array in typical.items()}
    if {n: (1, *a.shape[1:]) for n, a in inputs.items()} != {n: a.shape for n, a in typical.items()}:
        raise DataError("A typical row is one row with the arrays of the inputs.")
    _require_all(inputs, groups)
    if samples < 1:
        raise SettingError(f"samples must be 1 or more, got {samples}.")
    if not rows:
        return ()
    differ = np.stack([_differs(inputs, typical, places) for places in groups.values()], axis=1)
    source = np.random.default_rng(seed)
    plans = [_plan(np.flatnonzero(row), len(groups), samples, source) for row in differ]

    def made_up() -> Iterator[dict[str, np.ndarray]]:
        for row, (masks, _) in enumerate(plans):
            for first in range(0, len(masks), PIECE):
                yield _mixed(inputs, typical, groups, row, masks[first : first + PIECE])

    wanted = chosen_outputs(output, predicted(predict, [inputs]))
    sizes = [len(masks) for masks, _ in plans]
    answers = np.split(predicted(predict, made_up(), np.repeat(wanted, sizes)), np.cumsum(sizes)[:-1])
    found = []
    for row, (_, share_out) in enumerate(plans):
        effects = share_out(answers[row])
        values = shown[row] if shown is not None else {}
        named = [
            Contribution(name, written(values[name]) if name in values else "", float(effect))
            for name, effect in zip(groups, effects, strict=True)
        ]
        found.append(tuple(sorted(named, key=lambda one: -abs(one.effect))))
    return tuple(found)


def _require_all(inputs: Inputs, groups: Groups) -> None:
    """Raise unless every input belongs to one column: what none has could not be shared out."""
    for name, array in inputs.items():
        found = sorted(index for places in groups.values() for index in places.get(name, ()))
        if found != list(range(array.shape[1])):
            raise DataError(f"The groups must have each of the {array.shape[1]} {name} once, they have {found}.")


Shares = Callable[[Float[np.ndarray, " masks"]], Float[np.ndarray, " columns"]]


def _plan(active: np.ndarray, columns: int, samples: int, source: np.random.Generator) -> tuple[np.ndarray, Shares]:
    """Return which columns have the row's own values in each made-up row, and how their answers become effects."""
    n = len(active)
    if 2**n <= 2 * samples * n + 2:
        return _all_subsets(active, columns)
    orders = [order for _ in range(samples) for one in [source.permutation(n)] for order in (one, one[::-1])]
    masks = np.zeros((len(orders), n + 1, columns), bool)
    for number, order in enumerate(orders):
        for step, column in enumerate(active[order]):
            masks[number, step + 1 :, column] = True

    def share_out(answers: np.ndarray) -> np.ndarray:
        effects = np.zeros(columns)
        for order, steps in zip(orders, np.diff(answers.reshape(len(orders), n + 1), axis=1), strict=True):
            effects[active[order]] += steps / len(orders)
        return effects

    return masks.reshape(-1, columns), share_out


def _all_subsets(active: np.ndarray, columns: int) -> tuple[Bool[np.ndarray, "masks columns"], Shares]:
    """Return all subsets, and the sum over those without i of |S|! (n - |S| - 1)! / n! (answer(S, i) - answer(S))."""
    n = len(active)
    numbers = np.arange(2**n)
    inside = (numbers[:, None] >> np.arange(n)) & 1
    size = inside.sum(axis=1)
    chance = np.ones(n + 1)
    for k in range(1, n):  # 1 / (n (n - 1 over k))
        chance[k] = chance[k - 1] * k / (n - k)
    chance = chance / max(n, 1)
    masks = np.zeros((2**n, columns), bool)
    masks[:, active] = inside

    def share_out(answers: np.ndarray) -> np.ndarray:
        effects = np.zeros(columns)
        for place, column in enumerate(active):
            without = numbers[inside[:, place] == 0]
            steps = answers[without | (1 << place)] - answers[without]
            effects[column] = (chance[size[without]] * steps).sum()
        return effects

    return masks, share_out


def _differs(inputs: Inputs, typical: Inputs, places: Mapping[str, Sequence[int]]) -> Bool[np.ndarray, " rows"]:
    """Tell in which rows a column is not as in the typical row."""
    parts = [inputs[name][:, list(indices)] != typical[name][:, list(indices)] for name, indices in places.items()]
    rows = len(next(iter(inputs.values())))
    return np.asarray(np.concatenate([np.zeros((rows, 1), bool), *parts], axis=1).any(axis=1))


def _mixed(inputs: Inputs, typical: Inputs, groups: Groups, row: int, masks: np.ndarray) -> dict[str, np.ndarray]:
    """Return one row for each mask, with the row's own values where it says so and typical ones elsewhere."""
    made = {name: np.repeat(typical[name], len(masks), axis=0) for name in inputs}
    for column, places in enumerate(groups.values()):
        own = masks[:, column]
        for name, indices in places.items():
            made[name][np.flatnonzero(own)[:, None], list(indices)] = inputs[name][row, list(indices)]
    return made
