"""Dropout, and the fast random masks behind it."""

from math import prod

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float

from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError
from brickwork.core.scope import Scope


@brick
class Dropout(Brick):
    """Sets each number to 0 with probability `rate` while training, so that no unit can lean on another.

        y = x * mask / (1 - rate) in training,   y = x in evaluation

    Dividing while training ("inverted" dropout) keeps the expected value, so that evaluation has nothing to do;
    the paper multiplies by 1 - rate in evaluation instead. The mask is the tap `mask` (true where kept). A rate
    of 0 draws no random key. `apply(settings={"path/rate": r})` varies the rate inside one compiled program.

    Shapes: any; floats (whole numbers are converted).

    Args:
        rate: the probability of dropping, 0 <= rate < 1.

    Raises:
        SettingError: the rate is outside 0 <= rate < 1.

    Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", sections
    4 and 10.

    >>> import jax, jax.numpy as jnp
    >>> net = Dropout(0.5)
    >>> net.apply(net.init(jax.random.key(0), jnp.ones((2, 3))), jnp.ones((2, 3))).output.tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    padded = "pointwise"

    rate: float = 0.5

    def validate(self) -> None:
        """Check the rate."""
        self.require(0 <= self.rate < 1, "rate", "a probability of dropping, 0 <= rate < 1")

    def __call__(self, scope: Scope, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """Drop while training, pass on in evaluation."""
        x = scope.cast(x)
        rate = scope.setting("rate", self.rate)
        if isinstance(rate, int | float) and not 0 <= rate < 1:
            raise SettingError(f"A dropout rate must be 0 <= rate < 1, got {rate!r}.")
        if not scope.training or (isinstance(rate, int | float) and rate == 0):
            return x
        mask = scope.tap("mask", keep_mask(scope.key(), x.shape, rate))
        return jnp.where(mask, x * jnp.asarray(1 / (1 - rate), x.dtype), jnp.zeros((), x.dtype))


def keep_mask(key: Array, shape: tuple[int, ...], rate: float | Array) -> Bool[Array, "..."]:
    """Return a mask that is true with probability 1 - rate, independently at every position.

    Each position's bits are a hash of its index, keyed with two words drawn from `key`: h(h(index ^ a) + b), h being
    the 32-bit mixer with the lowest measured bias (Wellons 2018, "Prospecting for Hash Functions", `lowbias32`).
    Comparing 24 bits with a threshold gets the rate right to 2^-24 < 1e-7. Measured on 2 CPU cores inside a
    compiled loop, a (32, 128) mask takes 4 microseconds where `jax.random.bernoulli` takes 44, and (32, 4, 4, 64)
    6 where it takes 125: as much as the layers around it. It is no generator for cryptography.
    """
    a, b = jax.random.bits(key, (2,), jnp.uint32)
    index = jnp.zeros(shape, jnp.uint32)
    for axis in range(len(shape)):
        stride = jnp.uint32(prod(shape[axis + 1 :]) % 2**32)
        index = index + lax.broadcasted_iota(jnp.uint32, shape, axis) * stride
    bits = _mix(_mix(index ^ a) + b) >> 8
    return bits < jnp.round(jnp.asarray(1 - rate, jnp.float32) * 2**24).astype(jnp.uint32)


def _mix(x: Array) -> Array:
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)
