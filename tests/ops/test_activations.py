import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import SettingError
from brickwork.ops import ACTIVATIONS, activate
from ops.twins import stored

CHECKED = sorted(ACTIVATIONS.keys() - {"linear"})


@pytest.mark.parametrize("float64", [False, True])
def test_agrees_with_torch(float64):
    with jax.enable_x64(float64), jax.numpy_dtype_promotion("strict"):
        dtype = jnp.float64 if float64 else jnp.float32
        x = jnp.asarray(stored()["activation/tanh/in/x"], dtype)
        directions = {name: jnp.asarray(stored()[f"activation/{name}/direction"], dtype) for name in CHECKED}

        def each(name, x, direction):
            y, pull = jax.vjp(lambda x: activate(name, x), x)
            return y, pull(direction)[0]

        found = jax.jit(lambda x, directions: {name: each(name, x, directions[name]) for name in CHECKED})(
            x, directions
        )
    for name, (y, gradient) in found.items():
        limits = {"rtol": 1e-9, "atol": 1e-11} if float64 else {"rtol": 1e-4, "atol": 1e-5}
        np.testing.assert_allclose(y, stored()[f"activation/{name}/out"], err_msg=name, **limits)
        if name == "hard_sigmoid" and float64:
            limits["rtol"] = 1e-7  # PyTorch's gradient has 1/6 rounded to float32
        np.testing.assert_allclose(gradient, stored()[f"activation/{name}/grad/x"], err_msg=name, **limits)


def test_linear_is_the_same_array():
    x = jnp.arange(3.0)
    assert activate("linear", x) is x


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_types_stay_and_large_inputs_are_finite(dtype):
    x = jnp.asarray([-1e4, -1.0, 0.0, 1.0, 1e4], dtype)

    def each(name, x):
        y, pull = jax.vjp(lambda x: activate(name, x), x)
        return y, pull(jnp.ones_like(y))[0]

    with jax.numpy_dtype_promotion("strict"):
        found = jax.jit(lambda x: {name: each(name, x) for name in ACTIVATIONS})(x)
    for name, arrays in found.items():
        for array in arrays:
            assert array.dtype == dtype, name
            assert np.all(np.isfinite(np.asarray(array, "float32"))), name


def test_a_mistyped_name_is_explained():
    with pytest.raises(SettingError, match=r"no activation 'sigmiod'. Did you mean 'sigmoid'\?"):
        activate("sigmiod", jnp.ones(2))
