"""Activation functions that let positive numbers pass and hold negative ones back: the rectifier and its family."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.ops.implementation import choose
from brickwork.ops.native_gelu import gelu_native, has_kernels_for
from brickwork.ops.sigmoids import hard_sigmoid


def relu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Rectifier: what is positive passes, the rest is 0, and an active unit's gradient passes undiminished.

        y = max(x, 0);   derivative 0 at 0

    Source: Nair & Hinton 2010, "Rectified Linear Units Improve Restricted Boltzmann Machines", section 2.

    >>> import jax.numpy as jnp
    >>> relu(jnp.array([-1.0, 0.0, 2.0])).tolist()
    [0.0, 0.0, 2.0]
    """
    return jax.nn.relu(x)


def relu6(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A rectifier with a ceiling, so that few bits are enough for its output.

        y = min(max(x, 0), 6);   derivative 0 at 0 and 6

    Source: Krizhevsky 2010, "Convolutional Deep Belief Networks on CIFAR-10", section 2.1.

    >>> import jax.numpy as jnp
    >>> relu6(jnp.array([-1.0, 2.0, 9.0])).tolist()
    [0.0, 2.0, 6.0]
    """
    return jax.nn.relu6(x)


def relu_squared(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A squared rectifier: smooth at 0, and strong inputs count more; found by searching for better transformers.

        y = max(x, 0)²

    Source: So et al. 2021, "Primer: Searching for Efficient Transformers for Language Modeling", section 4.

    >>> import jax.numpy as jnp
    >>> relu_squared(jnp.array([-1.0, 2.0, 3.0])).tolist()
    [0.0, 4.0, 9.0]
    """
    return jnp.square(jax.nn.relu(x))


def leaky_relu(x: Float[Array, "*shape"], slope: float = 0.01) -> Float[Array, "*shape"]:
    """A rectifier that leaks: a unit that is never active still gets a small gradient and can come back.

        y = x if x > 0 else slope x;   derivative slope at 0

    Source: Maas, Hannun & Ng 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", section 2.

    >>> import jax.numpy as jnp
    >>> leaky_relu(jnp.array([-4.0, 2.0]), slope=0.25).tolist()
    [-1.0, 2.0]
    """
    return jnp.where(x > 0, x, slope * x)


def elu(x: Float[Array, "*shape"], alpha: float = 1.0) -> Float[Array, "*shape"]:
    """A rectifier whose negative side bends down to -alpha: the mean output comes near 0.

        y = x if x > 0 else alpha (exp(x) - 1)

    Source: Clevert, Unterthiner & Hochreiter 2016, "Fast and Accurate Deep Network Learning by Exponential Linear
    Units (ELUs)", equation 15.

    >>> import jax.numpy as jnp
    >>> elu(jnp.array([-100.0, 0.0, 2.0])).tolist()
    [-1.0, 0.0, 2.0]
    """
    return jax.nn.elu(x, alpha)


def selu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """An elu with the two numbers that pull means to 0 and variances to 1 from layer to layer.

        y = 1.0507 (x if x > 0 else 1.6733 (exp(x) - 1))

    It wants `lecun_normal` weights, and `AlphaDropout` in place of `Dropout`.

    Source: Klambauer et al. 2017, "Self-Normalizing Neural Networks", equation 2.

    >>> import jax.numpy as jnp
    >>> [f"{y:.4f}" for y in selu(jnp.array([0.0, 1.0]))]
    ['0.0000', '1.0507']
    """
    return jax.nn.selu(x)


def celu(x: Float[Array, "*shape"], alpha: float = 1.0) -> Float[Array, "*shape"]:
    """An elu whose slope at 0 is 1 for every alpha; with alpha 1 it is elu.

        y = max(x, 0) + min(0, alpha (exp(x / alpha) - 1))

    Source: Barron 2017, "Continuously Differentiable Exponential Linear Units", equation 2.

    >>> import jax.numpy as jnp
    >>> celu(jnp.array([-100.0, 2.0]), alpha=0.5).tolist()
    [-0.5, 2.0]
    """
    return jax.nn.celu(x, alpha)


def gelu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Weighs a number by how likely a normal one is smaller: a rectifier with a soft edge.

        y = x Phi(x) = x (1 + erf(x / sqrt(2))) / 2

    Source: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units (GELUs)", section 2.

    >>> import jax.numpy as jnp
    >>> gelu(jnp.array([0.0, 100.0])).tolist()
    [0.0, 100.0]
    """
    return _gelu(x, exact=True)


def gelu_tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The approximation of gelu by tanh that GPT-2 and BERT were trained with.

        y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))) / 2

    Source: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units (GELUs)", section 2.

    >>> import jax.numpy as jnp
    >>> gelu_tanh(jnp.array([0.0, 100.0])).tolist()
    [0.0, 100.0]
    """
    return _gelu(x, exact=False)


def _gelu(x: Array, *, exact: bool) -> Array:
    plain = partial(jax.nn.gelu, approximate=not exact)
    if not has_kernels_for(x):
        return plain(x)
    return choose({"xla": plain, "native": partial(gelu_native, exact=exact)}, x)


def silu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A number times its own sigmoid: a smooth rectifier that dips below 0 on its way; also called swish.

        y = x sigmoid(x)

    Source: Elfwing, Uchibe & Doya 2018, "Sigmoid-Weighted Linear Units for Neural Network Function Approximation in
    Reinforcement Learning", equation 10; as swish, Ramachandran, Zoph & Le 2017, "Searching for Activation Functions".

    >>> import jax.numpy as jnp
    >>> silu(jnp.array([0.0, 100.0])).tolist()
    [0.0, 100.0]
    """
    return jax.nn.silu(x)


def hard_silu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A silu without an exponential, for small processors; also called hard swish.

        y = x min(max(x + 3, 0), 6) / 6

    Source: Howard et al. 2019, "Searching for MobileNetV3", section 5.2.

    >>> import jax.numpy as jnp
    >>> hard_silu(jnp.array([0.0, 4.0])).tolist()
    [0.0, 4.0]
    """
    return x * hard_sigmoid(x)


def mish(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A smooth rectifier like silu, with the tanh of a softplus as its gate.

        y = x tanh(softplus(x))

    Source: Misra 2020, "Mish: A Self Regularized Non-Monotonic Activation Function", equation 1.

    >>> import jax.numpy as jnp
    >>> mish(jnp.array([0.0, 100.0])).tolist()
    [0.0, 100.0]
    """
    return jax.nn.mish(x)


def softplus(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A rectifier rounded off: always positive, so that it makes variances and rates; its derivative is sigmoid.

        y = log(1 + exp(x))

    Source: Dugas et al. 2001, "Incorporating Second-Order Functional Knowledge for Better Option Pricing", section 2.

    >>> import jax.numpy as jnp
    >>> softplus(jnp.array([-1000.0, 1000.0])).tolist()
    [0.0, 1000.0]
    """
    return jax.nn.softplus(x)
