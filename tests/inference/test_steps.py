"""Every kind of step, and what is joined to it, beside JAX in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork import native
from brickwork.inference import UnsupportedError
from brickwork.ops import average_pool, conv, max_pool
from inference.answers import answering, check, random

pytestmark = pytest.mark.skipif(not native.available(), reason=f"there are no kernels: {native.why_not()}")


# ------------------------------------------------------------------------------------------------------------ products


@pytest.mark.parametrize("columns", [1, 7, 16, 17, 33, 64, 100, 200])
@pytest.mark.parametrize("depth", [1, 5, 64, 700])
def test_a_row_times_a_matrix(depth, columns):
    check(lambda x, w: x @ w, random(0, 1, depth), random(1, depth, columns) / np.sqrt(depth))


def test_biases_scales_residuals_and_relu_are_part_of_the_product():
    w, b, s = random(1, 12, 12), random(2, 12), random(3, 12)

    def residual(x, w, b, s):
        return jnp.maximum((x @ w * s - b) / 2.0 + x, 0)

    x = random(0, 1, 12)
    check(residual, x, w, b, s)
    program = answering(lambda weights, x: residual(x, *weights), (w, b, s), x)
    assert program.steps == 1


def test_what_else_reads_a_product_still_finds_it():
    w, b = random(1, 9, 9), random(2, 9)

    def twice(x, w, b):
        first = x @ w
        second = first + b
        return jnp.maximum(second, 0) * first + second

    check(twice, random(0, 1, 9), w, b)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_sum_of_two_products_in_either_order(order):
    weights = random(1, 8, 8), random(2, 8, 8)
    check(lambda x, *w: jnp.maximum(x @ w[order[0]] + x @ w[order[1]], 0), random(0, 1, 8), *weights)


def test_the_product_of_every_place_of_a_sequence():
    check(lambda x, w, b: jax.nn.relu(x @ w + b), random(0, 1, 13, 6), random(1, 6, 19), random(2, 19))


# --------------------------------------------------------------------------------------------------------- convolution


@st.composite
def pictures_and_windows(draw):
    axes = draw(st.sampled_from([1, 2, 2, 2]))
    size = tuple(draw(st.integers(1, 19)) for _ in range(axes))
    window = tuple(draw(st.integers(1, 4)) for _ in range(axes))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(axes))
    padding = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(axes))
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    size = tuple(max(n, r - sum(p)) for n, r, p in zip(size, reach, padding, strict=True))
    channels, filters = draw(st.sampled_from([1, 3, 16, 17, 32])), draw(st.sampled_from([1, 5, 16, 32, 40, 64]))
    stride = tuple(draw(st.integers(1, 3)) for _ in range(axes))
    return (
        (1, *size, channels),
        (*window, channels, filters),
        {"stride": stride, "padding": padding, "dilation": dilation},
    )


@settings(max_examples=25, deadline=None)
@given(pictures_and_windows(), st.booleans())
def test_convolution(case, more):
    shape, window, geometry = case

    def function(x, kernel, bias):
        y = conv(x, kernel, **geometry) + bias
        return jax.nn.relu(y + jnp.sum(x)) if more else y

    kernel = random(1, *window) / np.sqrt(np.prod(window[:-1]))
    check(function, random(0, *shape) / 8, kernel, random(2, window[-1]), atol=1e-4)


WINOGRAD = {
    "tiles of four": (32, 32, 16, 16),
    "tiles of four, with rests": (14, 15, 32, 64),
    "tiles of two": (8, 8, 64, 64),
    "less than a tile": (3, 1, 16, 32),
    "wide": (5, 40, 16, 48),
}


@pytest.mark.parametrize("size", WINOGRAD.values(), ids=WINOGRAD)
@pytest.mark.parametrize("padding", ["same", "valid", ((2, 0), (0, 2))])
def test_convolution_with_three_by_three_windows(size, padding):
    height, width, channels, filters = size
    kernel, bias = random(1, 3, 3, channels, filters) / np.sqrt(9 * channels), random(2, filters)
    x = random(0, 1, max(3, height), max(3, width), channels)
    check(lambda x, k, b: jax.nn.relu(conv(x, k, padding=padding) + b), x, kernel, bias)


def test_winograds_method_adds_little_to_what_rounding_does():
    """A plain sum of 1,152 products in float32 is off by 4e-7 in the mean square, and by 3e-6 at most."""
    x, kernel = random(0, 1, 32, 32, 128), random(1, 3, 3, 128, 128) / np.sqrt(9 * 128)
    found, wanted = check(conv, x, kernel, rtol=0, atol=5e-5)
    assert np.sqrt(np.mean((found - wanted) ** 2)) < 3e-6


def test_normalisation_and_a_residual_after_a_convolution_are_one_step():
    def block(x, kernel, mean, scale, offset):
        return jax.nn.relu((conv(x, kernel) - mean) * scale + offset + x)

    x, kernel = random(0, 1, 8, 8, 16), random(1, 3, 3, 16, 16) / 12
    weights = kernel, random(2, 16), random(3, 16), random(4, 16)
    check(block, x, *weights)
    assert answering(lambda weights, x: block(x, *weights), weights, x).steps == 1


@settings(max_examples=15, deadline=None)
@given(pictures_and_windows())
def test_pooling(case):
    shape, window, geometry = case
    edges = geometry["padding"]
    if any(max(edge) >= k for edge, k in zip(edges, window[:-2], strict=True)):
        edges = "valid"
        shape = (1, *(max(n, k) for n, k in zip(shape[1:-1], window[:-2], strict=True)), shape[-1])
    for pool in (max_pool, average_pool):
        check(lambda x, pool=pool: pool(x, window[:-2], stride=geometry["stride"], padding=edges), random(0, *shape))


# ------------------------------------------------------------------------------------------------- number by number

FUNCTIONS = {
    "neg": jnp.negative,
    "abs": jnp.abs,
    "sign": jnp.sign,
    "exp": jnp.exp,
    "expm1": jnp.expm1,
    "log": lambda x: jnp.log(jnp.abs(x)),
    "log1p": lambda x: jnp.log1p(jnp.abs(x)),
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "erf": jax.scipy.special.erf,
    "sqrt": lambda x: jnp.sqrt(jnp.abs(x)),
    "rsqrt": lambda x: jax.lax.rsqrt(jnp.abs(x) + 0.1),
    "cube": lambda x: x**3,
    "inverse": lambda x: (jnp.abs(x) + 1) ** -2,
    "power": lambda x: jnp.abs(x) ** 1.7,
    "leaky relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "softplus": jax.nn.softplus,
    "silu": jax.nn.silu,
    "hard tanh": jax.nn.hard_tanh,
    "softmax": jax.nn.softmax,
    "log softmax": jax.nn.log_softmax,
    "erfc": lambda x: jax.scipy.special.erfc(2 * x),
    "sine": lambda x: jnp.sin(x) * jnp.cos(3 * x),
    "from one on": lambda x: jnp.where(x >= 1, x, 0.5 * x),
    "clip": lambda x: jnp.clip(x, -0.5, 0.5),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_numbers(name):
    check(FUNCTIONS[name], 2 * random(0, 1, 37))


SHAPES = {
    "turned": lambda x: jnp.transpose(x, (0, 3, 1, 2)) + 1,
    "turned and read": lambda x: jnp.transpose(x, (0, 2, 1, 3)).reshape(1, -1),
    "parts": lambda x: x[:, 1:, ::2, :] * 2,
    "flipped": lambda x: x[:, ::-1] + x,
    "joined": lambda x: jnp.concatenate([x, 2 * x, x[..., :1]], axis=-1),
    "padded": lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)), constant_values=3),
    "repeated": lambda x: x * jnp.mean(x, axis=(1, 2), keepdims=True),
    "largest": lambda x: jnp.max(x, axis=-1) - jnp.min(x, axis=1).sum(),
    "across": lambda x: jnp.sum(x, axis=(1, 3)),
    "one axis": lambda x: x.mean(axis=2),
    "as it is": lambda x: x,
    "a column": lambda x: x[..., 0],
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    check(SHAPES[name], random(0, 1, 4, 5, 3))


def test_scales_of_every_place_are_not_taken_for_columns():
    w, scale = random(1, 5, 6), random(2, 1, 4, 1)
    check(lambda x, w, s: (x @ w) * s, random(0, 1, 4, 5), w, scale)


def test_large_arrays_are_divided_among_threads():
    check(lambda x, b: jnp.tanh(x) * b, random(0, 1, 64, 64, 24), random(1, 24))
    check(lambda x: max_pool(x, 2), random(0, 1, 64, 64, 24))


def test_weights_alone_are_computed_once():
    w = random(1, 6, 6)
    check(lambda x, w: x @ jnp.cumsum(jnp.tril(w), axis=0), random(0, 1, 6), w)  # cumsum is no step: JAX computes it


@pytest.mark.parametrize(
    "function",
    [jnp.sort, lambda x: x.astype(jnp.int32), lambda x: x @ x.T, lambda x: jnp.cumsum(x, axis=1)],
    ids=["sort", "whole numbers", "a product of rows", "cumsum"],
)
def test_what_is_not_known_is_left_to_xla(function):
    with pytest.raises(UnsupportedError):
        answering(lambda _, x: function(x), (), random(0, 1, 4))


def test_numbers_that_are_not_finite_on_the_way_stay_so():
    huge = np.full((1, 40), 3e38, np.float32)
    found = answering(lambda _, x: jnp.maximum(x * 10 - x * 10, 0), (), huge).answer(huge)
    assert np.isnan(found).all()
    found = answering(lambda _, x: max_pool((x * 10 - x * 10).reshape(1, 40, 1), 4), (), huge).answer(huge)
    assert np.isnan(found).all()
    w = np.full((40, 20), 1e5, np.float32)
    found = answering(lambda w, x: jnp.maximum(x @ w - x @ w, 0), w, huge).answer(huge)
    assert np.isnan(found).all()
