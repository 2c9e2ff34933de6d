"""Kernels of our own beside XLA's operations: convolution, pooling, batch normalisation, the update of Adam."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings

from brickwork import native
from brickwork.ops import (
    batch_moments,
    batch_normalize,
    conv,
    conv_transpose,
    implementation,
    matmul,
    max_pool,
    standardize,
    take_rows,
)
from brickwork.ops.native_products import some_rows
from brickwork.ops.updates import adam_update, squared_norm
from ops.test_convolution import convolutions
from ops.twins import check_kernels

pytestmark = pytest.mark.skipif(not native.available(), reason=f"there are no kernels: {native.why_not()}")


def random(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def names(function, *arrays):
    """Return the names of all operations in the program of a function."""
    return str(jax.make_jaxpr(function)(*arrays))


# ------------------------------------------------------------------------------------------------------- convolution

CONVOLUTIONS = {
    "panels and tiles with rests": ((3, 9, 7, 5), (3, 3, 5, 21), {}),
    "strided, uneven padding": ((2, 8, 9, 3), (3, 2, 3, 8), {"stride": (2, 3), "padding": ((2, 0), (1, 2))}),
    "dilated": ((2, 9, 9, 4), (3, 3, 4, 6), {"dilation": 2, "stride": 2}),
    "groups": ((2, 6, 6, 6), (3, 3, 2, 9), {"groups": 3}),
    "depthwise": ((2, 7, 6, 19), (3, 3, 1, 19), {"groups": 19, "stride": 2}),
    "pointwise": ((2, 5, 5, 17), (1, 1, 17, 16), {}),
    "sequence, causal": ((3, 11, 4), (5, 4, 7), {"padding": "causal"}),
    "volume": ((2, 4, 5, 3, 2), (2, 3, 2, 2, 5), {"stride": (1, 2, 1)}),
    "window larger than the stride's gaps": ((1, 5, 5, 2), (1, 1, 2, 3), {"stride": 3, "padding": "valid"}),
    "no rows": ((0, 5, 5, 2), (3, 3, 2, 3), {}),
    "three by three": ((2, 9, 7, 16), (3, 3, 16, 48), {}),
    "three by three, uneven padding": ((2, 7, 8, 32), (3, 3, 32, 16), {"padding": ((2, 0), (0, 1))}),
    "three by three, in bands": ((1, 60, 61, 16), (3, 3, 16, 16), {"padding": "valid"}),
}


@pytest.mark.parametrize("case", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolution(case):
    shape, window, geometry = case
    kernel = random(1, *window) / np.sqrt(np.prod(window[:-1]))  # for outputs of about 1: large ones lose digits in sin
    check_kernels(lambda x, k: conv(x, k, **geometry), random(0, *shape), kernel)


@pytest.mark.parametrize(("padding", "extra"), [("same", 0), ("valid", (1, 0)), (((1, 0), (0, 2)), 0)])
def test_transposed_convolution(padding, extra):
    def spread(x, k):
        return conv_transpose(x, k, stride=(2, 3), padding=padding, extra=extra)

    check_kernels(spread, random(0, 2, 4, 5, 3), random(1, 3, 4, 3, 6))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_any_convolution(case):
    x, kernel, geometry = case
    check_kernels(lambda x, k: conv(x, k, **geometry), x, kernel)


def test_large_pictures_are_divided_into_bands():
    x, kernel = random(0, 1, 200, 230, 8), random(1, 3, 3, 8, 8)
    with implementation("xla"):
        expected = jax.jit(conv)(x, kernel)
    np.testing.assert_allclose(jax.jit(conv)(x, kernel), expected, atol=2e-4)


def test_several_networks_are_one_call():
    x, kernels = random(0, 3, 2, 6, 6, 4), random(1, 3, 3, 3, 4, 5)
    text = names(jax.vmap(conv), x, kernels)
    assert text.count("conv_native[") == 1
    expected = [conv(one, kernel) for one, kernel in zip(x, kernels, strict=True)]
    np.testing.assert_allclose(jax.vmap(conv)(x, kernels), expected, atol=1e-5)


def test_bfloat16_goes_in_and_out():
    x, kernel = jnp.asarray(random(0, 2, 5, 5, 3), jnp.bfloat16), jnp.asarray(random(1, 3, 3, 3, 4), jnp.bfloat16)
    y = conv(x, kernel)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(
        y.astype(jnp.float32), conv(x.astype(jnp.float32), kernel.astype(jnp.float32)), rtol=0.01
    )
    assert max_pool(x).dtype == batch_normalize(x)[0].dtype == jnp.bfloat16


def test_double_precision_is_left_to_xla():
    with jax.enable_x64(True):
        x, kernel = jnp.ones((1, 4, 4, 1), jnp.float64), jnp.ones((3, 3, 1, 1), jnp.float64)
        assert "native" not in names(lambda x, k: max_pool(conv(x, k)), x, kernel)


def test_the_same_bits_every_time():
    x, kernel = random(0, 32, 14, 14, 16), random(1, 3, 3, 16, 32)
    gradient = jax.jit(jax.grad(lambda x, k: jnp.sum(jnp.sin(conv(x, k))), (0, 1)))
    first = gradient(x, kernel)
    for _ in range(5):
        jax.tree.map(np.testing.assert_array_equal, gradient(x, kernel), first)


# ------------------------------------------------------------------------------------------------------------ pooling


@pytest.mark.parametrize(
    ("shape", "window", "stride", "padding"),
    [
        ((3, 7, 6, 11), 2, 2, "valid"),
        ((2, 7, 8, 5), (3, 2), (2, 1), "same"),
        ((2, 9, 8), 3, 2, ((1, 2),)),
        ((2, 4, 5, 3, 2), 2, 1, "valid"),
        ((0, 4, 4, 3), 2, 2, "valid"),
    ],
)
def test_largest_values(shape, window, stride, padding):
    check_kernels(lambda x: max_pool(x, window, stride=stride, padding=padding), random(0, *shape))


def test_the_first_of_equals_gets_the_gradient_and_nan_wins():
    gradient = jax.grad(lambda x: jnp.sum(max_pool(x)))(jnp.ones((1, 4, 4, 9)))
    expected = np.zeros((4, 4))
    expected[::2, ::2] = 1
    np.testing.assert_array_equal(gradient, np.broadcast_to(expected[None, ..., None], (1, 4, 4, 9)))
    with_nan = jnp.ones((1, 2, 2, 3)).at[0, 1, 0].set(jnp.nan)
    assert jnp.isnan(max_pool(with_nan)).all()
    assert (max_pool(jnp.full((1, 2, 2, 3), -jnp.inf)) == -jnp.inf).all()


# ------------------------------------------------------------------------------------------------- batch normalisation


@pytest.mark.parametrize("shape", [(5, 3, 4, 19), (7, 16), (2, 9, 8), (3, 1)])
def test_batch_normalisation(shape):
    channels = shape[-1]

    def normal(x, scale, offset):
        y, mean, variance, _ = batch_normalize(x, scale, offset, epsilon=1e-2)
        return y * (1 + mean) + jnp.sqrt(variance + jnp.asarray(0.1, x.dtype))

    check_kernels(normal, 3 * random(0, *shape) + 1, random(1, channels), random(2, channels), rtol=1e-3)


@pytest.mark.parametrize("counted", [np.array([1, 0, 1, 1], bool), np.zeros(4, bool), np.eye(4, 5, dtype=bool)])
def test_what_does_not_count_is_not_read_for_the_moments(counted):
    x = random(0, 4, 5, 3)
    with_nan = np.where(counted.reshape(*counted.shape, *[1] * (3 - counted.ndim)), x, np.nan)
    _, mean, variance, total = batch_normalize(with_nan, counted=counted)
    expected = batch_moments(x, counted)
    for one, right in zip((mean, variance, total), expected, strict=True):
        np.testing.assert_allclose(one, right, atol=1e-6)
    y, *_ = batch_normalize(x, counted=counted)
    np.testing.assert_allclose(y, standardize(x, *expected[:2]), atol=2e-5 * np.abs(y).max())


def test_a_large_mean_costs_no_digits():
    x = random(0, 64, 10, 8) + 1e4
    _, mean, variance, _ = batch_normalize(x)
    np.testing.assert_allclose(mean, np.mean(x, (0, 1), np.float64), rtol=1e-6)
    np.testing.assert_allclose(variance, np.var(x, (0, 1), np.float64), rtol=2e-3)


# ---------------------------------------------------------------------------------------------- products of many rows


@pytest.mark.parametrize(("places", "inputs", "outputs"), [((512,), 5, 3), ((7, 100), 19, 70), ((3, 250), 1, 33)])
def test_products_of_many_rows(places, inputs, outputs):
    x, w = random(0, *places, inputs), random(1, inputs, outputs)
    check_kernels(lambda x, w: matmul(x, w) / len(places), x, w)


@pytest.mark.parametrize(
    ("places", "inputs", "outputs"),
    [((512,), 5, 3), ((5, 119), 150, 70), ((3, 250), 1, 32), ((517,), 3, 530), ((2, 256), 530, 3)],
)
def test_products_of_many_rows_with_a_bias(places, inputs, outputs):
    x, w, b = random(0, *places, inputs), random(1, inputs, outputs) / np.sqrt(inputs), random(2, outputs)
    check_kernels(lambda x, w, b: matmul(x, w, b) / len(places), x, w, b)


@pytest.mark.parametrize(("inputs", "outputs"), [(0, 3), (3, 0), (0, 0)])
def test_products_of_many_rows_and_nothing(inputs, outputs):
    arrays = random(0, 600, inputs), random(1, inputs, outputs), random(2, outputs)
    with implementation("native"):
        y, pull = jax.vjp(matmul, *map(jnp.asarray, arrays))
        dx, dw, db = pull(jnp.ones_like(y))
    np.testing.assert_array_equal(y, np.broadcast_to(arrays[2], (600, outputs)))
    assert dw.size == 0
    assert not jnp.any(dx)
    np.testing.assert_array_equal(db, np.full(outputs, 600.0))


def test_the_bias_is_summed_with_the_weights():
    x, w, b = jnp.ones((600, 3)), jnp.ones((3, 4)), jnp.ones(4)

    def names_of(*arguments):
        with implementation("native"):
            return names(jax.grad(lambda *arrays: jnp.sum(matmul(*arrays)), arguments), x, w, b)

    assert "affine_native_to_weights_and_bias" in names_of(0, 1, 2)
    assert "affine_native_to_weights_and_bias" not in names_of(1)


@pytest.mark.parametrize("argument", [0, 1, 2])
def test_a_derivative_by_one_argument_alone(argument):
    arrays = random(0, 600, 7), random(1, 7, 20), random(2, 20)
    found = {}
    for name in ("xla", "native"):
        with implementation(name):
            slope = jax.grad(lambda *arrays: jnp.sum(jnp.sin(matmul(*arrays))), argument)
            found[name] = jax.jit(slope)(*map(jnp.asarray, arrays))
    np.testing.assert_allclose(found["native"], found["xla"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("places", "inputs", "outputs"), [((1,), 70, 16), ((2,), 7, 300), ((1, 2), 5, 37), ((1,), 3, 2)]
)
def test_products_of_few_rows(places, inputs, outputs):
    check_kernels(matmul, random(0, *places, inputs), random(1, inputs, outputs) / np.sqrt(inputs))


SOME = {
    "a small batch": ((32,), 784, 128),
    "one vector, rests of rows and depth": ((5,), 517, 16),
    "rests of panels": ((33,), 101, 112),
    "blocks laid out": ((2, 17), 40, 272),
    "pieces": ((70,), 900, 48),
}


@pytest.mark.parametrize("case", SOME.values(), ids=SOME)
def test_products_of_some_rows(case):
    places, inputs, outputs = case
    x, w, b = random(0, *places, inputs), random(1, inputs, outputs) / np.sqrt(inputs), random(2, outputs)
    assert some_rows(int(np.prod(places)), w.shape)
    check_kernels(matmul, x, w, b)


def test_products_of_some_rows_without_a_bias_and_of_members():
    x, w = random(0, 3, 12, 90), random(1, 3, 90, 96) / 10
    check_kernels(matmul, x[0], w[0])
    check_kernels(jax.vmap(matmul), x, w)
    check_kernels(jax.vmap(matmul, (0, None)), x, w[0])


def test_one_row_with_a_large_matrix():
    x, w = random(0, 1, 700), random(1, 700, 1003)
    with implementation("native"):
        np.testing.assert_allclose(jax.jit(matmul)(x, w), x.astype(np.float64) @ w, rtol=1e-4, atol=1e-3)


def test_products_are_of_kernels_where_rows_are_many_or_few():
    def names_of(rows):
        x, w = jnp.ones((rows, 3)), jnp.ones((3, 4))
        with implementation("native"):
            return names(jax.grad(lambda w: jnp.sum(matmul(x, w))), w)

    assert all("product_native_to_weights" in names_of(rows) for rows in (1, 2, 512))
    assert all("native" not in names_of(rows) for rows in (0, 3, 511))


# --------------------------------------------------------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("shape", "taken"),
    [((40, 784), (32,)), ((7, 5, 33), (3, 4)), ((1, 64), (2,)), ((9, 35), (0,)), ((300, 40), (500,))],
)
def test_rows_by_their_numbers(shape, taken):
    array, numbers = random(0, *shape), np.random.default_rng(1).integers(0, shape[0], taken).astype(np.int32)
    check_kernels(lambda array: take_rows(array, jnp.asarray(numbers)), array)
    with implementation("native"):
        assert "take_rows_native" in names(take_rows, array, numbers)
        found = jax.jit(take_rows)(array, numbers)
        np.testing.assert_array_equal(found, array[numbers])
        members = jax.vmap(take_rows, (None, 0))(array, jnp.stack([numbers, numbers]))
        np.testing.assert_array_equal(members[1], array[numbers])


def test_rows_that_are_not_there_are_read_from_nowhere():
    with implementation("native"):
        found = jax.jit(take_rows)(random(0, 5, 64), np.array([-(2**31), 5, 2**31 - 1], np.int32))
    assert np.isfinite(found).all()


def test_other_rows_are_left_to_xla():
    with implementation("native"):
        for array in (jnp.ones((4, 3)), jnp.ones((4, 64), jnp.int32), jnp.ones((4, 64), jnp.bfloat16)):
            assert "native" not in names(take_rows, array, jnp.arange(2))


# ----------------------------------------------------------------------------------------------------- Adam's update


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_in_one_pass_is_optax_adam(decay):
    shapes = {"a": (3,), "b": (40, 1000), "c": (0, 2), "d": ()}
    params = {name: jnp.asarray(random(n, *shape)) for n, (name, shape) in enumerate(shapes.items())}
    rule = optax.adamw(0.01, eps=1e-8, weight_decay=decay, mask={"a": False, "b": True, "c": True, "d": True})
    state, expected = rule.init(params), params
    mine, means = list(params.values()), [jnp.zeros(shape) for shape in shapes.values()]
    squares = means
    step = jax.jit(update_of_adam(decay))
    for count in range(1, 4):
        grads = jax.tree.map(lambda p, count=count: jnp.cos(p * count), expected)
        moved, state = rule.update(grads, state, expected)
        expected = optax.apply_updates(expected, moved)
        mine, means, squares = step([jnp.cos(p * count) for p in mine], mine, means, squares, count)
    for one, right in zip(mine, expected.values(), strict=True):
        np.testing.assert_allclose(one, right, rtol=2e-5, atol=1e-6)


def update_of_adam(decay):
    def step(grads, params, means, squares, count):
        corrections = 1 - 0.9**count, 1 - 0.999**count
        decays = [0.0, decay, decay, decay]
        return adam_update(
            grads,
            params,
            means,
            squares,
            rate=0.01,
            corrections=corrections,
            beta1=0.9,
            beta2=0.999,
            epsilon=1e-8,
            decays=decays,
        )

    return step


def test_adams_update_can_be_differentiated_and_mapped():
    def after(rate, grad):
        return adam_update(
            [grad],
            [jnp.ones(3)],
            [jnp.zeros(3)],
            [jnp.zeros(3)],
            rate=rate,
            corrections=(0.1, 0.001),
            beta1=0.9,
            beta2=0.999,
            epsilon=1e-2,
            decays=[0.5],
        )[0][0]

    rate, grad = jnp.float32(0.1), jnp.asarray([0.1, -0.2, 0.3])
    found = {}
    for name in ("native", "xla"):
        with implementation(name):
            found[name] = (
                jax.jacrev(after, 1)(rate, grad),
                jax.jacfwd(after, 0)(rate, grad),
                jax.vmap(after, (0, None))(jnp.asarray([0.1, 0.2]), grad),
            )
    for one, right in zip(found["native"], found["xla"], strict=True):
        np.testing.assert_allclose(one, right, rtol=1e-5)


# --------------------------------------------------------------------------------------------------- sums of squares


@pytest.mark.parametrize("shapes", [[(3,)], [(40, 1000), (), (0, 2), (17,)], [(0,)]])
def test_the_squared_norm_of_several_arrays(shapes):
    arrays = [random(n, *shape) for n, shape in enumerate(shapes)]
    right = sum(np.sum(np.square(a.astype(np.float64))) for a in arrays)
    with implementation("native"):
        found = jax.jit(squared_norm)([jnp.asarray(a) for a in arrays])
    assert found.shape == ()
    np.testing.assert_allclose(found, right, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("place", [0, 20000, 39999])
def test_the_squared_norm_shows_a_number_that_is_not_finite(bad, place):
    many = np.zeros(40000, np.float32)
    many[place] = bad
    with implementation("native"):
        assert not jnp.isfinite(jax.jit(squared_norm)([jnp.ones(3), jnp.asarray(many)]))


def test_the_squared_norm_can_be_differentiated_and_mapped():
    arrays = [jnp.asarray(random(0, 5, 2, 7)), jnp.asarray(random(1, 5, 2))]
    weight = jnp.asarray(random(2, 2, 4))
    found = {}
    for name in ("native", "xla"):
        with implementation(name):
            found[name] = (
                jax.vmap(squared_norm)(arrays),
                jax.vmap(jax.vmap(squared_norm))(arrays),
                jax.vmap(lambda a: squared_norm([a, weight]))(arrays[0]),
                jax.grad(lambda a: squared_norm([a, weight]))(arrays[0]),
                jax.hessian(lambda a: squared_norm([a, a]))(arrays[1]),
            )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), found["native"], found["xla"])
