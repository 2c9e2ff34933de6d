"""Activation functions by name, in one table."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.core.errors import SettingError, ShapeError, nearest
from brickwork.ops.rectifiers import (
    celu,
    elu,
    gelu,
    gelu_tanh,
    hard_silu,
    leaky_relu,
    mish,
    relu,
    relu6,
    relu_squared,
    selu,
    silu,
    softplus,
)
from brickwork.ops.sigmoids import hard_sigmoid, hard_tanh, log_sigmoid, sigmoid, softsign, tanh


def linear(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Nothing at all: the output of a layer that predicts any number, or whose nonlinearity comes later.

        y = x

    Source: the linear neuron of Widrow & Hoff 1960, "Adaptive Switching Circuits".

    >>> import jax.numpy as jnp
    >>> linear(jnp.array([-1.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    return x


def softmax(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Turns scores into probabilities that share the one: over the last axis.

        y[k] = exp(x[k]) / sum over j of exp(x[j])

    Source: Bridle 1990, "Probabilistic Interpretation of Feedforward Classification Network Outputs, with
    Relationships to Statistical Pattern Recognition", section 3.

    >>> import jax.numpy as jnp
    >>> softmax(jnp.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    return jax.nn.softmax(x)


def log_softmax(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The logarithm of softmax without ever rounding a probability to 0: over the last axis.

        y[k] = x[k] - log(sum over j of exp(x[j]))

    Source: Bridle 1990, "Probabilistic Interpretation of Feedforward Classification Network Outputs, with
    Relationships to Statistical Pattern Recognition", section 3.

    >>> import jax.numpy as jnp
    >>> log_softmax(jnp.array([0.0, -1000.0])).tolist()
    [0.0, -1000.0]
    """
    return jax.nn.log_softmax(x)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    one.__name__: one
    for one in (
        linear,
        sigmoid,
        log_sigmoid,
        tanh,
        hard_tanh,
        hard_sigmoid,
        softsign,
        relu,
        relu6,
        relu_squared,
        leaky_relu,
        elu,
        selu,
        celu,
        gelu,
        gelu_tanh,
        silu,
        hard_silu,
        mish,
        softplus,
        softmax,
        log_softmax,
    )
}
"""Name to function. All keep the shape, and work element by element; softmax and log_softmax over the last axis."""


def activate(name: str, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Apply an activation function of the table `ACTIVATIONS` by its name: y = ACTIVATIONS[name](x).

    `glu` is not among them, since its output is half as long: see the brick `GLU`.

    Raises `SettingError` for an unknown name, with the nearest known one.
    """
    if name not in ACTIVATIONS:
        raise SettingError(f"There is no activation {name!r}. {nearest(str(name), ACTIVATIONS)}")
    return ACTIVATIONS[name](x)


def glu(x: Float[Array, "*shape twice"], activation: str = "sigmoid") -> Float[Array, "*shape half"]:
    """One half of the numbers opens gates for the other half: the last axis comes out half as long.

        y = a * activation(b),   a and b the first and the second half of the last axis of x

    Raises `ShapeError` when the last axis cannot be halved, `SettingError` for an unknown activation.

    Source: Dauphin et al. 2017, "Language Modeling with Gated Convolutional Networks", equation 1; with other
    activations Shazeer 2020, "GLU Variants Improve Transformer", section 2.

    >>> import jax.numpy as jnp
    >>> glu(jnp.array([4.0, 6.0, 0.0, 100.0])).tolist()
    [2.0, 6.0]
    """
    if x.ndim < 1 or x.shape[-1] % 2:
        raise ShapeError(f"glu halves the last axis, so its size must be even, got {x.shape}.")
    a, b = jnp.split(x, 2, axis=-1)
    return a * activate(activation, b)
