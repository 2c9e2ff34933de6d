"""Activation functions that level off on both sides: S-shaped, with bounds."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Turns any number into a probability: how sure, given the logarithm of the odds.

        y = 1 / (1 + exp(-x))

    Source: Rumelhart, Hinton & Williams 1986, "Learning representations by back-propagating errors", equation 2.

    >>> import jax.numpy as jnp
    >>> sigmoid(jnp.array([-100.0, 0.0, 100.0])).round(3).tolist()
    [0.0, 0.5, 1.0]
    """
    return jax.nn.sigmoid(x)


def log_sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The logarithm of a probability without ever rounding the probability to 0.

        y = log(sigmoid(x)) = -softplus(-x)

    Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality",
    equation 4, sums up such terms.

    >>> import jax.numpy as jnp
    >>> log_sigmoid(jnp.array([-1000.0])).tolist()
    [-1000.0]
    """
    return jax.nn.log_sigmoid(x)


def tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A sigmoid around 0: outputs of both signs keep the next layer's inputs centred.

        y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)) = 2 sigmoid(2 x) - 1

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.4.

    >>> import jax.numpy as jnp
    >>> tanh(jnp.array([-100.0, 0.0, 100.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return jnp.tanh(x)


def hard_tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A tanh of three straight lines: it cuts to -1 ... 1.

        y = min(max(x, -1), 1);   derivative 0 at -1 and 1

    Source: Collobert 2004, "Large Scale Machine Learning", section 6.3.1.

    >>> import jax.numpy as jnp
    >>> hard_tanh(jnp.array([-3.0, 0.5, 3.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    return jnp.where(jnp.abs(x) < 1, x, jnp.sign(x))


def hard_sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A sigmoid of three straight lines, without an exponential: for small processors.

        y = min(max(x + 3, 0), 6) / 6;   derivative 0 at -3 and 3

    Source: Courbariaux, Bengio & David 2015, "BinaryConnect", equation 3, with slope 1/2; with this slope Howard et al.
    2019, "Searching for MobileNetV3", section 5.2.

    >>> import jax.numpy as jnp
    >>> hard_sigmoid(jnp.array([-4.0, 0.0, 4.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return jax.nn.hard_sigmoid(x)


def softsign(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A sigmoid that nears its bounds slowly, so that units far out still learn.

        y = x / (1 + |x|)

    Source: Bergstra et al. 2009, "Quadratic Polynomials Learn Better Image Features", section 4; named softsign by
    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", section 2.

    >>> import jax.numpy as jnp
    >>> softsign(jnp.array([-1.0, 0.0, 3.0])).tolist()
    [-0.5, 0.0, 0.75]
    """
    return jax.nn.soft_sign(x)
