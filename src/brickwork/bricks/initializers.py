"""Initialisers: what weights start from. A brick names one: `Dense(64, weights="he_normal")`.

All take (key, shape, dtype). Fans follow the layout of the weights here: a matrix is (inputs, outputs), a
convolution kernel (height, width, inputs, outputs); every position of a kernel's window counts as an input of its own:
fan_in = window * inputs, fan_out = window * outputs.
"""

from collections.abc import Callable
from math import prod, sqrt

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from brickwork.core.errors import SettingError, nearest
from brickwork.ops.precision import wide_type

Shape = tuple[int, ...]
Initializer = Callable[[Array, Shape, DTypeLike], Array]


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs an output of these weights sums over, and how many outputs an input feeds."""
    if len(shape) < 2:
        return prod(shape), prod(shape)
    window = prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def zeros(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Zeros: the usual start of a bias."""
    del key
    return jnp.zeros(shape, dtype)


def ones(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Ones: the usual start of a normalisation's scale."""
    del key
    return jnp.ones(shape, dtype)


def normal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """N(0, 0.02²), whatever the fans.

    Source: Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", section 4.1.
    """
    return 0.02 * jax.random.normal(key, shape, dtype)


def glorot_uniform(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """U(-a, a), a² = 6 / (fan_in + fan_out): keeps the variance both forward and backward for linear units.

    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks",
    equation 16.
    """
    return _uniform(key, shape, dtype, 2 / sum(fans(shape)))


def glorot_normal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """N(0, 2 / (fan_in + fan_out)).

    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks",
    equation 12.
    """
    return _normal(key, shape, dtype, 2 / sum(fans(shape)))


def he_uniform(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """U(-a, a), a² = 6 / fan_in: the variance of `he_normal`, bounded.

    Source: He et al. 2015, "Delving Deep into Rectifiers", section 2.2.
    """
    return _uniform(key, shape, dtype, 2 / fans(shape)[0])


def he_normal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """N(0, 2 / fan_in): keeps the variance through rectifiers, which pass half of it.

    Source: He et al. 2015, "Delving Deep into Rectifiers", section 2.2, equation 10.
    """
    return _normal(key, shape, dtype, 2 / fans(shape)[0])


def lecun_normal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """N(0, 1 / fan_in): sums of standardised inputs have variance 1.

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6, equation 16.
    """
    return _normal(key, shape, dtype, 1 / fans(shape)[0])


def orthogonal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """A random orthogonal matrix, uniform over all; kernels are seen as (window * inputs, outputs).

    Source: Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", section 3; signs as in Mezzadri 2007, "How to generate random matrices from the classical
    compact groups", section 5.
    """
    if len(shape) < 2:
        raise SettingError(f"An orthogonal start needs a matrix or a kernel, got the shape {shape}.")
    rows, columns = prod(shape[:-1]), shape[-1]
    wide = wide_type(dtype)  # there is no decomposition of smaller types
    draw = jax.random.normal(key, (max(rows, columns), min(rows, columns)), wide)
    q, r = jnp.linalg.qr(draw)
    q = q * jnp.where(jnp.diagonal(r) < 0, -1, 1).astype(wide)
    return (q if rows >= columns else q.T).reshape(shape).astype(dtype)


def _uniform(key: Array, shape: Shape, dtype: DTypeLike, variance: float) -> Array:
    bound = sqrt(3 * variance)
    return jax.random.uniform(key, shape, dtype, -bound, bound)


def _normal(key: Array, shape: Shape, dtype: DTypeLike, variance: float) -> Array:
    return sqrt(variance) * jax.random.normal(key, shape, dtype)


INITIALIZERS: dict[str, Initializer] = {
    one.__name__: one
    for one in (
        zeros,
        ones,
        normal,
        glorot_uniform,
        glorot_normal,
        he_uniform,
        he_normal,
        lecun_normal,
        orthogonal,
    )
}


def initializer(name: str) -> Initializer:
    """Return the initialiser of a name.

    Raises:
        SettingError: there is none of that name; the message suggests the nearest.
    """
    if name not in INITIALIZERS:
        raise SettingError(f"There is no initialiser named {name!r}. {nearest(name, INITIALIZERS)}")
    return INITIALIZERS[name]
