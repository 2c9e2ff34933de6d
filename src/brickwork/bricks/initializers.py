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
    """Zeros: the usual start of a bias.

        b = 0

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6, leaves the thresholds out of the random start.

    >>> zeros(None, (2,), "float32").tolist()
    [0.0, 0.0]
    """
    del key
    return jnp.zeros(shape, dtype)


def ones(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Ones: the usual start of a normalisation's scale.

        g = 1

    Source: Ioffe & Szegedy 2015, "Batch Normalization", section 3 (the identity transform).

    >>> ones(None, (2,), "float32").tolist()
    [1.0, 1.0]
    """
    del key
    return jnp.ones(shape, dtype)


def identity(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """The identity matrix, or the kernel whose middle is one: what comes in goes out, as far as the shape allows.

        W[i, j] = 1 if i = j, else 0

    A recurrent layer of rectifiers that starts so remembers over many steps.

    Source: Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
    section 2; kernels: Xiao et al. 2018, "Dynamical Isometry and a Mean Field Theory of CNNs", section 2.3.

    >>> identity(None, (2, 3), "float32").tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    del key
    if len(shape) < 2:
        raise SettingError(f"An identity needs a matrix or a kernel, got the shape {shape}.")
    middle = tuple((size - 1) // 2 for size in shape[:-2])
    return jnp.zeros(shape, dtype).at[middle].set(jnp.eye(*shape[-2:], dtype=dtype))


def uniform(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Small numbers of both signs, whatever the fans.

        W ~ U(-0.05, 0.05)

    Source: the start of embeddings in Mikolov et al. 2010, "Recurrent neural network based language model", section 2
    ("small values"); the bound is Keras's.

    >>> import jax
    >>> bool((abs(uniform(jax.random.key(0), (8,), "float32")) <= 0.05).all())
    True
    """
    return jax.random.uniform(key, shape, dtype, -0.05, 0.05)


def truncated_normal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Small normal numbers without outliers: what lies beyond two deviations is drawn again.

        W ~ N(0, 0.02²), |W| <= 0.04

    Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers", appendix A.2 (its published
    settings).

    >>> import jax
    >>> bool((abs(truncated_normal(jax.random.key(0), (8,), "float32")) <= 0.04).all())
    True
    """
    wide = wide_type(dtype)
    return (0.02 * jax.random.truncated_normal(key, -2.0, 2.0, shape, wide)).astype(dtype)


def normal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Small normal numbers, whatever the fans: the start of GPT's weights and of embeddings.

        W ~ N(0, 0.02²)

    Source: Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", section 4.1.

    >>> import jax
    >>> bool(0.018 < normal(jax.random.key(0), (50, 50), "float32").std() < 0.022)
    True
    """
    return 0.02 * jax.random.normal(key, shape, dtype)


def glorot_uniform(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Keeps the variance both forward and backward for linear units, within bounds.

        W ~ U(-a, a), a² = 6 / (fan_in + fan_out)

    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks",
    equation 16.

    >>> import jax
    >>> bool((abs(glorot_uniform(jax.random.key(0), (4, 2), "float32")) <= 1).all())
    True
    """
    return _uniform(key, shape, dtype, 2 / sum(fans(shape)))


def glorot_normal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Keeps the variance both forward and backward for linear units.

        W ~ N(0, 2 / (fan_in + fan_out))

    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks",
    equation 12.

    >>> import jax
    >>> bool(0.09 < glorot_normal(jax.random.key(0), (100, 100), "float32").std() < 0.11)
    True
    """
    return _normal(key, shape, dtype, 2 / sum(fans(shape)))


def he_uniform(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """The variance of `he_normal`, bounded.

        W ~ U(-a, a), a² = 6 / fan_in

    Source: He et al. 2015, "Delving Deep into Rectifiers", section 2.2.

    >>> import jax
    >>> bool((abs(he_uniform(jax.random.key(0), (6, 2), "float32")) <= 1).all())
    True
    """
    return _uniform(key, shape, dtype, 2 / fans(shape)[0])


def he_normal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Keeps the variance through rectifiers, which pass half of it.

        W ~ N(0, 2 / fan_in)

    Source: He et al. 2015, "Delving Deep into Rectifiers", section 2.2, equation 10.

    >>> import jax
    >>> bool(0.13 < he_normal(jax.random.key(0), (100, 100), "float32").std() < 0.15)
    True
    """
    return _normal(key, shape, dtype, 2 / fans(shape)[0])


def lecun_normal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Sums of standardised inputs have variance 1.

        W ~ N(0, 1 / fan_in)

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6, equation 16.

    >>> import jax
    >>> bool(0.09 < lecun_normal(jax.random.key(0), (100, 100), "float32").std() < 0.11)
    True
    """
    return _normal(key, shape, dtype, 1 / fans(shape)[0])


def lecun_uniform(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """The variance of `lecun_normal`, bounded.

        W ~ U(-a, a), a² = 3 / fan_in

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6, equation 16.

    >>> import jax
    >>> bool((abs(lecun_uniform(jax.random.key(0), (3, 2), "float32")) <= 1).all())
    True
    """
    return _uniform(key, shape, dtype, 1 / fans(shape)[0])


def orthogonal(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    """A random orthogonal matrix, uniform over all: it turns and mirrors, but stretches nothing.

        Wᵀ W = 1    (or W Wᵀ = 1, if there are more outputs than inputs)

    Kernels are seen as matrices (window * inputs, outputs).

    Source: Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", section 3; signs as in Mezzadri 2007, "How to generate random matrices from the classical
    compact groups", section 5.

    >>> import jax, jax.numpy as jnp
    >>> w = orthogonal(jax.random.key(0), (3, 2), "float32")
    >>> bool((abs(w.T @ w - jnp.eye(2)) < 1e-5).all())
    True
    """
    if len(shape) < 2:
        raise SettingError(f"An orthogonal start needs a matrix or a kernel, got the shape {shape}.")
    rows, columns = prod(shape[:-1]), shape[-1]
    wide = wide_type(dtype)  # there is no decomposition of smaller types
    draw = jax.random.normal(key, (max(rows, columns), min(rows, columns)), wide)
    q, r = jnp.linalg.qr(draw)
    q = q * jnp.where(jnp.diagonal(r) < 0, -1, 1).astype(wide)
    return (q if rows >= columns else q.T).reshape(shape).astype(dtype)


class Blocks:
    """An initialiser that draws the blocks of a matrix (gates, pieces) one by one, each with its own fans."""

    def __init__(self, one: Initializer, blocks: int):
        self.one, self.blocks = one, blocks

    def __call__(self, key: Array, shape: Shape, dtype: DTypeLike) -> Array:
        """Draw all blocks."""
        block = (shape[0], shape[1] // self.blocks)
        keys = jax.random.split(key, self.blocks)
        return jnp.concatenate([self.one(k, block, dtype) for k in keys], axis=1)


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
        identity,
        uniform,
        normal,
        truncated_normal,
        glorot_uniform,
        glorot_normal,
        he_uniform,
        he_normal,
        lecun_uniform,
        lecun_normal,
        orthogonal,
    )
}

OTHER_NAMES = {
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "kaiming_uniform": "he_uniform",
    "kaiming_normal": "he_normal",
}
"""What other libraries call them."""


def initializer(name: str) -> Initializer:
    """Return the initialiser of a name.

    Raises:
        SettingError: there is none of that name; the message suggests the nearest.
    """
    found = INITIALIZERS.get(OTHER_NAMES.get(name, name))
    if found is None:
        raise SettingError(f"There is no initialiser named {name!r}. {nearest(name, INITIALIZERS)}")
    return found
