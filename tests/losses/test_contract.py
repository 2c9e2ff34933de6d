"""What every loss promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled
from brickwork.core.batch import Padded
from brickwork.core.errors import ShapeError
from brickwork.core.spec import from_json, names_of, to_json
from brickwork.losses import example_loss, resolve_loss, weighted_mean
from losses.cases import CASES, ROWS, stored

EVERY = pytest.mark.parametrize("name", CASES)
SQUARES = ("gaussian_nll", "mean_squared_error", "squared_hinge", "contrastive")
"""Losses that grow with the square, and end where float32 does."""
STORED = {name.split("/")[0] for name in stored()}
"""Losses whose gradients are held to PyTorch's; those of others are compared with finite differences in every run."""
WEIGHED = ("mean_squared_error", "dice", "info_nce", "nt_xent")
PADDED = ("cross_entropy", "quantile", "gaussian_nll")
"""Kinds of targets that differ; every run looks at these, the slow one at all."""


def slow_where(cases, is_slow):
    return [pytest.param(name, marks=[pytest.mark.slow] if is_slow(case) else []) for name, case in cases.items()]


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def test_every_loss_has_a_case():
    ours = {name for name, cls in names_of("loss").items() if cls.key.startswith("brickwork:")}
    assert ours == {case.loss.name for case in CASES.values()}
    assert all(type(resolve_loss(name)) is names_of("loss")[name] for name in ours)


@pytest.mark.parametrize("name", slow_where(CASES, lambda case: case.again))
def test_values(name):
    """One number a row in float32 at least, each row's own, the spec as JSON; finite however sure outputs are."""
    case = CASES[name]
    again = from_json(to_json(case.loss))
    assert (again, type(again), hash(again)) == (case.loss, type(case.loss), hash(case.loss))
    outputs, targets = case.example()
    largest = 1e4 if case.loss.name in SQUARES else 1e30
    extremes = jnp.stack([outputs * 1e4, -outputs * 1e4, jnp.zeros_like(outputs), jnp.sign(outputs) * largest])

    @compiled
    def everything(outputs, targets):
        found = {"values": case.loss(outputs, targets), "small": case.loss(outputs.astype(jnp.bfloat16), targets)}
        if case.by_row:
            one = None if targets is None else 0
            alone = jax.vmap(lambda z, t: case.loss(z[None], None if t is None else t[None])[0], (0, one))
            found["alone"] = alone(outputs, targets)
        found["extreme"] = jax.vmap(jax.value_and_grad(lambda z: case.loss(z, targets).sum()))(extremes)
        return found

    found = everything(outputs, targets)
    assert found["values"].shape == (ROWS,)
    assert found["values"].dtype == found["small"].dtype == jnp.float32
    np.testing.assert_allclose(found["small"], found["values"], rtol=0.1, atol=0.05)
    np.testing.assert_allclose(found.get("alone", found["values"]), found["values"], rtol=1e-5, atol=1e-6)
    for value, gradient in zip(*found["extreme"], strict=True):
        assert np.isfinite(value)
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("name", slow_where(CASES, lambda case: case.loss.name in STORED))
def test_gradients_against_finite_differences(name):
    case = CASES[name]
    with jax.enable_x64(True):
        outputs, targets = case.example(np.float64)
        step = 1e-6
        moves = jnp.asarray(np.eye(outputs.size).reshape(-1, *outputs.shape) * step)

        @compiled
        def everything(outputs):
            def total(outputs):
                values = case.loss(outputs, targets)
                assert values.dtype == jnp.float64
                return values.sum()

            differences = jax.vmap(lambda move: total(outputs + move) - total(outputs - move))(moves) / (2 * step)
            return jax.grad(total)(outputs), differences.reshape(outputs.shape)

        gradient, expected = everything(outputs)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=2e-8)


@pytest.mark.parametrize("name", slow_where(CASES, lambda case: case.loss.name not in WEIGHED))
def test_rows_of_weight_nought_count_nowhere(name):
    case = CASES[name]
    outputs, targets = case.example()
    weight = jnp.asarray([1.0, 0.5, 2.0, 0.0, 0.0])
    filled = outputs.at[3].set(0.0).at[4].set(7.0)

    @compiled
    def mean(outputs, targets, weight):
        def value(outputs):
            return weighted_mean(example_loss(case.loss, outputs, targets, weight), weight)

        return jax.value_and_grad(value)(outputs)

    whole, slope = mean(filled, targets, weight)
    kept = None if targets is None else targets[:3]
    alone, own = mean(outputs[:3], kept, weight[:3])
    np.testing.assert_allclose(whole, alone, rtol=1e-6)
    np.testing.assert_allclose(slope[:3], own, rtol=1e-5, atol=1e-7)
    assert not np.any(slope[3:])


ORDINARY = {name: case for name, case in CASES.items() if case.by_position}


@pytest.mark.parametrize("name", slow_where(ORDINARY, lambda case: case.loss.name not in PADDED))
def test_axes_between_and_padding(name):
    """Pixels are averaged; what stands in the padding of sequences reaches neither value nor gradient."""
    case = CASES[name]
    outputs, targets = case.example(between=(4,), rows=3)
    lengths = jnp.asarray([4, 1, 0])
    mask = np.arange(4)[None] < np.asarray(lengths)[:, None]
    dirty = jnp.asarray(np.where(mask[..., None], outputs, np.float32(np.nan)))
    host = np.asarray(targets)
    bad = np.asarray(-1 if host.dtype == np.int32 else np.nan, host.dtype)
    dirty_targets = jnp.asarray(np.where(mask.reshape(mask.shape + (1,) * (host.ndim - 2)), host, bad))

    @compiled
    def everything(dirty, dirty_targets):
        def rows(values):
            return example_loss(case.loss, Padded(values, lengths), Padded(dirty_targets, lengths))

        gradient = jax.grad(lambda values: rows(values).sum())(dirty)
        return case.loss(outputs, targets), example_loss(case.loss, outputs, targets), rows(dirty), gradient

    plain, means, rows, gradient = everything(dirty, dirty_targets)
    assert plain.shape == (3, 4)
    np.testing.assert_allclose(means, plain.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(rows, [plain[0].mean(), plain[1, 0], 0], rtol=1e-5)
    assert np.all(np.isfinite(gradient))
    assert not np.any(gradient[~mask])
    assert np.any(gradient[mask])


@EVERY
def test_nothing_is_broadcast(name):
    case = CASES[name]
    outputs, targets = case.example(rows=4)
    if targets is None:
        for wrong in (outputs[:, :1], outputs[:, 0], outputs[..., 0]):
            with pytest.raises(ShapeError, match="features"):
                case.loss(wrong, None)
        return
    given = targets.shape
    for wrong in {(*given, 1), (1, *given), given[:-1], (*given[:-1], given[-1] + 1), (4, 1, 1), (1,), ()} - {given}:
        if name == "ctc" and len(wrong) == 2:  # any number of labels
            continue
        with pytest.raises(ShapeError):
            case.loss(outputs, jnp.zeros(wrong, targets.dtype))


@EVERY
def test_fitted_targets_fit(name):
    case = CASES[name]
    outputs, targets = case.example()
    if targets is None:
        case.loss.check(outputs.shape, None)
        assert case.loss.fit_targets(outputs.shape, None) is None
        return
    host = np.asarray(targets)
    shape = (99, *outputs.shape[1:])
    case.loss.check(shape, host)
    for given in (host, host.astype(np.float64), host.tolist()):
        fitted = case.loss.fit_targets(shape, given)
        np.testing.assert_allclose(fitted, host, rtol=1e-6)
        assert fitted.dtype in (np.float32, np.int32)
        case.loss.check(shape, fitted)
    with jax.enable_x64(True):
        assert case.loss.fit_targets(shape, host).dtype in (np.float64, np.int32)
