"""Random numbers added to, or multiplied into, what passes through while training."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.dropout import keep_mask, rate_now
from brickwork.core.brick import Brick, brick
from brickwork.core.scope import Scope
from brickwork.ops.hashing import hashed_normal
from brickwork.ops.precision import wide_type

SELU_FLOOR = -1.0507009873554805 * 1.6732632423543772


@brick
class GaussianNoise(Brick):
    """Blurs its input while training: a network that answers the same nearby has learned something smooth.

        y = x + deviation * n in training, n from N(0, 1),   y = x in evaluation

    n is the tap `noise`. `apply(settings={"path/deviation": d})` varies the deviation inside one compiled program.

    Shapes: any; floats (whole numbers are converted).

    Args:
        deviation: standard deviation of the noise, 0 or more.

    Raises:
        SettingError: the deviation is below 0.

    Source: Bishop 1995, "Training with Noise is Equivalent to Tikhonov Regularization", section 1.

    >>> import jax, jax.numpy as jnp
    >>> net, x = GaussianNoise(0.5), jnp.ones((1, 3))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.tolist()
    [[1.0, 1.0, 1.0]]
    """

    padded = "pointwise"

    deviation: float = 0.1

    def validate(self) -> None:
        """Check the deviation."""
        self.require(self.deviation >= 0, "deviation", "0 or more")

    def __call__(self, scope: Scope, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """Add noise while training, pass on in evaluation."""
        x = scope.cast(x)
        deviation = scope.setting("deviation", self.deviation)
        if not scope.training or (isinstance(deviation, int | float) and deviation == 0):
            return x
        noise = scope.tap("noise", _normal(scope.key(), x))
        return x + jnp.asarray(deviation, x.dtype) * noise


@brick
class GaussianDropout(Brick):
    """Multiplies each number by a random one around 1: as noisy as dropout of the same rate, but nothing is lost.

        y = x (1 + sqrt(rate / (1 - rate)) n) in training, n from N(0, 1),   y = x in evaluation

    The factor has the mean and variance that `Dropout` gives it. n is the tap `noise`. A rate of 0 draws no random
    key. `apply(settings={"path/rate": r})` varies the rate inside one compiled program.

    Shapes: any; floats (whole numbers are converted).

    Args:
        rate: the rate of the dropout that has this variance, 0 <= rate < 1.

    Raises:
        SettingError: the rate is outside 0 <= rate < 1.

    Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", section 10.

    >>> import jax, jax.numpy as jnp
    >>> net, x = GaussianDropout(0.5), jnp.ones((1, 3))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.tolist()
    [[1.0, 1.0, 1.0]]
    """

    padded = "pointwise"

    rate: float = 0.5

    def validate(self) -> None:
        """Check the rate."""
        self.require(0 <= self.rate < 1, "rate", "a rate of dropout, 0 <= rate < 1")

    def __call__(self, scope: Scope, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """Multiply while training, pass on in evaluation."""
        x = scope.cast(x)
        rate = rate_now(scope, self.rate)
        if rate is None:
            return x
        noise = scope.tap("noise", _normal(scope.key(), x))
        odds = jnp.sqrt(jnp.asarray(rate / (1 - rate), x.dtype))
        return x * (1 + odds * noise)


@brick
class AlphaDropout(Brick):
    """Dropout for selu: what is dropped falls to selu's lower end, and mean 0 and variance 1 stay as they were.

        y = a (x mask + floor (1 - mask)) + b in training,   y = x in evaluation
        a = ((1 - rate) (1 + rate floor²))^(-1/2),   b = -a rate floor,   floor = -1.0507 * 1.6733

    The mask is the tap `mask` (true where kept). A rate of 0 draws no random key. `apply(settings={"path/rate": r})`
    varies the rate inside one compiled program.

    Shapes: any; floats (whole numbers are converted).

    Args:
        rate: the probability of dropping, 0 <= rate < 1; the paper uses 0.05 to 0.1.

    Raises:
        SettingError: the rate is outside 0 <= rate < 1.

    Source: Klambauer et al. 2017, "Self-Normalizing Neural Networks", section "New Dropout Technique".

    >>> import jax, jax.numpy as jnp
    >>> net, x = AlphaDropout(0.1), jnp.ones((1, 3))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.tolist()
    [[1.0, 1.0, 1.0]]
    """

    padded = "pointwise"

    rate: float = 0.05

    def validate(self) -> None:
        """Check the rate."""
        self.require(0 <= self.rate < 1, "rate", "a probability of dropping, 0 <= rate < 1")

    def __call__(self, scope: Scope, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """Drop while training, pass on in evaluation."""
        x = scope.cast(x)
        rate = rate_now(scope, self.rate)
        if rate is None:
            return x
        mask = scope.tap("mask", keep_mask(scope.key(), x.shape, rate))
        a = ((1 - rate) * (1 + rate * SELU_FLOOR**2)) ** -0.5
        b = -a * rate * SELU_FLOOR
        a, b, floor = (jnp.asarray(number, x.dtype) for number in (a, b, SELU_FLOOR))
        return a * jnp.where(mask, x, floor) + b


def _normal(key: Array, x: Array) -> Array:
    """Return draws from N(0, 1) for every number of x, rounded to its type: small types have too few of their own."""
    return hashed_normal(key, x.shape, wide_type(x.dtype)).astype(x.dtype)
