"""Intervals: how far a number that was measured on some rows may be from what it would be on all rows there are."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int

from brickwork.explain.findings import Interval

Weights = Float[np.ndarray, "draws rows"]
Statistic = Callable[[Weights], Float[np.ndarray, " draws"]]
"""A number for each draw of weights: how often each row was drawn."""

Rows = slice | np.ndarray
"""Some of the rows."""

NORMAL = 1.959963984540054
"""How many standard deviations around its mean hold 95% of a normal distribution."""

UNKNOWN = Interval(math.nan, math.nan, math.nan)
BUDGET = 20_000_000
"""How many weights are drawn for all statistics together: a second or two."""

DRAWS = (400, 1000)
"""Fewest and most samples; where rows are so many that the fewest are too costly, they are drawn from some of them."""

FEWEST = 2000  # rows that are drawn from
BLOCK = 2_000_000  # weights in memory at a time


def wilson(hits: float, rows: float) -> Interval:
    """Return a share of rows with its interval, which stays sensible for few rows and shares near 0 and 1.

        (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n),    z = 1.96

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if rows <= 0:
        return UNKNOWN
    hits, rows = float(hits), float(rows)
    p, square = hits / rows, NORMAL**2 / rows
    centre = (p + square / 2) / (1 + square)
    half = math.sqrt(square * p * (1 - p) + square**2 / 4) / (1 + square)
    return Interval(p, max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half)))


def mean_of_shares(shares: list[Interval]) -> Interval:
    """Return the mean of independent shares with its interval, made of theirs: each end is as far off as

        sqrt(sum over shares of (share - its end)^2) / number of shares

    Source: Zou & Donner 2008, "Construction of Confidence Limits About Effect Measures", section 2.
    """
    if not shares:
        return UNKNOWN
    value = sum(one.value for one in shares) / len(shares)
    below = math.sqrt(sum((one.value - one.low) ** 2 for one in shares)) / len(shares)
    above = math.sqrt(sum((one.high - one.value) ** 2 for one in shares)) / len(shares)
    return Interval(value, max(0.0, value - below), min(1.0, value + above))


def weight_blocks(rows: int, draws: int, seed: int) -> Iterator[Weights]:
    """Yield how often each row is in samples of as many rows, drawn with replacement, a few draws at a time."""
    source = np.random.default_rng(seed)
    size = max(1, BLOCK // max(1, rows))
    for first in range(0, draws, size):
        count = min(size, draws - first)
        yield np.stack([np.bincount(source.integers(0, rows, rows), minlength=rows) for _ in range(count)]).astype(
            np.float64
        )


def cluster_blocks(clusters: Int[np.ndarray, " rows"], draws: int, seed: int) -> Iterator[Weights]:
    """Yield how often each row is in samples of as many clusters, all rows of each, drawn with replacement."""
    source = np.random.default_rng(seed)
    _, codes = np.unique(clusters, return_inverse=True)
    count, size = int(codes.max()) + 1, max(1, BLOCK // len(codes))
    for first in range(0, draws, size):
        some = range(min(size, draws - first))
        drawn = np.stack([np.bincount(source.integers(0, count, count), minlength=count) for _ in some])
        yield drawn[:, codes].astype(np.float64)


def value_of(statistic: Statistic, rows: int) -> float:
    """Return a statistic of the rows themselves, each once."""
    return float(statistic(np.ones((1, rows)))[0]) if rows else math.nan


def percentiles(value: float, drawn: Float[np.ndarray, " draws"]) -> Interval:
    """Return a value with the middle 95% of what was drawn; nan where most of that is not known."""
    known = drawn[np.isfinite(drawn)]
    if math.isnan(value) or len(known) < 0.5 * len(drawn) or len(known) < 2:
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(known, (0.025, 0.975))
    return Interval(value, float(low), float(high))


def bootstrap(
    statistics: Callable[[Rows], Sequence[Statistic]],
    rows: int,
    seed: int,
    cost: int = 1,
    clusters: Int[np.ndarray, " rows"] | None = None,
) -> list[Interval]:
    """Return statistics of rows with their intervals: the middle 95% of what samples of the same rows give.

    A sample has as many rows, drawn with replacement; all statistics see the same samples. Where rows are so many
    that this takes long, samples are drawn from m rows chosen at random, and their spread is divided by sqrt(rows / m).
    Of fewer than two rows the ends are nan.

    Args:
        statistics: a function from some of the rows to statistics of these.
        rows: how many there are.
        seed: of the samples.
        cost: how many numbers all statistics together look at for a row.
        clusters: a number for each row, the same for rows that belong together, which are drawn together.

    Source: Efron 1979, "Bootstrap Methods: Another Look at the Jackknife"; of clusters: Field & Welsh 2007,
    "Bootstrapping Clustered Data", section 2.
    """
    values = [value_of(statistic, rows) for statistic in statistics(slice(None))]
    if rows < 2 or not values:
        return [Interval(value, math.nan, math.nan) for value in values]
    draws = int(np.clip(BUDGET // (rows * cost), *DRAWS))
    if clusters is not None:
        blocks = cluster_blocks(clusters, draws, seed)
        return [percentiles(v, d) for v, d in zip(values, _drawn(statistics(slice(None)), blocks), strict=True)]
    most = max(FEWEST, BUDGET // (draws * cost))
    if rows <= most:
        return [
            percentiles(v, d)
            for v, d in zip(values, _drawn(statistics(slice(None)), weight_blocks(rows, draws, seed)), strict=True)
        ]
    chosen = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    some, shrink = statistics(chosen), math.sqrt(most / rows)
    drawn = _drawn(some, weight_blocks(most, draws, seed))
    centres = [value_of(statistic, most) for statistic in some]
    return [percentiles(v, v + (d - c) * shrink) for v, c, d in zip(values, centres, drawn, strict=True)]


def _drawn(statistics: Sequence[Statistic], weights: Iterator[Weights]) -> list[np.ndarray]:
    blocks = [[statistic(some) for statistic in statistics] for some in weights]
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
