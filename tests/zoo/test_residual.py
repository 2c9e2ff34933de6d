"""The residual network: its sizes at many sizes of pictures, and its block by its equation."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import ShapeError
from brickwork.core.variables import Variables
from brickwork.zoo import small_residual
from brickwork.zoo.residual import residual_block


def planned(size, channels=3, **settings):
    net = small_residual(5, size, **settings)
    return net.plan(jax.ShapeDtypeStruct((2, *size, channels), "uint8"))


@pytest.mark.parametrize(
    ("size", "stages"),
    [((4, 4), 1), ((8, 8), 2), ((5, 9), 2), ((12, 12), 3), ((16, 16), 3), ((28, 28), 3), ((32, 32), 3), ((48, 64), 3),
     ((96, 96), 4), ((20, 200), 5)],
)  # fmt: skip
def test_sizes(size, stages):
    plan = planned(size)
    assert plan.output.shape == (2, 5)
    names = {path.split("/")[0] for path in plan.params}
    assert len({name for name in names if name.startswith("stage")}) == stages
    assert plan.params["head/weight"].shape == (24 * 2 ** (stages - 1), 5)


def test_settings():
    plan = planned((32, 32), channels=1, width=16, blocks=2)
    assert plan.params["stem/weight"].shape == (5, 5, 1, 16)
    assert plan.params["stage3_block2/body/conv1/weight"].shape == (3, 3, 64, 64)
    assert plan.output.shape == (2, 5)
    with pytest.raises(ShapeError, match="at least 4 x 4 pixels, got 3 x 9"):
        small_residual(2, (3, 9))


def test_pixels_are_standardised_and_numbers_start_at_their_mean():
    targets = np.array([[10.0, -1.0], [30.0, 1.0]])
    net = small_residual(2, (8, 8), brightness=(100.0, 50.0), targets=targets)
    scaled = net["scale"].apply(Variables({}), jnp.full((1, 8, 8, 1), 200, jnp.uint8)).output
    np.testing.assert_allclose(scaled, 2.0, rtol=1e-6)
    assert [name for name, _ in net.items()][-2:] == ["head", "units"]
    out = net["units"].apply(Variables({}), jnp.array([[0.0, 0.0], [1.0, -1.0]])).output
    np.testing.assert_allclose(out, [[20.0, 0.0], [30.0, -1.0]], atol=1e-5)


def test_a_block_corrects_what_its_shortcut_gives():
    assert residual_block(4).shortcut is None
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype(np.float32)
    block = residual_block(8, halve=True)
    shapes = block.plan(x).shapes()
    params: dict[str, Any] = {path: np.ones(leaf.shape, np.float32) for path, leaf in shapes.params.items()}
    params["body/conv2/weight"] *= 0  # a body that says nothing leaves the shortcut
    params["shortcut/widen/weight"] = widen = np.random.default_rng(1).normal(size=(1, 1, 4, 8)).astype(np.float32)
    stats: dict[str, Any] = {path: np.ones(leaf.shape, np.float32) for path, leaf in shapes.stats.items()}
    output = jax.jit(lambda variables, x: block.apply(variables, x).output)(Variables(params, stats), x)
    means = x.reshape(2, 3, 2, 3, 2, 4).mean((2, 4))
    np.testing.assert_allclose(output, means @ widen[0, 0], atol=1e-5)
