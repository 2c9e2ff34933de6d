import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import ShapeError
from brickwork.ops import rotate_by_position, sinusoids
from ops.twins import plain


def test_sinusoids_have_the_values_of_the_paper_at_any_place():
    places = np.array([[0, 1], [70, 900]])
    y = jax.jit(lambda places: sinusoids(places, 5, base=200.0))(places)
    for index, place in np.ndenumerate(places):
        angles = [place / 200 ** (2 * i / 5) for i in range(3)]
        wanted = [f(angle) for angle in angles for f in (np.sin, np.cos)][:5]
        np.testing.assert_allclose(y[index], wanted, rtol=1e-4, atol=1e-4)


def test_rotation_is_multiplication_of_complex_numbers():
    rng = np.random.default_rng(0)
    x, places = rng.normal(size=(2, 3, 2, 6)), np.array([[0, 1, 2], [7, 40, 3]])
    turns = np.exp(1j * places[..., None, None] * 50.0 ** (-np.arange(3) / 3))
    wanted = (x[..., :3] + 1j * x[..., 3:]) * turns
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        turn = jax.jit(lambda x, places: rotate_by_position(x, places, base=50.0))
        y, shared = turn(x, places), turn(x[1:], places[1])
        np.testing.assert_allclose(y, np.concatenate([wanted.real, wanted.imag], -1), rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(shared[0], y[1])


def test_far_places_keep_apart_in_small_types():
    @jax.jit
    def both(places):
        x = jnp.ones((1, 4, 1, 2), jnp.bfloat16)
        return sinusoids(places, 4, dtype="bfloat16"), rotate_by_position(x, places)

    places = np.arange(4000, 4004)
    with jax.numpy_dtype_promotion("strict"):
        waves, turned = both(places)
    assert waves.dtype == turned.dtype == jnp.bfloat16  # whose own numbers have steps of 16 there
    np.testing.assert_allclose(np.asarray(waves[:, 0], "float32"), np.sin(places), atol=0.01)
    np.testing.assert_allclose(np.asarray(turned[0, :, 0, 0], "float32"), np.cos(places) - np.sin(places), atol=0.01)


def test_an_odd_size_has_no_pairs():
    with pytest.raises(ShapeError, match="the size of a head must be even"):
        plain(rotate_by_position)(jnp.ones((1, 2, 1, 3)), jnp.arange(2))
