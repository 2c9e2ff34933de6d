import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops import resampling, resize
from ops.twins import plain


@pytest.mark.slow
@pytest.mark.parametrize(("how", "antialias"), [("linear", False), ("cubic", True)])
def test_gathered_taps_are_the_matrix_product(how, antialias, monkeypatch):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 7, 3, 2)), "float32")

    def run(x):
        y, pull = jax.vjp(lambda x: resize(x, (4, 5), how, antialias=antialias), x)
        return y, pull(jnp.sin(y))[0]

    product = run(x)
    monkeypatch.setattr(resampling, "LARGEST_MATRIX", 0)
    for one, other in zip(run(x), product, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_what_is_linear_stays_linear_and_constants_stay():
    ramp = jnp.arange(8.0).reshape(1, 8, 1)
    np.testing.assert_allclose(resize(ramp, 16)[0, 1:-1, 0], np.arange(0.25, 7, 0.5), rtol=1e-6)
    np.testing.assert_allclose(resize(ramp, 4, antialias=True)[0, 1:-1, 0], [2.5, 4.5], rtol=1e-6)
    for how in ("nearest", "linear", "cubic"):
        np.testing.assert_allclose(resize(jnp.full((1, 5, 3, 1), 2.5), (9, 2), how), 2.5, rtol=1e-6)


def test_types_stay():
    x = jnp.ones((1, 3, 4, 2), jnp.bfloat16)
    with jax.numpy_dtype_promotion("strict"):
        for how in ("nearest", "linear", "cubic"):
            assert jax.eval_shape(lambda x, how=how: resize(x, (5, 4), how), x).dtype == x.dtype


def test_misfits_are_explained():
    with pytest.raises(ShapeError, match="needs sequences"):
        plain(resize)(jnp.ones((2, 3)), 4)
    with pytest.raises(ShapeError, match="nothing to resample"):
        plain(resize)(jnp.ones((2, 0, 3)), 4)
    with pytest.raises(SettingError, match="size must be a whole number of at least 1"):
        plain(resize)(jnp.ones((2, 4, 3)), 0)
    with pytest.raises(SettingError, match="at most 1048576 along an axis"):
        plain(resize)(jnp.ones((2, 4, 3)), 10**9)
