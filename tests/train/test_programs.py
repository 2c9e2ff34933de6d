"""Programs that compute little are compiled quickly; how much they compute is counted from what was traced."""

import os
import platform
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brickwork as bw
from brickwork.ops import implementation
from brickwork.train import predicting, programs
from brickwork.train.programs import LITTLE, LITTLE_ASKED, QUICK, room
from brickwork.train.work import UNKNOWN, work

X, Y = jnp.ones((2, 3)), jnp.ones((3, 5))


def stepping(count):
    return jax.lax.fori_loop(0, count, lambda _, x: x * 2.0, X)


def searching(count):
    inner = jax.lax.fori_loop
    return inner(0, count, lambda _, x: inner(0, count, lambda _, x: x * 2.0, x), X)


@pytest.mark.parametrize(
    ("function", "args", "expected"),
    [
        (jnp.sin, (X,), 6),
        (lambda x, y: x @ y, (X, Y), 2 * 3 * 5),
        (lambda x: jax.lax.scan(lambda c, _: (jnp.sin(c), None), x, None, length=4)[0], (X,), 4 * 6),
        (lambda x: jax.lax.cond(True, jnp.sin, lambda x: jnp.sin(jnp.cos(x)), x), (X,), 2 * 6),
        (jax.jit(jnp.sin), (X,), 6),
        (
            lambda x, w: jax.lax.conv(x, w, (1, 1), "VALID"),
            (jnp.ones((1, 2, 4, 4)), jnp.ones((3, 2, 2, 2))),
            3 * 3 * 3 * (2 * 2 * 2),
        ),
    ],
    ids=["each", "product", "scan", "cond", "jit", "convolution"],
)
def test_work_is_counted(function, args, expected):
    found = work(jax.make_jaxpr(function)(*args).jaxpr, 1)
    assert expected <= found <= expected + 4  # what turns a truth into a number of a branch, say


def test_loops_of_unknown_length_go_round_as_often_as_is_said():
    steps = jax.make_jaxpr(stepping)(3).jaxpr
    assert work(steps, 10) - work(steps, 0) == 10 * (6 + 1 + 1)  # the numbers, the counter, the comparison
    search = jax.make_jaxpr(searching)(3).jaxpr
    assert work(search, 1) > UNKNOWN * 6


@pytest.mark.parametrize(("limit", "rounds"), [(LITTLE, 2), (LITTLE_ASKED, 1)])
def test_little_work_is_compiled_quickly(monkeypatch, limit, rounds):
    small, large = (jax.make_jaxpr(jnp.sin)(jnp.ones(n)).jaxpr for n in (limit, limit + 1))
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    assert programs._options(False, small, rounds) == QUICK
    assert programs._options(False, large, rounds) is None
    assert programs._options(True, large, rounds) == QUICK
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert programs._options(False, small, 1) is None
    assert programs._options(True, small, 1) == programs.RUN_ONCE


def test_options_that_a_compiler_does_not_know_are_left_out(monkeypatch):
    monkeypatch.setattr(programs, "_options", lambda *_: {"xla_no_such_thing": True})
    run = programs.program("unknown options", jnp.sin, "unknown options", X)
    assert run(X).shape == X.shape


def test_room_is_a_power_of_two_for_few_rows():
    assert [room(n) for n in (1, 32, 33, 1000, 4096, 4097)] == [32, 32, 64, 1024, 4096, 4608]
    assert all(room(n) >= n for n in range(1, 6000, 7))


@pytest.mark.parametrize(("said", "expected"), [({}, "False"), ({"JAX_CPU_ENABLE_ASYNC_DISPATCH": "true"}, "True")])
def test_programs_run_in_the_thread_that_asks(said, expected):
    code = "import jax, brickwork.train; print(jax.config.read('jax_cpu_enable_async_dispatch'))"
    rest = {name: value for name, value in os.environ.items() if name != "JAX_CPU_ENABLE_ASYNC_DISPATCH"}
    ran = subprocess.run([sys.executable, "-c", code], env=rest | said, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == expected


FRESH_PAGES = """
import resource
import numpy as np
import brickwork.train
def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(2**23).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(pages() and pages())
"""


@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="it is a setting of the C library of GNU")
@pytest.mark.parametrize("said", [{}, {"MALLOC_TRIM_THRESHOLD_": "131072"}])
def test_memory_is_kept_for_the_next_program(said):
    rest = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    ran = subprocess.run(
        [sys.executable, "-c", FRESH_PAGES], env=rest | said, capture_output=True, text=True, check=True
    )
    assert (int(ran.stdout) < 100) is not bool(said)


@pytest.mark.parametrize("rows", [2, 600])
def test_kernels_take_as_many_multiplications_as_what_they_stand_for(rows):
    def product(x, w):
        return bw.ops.conv(x, w), bw.ops.matmul(x[:, 0, 0], w[0, 0])

    def gradients(x, w):
        return jax.grad(lambda x, w: sum(jnp.sum(y) for y in product(x, w)), (0, 1))(x, w)

    x, w = jnp.ones((rows, 4, 6, 64)), jnp.ones((3, 3, 64, 32))
    found = {}
    for name in ("xla", "native"):
        with implementation(name):
            found[name] = [work(jax.make_jaxpr(one)(x, w).jaxpr, 1) for one in (product, gradients)]
    np.testing.assert_allclose(found["native"], found["xla"], rtol=0.05)


def test_a_block_of_pictures_is_smaller_than_one_of_rows(monkeypatch):
    sizes = []
    monkeypatch.setattr(predicting.ByRow, "first", lambda *_: None)  # what XLA computes is meant
    monkeypatch.setattr(predicting, "program", lambda *args, **settings: recorded(sizes, *args, **settings))
    wide = bw.Sequential(bw.Conv(64, 3), bw.GlobalPool(), bw.Dense(3))
    for net, shape in ((wide, (20, 20, 1)), (bw.Sequential(bw.Dense(3)), (5,))):
        inputs = np.random.default_rng(0).normal(size=(100, *shape)).astype(np.float32)
        model = bw.Model(net, "cross_entropy", variables=net.init(jax.random.key(0), inputs[:1]))
        logits = model.logits(inputs)
        whole = net.apply(model.variables, inputs).output
        np.testing.assert_allclose(logits, whole, rtol=1e-4, atol=1e-5)
    assert sizes == [32, 4, 128]  # 20 x 20 x 64 floats are 100 kB a picture


def recorded(sizes, *args, **settings):
    sizes.append(len(args[-1]))
    return programs.program(*args, **settings)
