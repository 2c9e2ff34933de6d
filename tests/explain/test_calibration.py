"""Calibration against what made the data, and against the theory of order statistics."""

import math

import numpy as np
import pytest

from brickwork.core.errors import DataError, SettingError
from brickwork.explain import interval_width, temperature

draw = np.random.default_rng(0)


def drawn(logits):
    """Return classes that occur as often as the softmax of logits says."""
    return (logits + draw.gumbel(size=logits.shape)).argmax(axis=1)


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_a_factor(factor):
    logits = draw.normal(size=(20_000, 4)) * 2
    truth = drawn(logits)
    assert temperature(logits * factor, truth, "classes") == pytest.approx(factor, rel=0.04)
    flags = (draw.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(int)
    assert temperature(logits * factor, flags, "labels") == pytest.approx(factor, rel=0.04)
    two = np.stack([np.zeros(20_000), logits[:, 0]], axis=1)
    single = temperature(logits[:, :1] * factor, flags[:, 0], "classes")  # one logit says what two do
    assert single == pytest.approx(temperature(two * factor, flags[:, 0], "classes"), rel=1e-3)


def test_few_rows_and_perfect_separation_make_nothing_certain():
    assert temperature(np.zeros((0, 3)), np.zeros(0), "classes") == 1
    grid = np.exp(np.linspace(-2, 2, 40_001))  # of one row, all three terms by hand
    right, wrong = np.log1p(np.exp(-5 / grid)), np.log1p(np.exp(5 / grid))
    for truth, own in ((0, right), (1, wrong)):
        best = grid[np.argmin(own + (right + wrong) / 2 + 2 * np.log(grid) ** 2)]
        assert temperature([[5.0, 0.0]], [truth], "classes") == pytest.approx(best, rel=1e-3)
    for rows in (5, 50, 500):
        found = temperature(np.tile([[2.0, 0.0]], (rows, 1)), np.zeros(rows), "classes")
        sure = 1 / (1 + math.exp(-2 / found))
        assert sure <= (rows + 0.5) / (rows + 1)  # as sure as after one more row, answered by chance
        assert found < 1.05
    wrong = temperature(np.tile([[2.0, 0.0]], (5000, 1)), np.ones(5000), "classes")
    assert 19 < wrong <= 20


def test_rows_that_are_unknown_are_left_out():
    logits = draw.normal(size=(300, 3))
    truth = drawn(logits)
    expected = temperature(logits, truth, "classes")
    more = np.concatenate([logits + 5, np.full((9, 3), np.nan)])  # a constant makes no difference
    assert temperature(more, np.r_[truth, np.zeros(9, int)], "classes") == pytest.approx(expected, rel=1e-3)
    impossible = np.where((np.arange(3) == 1) & (truth != 1)[:, None], -np.inf, logits)
    assert 0 < temperature(impossible, truth, "classes") < 20
    with pytest.raises(DataError, match="belong together"):
        temperature(logits, truth[:-1], "classes")
    with pytest.raises(SettingError, match="interval_width"):
        temperature(logits, truth, "number")


def test_the_width_is_the_right_residual():
    assert interval_width(np.arange(1.0, 10.0), np.zeros(9), 0.9).tolist() == [9]  # ceil(10 * 0.9)
    assert interval_width(np.arange(1.0, 10.0), np.zeros(9), 0.71).tolist() == [8]  # ceil(7.1)
    assert interval_width(np.arange(1.0, 9.0), np.zeros(8), 0.9).tolist() == [math.inf]
    both = np.stack([np.arange(1.0, 20.0), -np.arange(1.0, 20.0) * 100], axis=1)
    assert interval_width(both, np.zeros((19, 2)), 0.5).tolist() == [10, 1000]
    given = np.where(np.arange(19) < 9, 0.0, np.nan)  # rows that nobody held out
    assert interval_width(np.arange(1.0, 20.0), given, 0.9).tolist() == [9]
    for level in (0, 1):
        with pytest.raises(SettingError, match="between 0 and 1"):
            interval_width([1.0], [1.0], level)
    with pytest.raises(DataError, match="spread"):
        interval_width([1.0, 2.0], [1.0, 1.0], 0.5, spread=[1.0, 0.0])


def test_the_width_covers_as_often_as_it_says():
    # Whatever the distribution, the mean coverage is k / (n + 1) = 46 / 51 for n = 50; its deviation over calibrations
    # is that of a Beta distribution, 0.041, so that the mean of 1000 is within 0.004.
    covered = []
    for _ in range(1000):
        scale = draw.exponential(size=150)
        truth = scale * draw.standard_t(2, 150)
        width = interval_width(truth[:50], np.zeros(50), 0.9, spread=scale[:50])[0]
        covered.append(np.mean(np.abs(truth[50:]) <= width * scale[50:]))
    assert np.mean(covered) == pytest.approx(46 / 51, abs=0.005)
