import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops import batch_moments, group_normalize, moments, normalize, rms_normalize, standardize
from ops.twins import check_golden, plain


@pytest.mark.parametrize("float64", [False, True])
def test_agrees_with_torch(float64):
    check_golden("layer_norm", lambda x, scale, offset: normalize(x, -1, scale, offset), float64)
    check_golden("rms_norm", lambda x, scale: rms_normalize(x, -1, scale), float64)

    def batch_norm(x, scale, offset):
        mean, variance, _ = batch_moments(x)
        return standardize(x, mean, variance, scale, offset, epsilon=1e-3)

    check_golden("batch_norm", batch_norm, float64)


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_weighted_moments_are_those_of_the_rows_repeated(batch, time, channels, by_step):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, time, channels)) + 3
    weights = rng.integers(0, 3, size=(batch, time) if by_step else (batch,))
    counts = np.broadcast_to(weights.reshape(batch, -1), (batch, time))
    rows = np.repeat(x.reshape(-1, channels), counts.reshape(-1), axis=0)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        mean, variance, total = map(np.asarray, batch_moments(jnp.asarray(x), jnp.asarray(weights)))
    assert total == len(rows)
    if len(rows):
        np.testing.assert_allclose(mean, rows.mean(0))
        np.testing.assert_allclose(variance, rows.var(0), atol=1e-12)
    else:
        np.testing.assert_array_equal([mean, variance], 0)


def test_a_large_mean_costs_no_digits():
    x = 1e4 + jnp.asarray(np.random.default_rng(0).choice([-1.0, 1.0], size=(512, 1)), "float32")
    expected = np.asarray(x, "float64").var()
    for variance in (moments(x, 0)[1], moments(x, 0, jnp.ones((512, 1)))[1], batch_moments(x)[1]):
        np.testing.assert_allclose(variance.item(), expected, rtol=1e-6)


def test_bfloat16_sums_in_float32_and_returns_bfloat16():
    x = jnp.full((1000, 2), 1.01, jnp.bfloat16)
    with jax.numpy_dtype_promotion("strict"):
        mean, variance, total = batch_moments(x, jnp.ones(1000, bool))
        y = normalize(x, -1, jnp.ones(2, jnp.float32), jnp.ones(2, jnp.bfloat16))
        assert rms_normalize(x, -1).dtype == jnp.bfloat16
    assert mean.dtype == variance.dtype == total.dtype == jnp.float32
    np.testing.assert_allclose(mean, x[0].astype(jnp.float32), rtol=1e-6)
    assert y.dtype == jnp.bfloat16


def test_masked_values_are_never_read():
    x = jnp.array([[1.0], [3.0], [jnp.nan]])
    weights = jnp.array([1.0, 1.0, 0.0])
    np.testing.assert_array_equal(jnp.concatenate(batch_moments(x, weights)[:2]), [2, 1])
    gradient = jax.grad(lambda x: sum(m.sum() for m in batch_moments(x, weights)[:2]))(x)
    np.testing.assert_allclose(gradient[:, 0], [-0.5, 1.5, 0])
    nothing = jax.grad(lambda x: sum(m.sum() for m in batch_moments(x, weights * 0)[:2]))(x)
    np.testing.assert_array_equal(nothing, 0)


def test_axes_stay_and_broadcast():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 4)), "float32")
    mean, variance = moments(x, (0, -1), jnp.ones((3, 1)))
    assert mean.shape == variance.shape == (1, 3, 1)
    np.testing.assert_allclose(mean[0, :, 0], x.mean((0, 2)), rtol=1e-5)
    np.testing.assert_allclose(variance[0, :, 0], x.var((0, 2)), rtol=1e-5)
    np.testing.assert_allclose(normalize(x, (1, 2), weights=jnp.ones(4)).std((1, 2)), 1, rtol=1e-4)


def test_groups_are_normalised_row_by_row_over_places_that_count():
    x = np.random.default_rng(0).normal(size=(2, 3, 2, 4)) + 3
    weights, expected = np.array([[1, 0, 2], [0, 0, 0]]), np.zeros((3, 2, 4))
    for group in (slice(0, 2), slice(2, 4)):
        counted = np.concatenate([x[0, 0, :, group], x[0, 2, :, group], x[0, 2, :, group]])
        expected[..., group] = (x[0, ..., group] - counted.mean()) / np.sqrt(counted.var() + 1e-5)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        y = group_normalize(jnp.asarray(x), 2, weights=jnp.asarray(weights))
    np.testing.assert_allclose(y[0], expected, rtol=1e-9)
    np.testing.assert_allclose(y[1], x[1] / np.sqrt(1e-5), rtol=1e-9)  # nothing counts: mean 0, variance 0


def test_misfits_are_explained():
    x = jnp.ones((2, 3))
    with pytest.raises(SettingError, match="groups must divide the 3 channels"):
        plain(group_normalize)(x, 2)
    with pytest.raises(ShapeError, match=r"group_normalize: .* first axes, such as \(2,\), got \(3,\)"):
        plain(group_normalize)(x, 3, weights=jnp.ones(3))
    with pytest.raises(ShapeError, match="group_normalize needs"):
        plain(group_normalize)(jnp.ones(3), 3)
    with pytest.raises(ShapeError, match=r"first axes, such as \(2,\), got \(3,\)"):
        plain(batch_moments)(x, jnp.ones(3))
    with pytest.raises(ShapeError, match="nothing to take the mean of"):
        plain(moments)(jnp.ones((0, 3)), 0)
    with pytest.raises(ShapeError, match="weights of shape"):
        plain(moments)(x, 0, jnp.ones((4, 3)))
    with pytest.raises(ShapeError, match="scale of shape"):
        plain(normalize)(x, -1, jnp.ones(2))
    with pytest.raises(ShapeError, match="batch_moments needs"):
        plain(batch_moments)(jnp.ones(3))
    with pytest.raises(SettingError, match="from -2 to 1"):
        plain(moments)(x, 2)
    with pytest.raises(SettingError, match="every axis once"):
        plain(moments)(x, (1, -1))
    with pytest.raises(SettingError, match="epsilon"):
        plain(normalize)(x, -1, epsilon=-1.0)
