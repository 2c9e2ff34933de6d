"""Activation functions by name, in one table."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork.core.errors import SettingError, nearest


def _linear(x: Array) -> Array:
    return x


def _gelu(x: Array) -> Array:
    return jax.nn.gelu(x, approximate=False)


def _gelu_tanh(x: Array) -> Array:
    return jax.nn.gelu(x, approximate=True)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": _linear,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": jax.nn.silu,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_silu": jax.nn.hard_silu,
    "softplus": jax.nn.softplus,
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
}
"""Name to function; see `activate` for the equations."""


def activate(name: str, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Apply an activation function by its name, element by element (softmax and log_softmax: over the last axis).

    | name | equation |
    | --- | --- |
    | linear | x |
    | sigmoid | 1 / (1 + exp(-x)) |
    | tanh | tanh(x) |
    | relu | max(x, 0); derivative 0 at 0 (Nair and Hinton, 2010) |
    | relu6 | min(max(x, 0), 6) |
    | leaky_relu | x if x >= 0 else 0.01 x (Maas, Hannun and Ng, 2013) |
    | elu | x if x > 0 else exp(x) - 1 (Clevert, Unterthiner and Hochreiter, 2015) |
    | selu | 1.0507 (x if x > 0 else 1.6733 (exp(x) - 1)) (Klambauer et al., 2017) |
    | gelu | x Phi(x) with the exact normal distribution function, by erf (Hendrycks and Gimpel, 2016) |
    | gelu_tanh | the tanh approximation of gelu, as in GPT-2 |
    | silu | x sigmoid(x), also called swish |
    | hard_sigmoid, hard_silu | relu6(x + 3) / 6, and x times that (Howard et al., 2019) |
    | softplus | log(1 + exp(x)) |
    | softmax | exp(x_k) / sum over j of exp(x_j) |
    | log_softmax | the logarithm of softmax |

    Raises `SettingError` for an unknown name, with the nearest known one.
    """
    if name not in ACTIVATIONS:
        raise SettingError(f"There is no activation {name!r}. {nearest(str(name), ACTIVATIONS)}")
    return ACTIVATIONS[name](x)
