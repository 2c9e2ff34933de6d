"""What learned rectifiers, gates and capsules promise beyond the contract."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled, draw
from brickwork.bricks import (
    GLU,
    CapsuleLength,
    Capsules,
    Maxout,
    PReLU,
    PrimaryCapsules,
    Sequential,
    SqueezeExcitation,
)
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.variables import Variables
from brickwork.ops import squash


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_at_its_kink_a_learned_rectifier_has_the_slope_of_the_left():
    net, x = PReLU(), jnp.zeros((1, 2))
    start = net.init(jax.random.key(0), x)
    np.testing.assert_array_equal(start.params["slope"], 0.25)
    slope = compiled(jax.grad(lambda x: jnp.sum(net.apply(start, x).output)))(x)
    np.testing.assert_array_equal(slope, 0.25)


def test_pieces_are_drawn_one_by_one():
    weight = np.asarray(Maxout(20, pieces=3).init(jax.random.key(0), jnp.ones((1, 10))).params["weight"])
    bound = np.sqrt(6 / (10 + 20))  # Glorot's, for one piece
    assert 0.95 * bound < np.max(np.abs(weight)) <= bound
    pieces = weight.reshape(10, 3, 20)
    assert not np.allclose(pieces[:, 0], pieces[:, 1])


def test_gates_of_other_kinds():
    x = np.asarray(numbers(3, 4))
    for name, gate in (("linear", lambda b: b), ("relu", lambda b: np.maximum(b, 0))):
        y = compiled(lambda x, name=name: GLU(name).apply(Variables({}), x).output)(x)
        np.testing.assert_allclose(y, x[:, :2] * gate(x[:, 2:]), rtol=1e-5)


def test_excitations_are_shown():
    net, x = SqueezeExcitation(8), numbers(2, 3, 4)
    variables = draw(net, x)
    assert variables.params["reduce/weight"].shape == (4, 1)  # at least one unit
    result = compiled(lambda v: net.apply(v, x, capture="excitation"))(variables)
    np.testing.assert_allclose(result.output, np.asarray(x) * result.taps["excitation"][:, None], rtol=1e-5)


def test_routing_finds_the_capsule_that_votes_agree_on():
    net = Capsules(3, size=2, iterations=3)
    votes = np.zeros((8, 1, 3, 2), np.float32)  # of 8 lower capsules: all agree on the first, on no other
    angles = 2 * np.pi * np.arange(8) / 8
    votes[:, 0, 0] = [3, 0]
    votes[:, 0, 1] = votes[:, 0, 2] = 3 * np.stack([np.cos(angles), np.sin(angles)], 1)
    variables = Variables({"weight": jnp.asarray(votes.reshape(8, 1, 6))})
    result = compiled(lambda v: net.apply(v, jnp.ones((1, 8, 1)), capture="coupling"))(variables)
    coupling = np.asarray(result.taps["coupling"][0])
    np.testing.assert_allclose(coupling.sum(1), 1, rtol=1e-5)
    assert np.all(coupling[:, 0] > 0.9)
    lengths = np.linalg.norm(result.output[0], axis=-1)
    assert lengths[0] > 0.9
    assert np.all(lengths[1:] < 0.1)


def test_capsules_of_zeros_have_derivatives():
    def both(x):
        v = squash(x)
        return jnp.sum(v) + jnp.sum(CapsuleLength().apply(Variables({}), v).output), v

    slopes, v = compiled(jax.grad(both, has_aux=True))(jnp.array([[0.0, 0.0], [6e2, 8e2]]))
    np.testing.assert_array_equal(slopes[0], 0)
    np.testing.assert_allclose(v, [[0, 0], [0.6, 0.8]], rtol=1e-5)


def test_a_whole_capsule_network_says_how_sure_it_is():
    net, x = Sequential(PrimaryCapsules(4, 3, kernel=3), Capsules(5, 4), CapsuleLength()), numbers(2, 6, 6, 1)
    y = compiled(lambda v: net.apply(v, x).output)(draw(net, x))
    assert y.shape == (2, 5)
    assert np.all((y > 0) & (y < 1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Maxout(0), "'units' must be at least 1"),
        (lambda: Maxout(3, 0), "'pieces' must be at least 1"),
        (lambda: Maxout(3, weights="he"), "no initialiser named 'he'"),
        (lambda: GLU("sigmod"), "Did you mean 'sigmoid'?"),
        (lambda: SqueezeExcitation(0), "'ratio' must be at least 1"),
        (lambda: SqueezeExcitation(gate="hard"), "no activation named 'hard'"),
        (lambda: PrimaryCapsules(size=0), "'size' must be at least 1"),
        (lambda: PrimaryCapsules(kernel=0), "'kernel' must be"),
        (lambda: Capsules(0), "'count' must be at least 1"),
        (lambda: Capsules(3, iterations=0), "'iterations' must be at least 1"),
    ],
)
def test_wrong_settings(make, words):
    with pytest.raises(SettingError) as caught:
        make()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("net", "x", "words"),
    [
        (PReLU(), jnp.ones(()), "(..., channels)"),
        (Maxout(2), jnp.ones(()), "(rows, features)"),
        (GLU(), jnp.ones((2, 3)), "its size must be even, got (2, 3)"),
        (SqueezeExcitation(), jnp.ones((2, 3)), "at least one axis of places, got (2, 3)"),
        (PrimaryCapsules(), jnp.ones((2, 3)), "wants pictures"),
        (Capsules(3), jnp.ones((2, 3)), "such as PrimaryCapsules gives, got (2, 3)"),
        (CapsuleLength(), jnp.ones(3), "wants capsules"),
    ],
)
def test_wrong_inputs(net, x, words):
    with pytest.raises(ShapeError) as caught:
        net.plan(x)
    assert words in str(caught.value)
