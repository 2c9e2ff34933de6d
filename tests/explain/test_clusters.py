"""Rows that belong together: intervals are made of whole clusters, and hold the truth about as often as they say."""

import numpy as np

from brickwork.explain import Answered, by_group, difference, scores


def flips(source: np.random.Generator, groups: int, rows: int) -> tuple[Answered, Answered]:
    """Return answers of groups some of which are easy and some hard, and the same without a word of the groups."""
    easy = np.repeat(source.beta(2, 0.5, groups), rows)
    truth = source.integers(0, 2, groups * rows)
    right = source.random(groups * rows) < easy
    given = np.where((truth == 1) == right, 0.9, 0.1)
    clusters = np.repeat(np.arange(groups), rows)
    both = np.stack([1 - given, given], axis=1)
    return Answered("classes", truth, both, ("no", "yes"), clusters), Answered("classes", truth, both, ("no", "yes"))


def test_intervals_of_clusters_hold_the_truth():
    source = np.random.default_rng(0)
    expected, held, told = 2 / 2.5, [], []
    for _ in range(80):
        for one, found in zip(flips(source, 15, 10), (held, told), strict=True):
            interval = scores(one)[0].interval
            found.append(interval.low <= expected <= interval.high)
    assert np.mean(held) > 0.82
    assert np.mean(told) < 0.75


def test_a_cluster_for_each_row_is_the_ordinary_bootstrap():
    one, plain = flips(np.random.default_rng(1), 40, 5)
    alone = Answered(one.question, one.truth, one.given, one.labels, np.arange(len(one)))
    for ours, theirs in zip(scores(alone), scores(plain), strict=True):
        assert ours.interval.value == theirs.interval.value
        width = ours.interval.high - ours.interval.low
        np.testing.assert_allclose(width, theirs.interval.high - theirs.interval.low, rtol=0.25)


def test_differences_and_audits_of_clusters_are_wider():
    one, plain = flips(np.random.default_rng(2), 12, 20)
    flat = np.full_like(plain.given, 0.5)
    trivial = Answered("classes", plain.truth, flat, ("no", "yes"))

    def width(interval):
        return interval.high - interval.low

    assert width(difference(one, trivial, "accuracy")) > 1.3 * width(difference(plain, trivial, "accuracy"))
    sides = np.repeat(["left", "right"] * 6, 20)
    for ours, theirs in zip(by_group(one, sides), by_group(plain, sides), strict=True):
        assert width(ours.gaps["accuracy"]) > 1.3 * width(theirs.gaps["accuracy"])
