"""Rows of an array by their numbers: how a batch is taken from all examples."""

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Shaped

from brickwork import native
from brickwork.ops.implementation import choose
from brickwork.ops.primitives import computed

LEAST = 32
"""Numbers of a row from which on a kernel takes rows on a CPU: two lines of the caches."""


def take_rows(array: Shaped[Array, "rows *shape"], numbers: Int[Array, "*taken"]) -> Shaped[Array, "..."]:
    """Return the rows with these numbers: array[numbers], for numbers from 0 to rows - 1.

    On a CPU rows of float32 are copied as a whole by a kernel. In a loop of training steps XLA divides the copying
    among threads that it has to wake: a step of an MLP 784-128-10 with 32 rows takes 0.18 milliseconds so, and 0.135
    with the kernel. What comes of other numbers is left open.

    >>> import jax.numpy as jnp
    >>> take_rows(jnp.arange(6.0).reshape(3, 2), jnp.array([2, 0])).tolist()
    [[4.0, 5.0], [0.0, 1.0]]
    """
    array, numbers = jnp.asarray(array), jnp.asarray(numbers)
    width = prod(array.shape[1:])
    if array.dtype != jnp.float32 or numbers.dtype != jnp.int32 or width < LEAST or not len(array):
        return array[numbers]

    def by_kernel(array: Array, numbers: Array) -> Array:
        (found,) = _rows_p.bind(array.reshape(len(array), width), numbers.reshape(-1))
        return found.reshape(*numbers.shape, *array.shape[1:])

    return choose({"xla": lambda array, numbers: array[numbers], "native": by_kernel}, array, numbers)


def _plain(array: Any, numbers: Any) -> list[Array]:
    return [jnp.asarray(array)[numbers]]


def _kernel(array: Array, numbers: Array) -> list[Array]:
    shape = jax.ShapeDtypeStruct((len(numbers), array.shape[1]), array.dtype)
    return [native.call("take_rows", shape, array, numbers)]


_rows_p = computed("take_rows_native", _plain, _kernel)
