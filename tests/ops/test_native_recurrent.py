"""Sweeps by kernels compute what scans do: values, derivatives of both modes, members, types, targets."""

import os
import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickwork import native
from brickwork.ops import gru_sweep, implementation, lstm_sweep

pytestmark = pytest.mark.skipif(not native.available(), reason="there are no kernels here")

BLOCKS = {"lstm": 4, "gru": 3}


def problem(kind, rows, time, hidden, seed=0, dtype="float32"):
    """Return x, h0, U, s, and c0 or the bias."""
    rng = np.random.default_rng(seed)
    width, last = BLOCKS[kind] * hidden, (rows, hidden) if kind == "lstm" else (hidden,)
    shapes = (rows, time, width), (rows, hidden), (hidden, width), (rows, hidden), last
    scales = 1, 1, hidden**-0.5, 1, 1
    return tuple(
        jnp.asarray(scale * rng.normal(size=shape), dtype) for shape, scale in zip(shapes, scales, strict=True)
    )


def swept(kind, lengths, reverse, scaled, x, h0, kernel, scale, other):
    given = {"memory_scale": scale if scaled else None, "lengths": lengths, "reverse": reverse}
    if kind == "gru":
        return gru_sweep(x, h0, kernel, other, **given)
    y, (h, c) = lstm_sweep(x, h0, other, kernel, **given)
    return y, h, c


def loss(function, *arrays):
    return sum(jnp.sum(jnp.sin(one + 0.3) * one) for one in map(jnp.float32, function(*arrays)))


def gradient(function):
    return jax.grad(partial(loss, function), (0, 1, 2, 3, 4))


def by_both(function, *arrays, **limits):
    """Compare what the kernels and the scans make of the same program."""
    found = {}
    for name in ("xla", "native"):
        with implementation(name):
            program = jax.jit(function)
            assert ("native" in str(jax.make_jaxpr(program)(*arrays))) == (name == "native")
            found[name] = program(*arrays)
    limits = {"rtol": 2e-4, "atol": 2e-5, **limits}
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(jnp.float32(a), jnp.float32(b), **limits), found["native"], found["xla"]
    )
    types = [[one.dtype for one in jax.tree.leaves(found[name])] for name in found]
    assert types[0] == types[1]


def some_lengths(rows, time):
    return jnp.asarray([(7 * row + 3) % (time + 1) if row else 0 for row in range(rows)], jnp.int32)


KINDS = pytest.mark.parametrize("kind", BLOCKS)


@KINDS
@pytest.mark.parametrize(("cut", "reverse", "scaled"), [(False, False, False), (True, True, True)])
def test_values_and_gradients(kind, cut, reverse, scaled):
    arrays = problem(kind, 7, 5, 11)
    function = partial(swept, kind, some_lengths(7, 5) if cut else None, reverse, scaled)
    by_both(lambda *arrays: (function(*arrays), gradient(function)(*arrays)), *arrays)


@pytest.mark.slow
@KINDS
@settings(deadline=None, max_examples=25)
@given(
    rows=st.integers(1, 20),
    time=st.integers(2, 9),
    hidden=st.integers(1, 40),
    cut=st.booleans(),
    reverse=st.booleans(),
    scaled=st.booleans(),
    seed=st.integers(0, 99),
)
def test_random_sizes(kind, rows, time, hidden, cut, reverse, scaled, seed):
    arrays = problem(kind, rows, time, hidden, seed)
    function = partial(swept, kind, some_lengths(rows, time) if cut else None, reverse, scaled)
    by_both(lambda *arrays: (function(*arrays), gradient(function)(*arrays)), *arrays)


@KINDS
def test_a_forward_derivative_and_a_second_one(kind):
    arrays, steps = problem(kind, 3, 4, 5), problem(kind, 3, 4, 5, seed=1)
    function = partial(swept, kind, some_lengths(3, 4), False, True)

    def everything(*given):
        arrays, steps = given[:5], given[5:]
        return jax.jvp(function, arrays, steps)[1], jax.jvp(gradient(function), arrays, steps)[1]

    by_both(everything, *arrays, *steps)


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize("reverse", [False, True])
def test_reverse_over_reverse_and_a_third_derivative(kind, reverse):
    arrays, steps = problem(kind, 3, 4, 5), problem(kind, 3, 4, 5, seed=1)
    function = partial(swept, kind, some_lengths(3, 4), reverse, True)

    def along(*arrays):
        pairs = zip(gradient(function)(*arrays), steps, strict=True)
        return sum(jnp.sum(g * step) for g, step in pairs)

    def everything(*arrays):
        return jax.grad(along, (0, 1, 2, 3, 4))(*arrays), jax.jvp(jax.grad(along), arrays, steps)[1]

    by_both(everything, *arrays, rtol=1e-3, atol=1e-4)


@KINDS
def test_vmap_over_rows_and_over_weights(kind):
    x, h0, kernel, scale, other = problem(kind, 3, 4, 9)
    function = partial(swept, kind, None, False, True)

    def everything(x, kernel):
        one = (h0, kernel, scale, other)
        over_rows = jax.vmap(lambda x: gradient(function)(x, *one), in_axes=1, out_axes=1)(x)
        over_weights = jax.vmap(lambda k: function(x[:, 0], h0, k, scale, other))(jnp.stack([kernel, kernel / 2]))
        return over_rows, over_weights

    by_both(everything, jnp.stack([x, x + 1], axis=1), kernel)


@pytest.mark.slow
@KINDS
def test_vmap_twice_over_different_lengths(kind):
    arrays = problem(kind, 3, 4, 9)

    def everything(*arrays):
        def one(lengths, factor):
            x, h0, kernel, scale, other = arrays
            return gradient(partial(swept, kind, lengths, True, False))(x, h0, factor * kernel, scale, other)

        return jax.vmap(lambda n: jax.vmap(lambda f: one(n, f))(jnp.arange(1.0, 4)))(
            jnp.asarray([[4, 0, 1], [2, 3, 4]])
        )

    by_both(everything, *arrays)


@KINDS
def test_inside_a_loop_and_rematerialised(kind):
    x, h0, kernel, scale, other = problem(kind, 2, 3, 4)
    function = partial(swept, kind, None, False, False)

    def trained(kernel):
        def step(kernel, factor):
            value, slope = jax.value_and_grad(
                jax.checkpoint(lambda k: loss(function, x * factor, h0, k, scale, other))
            )(kernel)
            return kernel - 0.05 * slope, value

        return jax.lax.scan(step, kernel, jnp.arange(1.0, 4))

    by_both(trained, kernel)


@KINDS
def test_narrow_types_go_through_float32(kind):
    wide = problem(kind, 4, 6, 8)
    x, h0, kernel, scale, other = (a.astype("bfloat16") for a in wide)
    state = {"lstm": (h0, other.astype("float32")), "gru": (h0.astype("float32"), other)}[kind]
    function = partial(swept, kind, None, False, False)
    by_both(function, x, state[0], kernel, scale, state[1], rtol=0.03, atol=0.03)
    with implementation("native"), jax.numpy_dtype_promotion("strict"):
        found = gradient(function)(x, state[0], kernel, scale, state[1])
    assert [g.dtype for g in found] == [a.dtype for a in (x, state[0], kernel, scale, state[1])]


def test_what_has_no_kernel_stays_a_scan():
    with implementation("native"):
        for rows, time, dtype in ((0, 3, "float32"), (2, 0, "float32"), (2, 1, "float32"), (2, 3, "float64")):
            with jax.enable_x64(dtype == "float64"):
                arrays = problem("lstm", rows, time, 4, dtype=dtype)
                program = partial(swept, "lstm", None, False, False)
                assert "native" not in str(jax.make_jaxpr(program)(*arrays))
                assert program(*arrays)[0].shape == (rows, time, 4)


def test_rows_do_not_depend_on_each_other():
    """The same to the last bit, whoever sweeps beside them: so it is for any number of threads."""
    arrays = problem("lstm", 13, 6, 20)
    with implementation("native"):
        together = swept("lstm", None, False, False, *arrays)
        x, h0, kernel, scale, c0 = arrays
        for row in (slice(0, 1), slice(4, 9)):
            alone = swept("lstm", None, False, False, x[row], h0[row], kernel, scale[row], c0[row])
            jax.tree.map(lambda a, b, row=row: np.testing.assert_array_equal(a[row], b), together, alone)


def test_numbers_that_are_none_stay_in_their_rows():
    x, h0, kernel, scale, c0 = problem("lstm", 3, 4, 5)
    with implementation("native"):
        y, *_ = swept("lstm", None, False, False, x.at[1, 2, 0].set(jnp.nan), h0, kernel, scale, c0)
    assert jnp.isnan(y[1, 3]).all()
    assert jnp.isfinite(y[jnp.asarray([0, 2])]).all()


@pytest.mark.slow
@pytest.mark.parametrize("target", native.TARGETS)
def test_every_target(target):
    """In a process of its own: a target is chosen once."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-m", "not slow"]
    done = subprocess.run(
        command, env={**os.environ, "BRICKWORK_NATIVE": target}, capture_output=True, text=True, check=False
    )
    if "this processor runs" in done.stdout + done.stderr:
        pytest.skip("not on this processor")
    assert done.returncode == 0, done.stdout[-3000:]
