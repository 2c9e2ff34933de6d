"""Schedules against PyTorch's, and by their formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.optim import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseSquareRoot,
    Linear,
    OneCycle,
    PiecewiseConstant,
    PolynomialDecay,
    StepDecay,
    Warmup,
    WarmupCosine,
)
from optim.problem import STEPS, TORCH
from optim.test_contract import factors

PYTORCHS = [
    Cosine(0.1),
    Linear(0.2),
    StepDecay(),
    Exponential(0.01),
    PolynomialDecay(0.9),
    CosineRestarts(2, 3.0, 0.1),
    Warmup(PolynomialDecay(2.0), 0.2),
]


@pytest.mark.parametrize("schedule", PYTORCHS, ids=lambda schedule: schedule.name)
def test_same_rates_as_pytorch(schedule):
    with np.load(TORCH) as torch, jax.enable_x64(True):
        np.testing.assert_allclose(factors(schedule, STEPS), torch[f"schedule/{schedule.name}"], rtol=1e-9)


def test_one_cycle_is_pytorchs():
    with np.load(TORCH) as torch:
        expected = torch["schedule/one_cycle"]
    with jax.enable_x64(True):
        values = factors(OneCycle(), STEPS + 1)
    np.testing.assert_allclose(values[:STEPS], expected, rtol=1e-9)
    assert values[STEPS] == pytest.approx(4e-6)


def test_schedules_by_their_formulas():
    np.testing.assert_array_equal(factors(Constant(), 40), 1)
    np.testing.assert_allclose(
        factors(Cosine(), 4), [1, (1 + np.sqrt(0.5)) / 2, 0.5, (1 - np.sqrt(0.5)) / 2], rtol=1e-6
    )
    np.testing.assert_allclose(factors(Linear(), 4), [1, 0.75, 0.5, 0.25])
    np.testing.assert_allclose(factors(Exponential(0.01), 4), [1, 0.01**0.25, 0.1, 0.01**0.75], rtol=1e-6)
    np.testing.assert_allclose(factors(StepDecay(0.5, (0.5, 0.75)), 8), [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25])
    piecewise = PiecewiseConstant((0.25, 0.5), (0.1, 1.0, 0.3))
    np.testing.assert_allclose(factors(piecewise, 8), [0.1] * 2 + [1.0] * 2 + [0.3] * 4, rtol=1e-6)
    warm = factors(WarmupCosine(0.2), 20)
    np.testing.assert_allclose(warm[:5], [0.25, 0.5, 0.75, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(warm[4:], (1 + np.cos(np.pi * np.arange(16) / 16)) / 2, atol=1e-6)
    np.testing.assert_allclose(factors(WarmupCosine(0.0), 20), factors(Cosine(), 20), atol=1e-6)


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.37])
def test_warm_up_before_another_schedule(warmup):
    np.testing.assert_allclose(factors(Warmup(Cosine(0.1), warmup), 30), factors(WarmupCosine(warmup, 0.1), 30))
    values = factors(Warmup(warmup=warmup), 30, 40)
    rise = min(int(np.ceil(warmup * 30)), 30)
    np.testing.assert_allclose(values[rise:], 1)
    np.testing.assert_allclose(values[:rise], np.minimum(np.arange(1, rise + 1) / max(warmup * 30, 1), 1), rtol=1e-6)


def test_the_transformers_schedule():
    """Vaswani et al. (2017), equation 3, over its highest value."""
    width, warm, steps = 512, 4000, 100_000
    number = jnp.asarray([0, 100, 3999, 4000, 20_000, 99_999])
    n = np.asarray(number) + 1.0
    published = width**-0.5 * np.minimum(n**-0.5, n * warm**-1.5)
    ours = [float(InverseSquareRoot().factor(step, steps)) for step in number]
    np.testing.assert_allclose(ours, published / (width * warm) ** -0.5, rtol=1e-5)


def test_restarts_fill_the_run():
    """Loshchilov & Hutter (2017), equation 5 with T_0 = 10, T_mult = 2: cycles of 10, 20 and 40 steps."""
    expected = np.concatenate([(1 + np.cos(np.pi * np.arange(n) / n)) / 2 for n in (10, 20, 40)])
    np.testing.assert_allclose(factors(CosineRestarts(), 70), expected, atol=1e-6)
    assert factors(CosineRestarts(floor=0.2), 70, 75)[-1] == pytest.approx(0.2)
    np.testing.assert_allclose(factors(CosineRestarts(1), 30), factors(Cosine(), 30), atol=1e-6)
