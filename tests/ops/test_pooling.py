import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops import adaptive_pool, average_pool, global_average_pool, global_max_pool, implementation, max_pool
from ops.twins import cases, check_golden, check_twins, plain

GEOMETRY = {"even": (2, 2, 0), "overlapping": (3, 2, 1), "wide": (3, 1, 0), "ties": (3, 2, 1)}


@pytest.mark.parametrize("float64", [False, True])
@pytest.mark.parametrize("name", cases("max_pool2d") + cases("average_pool2d"))
def test_agrees_with_torch(name, float64):
    kind, geometry, *count = name.split("/")
    window, stride, edge = GEOMETRY[geometry]
    padding = ((edge, edge), (edge, edge))
    if kind == "max_pool2d":
        check_golden(name, lambda x: max_pool(x, window, stride=stride, padding=padding), float64)
    else:
        counted = count == ["True"]
        check_golden(
            name,
            lambda x: average_pool(x, window, stride=stride, padding=padding, count_padding=counted),
            float64,
        )


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda axes: st.tuples(st.tuples(*[st.integers(3, 7)] * axes), st.tuples(*[st.integers(1, 3)] * axes))
    ),
    st.integers(0, 2),
    st.none() | st.integers(1, 3),
    st.sampled_from(["same", "valid"]),
)
def test_twins_agree_to_second_order(geometry, rows, stride, padding):
    places, window = geometry
    shape = (rows, *places, 2)

    def both(x):
        return [pool(x, window, stride=stride, padding=padding) for pool in (max_pool, average_pool)]

    check_twins(lambda x: jnp.concatenate(both(x)), np.random.default_rng(0).normal(size=shape))


@pytest.mark.parametrize("choice", ["slices", "xla"])
def test_the_first_of_equals_gets_the_gradient(choice):
    x = jnp.array([[1.0, 2.0, 2.0], [2.0, 2.0, 0.0], [0.0, 0.0, 0.0]]).reshape(1, 3, 3, 1)
    with implementation(choice):
        gradient = jax.grad(lambda x: jnp.sum(max_pool(x, 2, stride=1)))(x)[0, :, :, 0]
    np.testing.assert_array_equal(gradient, [[0, 2, 0], [1, 1, 0], [0, 0, 0]])


@pytest.mark.slow
def test_twins_agree_in_a_loop_and_under_vmap():
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 6, 2))

    def both(x):
        looped = jax.lax.map(lambda x: max_pool(x, 3, stride=1, padding="same"), x)
        return looped[:, :, ::2, ::2] + jax.vmap(max_pool)(x)

    check_twins(both, x)


@pytest.mark.parametrize("choice", ["slices", "xla"])
def test_nan_wins_and_padding_does_not(choice):
    x = jnp.full((1, 4, 4, 1), -5.0).at[0, 0, 0, 0].set(jnp.nan).at[0, 3, 3, 0].set(jnp.nan)
    with implementation(choice):
        y = max_pool(x, 3, stride=3, padding="same")[0, :, :, 0]
    np.testing.assert_array_equal(y, [[np.nan, -5], [-5, np.nan]])


def test_average_leaves_padding_out_unless_told():
    x = jnp.ones((1, 3, 3, 1))
    np.testing.assert_allclose(average_pool(x, 2, padding="same"), 1)
    counted = average_pool(x, 2, padding="same", count_padding=True)[0, :, :, 0]
    np.testing.assert_allclose(counted, [[1, 0.5], [0.5, 0.25]])


def test_global_pools_read_only_what_the_mask_shows():
    x = jnp.array([[[1.0], [3.0], [jnp.nan]], [[7.0], [jnp.nan], [jnp.nan]], [[jnp.nan]] * 3])
    mask = jnp.array([[True, True, False], [True, False, False], [False] * 3])
    np.testing.assert_array_equal(global_average_pool(x, mask), [[2], [7], [0]])
    np.testing.assert_array_equal(global_max_pool(x, mask), [[3], [7], [0]])
    for pool in (global_average_pool, global_max_pool):
        gradient = jax.grad(lambda x, pool=pool: jnp.sum(pool(x, mask)))(x)
        assert jnp.all(jnp.isfinite(gradient))
        assert jnp.all(jnp.where(mask[..., None], 0, gradient) == 0)
    pictures = jnp.arange(24.0).reshape(2, 3, 2, 2)
    np.testing.assert_allclose(global_average_pool(pictures), pictures.reshape(2, 6, 2).mean(1))
    np.testing.assert_allclose(global_max_pool(pictures), pictures.reshape(2, 6, 2).max(1))


def test_adaptive_windows_are_as_equal_as_can_be():
    cases = [(7, 3), (3, 7), (6, 2), (1, 4), (5, 4)]
    xs = [np.random.default_rng(n).normal(size=(1, n, 1)).astype("float32") for n, _ in cases]
    for how, reduce in (("average", np.mean), ("max", np.max)):
        found = jax.jit(lambda xs, how=how: [adaptive_pool(x, m, how) for x, (_, m) in zip(xs, cases, strict=True)])(xs)
        for y, x, (n, m) in zip(found, xs, cases, strict=True):
            wanted = [reduce(x[0, int(np.floor(i * n / m)) : int(np.ceil((i + 1) * n / m)), 0]) for i in range(m)]
            np.testing.assert_allclose(y[0, :, 0], wanted, rtol=1e-6)


@pytest.mark.parametrize("pool", [max_pool, average_pool])
def test_large_windows_are_no_loops(pool):
    traced = jax.make_jaxpr(lambda x: pool(x, 100_000, padding="same"))(jnp.ones((1, 100_000, 1)))
    assert len(traced.eqns) < 20


def test_types_stay():
    def every(x, mask):
        found = [max_pool(x), average_pool(x, 2, padding="same"), global_max_pool(x), global_average_pool(x)]
        found += [global_max_pool(x, mask), global_average_pool(x, mask)]
        return [*found, adaptive_pool(x, 2), adaptive_pool(x, 2, "max"), adaptive_pool(x[0], 2, lengths=jnp.arange(3))]

    with jax.numpy_dtype_promotion("strict"):
        found = jax.eval_shape(every, jnp.ones((1, 3, 3, 2), jnp.bfloat16), jnp.ones((1, 3, 3), bool))
    assert {y.dtype for y in found} == {jnp.dtype(jnp.bfloat16)}


def test_misfits_are_explained():
    x = jnp.ones((1, 4, 4, 2))
    with pytest.raises(ShapeError, match="batch axis"):
        plain(max_pool)(x[0, 0])
    with pytest.raises(ShapeError, match="does not fit into a picture"):
        plain(max_pool)(x, 5)
    with pytest.raises(SettingError, match="a whole window"):
        plain(average_pool)(x, 2, padding=((2, 0), (0, 0)))
    with pytest.raises(SettingError, match="a whole window"):
        plain(max_pool)(x, 1, stride=2, padding=((0, 1), (0, 1)))
    with pytest.raises(SettingError, match="window must be"):
        plain(max_pool)(x, 0)
    with pytest.raises(ShapeError, match="must be"):
        plain(global_average_pool)(x, jnp.ones((1, 4), bool))
    with pytest.raises(ShapeError, match="nothing to pool"):
        plain(global_average_pool)(jnp.ones((2, 0, 3)))
    with pytest.raises(ShapeError, match="places"):
        plain(global_max_pool)(jnp.ones(3))
    with pytest.raises(ShapeError, match="nothing to pool"):
        plain(adaptive_pool)(jnp.ones((2, 0, 3)), 2)
    with pytest.raises(ShapeError, match="only sequences have lengths"):
        plain(adaptive_pool)(x, 2, lengths=jnp.ones(1, int))
    with pytest.raises(SettingError, match="at most 1048576 along an axis"):
        plain(adaptive_pool)(x, 10**9)
