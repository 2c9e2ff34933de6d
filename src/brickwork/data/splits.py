"""Splits: which rows train, which validate, which test."""

from collections.abc import Sequence

import numpy as np

from brickwork.core.errors import DataError, SettingError

FRACTIONS = (0.7, 0.15, 0.15)


def random_split(rows: int, fractions: Sequence[float] = FRACTIONS, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return one shuffled array of row numbers for each fraction; together they hold every row once.

    The sizes are `rows * fractions`, rounded by largest remainder. Deterministic in `seed`.

    Raises `SettingError` for fractions that are not above 0 or do not add up to 1, `DataError` when a part would
    be empty.
    """
    sizes = part_sizes(rows, fractions)
    order = _generator(seed).permutation(rows)
    return tuple(np.split(order, np.cumsum(sizes)[:-1]))


def stratified_split(
    targets: np.ndarray, fractions: Sequence[float] = FRACTIONS, seed: int = 0
) -> tuple[np.ndarray, ...]:
    """Return one shuffled array of row numbers for each fraction, every class in its proportion in every part.

    `targets` (rows,) holds labels of any kind. The sizes of the parts are exactly those of `random_split`; the rows of
    a class in a part differ from `rows of the class * fraction` by at most one. A class with fewer rows
    than parts cannot be in all of them. Targets that are no labels (numbers with a fractional part, mostly
    different numbers, several columns) are split at random. Deterministic in `seed`.

    Raises as `random_split` does.
    """
    targets = np.asarray(targets)
    if not are_labels(targets):
        return random_split(len(targets), fractions, seed)
    sizes = part_sizes(len(targets), fractions)
    _, codes = np.unique(targets.astype(str) if targets.dtype.kind == "O" else targets, return_inverse=True)
    generator = _generator(seed)
    counts = _class_counts(np.bincount(codes), np.asarray(fractions, np.float64), sizes)
    parts: list[list[np.ndarray]] = [[] for _ in sizes]
    for label, row in enumerate(counts):
        members = generator.permutation(np.flatnonzero(codes == label))
        for part, piece in zip(parts, np.split(members, np.cumsum(row)[:-1]), strict=True):
            part.append(piece)
    return tuple(generator.permutation(np.concatenate(part)) for part in parts)


def group_split(groups: np.ndarray, fractions: Sequence[float] = FRACTIONS, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return row numbers for each fraction such that no group is in two parts: tested are new people, new places.

    `groups` (rows,) says which group each row belongs to. Larger groups are placed first, those of one size in random
    order, each where the largest share of rows is still missing; so parts come about as close to `rows * fractions`
    as whole groups allow. Deterministic in `seed`.

    Raises `DataError` when there are fewer groups than parts.
    """
    part_sizes(len(groups), fractions)  # which checks the fractions
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(counts) < len(fractions):
        raise DataError(
            f"There are {len(counts)} groups for {len(fractions)} parts: rows of one group stay together, so each part "
            "needs at least one of its own."
        )
    generator = _generator(seed)
    order = generator.permutation(len(counts))
    order = order[np.argsort(-counts[order], kind="stable")]
    wanted = len(groups) * np.asarray(fractions, np.float64)
    missing, part_of = wanted.copy(), np.empty(len(counts), np.int64)
    empty = set(range(len(fractions)))
    for place, group in enumerate(order):
        choice = empty if len(order) - place <= len(empty) else range(len(fractions))  # none may stay empty
        part = max(choice, key=lambda part: missing[part] / wanted[part])
        part_of[group] = part
        missing[part] -= counts[group]
        empty.discard(part)
    parts = part_of[codes.ravel()]
    return tuple(generator.permutation(np.flatnonzero(parts == part)) for part in range(len(fractions)))


def time_split(times: np.ndarray, fractions: Sequence[float] = FRACTIONS) -> tuple[np.ndarray, ...]:
    """Return row numbers for each fraction in the order of time: what is tested is later than what was learnt from.

    `times` (rows,) are numbers or dates. Rows of the same time are in the same part, so sizes may differ from those
    of `random_split` by as many rows as share a time.

    Raises `DataError` for missing times, and when there are fewer different times than parts.
    """
    sizes = part_sizes(len(times), fractions)
    times = np.asarray(times)
    if bool(
        np.isnan(times).any() if times.dtype.kind == "f" else np.isnat(times).any() if times.dtype.kind in "mM" else 0
    ):
        raise DataError("Some rows have no time: leave them out, or choose another column to split by.")
    different, counts = np.unique(times, return_counts=True)
    if len(different) < len(fractions):
        raise DataError(
            f"There are {len(different)} different times for {len(fractions)} parts: rows of one time stay together."
        )
    ends = np.cumsum(counts)
    cuts: list[int] = []
    for place, wanted in enumerate(np.cumsum(sizes)[:-1]):
        first = cuts[-1] + 1 if cuts else 1  # at least one time in each part, before and after
        last = len(different) - (len(fractions) - 1 - place)
        nearest = int(np.argmin(np.abs(ends - wanted))) + 1
        cuts.append(min(max(nearest, first), last))
    part_of = np.searchsorted(np.array(cuts), np.searchsorted(different, times), side="right")
    order = np.argsort(times, kind="stable")
    return tuple(order[part_of[order] == part] for part in range(len(fractions)))


def are_labels(targets: np.ndarray) -> bool:
    """Tell whether targets look like classes: texts or flags, or whole numbers seen three times each on average."""
    if targets.ndim != 1:
        return False
    if targets.dtype.kind not in "fiu":
        return True
    if targets.dtype.kind == "f" and not (np.isfinite(targets).all() and (targets == np.round(targets)).all()):
        return False
    return len(targets) >= 3 * len(np.unique(targets))


def part_sizes(rows: int, fractions: Sequence[float]) -> np.ndarray:
    """Return how many rows each fraction gets, by largest remainder; they add up to `rows`."""
    shares = np.asarray(fractions, np.float64)
    if shares.ndim != 1 or not len(shares) or not np.isfinite(shares).all() or (shares <= 0).any():
        raise SettingError(f"Fractions must be numbers above 0, such as (0.7, 0.15, 0.15); got {tuple(fractions)}.")
    if abs(shares.sum() - 1) > 1e-6:
        raise SettingError(f"Fractions must add up to 1, got {tuple(fractions)}, which add up to {shares.sum():g}.")
    exact = rows * shares
    sizes = np.floor(exact + 1e-9).astype(np.int64)
    # Earlier parts win ties: a stable sort on the falling remainder, rounded so that 0.15 * 20 has none.
    order = np.argsort(-np.round(exact - sizes, 9), kind="stable")
    sizes[order[: rows - sizes.sum()]] += 1
    if (sizes == 0).any():
        raise DataError(
            f"{rows} rows are too few to be split into parts of {tuple(fractions)}: one part would be empty. "
            "Give more rows, or fewer and larger parts."
        )
    return sizes


def _class_counts(class_sizes: np.ndarray, shares: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return rows by class and part, (classes, parts), with exact margins, each within one of its share.

    Every cell starts at its share rounded down; a class then has fewer rows left over than there are parts, and
    gives at most one to a part. Serving the parts with the greatest need first, classes with the most left
    over first, finds such an assignment whenever there is one (Gale 1957, A theorem on flows in networks).
    """
    exact = class_sizes[:, None] * shares
    counts = np.floor(exact + 1e-9).astype(np.int64)
    left = class_sizes - counts.sum(1)
    need = sizes - counts.sum(0)
    remainder = exact - counts
    for label in np.argsort(-left, kind="stable"):
        order = np.lexsort((-remainder[label], -need))
        chosen = order[: left[label]]
        counts[label, chosen] += 1
        need[chosen] -= 1
    return counts


def _generator(seed: int) -> np.random.Generator:
    if seed < 0:
        raise SettingError(f"A seed must not be negative, got {seed}.")
    return np.random.Generator(np.random.PCG64(seed))
