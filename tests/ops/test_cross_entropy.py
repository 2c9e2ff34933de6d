import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import ShapeError
from brickwork.ops import sigmoid_cross_entropy, softmax_cross_entropy
from ops.twins import check_golden, plain, stored


@pytest.mark.parametrize("float64", [False, True])
def test_agrees_with_torch(float64):
    classes = jnp.asarray(stored()["cross_entropy/classes"], jnp.int32)
    check_golden("cross_entropy/labels", lambda z: softmax_cross_entropy(z, classes), float64)
    check_golden("cross_entropy/rows", lambda z, p: softmax_cross_entropy(z, targets=p), float64)
    check_golden("cross_entropy/sigmoid", lambda z, t: sigmoid_cross_entropy(z, targets=t), float64)


def test_by_hand():
    z = jnp.log(jnp.array([[1.0, 3.0]]))
    np.testing.assert_allclose(softmax_cross_entropy(z, jnp.array([1])), -np.log(0.75), rtol=1e-6)
    np.testing.assert_allclose(softmax_cross_entropy(z, jnp.array([[0.5, 0.5]])), -np.log([0.1875]) / 2, rtol=1e-6)
    np.testing.assert_allclose(sigmoid_cross_entropy(jnp.log(jnp.array([3.0])), jnp.array([True])), -np.log([0.75]))


def test_the_largest_logits_give_finite_losses_and_gradients():
    for dtype in (jnp.float32, jnp.bfloat16, jnp.float16):
        big = float(jnp.finfo(dtype).max)
        z = jnp.array([[big, -big, 0.0], [-big, -big, -big]], dtype)
        for targets in (jnp.array([1, 2]), jnp.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])):
            loss, pull = jax.vjp(jax.jit(lambda z, targets=targets: softmax_cross_entropy(z, targets)), z)
            assert loss.dtype == jnp.float32
            assert jnp.all(jnp.isfinite(loss))
            (gradient,) = pull(jnp.ones_like(loss))
            assert gradient.dtype == dtype
            assert jnp.all(jnp.isfinite(gradient))
        for t in (0.0, 0.3, 1.0):
            assert jnp.all(jnp.isfinite(sigmoid_cross_entropy(z, jnp.full_like(z, t))))


def test_second_derivatives_at_nought():
    curvature = jax.grad(jax.grad(lambda z: sigmoid_cross_entropy(z, jnp.float32(1))))(0.0)
    np.testing.assert_allclose(curvature, 0.25)
    hessian = jax.jit(jax.hessian(lambda z: softmax_cross_entropy(z, jnp.int32(0))))(jnp.zeros(2))
    np.testing.assert_allclose(hessian, [[0.25, -0.25], [-0.25, 0.25]])


def test_unknown_classes_are_nan_without_gradient():
    targets = jnp.array([0, -1, 3], jnp.int8)
    loss = softmax_cross_entropy(jnp.zeros((3, 3)), targets)
    np.testing.assert_array_equal(jnp.isnan(loss), [False, True, True])
    gradient = jax.jit(jax.grad(lambda z: softmax_cross_entropy(z, targets)[1:].sum()))(jnp.zeros((3, 3)))
    np.testing.assert_array_equal(gradient, 0)


def test_an_empty_batch():
    assert softmax_cross_entropy(jnp.zeros((0, 3)), jnp.zeros(0, jnp.int32)).shape == (0,)


def test_misfits_are_explained():
    with pytest.raises(ShapeError, match=r"flattened by targets\[..., 0\]"):
        plain(softmax_cross_entropy)(jnp.zeros((4, 3)), jnp.zeros((4, 1), jnp.int32))
    with pytest.raises(ShapeError, match=r"rows of probabilities .* must be \(4, 3\), got \(4,\)"):
        plain(softmax_cross_entropy)(jnp.zeros((4, 3)), jnp.zeros(4))
    with pytest.raises(ShapeError, match="must have the same shape"):
        plain(sigmoid_cross_entropy)(jnp.zeros((4, 1)), jnp.zeros(4))
    with pytest.raises(ShapeError, match="needs logits"):
        plain(softmax_cross_entropy)(jnp.zeros((4, 0)), jnp.zeros(4, jnp.int32))
