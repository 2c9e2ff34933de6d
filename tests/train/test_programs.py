"""Programs that compute little are compiled quickly; how much they compute is counted from what was traced."""

import jax
import jax.numpy as jnp
import pytest

from brickwork.train import programs
from brickwork.train.programs import LITTLE, QUICK, room
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


def test_little_work_is_compiled_quickly(monkeypatch):
    small, large = (jax.make_jaxpr(jnp.sin)(jnp.ones(n)).jaxpr for n in (LITTLE, LITTLE + 1))
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    assert programs._options(False, small, 1) == QUICK
    assert programs._options(False, large, 1) is None
    assert programs._options(True, large, 1) == QUICK
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
