"""Audits of groups against counts by hand and the formula of two independent shares."""

import datetime as dt
import math

import numpy as np
import pytest

from brickwork.core.errors import DataError
from brickwork.explain import Answered, by_group
from brickwork.explain.resampling import wilson

draw = np.random.default_rng(0)


def sure(answers, truth):
    """Return answers of two classes that are given with 0.9."""
    given = np.where(np.asarray(answers)[:, None] == [0, 1], 0.9, 0.1)
    return Answered("classes", np.asarray(truth), given, ("no", "yes"))


def named(found):
    return {one.group: one for one in found}


def test_rates_by_hand():
    answers = [1, 1, 0, 0, 1, 0, 0, 1, 0]
    truth = [1, 0, 0, 1, 1, 0, 1, 1, 0]
    found = by_group(sure(answers, truth), ["u"] * 5 + ["v"] * 4)
    assert [(one.group, one.rows, one.few) for one in found] == [("u", 5, True), ("v", 4, True)]
    u, v = ({s.name: s.interval for s in one.scores} for one in found)
    rates = {"accuracy": 3 / 5, "answered yes": 3 / 5, "yes where true": 2 / 3, "yes where false": 1 / 2}
    assert {name: u[name].value for name in rates} == pytest.approx(rates)
    assert u["log loss"].value == pytest.approx(-(3 * math.log(0.9) + 2 * math.log(0.1)) / 5)
    assert u["yes where true"] == wilson(2, 3)
    rates = {"accuracy": 3 / 4, "answered yes": 1 / 4, "yes where true": 1 / 2, "yes where false": 0.0}
    assert {name: v[name].value for name in rates} == pytest.approx(rates)
    assert found[0].gaps["yes where false"].value == pytest.approx(0.5)
    assert found[1].gaps["accuracy"].value == pytest.approx(0.15)


def test_the_interval_of_a_gap_is_that_of_two_independent_shares():
    size = 3000
    groups = np.where(np.arange(size) < 1000, "a", "b")
    right = draw.random(size) < np.where(groups == "a", 0.6, 0.8)
    gap = named(by_group(sure(np.where(right, 1, 0), np.ones(size, int)), groups))["a"].gaps["accuracy"]
    p, q = right[:1000].mean(), right[1000:].mean()
    half = 1.96 * math.sqrt(p * (1 - p) / 1000 + q * (1 - q) / 2000)
    assert (gap.value, gap.value - gap.low, gap.high - gap.value) == pytest.approx((p - q, half, half), rel=0.15)


def test_numbers_and_labels():
    truth = np.zeros((40, 1))
    given = np.where(np.arange(40) % 2, 3.0, -1.0)[:, None]
    found = named(by_group(Answered("number", truth, given, ("y",)), np.arange(40) % 2))
    odd = {s.name: s.interval.value for s in found["1"].scores}
    assert odd == pytest.approx({"RMSE": 3.0, "MAE": 3.0, "mean error": 3.0})
    assert found["1"].gaps["mean error"].value == pytest.approx(4.0)
    flags = Answered("labels", np.tile([[1, 0]], (20, 1)), np.tile([[0.9, 0.6]], (20, 1)), ("a", "b"))
    (first, _) = by_group(flags, [0, 1] * 10)
    assert {s.name: s.interval.value for s in first.scores} == pytest.approx(
        {"macro F1": 0.5, "exact match": 0.0, "answered a": 1.0, "answered b": 1.0}
    )


def test_groups_of_numbers_dates_and_missing_values():
    values = [*np.arange(1.0, 41.0), None, math.nan]
    found = by_group(sure(np.ones(42), np.ones(42, int)), values)
    assert [(one.group, one.rows, one.few) for one in found] == [
        ("1 to 10", 10, False),
        ("11 to 20", 10, False),
        ("21 to 30", 10, False),
        ("31 to 40", 10, False),
        ("missing", 2, True),
    ]
    days = [dt.date(2024, 1, 1) + dt.timedelta(k) for k in range(24)]
    assert by_group(sure(np.ones(24), np.ones(24, int)), days)[0].group == "2024-01-01 to 2024-01-06"
    skewed = [0] * 90 + list(range(1, 13))
    names = [one.group for one in by_group(sure(np.ones(102), np.ones(102, int)), skewed)]
    assert names == ["0", "1 to 12"]


def test_many_groups_are_joined_and_one_group_has_no_gap():
    words = [f"w{k:02}" for k in range(30) for _ in range(k + 1)] + [None] * 3
    found = by_group(sure(np.ones(len(words)), np.ones(len(words), int)), words, most=20)
    assert len(found) == 20
    assert found[0].group == "w29"
    assert [(one.group, one.rows) for one in found][-2:] == [("other", 78), ("missing", 3)]  # w00 to w11
    (one,) = by_group(sure([1, 0], [1, 1]), [True, True])
    assert (one.group, one.gaps) == ("True", {})
    assert by_group(sure(np.zeros(0), np.zeros(0, int)), []) == ()
    with pytest.raises(DataError, match="one for each row"):
        by_group(sure([1, 0], [1, 1]), ["a"])
