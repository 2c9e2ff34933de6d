"""What the tests of ops share: stored results of PyTorch, and the comparison of implementations."""

import inspect
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.core.plan import RUN_ONCE
from brickwork.ops import implementation

ORACLE = Path(__file__).parents[1] / "oracles" / "ops_torch.npz"


@cache
def stored():
    with np.load(ORACLE) as file:
        return dict(file)


def cases(prefix):
    names = (key.removesuffix("/out") for key in stored() if key.endswith("/out"))
    return sorted(name for name in names if name.startswith(prefix + "/") or name == prefix)


def check_golden(name, function, float64, rtol64=1e-9):
    """Compare value and gradients of a function of named arrays with a stored case."""
    with jax.enable_x64(float64), jax.numpy_dtype_promotion("strict"):
        dtype = jnp.float64 if float64 else jnp.float32
        head = f"{name}/in/"
        inputs = {k.removeprefix(head): jnp.asarray(a, dtype) for k, a in stored().items() if k.startswith(head)}
        direction = jnp.asarray(stored()[f"{name}/direction"], dtype)

        def value_and_pull(inputs):
            y, pull = jax.vjp(lambda inputs: function(**inputs), inputs)
            return y, pull(direction)[0]

        y, gradients = quick(value_and_pull)(inputs)
        limits = {"rtol": rtol64, "atol": 1e-11} if float64 else {"rtol": 1e-4, "atol": 1e-5}
        assert y.dtype == dtype
        np.testing.assert_allclose(y, stored()[f"{name}/out"], **limits)
        for key, gradient in gradients.items():
            assert gradient.dtype == dtype
            np.testing.assert_allclose(gradient, stored()[f"{name}/grad/{key}"], err_msg=key, **limits)


def check_twins(function, *arrays, second=True, rtol=1e-9, atol=1e-9):
    """Compare `slices` with `xla` in float64: values, reverse and forward gradients, second derivatives."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        arrays = tuple(jnp.asarray(a, jnp.float64) for a in arrays)
        tangents = tuple(jnp.cos(jnp.arange(a.size, dtype=a.dtype)).reshape(a.shape) for a in arrays)

        def everything(arrays, tangents):
            def loss(*arrays):
                y = function(*arrays)
                return jnp.sum(jnp.sin(y + 0.3) * y)

            every = tuple(range(len(arrays)))
            gradient = jax.grad(loss, every)
            found = {"value": function(*arrays), "grad": gradient(*arrays)}
            found["jvp"] = jax.jvp(function, arrays, tangents)[1]
            if second:
                found["hessian times tangent"] = jax.jvp(gradient, arrays, tangents)[1]
            return found

        results = {}
        for name in ("xla", "slices"):
            with implementation(name):
                results[name] = quick(everything)(arrays, tangents)
        same(results["slices"], results["xla"], rtol=rtol, atol=atol)
        return results["xla"]


def same(actual, expected, **limits):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **limits), actual, expected)


def quick(function):
    """Return a function compiled quickly rather than well: it runs once."""
    return jax.jit(function, compiler_options=RUN_ONCE)


def plain(function):
    """Return a function without the shape checks that a test run may put around it."""
    return inspect.unwrap(function)


def check_kernels(function, *arrays, rtol=2e-4, dtype=jnp.float32):
    """Compare kernels in float32 with XLA's own operations in float64.

    Values, gradients, forward derivatives, a second derivative, `vmap` over each argument, and the same in a loop.
    Differences are measured by the largest number of a result.
    """

    def everything(arrays):
        every = tuple(range(len(arrays)))
        tangents = tuple(jnp.cos(jnp.arange(a.size).astype(a.dtype)).reshape(a.shape) for a in arrays)

        def loss(*arrays):
            y = function(*arrays)
            return jnp.sum(jnp.sin(y + jnp.asarray(0.3, y.dtype)) * y)

        gradient = jax.grad(loss, every)
        found = {"value": function(*arrays), "grad": gradient(*arrays)}
        found["jvp"] = jax.jvp(function, arrays, tangents)[1]
        found["hessian times tangent"] = jax.jvp(gradient, arrays, tangents)[1]
        for place, array in enumerate(arrays):
            several = [*arrays[:place], jnp.stack([array, array * array], 1), *arrays[place + 1 :]]
            axes = [1 if number == place else None for number in every]
            found[f"vmap {place}"] = jax.vmap(gradient, axes)(*several)

        def body(carry, _):
            step = gradient(*carry)
            return tuple(a - jnp.asarray(0.01, a.dtype) * g for a, g in zip(carry, step, strict=True)), None

        found["scan"] = jax.lax.scan(body, arrays, None, length=2)[0]
        return found

    with jax.enable_x64(True), implementation("xla"):
        right = quick(everything)(tuple(jnp.asarray(np.asarray(a, np.float32), jnp.float64) for a in arrays))
    with implementation("native"):
        found = quick(everything)(tuple(jnp.asarray(np.asarray(a, np.float32), dtype) for a in arrays))
    pairs = zip(jax.tree.leaves_with_path(right), jax.tree.leaves(found), strict=True)
    for (path, expected), given in pairs:
        assert given.dtype == dtype
        size = np.abs(expected).max(initial=1e-3)
        np.testing.assert_allclose(given, expected, rtol=0, atol=rtol * size, err_msg=jax.tree_util.keystr(path))
