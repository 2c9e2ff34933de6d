"""Kernels of attention, layer normalisation and gelu give what JAX's own operations give, to any order."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork import native
from brickwork.ops import dot_product_attention, implementation, normalize
from brickwork.ops.rectifiers import gelu, gelu_tanh
from ops.twins import plain, same

pytestmark = pytest.mark.skipif(not native.available(), reason="the kernels are not there")

LIMITS = {"rtol": 2e-4, "atol": 2e-5}


def drawn(*shape, seed=0, dtype=jnp.float32):
    numbers = np.random.default_rng([seed, *shape]).normal(size=shape)
    return jnp.asarray(numbers, dtype)


def everything(function, arrays, deep):
    """Return value, gradients, forward derivatives, and second ones along a direction; if deep, of all modes."""
    steps = tuple(jnp.cos(jnp.arange(a.size, dtype=a.dtype)).reshape(a.shape) for a in arrays)
    every = tuple(range(len(arrays)))

    def loss(*arrays):
        y = function(*arrays)
        return jnp.sum(jnp.sin(y + 0.3) * y)

    def forward(*arrays):
        return jax.jvp(function, arrays, steps)[1]

    gradient = jax.grad(loss, every)
    found = {"value": function(*arrays), "forward": forward(*arrays)}
    found["gradient"], found["forward over reverse"] = jax.jvp(gradient, arrays, steps)
    if deep:
        found["reverse over forward"] = jax.grad(lambda *a: jnp.sum(jnp.sin(forward(*a))), every)(*arrays)
        found["reverse over reverse"] = jax.grad(lambda *a: sum(jnp.sum(jnp.sin(g)) for g in gradient(*a)), every)(
            *arrays
        )
    return found


def compare(function, *arrays, deep=False, **limits):
    found = {}
    for name in ("xla", "native"):
        with implementation(name):
            found[name] = jax.jit(partial(everything, function, deep=deep))(arrays)
    same(found["native"], found["xla"], **{**LIMITS, **limits})


def value_and_pull(function, *arrays):
    """Return values and cotangents by both implementations."""
    found = []
    for name in ("xla", "native"):
        with implementation(name):
            y, pull = jax.vjp(function, *arrays)
            found.append((y, pull(jnp.cos(y))))
    return found


def programs(function, *arrays):
    with implementation("native"):
        return str(jax.make_jaxpr(function)(*arrays))


attend = plain(dot_product_attention)
layer_norm = partial(plain(normalize), axes=-1)


def drawn_attention(data):
    few = st.integers(1, 3)
    batch, key_heads, shared = data.draw(few), data.draw(few), data.draw(few)
    queries, keys = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    size, value_size = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    shapes = (queries, key_heads * shared, size), (keys, key_heads, size), (keys, key_heads, value_size)
    arrays = [drawn(batch, *shape, seed=i) for i, shape in enumerate(shapes)]
    return partial(attend, causal=data.draw(st.booleans())), arrays


class TestAttention:
    @settings(max_examples=2, deadline=None)
    @given(st.data())
    def test_random_shapes(self, data):
        function, arrays = drawn_attention(data)
        compare(function, *arrays)

    @pytest.mark.slow
    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_all_modes_of_more_shapes(self, data):
        function, arrays = drawn_attention(data)
        compare(function, *arrays, deep=True, rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize("causal", [False, True])
    def test_long_sequences_are_taken_in_blocks(self, causal):
        q, k, v = drawn(1, 270, 1, 3), drawn(1, 610, 1, 3, seed=1), drawn(1, 610, 1, 2, seed=2)
        expected, found = value_and_pull(partial(attend, causal=causal), q, k, v)
        same(found, expected, **LIMITS)

    @pytest.mark.parametrize("causal", [False, True])
    def test_many_rows_are_taken_whole(self, causal):
        q, k, v = drawn(70, 9, 4, 5), drawn(70, 8, 2, 5, seed=1), drawn(70, 8, 2, 3, seed=2)
        expected, found = value_and_pull(partial(attend, causal=causal), q, k, v)
        same(found, expected, **LIMITS)

    @pytest.mark.parametrize(("queries", "keys"), [(1, 5), (7, 12), (13, 18), (9, 40)])
    def test_keys_that_nobody_sees(self, queries, keys):
        q, k, v = drawn(1, queries, 1, 3), drawn(1, keys, 1, 3, seed=1), drawn(1, keys, 1, 2, seed=2)
        expected, found = value_and_pull(partial(attend, causal=True), q, k, v)
        same(found, expected, **LIMITS)

    @pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 3), (2, 3, 0)])
    def test_nothing_to_look_at_or_from(self, shape):
        batch, queries, keys = shape
        arrays = drawn(batch, queries, 2, 4), drawn(batch, keys, 2, 4), drawn(batch, keys, 2, 4)
        with implementation("native"):
            y, pull = jax.vjp(attend, *arrays)
            gradients = pull(y)
        assert not jnp.any(y)
        assert not any(jnp.any(one) for one in gradients)

    def test_large_scores_do_not_overflow(self):
        q, k, v = 60 * drawn(2, 9, 2, 8), 60 * drawn(2, 9, 2, 8, seed=1), drawn(2, 9, 2, 8, seed=2)
        expected, found = value_and_pull(partial(attend, causal=True), q, k, v)
        assert all(bool(jnp.all(jnp.isfinite(one))) for one in jax.tree.leaves(found))
        same(found[0], expected[0], rtol=1e-3, atol=1e-4)

    def test_vmap_over_some_arguments(self):
        q, k, v = drawn(3, 2, 5, 2, 4), drawn(2, 5, 2, 4), drawn(2, 5, 3, 2, 4, seed=2)
        compare(jax.vmap(partial(attend, causal=True), (0, None, 2), 1), q, k, v)

    def test_bfloat16_goes_through_float32(self):
        q, k, v = (drawn(2, 7, 2, 8, seed=i, dtype=jnp.bfloat16) for i in range(3))
        with implementation("native"):
            y, pull = jax.vjp(partial(attend, causal=True), q, k, v)
            gradients = pull(y)
        exact = partial(attend, causal=True)(*(one.astype(jnp.float32) for one in (q, k, v)))
        assert y.dtype == jnp.bfloat16
        assert all(one.dtype == jnp.bfloat16 for one in gradients)
        same(y.astype(jnp.float32), exact, rtol=1e-2, atol=1e-2)

    def test_which_calls_are_for_kernels(self):
        q = drawn(1, 4, 2, 8)
        assert "attention_native" in programs(partial(attend, causal=True), q, q, q)
        for other in (
            {"mask": jnp.ones((1, 1, 4, 4), bool)},
            {"bias": jnp.zeros((1, 1, 4, 4))},
            {"window": 2},
            {"query_offset": 1},
            {"return_weights": True},
        ):
            assert "attention_native" not in programs(partial(attend, causal=True, **other), q, q, q)

    def test_float64_stays(self):
        with jax.enable_x64(True):
            q = drawn(1, 4, 2, 8, dtype=jnp.float64)
            assert "attention_native" not in programs(attend, q, q, q)


class TestLayerNormalization:
    @settings(max_examples=2, deadline=None)
    @given(st.integers(1, 50), st.integers(2, 40))
    def test_random_shapes(self, rows, features):
        scale, offset = drawn(features, seed=1), drawn(features, seed=2)
        compare(lambda x, s, o: layer_norm(x, scale=s, offset=o), drawn(rows, features) + 2, scale, offset, rtol=1e-3)

    @pytest.mark.slow
    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 40), st.integers(3, 200))
    def test_all_modes_of_more_shapes(self, rows, features):
        scale, offset = drawn(features, seed=1), drawn(features, seed=2)

        def function(x, s, o):
            return layer_norm(x, scale=s, offset=o, epsilon=0.1)

        compare(function, drawn(rows, features), scale, offset, deep=True, rtol=2e-3, atol=1e-3)

    def test_without_scale_and_offset(self):
        compare(layer_norm, drawn(2, 3, 17))

    def test_many_rows_are_summed_in_pieces(self):
        expected, found = value_and_pull(lambda x, s: layer_norm(x, scale=s), drawn(500, 9), drawn(9, seed=1))
        same(found, expected, rtol=1e-3, atol=1e-4)

    def test_vmap_over_networks(self):
        x, scale, offset = drawn(3, 5, 8), drawn(3, 8, seed=1), drawn(8, seed=2)
        mapped = jax.vmap(lambda x, s, o: layer_norm(x, scale=s, offset=o), (0, 0, None))
        compare(mapped, x, scale, offset, rtol=1e-3)

    def test_equal_numbers_give_the_offset(self):
        with implementation("native"):
            y = layer_norm(jnp.full((3, 8), 1e4), offset=jnp.arange(8.0))
        same(y, jnp.broadcast_to(jnp.arange(8.0), (3, 8)))

    def test_bfloat16_goes_through_float32(self):
        x = drawn(4, 16, dtype=jnp.bfloat16)
        with implementation("native"):
            y = layer_norm(x)
        assert y.dtype == jnp.bfloat16
        same(y.astype(jnp.float32), layer_norm(x.astype(jnp.float32)), rtol=1e-2, atol=1e-2)

    def test_which_calls_are_for_kernels(self):
        x = drawn(3, 4, 8)
        assert "layer_normalize_native" in programs(layer_norm, x)
        assert "layer_normalize_native" not in programs(partial(plain(normalize), axes=1), x)
        assert "layer_normalize_native" not in programs(partial(layer_norm, weights=jnp.ones((3, 4, 1))), x)
        assert "layer_normalize_native" not in programs(partial(layer_norm, scale=jnp.ones((4, 1))), x)


@pytest.mark.parametrize("function", [plain(gelu), plain(gelu_tanh)])
class TestGelu:
    def test_all_derivatives(self, function):
        compare(function, 3 * drawn(3, 2731))

    def test_vmap(self, function):
        compare(jax.vmap(function, 1, 2), drawn(91, 3, 93))

    def test_digits(self, function):
        x = jnp.linspace(-6, 6, 9001)
        with implementation("native"):
            y, pull = jax.vjp(function, x)
            (slope,) = pull(jnp.ones_like(x))
        with jax.enable_x64(True), implementation("xla"):
            wide, pull = jax.vjp(function, jnp.asarray(np.asarray(x), jnp.float64))
            (wide_slope,) = pull(jnp.ones_like(wide))
        same((y, slope), (wide, wide_slope), rtol=1e-6, atol=1e-6)

    def test_far_from_zero(self, function):
        far = jnp.tile(jnp.array([-1e20, -100.0, -9.0, 0.0, 9.0, 100.0, 1e20]), 2000)
        with implementation("native"):
            y, pull = jax.vjp(function, far)
            (slope,) = pull(jnp.ones_like(far))
        same(y, jnp.maximum(far, 0), atol=1e-6)
        same(slope, jnp.where(far == 0, 0.5, far > 0), atol=1e-6)

    def test_nan_stays_nan(self, function):
        with implementation("native"):
            assert jnp.all(jnp.isnan(function(jnp.full((8192,), jnp.nan))))

    def test_bfloat16_goes_through_float32(self, function):
        x = drawn(90, 100, dtype=jnp.bfloat16)
        with implementation("native"):
            y = function(x)
        assert y.dtype == jnp.bfloat16
        same(y.astype(jnp.float32), function(x.astype(jnp.float32)), rtol=1e-2, atol=1e-2)

    def test_few_numbers_are_left_to_xla(self, function):
        assert "gelu_native" in programs(function, drawn(8192))
        assert "gelu_native" not in programs(function, drawn(8191))


def test_inside_a_compiled_loop():
    scale = drawn(16, seed=3)

    def step(x, _):
        def loss(x):
            normed = layer_norm(x, scale=scale)
            heads = normed.reshape(4, 32, 2, 8)
            return jnp.sum(jnp.square(gelu(attend(heads, heads, heads, causal=True))))

        value, slope = jax.value_and_grad(loss)(x)
        return x - 0.1 * slope, value

    found = {}
    for name in ("xla", "native", "auto"):
        with implementation(name):
            found[name] = jax.jit(lambda x: jax.lax.scan(jax.checkpoint(step), x, None, length=3))(drawn(4, 32, 16))
    same(found["native"], found["xla"], **LIMITS)
    same(found["auto"], found["native"])


def test_the_same_twice():
    x = drawn(700, 40)
    with implementation("native"):
        slope = jax.jit(jax.grad(lambda s: jnp.sum(jnp.sin(layer_norm(x, scale=s)))))
        first, second = slope(drawn(40)), slope(drawn(40))
    assert jnp.array_equal(first, second)


@pytest.mark.slow
@pytest.mark.skipif(native.loaded_target() == "portable", reason="these are the portable kernels")
def test_portable_kernels():
    asked = {**os.environ, "BRICKWORK_NATIVE": "portable"}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", __file__]
    done = subprocess.run(
        command, env=asked, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
