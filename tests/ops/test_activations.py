import inspect
import re
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops import ACTIVATIONS, activate, glu, rectifiers
from ops.twins import plain

CHECKED = {name: plain(function) for name, function in ACTIVATIONS.items()} | {
    "leaky_relu/slope": partial(plain(rectifiers.leaky_relu), slope=0.25),
    "elu/alpha": partial(plain(rectifiers.elu), alpha=0.5),
    "celu/alpha": partial(plain(rectifiers.celu), alpha=0.5),
    "glu": plain(glu),
}


@cache
def stored():
    with np.load(Path(__file__).parents[1] / "oracles" / "activations_torch.npz") as file:
        return {key.removeprefix("activation/"): value for key, value in file.items()}


@pytest.mark.parametrize("float64", [False, True])
def test_agrees_with_torch_also_at_the_kinks(float64):
    with jax.enable_x64(float64), jax.numpy_dtype_promotion("strict"):
        dtype = jnp.float64 if float64 else jnp.float32
        x = jnp.asarray(stored()["tanh/in/0"], dtype)
        directions = {name: jnp.asarray(stored()[f"{name}/direction"], dtype) for name in CHECKED}

        def each(name, x, direction):
            y, pull = jax.vjp(CHECKED[name], x)
            return y, pull(direction)[0]

        found = jax.jit(lambda x, directions: {name: each(name, x, directions[name]) for name in CHECKED})(
            x, directions
        )
    for name, (y, gradient) in found.items():
        limits = {"rtol": 1e-9, "atol": 1e-11} if float64 else {"rtol": 1e-4, "atol": 1e-5}
        np.testing.assert_allclose(y, stored()[f"{name}/out"], err_msg=name, **limits)
        if name == "hard_sigmoid" and float64:
            limits["rtol"] = 1e-7  # PyTorch's gradient has 1/6 rounded to float32
        np.testing.assert_allclose(gradient, stored()[f"{name}/grad/in/0"], err_msg=name, **limits)


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


def test_misuse_is_explained():
    with pytest.raises(SettingError, match=r"no activation 'sigmiod'. Did you mean 'sigmoid'\?"):
        activate("sigmiod", jnp.ones(2))
    with pytest.raises(ShapeError, match=r"must be even, got \(2, 3\)"):
        plain(glu)(jnp.ones((2, 3)))
    with pytest.raises(SettingError, match="no activation 'glu'"):
        activate("glu", jnp.ones(2))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_docstrings_have_an_idea_an_equation_a_source_and_an_example(name):
    first, equation, *rest = inspect.cleandoc(ACTIVATIONS[name].__doc__ or "").split("\n\n")
    assert first.endswith(".")
    assert equation.startswith("    y")
    assert re.search(r"\nSource: .*\b(19|20)\d\d\b", "\n".join(["", *rest]))
    assert rest[-1].startswith(">>> ")
