"""Variables are chosen, split, merged and loaded by path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_samples import SampleCount, SampleLinear, chain

from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.variables import Variables


def variables() -> Variables:
    return Variables(
        {"a/weight": jnp.ones((2, 3)), "a/bias": jnp.zeros(3), "b/c/weight": jnp.full((3, 1), 2.0)},
        {"b/mean": jnp.zeros(3)},
    )


def test_at_chooses_by_pattern():
    found = variables().at("b/**")
    assert list(found.params) == ["b/c/weight"]
    assert list(found.stats) == ["b/mean"]
    assert list(variables().at(("**/bias", "**/mean")).paths()) == ["a/bias", "b/mean"]
    with pytest.raises(SettingError, match=r"No variable fits 'a/weigt'\. Did you mean 'a/weight'\?"):
        variables().at("a/weigt")
    with pytest.raises(SettingError, match="No variable fits"):
        variables().at(("a/**", "nothing/**"))


def test_split_parts_the_parameters_for_good():
    first, rest = variables().split("a/**")
    assert sorted(first) == ["a/bias", "a/weight"]
    assert sorted(rest) == ["b/c/weight"]
    nothing, everything = variables().split(())
    assert nothing == {}
    assert everything.keys() == variables().params.keys()


def test_a_frozen_part_costs_no_gradient():
    net = chain(SampleLinear(3), SampleLinear(2))
    start = net.init(jax.random.key(0), jnp.ones((1, 4)))
    train, rest = start.split("1/**")

    def loss(params):
        return net.apply(Variables({**rest, **params}), jnp.ones((5, 4))).output.sum()

    gradient = jax.grad(loss)(train)
    assert sorted(gradient) == ["1/bias", "1/weight"]
    jaxpr = str(jax.make_jaxpr(jax.grad(loss))(train))
    assert jaxpr.count("dot_general") == 3  # two forward, one for the weight; none for the frozen brick


def test_child_runs_alone_and_under_brings_it_back():
    net = chain(SampleLinear(3), chain(SampleCount(), SampleLinear(2)))
    start = net.init(jax.random.key(0), jnp.ones((1, 4)))
    part = start.child("1")
    assert sorted(part.paths()) == ["0/last", "0/runs", "1/bias", "1/weight"]
    x = jnp.ones((2, 3))
    expected = x @ start.params["1/1/weight"] + start.params["1/1/bias"]
    np.testing.assert_allclose(net.bricks[1].apply(part, x).output, expected, rtol=1e-6)
    assert part.under("1").params.keys() == start.at("1/**").params.keys()
    with pytest.raises(SettingError, match="No variable fits"):
        start.child("7")


def test_load_takes_values_but_no_other_shapes():
    loaded = variables().load(Variables({"a/bias": np.arange(3)}, {"b/mean": jnp.ones(3)}))
    np.testing.assert_array_equal(loaded.params["a/bias"], [0.0, 1.0, 2.0])
    assert loaded.params["a/bias"].dtype == jnp.float32
    np.testing.assert_array_equal(loaded.stats["b/mean"], np.ones(3))
    np.testing.assert_array_equal(loaded.params["a/weight"], np.ones((2, 3)))
    for shape in ((1, 3), (3, 1), (), (4,)):
        with pytest.raises(ShapeError, match=r"'a/bias' has shape \(3,\)"):
            variables().load(Variables({"a/bias": jnp.ones(shape)}))
    with pytest.raises(SettingError, match=r"no variable 'a/biass' here\. Did you mean 'a/bias'"):
        variables().load(Variables({"a/biass": jnp.ones(3)}))


def test_merge_adds_and_replaces():
    merged = variables().merge(Variables({"a/bias": jnp.ones(7), "new": jnp.ones(1)}))
    assert merged.params["a/bias"].shape == (7,)
    assert len(merged.params) == 4


def test_count():
    assert variables().count() == 6 + 3 + 3
    assert variables().count("**/weight") == 9
    assert Variables({"scalar": jnp.ones(())}).count() == 1
    assert Variables({}).count() == 0


def test_variables_pass_through_jax():
    doubled = jax.jit(lambda v: jax.tree.map(lambda a: 2 * a, v))(variables())
    np.testing.assert_array_equal(doubled.params["b/c/weight"], np.full((3, 1), 4.0))
    assert jax.tree.structure(doubled) == jax.tree.structure(variables())
