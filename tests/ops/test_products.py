import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import ShapeError
from brickwork.ops import matmul
from ops.twins import plain


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 0, 4), (2, 2, 3, 4), (2, 3, 0)])
def test_products_and_gradients_are_those_of_numpy(shape):
    rng = np.random.default_rng(0)
    x, w, dy = rng.normal(size=shape), rng.normal(size=(shape[-1], 5)), rng.normal(size=(*shape[:-1], 5))
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        y, pull = jax.vjp(jax.jit(matmul), x, w)
        dx, dw = pull(jnp.asarray(dy))
    np.testing.assert_allclose(y, np.tensordot(x, w, 1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx, np.tensordot(dy, w.T, 1), rtol=1e-12, atol=1e-12)
    axes = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(dw, np.tensordot(x, dy, (axes, axes)), rtol=1e-12, atol=1e-12)


def test_the_gradient_of_many_places_is_a_product_of_matrices():
    gradient = jax.make_jaxpr(jax.grad(lambda x, w: jnp.sum(matmul(x, w)), argnums=(0, 1)))
    jaxpr = gradient(jnp.ones((2, 3, 4)), jnp.ones((4, 5)))
    products = [e for e in jaxpr.jaxpr.eqns if e.primitive.name == "dot_general"]
    assert products
    assert all(v.aval.ndim == 2 for e in products for v in e.invars)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (1, 4), (600, 4), (2, 3, 4), (2, 300, 4)])
def test_a_bias_is_added_at_every_place(shape):
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=size).astype(np.float32) for size in (shape, (4, 5), (5,)))
    np.testing.assert_allclose(jax.jit(matmul)(x, w, b), x @ w + b, rtol=1e-5, atol=1e-5)
    slope = jax.jit(jax.grad(lambda b: jnp.sum(matmul(x, w, b) ** 2)))(b)
    np.testing.assert_allclose(slope, 2 * np.sum((x @ w + b).reshape(-1, 5), 0), rtol=1e-3, atol=1e-3)


def test_shapes_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"matmul wants a bias \(5,\) for w \(4, 5\), got \(4,\)"):
        plain(matmul)(jnp.ones((2, 4)), jnp.ones((4, 5)), jnp.ones(4))
    for x, w in (((), (4, 5)), ((2, 3), (4, 5)), ((2, 4), (4,))):
        with pytest.raises(ShapeError, match="matmul wants x"):
            plain(matmul)(jnp.ones(x), jnp.ones(w))
