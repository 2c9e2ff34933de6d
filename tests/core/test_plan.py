"""A plan says what a network holds and does, without computing it."""

import time

import jax
import jax.numpy as jnp
import pytest
from core_samples import SampleCount, SampleLinear, SampleStack, SampleTwice, chain

from brickwork.core.brick import Brick, brick

X = jax.ShapeDtypeStruct((4, 3), jnp.float32)


def test_shapes_and_counts_by_hand():
    plan = chain(SampleLinear(5), SampleCount(), SampleStack(SampleLinear(5), 7)).plan(X)
    assert {path: one.shape for path, one in plan.params.items()} == {
        "0/weight": (3, 5),
        "0/bias": (5,),
        "2/copies/weight": (7, 5, 5),
        "2/copies/bias": (7, 5),
    }
    assert {path: one.shape for path, one in plan.stats.items()} == {"1/runs": (), "1/last": (5,)}
    assert plan.count == 3 * 5 + 5 + 7 * (25 + 5)
    assert plan.output == jax.ShapeDtypeStruct((4, 5), jnp.float32)
    assert plan.inputs == (X,)
    shapes = plan.shapes()
    assert shapes.params["0/weight"] == jax.ShapeDtypeStruct((3, 5), jnp.float32)
    drawn = plan.draw(jax.random.key(0))
    assert {p: a.shape for p, a in drawn.params.items()} == {p: a.shape for p, a in shapes.params.items()}


def test_planning_a_giant_takes_nothing():
    started = time.monotonic()
    plan = chain(SampleLinear(10**6), SampleStack(SampleLinear(10**6), 10**5)).plan(X)
    assert plan.count == 3 * 10**6 + 10**6 + 10**5 * (10**12 + 10**6)
    assert time.monotonic() - started < 5


def test_rows_of_the_table():
    net = chain(SampleLinear(5), chain(SampleLinear(4), SampleCount()), SampleTwice(SampleLinear(4)))
    plan = net.plan(X)
    rows = list(plan.rows())
    assert [(row.address, row.kind, row.params, row.output.shape) for row in rows] == [
        ("0", "SampleLinear", 20, (4, 5)),
        ("1", "SampleChain", 24, (4, 4)),
        ("2", "SampleTwice", 20, (4, 4)),
    ]
    assert sum(row.params for row in rows) == plan.count
    deep = [(row.address, row.params) for row in plan.rows(depth=2)]
    assert deep == [("0", 20), ("1", 24), ("1/0", 24), ("1/1", 0), ("2", 20), ("2/inner", 20), ("2/inner#1", 0)]


def test_flops_by_hand():
    net = chain(SampleLinear(5), SampleStack(SampleLinear(5), 7), SampleTwice(SampleLinear(5)))
    assert net.plan(X).flops == 2 * 4 * (3 * 5 + 7 * 25 + 2 * 25)

    @brick
    class SampleConvolution(Brick):
        def __call__(self, scope, x):
            kernel = scope.param("kernel", (3, 3, 2, 6), lambda key, shape, dtype: jnp.zeros(shape, dtype))
            return jax.lax.conv_general_dilated(
                x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=2
            )

    image = jax.ShapeDtypeStruct((1, 8, 9, 4), jnp.float32)
    assert SampleConvolution().plan(image).flops == 2 * 8 * 9 * 6 * 3 * 3 * 2


def test_settings_and_taps_are_listed():
    from core_samples import SampleDrop

    plan = chain(SampleLinear(5), SampleDrop(0.25)).plan(X)
    assert plan.settings == {"1/rate": 0.25}
    assert {name: tap.shape for name, tap in plan.taps.items()} == {"0/z": (4, 5), "1/out": (4, 5)}


@pytest.mark.parametrize("example", [X, jnp.ones((4, 3))])
def test_arrays_and_shapes_plan_alike(example):
    assert SampleLinear(2).plan(example).shapes() == SampleLinear(2).plan(X).shapes()
