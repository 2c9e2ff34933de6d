"""Splits and row order: every row once, exact sizes, proportions within one, the same rows again."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork.core.errors import DataError, SettingError
from brickwork.data import epoch_rows, random_split, stratified_split
from brickwork.data.splits import group_split, time_split


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    fractions=st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.5), (0.8, 0.2), (1.0,), (0.1, 0.2, 0.3, 0.4), (1 / 3,) * 3]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=150, deadline=None)
def test_stratified_splits(counts, fractions, seed):
    targets = np.array([f"class {label}" for label, count in enumerate(counts) for _ in range(count)])
    targets = np.random.default_rng(seed).permutation(targets)
    if len(targets) < 20:
        return
    parts = stratified_split(targets, fractions, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(targets)))
    assert [len(part) for part in parts] == [len(part) for part in random_split(len(targets), fractions, seed)]
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - fraction * len(targets)) < 1 + 1e-6
        for label, count in enumerate(counts):
            assert abs(np.sum(targets[part] == f"class {label}") - fraction * count) <= 1 + 1e-6
    for part, again in zip(parts, stratified_split(targets, fractions, seed), strict=True):
        np.testing.assert_array_equal(part, again)


def test_sizes_in_round_numbers():
    assert [len(part) for part in random_split(100)] == [70, 15, 15]
    assert [len(part) for part in random_split(1797)] == [1258, 270, 269]
    targets = np.repeat(np.arange(4), 20)
    for part, each in zip(stratified_split(targets, seed=3), (14, 3, 3), strict=True):
        assert np.bincount(targets[part]).tolist() == [each] * 4


def test_seeds_differ_and_numbers_are_not_stratified():
    targets = np.repeat(np.arange(4), 20)
    assert stratified_split(targets, seed=0)[0].tolist() != stratified_split(targets, seed=1)[0].tolist()
    numbers = np.linspace(0, 1, 50)
    np.testing.assert_array_equal(stratified_split(numbers, seed=5)[1], random_split(50, seed=5)[1])
    # rows come shuffled: the first rows of a part are of many classes
    assert len(set(targets[stratified_split(targets)[0][:12]].tolist())) > 2


def test_bad_splits():
    with pytest.raises(SettingError, match="add up to 1"):
        random_split(10, (0.5, 0.4))
    with pytest.raises(SettingError, match="above 0"):
        random_split(10, (1.5, -0.5))
    with pytest.raises(SettingError, match="not be negative"):
        random_split(10, seed=-1)
    with pytest.raises(DataError, match="3 rows are too few"):
        random_split(3)


@given(rows=st.integers(1, 300), batch=st.integers(1, 70), seed=st.integers(0, 2**40), epoch=st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_every_row_once_an_epoch(rows, batch, seed, epoch):
    numbers, weight = epoch_rows(rows, batch, seed=seed, epoch=epoch)
    assert numbers.shape == weight.shape == (-(-rows // batch), batch)
    assert numbers.dtype == np.int32
    assert weight.dtype == np.float32
    assert sorted(numbers[weight == 1].tolist()) == list(range(rows))
    assert (numbers[weight == 0] == 0).all()
    assert weight.sum() == rows
    again, _ = epoch_rows(rows, batch, seed=seed, epoch=epoch)
    np.testing.assert_array_equal(numbers, again)


def test_order_changes_with_seed_and_epoch():
    orders = {epoch_rows(50, 8, seed=s, epoch=e)[0].tobytes() for s in range(3) for e in range(3)}
    assert len(orders) == 9
    rows, weight = epoch_rows(5, 2, order="sequential")
    assert rows.tolist() == [[0, 1], [2, 3], [4, 0]]
    assert weight.tolist() == [[1, 1], [1, 1], [1, 0]]


def test_the_order_is_pinned():
    # PCG64 seeded with (7, 3): NumPy promises the stream of bits, and a resumed run depends on it.
    want = np.random.Generator(np.random.PCG64(np.random.SeedSequence((7, 3)))).permutation(10)
    np.testing.assert_array_equal(epoch_rows(10, 10, seed=7, epoch=3)[0][0], want)


def test_resampling_follows_the_weights():
    weights = np.array([0.0, 1.0, 3.0, 0.0, 4.0, 0.0])
    drawn = np.zeros(6)
    for epoch in range(4000):
        rows, weight = epoch_rows(6, 4, seed=1, epoch=epoch, weights=weights)
        assert weight.sum() == 6
        drawn += np.bincount(rows[weight == 1], minlength=6)
    np.testing.assert_allclose(drawn / drawn.sum(), weights / 8, atol=0.01)  # 24,000 draws: 3 deviations are 0.01
    assert (drawn[[0, 3, 5]] == 0).all()
    assert epoch_rows(3, 3, weights=np.full(3, 1e308))[0].shape == (1, 3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rows": 0, "batch_size": 4}, DataError, "no rows"),
        ({"rows": 5, "batch_size": 0}, SettingError, "batch_size must be at least 1"),
        ({"rows": 5, "batch_size": 4, "seed": -1}, SettingError, "must not be negative"),
        ({"rows": 5, "batch_size": 4, "order": "shufled"}, SettingError, "Did you mean 'shuffled'"),
        ({"rows": 2, "batch_size": 4, "weights": [1, -1]}, DataError, "row 1 has -1"),
        ({"rows": 2, "batch_size": 4, "weights": [1, np.nan]}, DataError, "row 1 has nan"),
        ({"rows": 2, "batch_size": 4, "weights": [0, 0]}, DataError, "all zero"),
        ({"rows": 2, "batch_size": 4, "weights": [1, 1, 1]}, DataError, r"shape \(2,\); got shape \(3,\)"),
        ({"rows": 2, "batch_size": 4, "weights": ["a", "b"]}, DataError, "must be numbers"),
    ],
)
def test_sampler_errors(options, error, message):
    with pytest.raises(error, match=message):
        epoch_rows(**options)


@given(
    sizes=st.lists(st.integers(1, 40), min_size=3, max_size=40),
    fractions=st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.5), (0.6, 0.2, 0.2)]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=100, deadline=None)
def test_groups_stay_together(sizes, fractions, seed):
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    if len(groups) < 20:
        return
    parts = group_split(groups, fractions, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(groups)))
    found = [set(groups[part].tolist()) for part in parts]
    assert all(found)
    assert sum(map(len, found)) == len(sizes)
    again = group_split(groups, fractions, seed)
    assert all(np.array_equal(part, same) for part, same in zip(parts, again, strict=True))


def test_many_small_groups_come_close_to_the_fractions():
    groups = np.array([f"person {n % 300}" for n in range(3000)])
    assert [len(part) for part in group_split(groups)] == [2100, 450, 450]
    assert not np.array_equal(group_split(groups, seed=1)[2], group_split(groups, seed=2)[2])
    with pytest.raises(DataError, match="There are 2 groups for 3 parts"):
        group_split(np.repeat(["a", "b"], 20))


@given(
    times=st.lists(st.integers(0, 50), min_size=20, max_size=120),
    fractions=st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.5)]),
)
@settings(max_examples=100, deadline=None)
def test_later_rows_are_in_later_parts(times, fractions):
    times = np.array(times, "datetime64[D]")
    if len(np.unique(times)) < len(fractions):
        with pytest.raises(DataError, match="different times"):
            time_split(times, fractions)
        return
    parts = time_split(times, fractions)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(times)))
    for before, after in pairwise(parts):
        assert times[before].max() < times[after].min()


def test_times_without_ties_are_cut_exactly():
    times = np.random.default_rng(0).permutation(200) / 7
    assert [len(part) for part in time_split(times)] == [140, 30, 30]
    with pytest.raises(DataError, match="no time"):
        time_split(np.array([1.0, np.nan, 2.0] * 10))
