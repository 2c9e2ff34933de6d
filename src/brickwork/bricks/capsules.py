"""Capsules: groups of units whose vector's direction describes a thing, and whose length says whether it is there."""

from typing import Literal

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.convolution import Conv
from brickwork.bricks.initializers import initializer
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.lift import Copies
from brickwork.core.scope import Scope
from brickwork.ops import route_by_agreement, squash


@brick
class PrimaryCapsules(Brick):
    """The lowest capsules: a convolution whose filters are taken together as vectors, squashed to lengths below 1.

        v = squash(conv(x)),   squash(s) = |s|² / (1 + |s|²) * s / |s|

    Every place of the picture has `count` capsules of its own. The convolution is a Conv named `conv`.

    Shapes: (rows, height, width, channels) to (rows, height' * width' * count, size).

    Args:
        count: how many capsules at each place.
        size: length of a capsule's vector.
        kernel: height and width of the convolution.
        stride: steps between places.
        padding: "same" (zeros around) or "valid" (none).
        weights: name of the initialiser of the convolution.

    Raises:
        SettingError: a number below 1, an unknown padding or initialiser.
        ShapeError: inputs that are no pictures, or pictures smaller than the kernel.

    Source: Sabour, Frosst & Hinton 2017, "Dynamic Routing Between Capsules", section 4 and equation 1.

    >>> import jax.numpy as jnp
    >>> net, x = PrimaryCapsules(count=4, size=3, kernel=3), jnp.ones((1, 7, 7, 2))
    >>> net.plan(x).output.shape
    (1, 36, 3)
    """

    count: int = 32
    size: int = 8
    kernel: int = 9
    stride: int = 2
    padding: Literal["same", "valid"] = "valid"
    weights: str = "he_normal"

    def validate(self) -> None:
        """Check sizes and names."""
        self.require(self.count >= 1, "count", "at least 1")
        self.require(self.size >= 1, "size", "at least 1")
        self._conv()

    def __call__(self, scope: Scope, x: Float[Array, "rows height width channels"]) -> Float[Array, "rows n size"]:
        """Convolve and squash."""
        s = scope("conv", self._conv(), x)
        return squash(s.reshape(s.shape[0], -1, self.size))

    def _conv(self) -> Conv:
        return Conv(self.count * self.size, self.kernel, self.stride, self.padding, weights=self.weights)


@brick
class Capsules(Brick):
    """Higher capsules: each lower one votes for all of them, and votes that agree with others come to count more.

        u[i, j] = x[i] W[i, j];   from b = 0, `iterations` times:
        c[i, j] = softmax over j of b[i, j];   v[j] = squash(sum over i of c[i, j] u[i, j]);   b[i, j] += u[i, j] v[j]

    squash(s) = |s|² / (1 + |s|²) * s / |s|. The length of v[j] says whether what capsule j stands for is there
    (`CapsuleLength`). The tap `coupling` (rows, inputs, count) is the last c.

    Shapes: x (rows, inputs, input size), W `weight` (inputs, input size, count * size), v (rows, count, size).

    Args:
        count: how many capsules.
        size: length of a capsule's vector.
        iterations: how often votes are weighed.
        weights: name of the initialiser of each lower capsule's part of W.

    Raises:
        SettingError: a number below 1, or an unknown initialiser.
        ShapeError: inputs that are no capsules.

    Source: Sabour, Frosst & Hinton 2017, "Dynamic Routing Between Capsules", equations 1 to 3 and procedure 1.

    >>> import jax.numpy as jnp
    >>> net, x = Capsules(count=10, size=16), jnp.ones((2, 36, 8))
    >>> net.plan(x).output.shape
    (2, 10, 16)
    """

    count: int
    size: int = 16
    iterations: int = 3
    weights: str = "glorot_uniform"

    def validate(self) -> None:
        """Check numbers and the initialiser's name."""
        for name in ("count", "size", "iterations"):
            self.require(getattr(self, name) >= 1, name, "at least 1")
        initializer(self.weights)

    def __call__(self, scope: Scope, x: Float[Array, "rows inputs size"]) -> Float[Array, "rows count size_out"]:
        """Vote and route."""
        if x.ndim != 3:
            raise ShapeError(f"it wants capsules (rows, capsules, size), such as PrimaryCapsules gives, got {x.shape}.")
        shape = (*x.shape[1:], self.count * self.size)
        weight = scope.param("weight", shape, Copies(initializer(self.weights)))
        votes = jnp.einsum("bik,iko->bio", scope.cast(x), weight)
        votes = votes.reshape(*votes.shape[:2], self.count, self.size)
        _, coupling = route_by_agreement(votes, self.iterations)
        return squash(jnp.einsum("bij,bijd->bjd", scope.tap("coupling", coupling), votes))


@brick
class CapsuleLength(Brick):
    """How long each capsule's vector is: how sure the network is that the thing is there.

        y[j] = |v[j]|

    The capsules' loss is a margin on these lengths.

    Shapes: (..., capsules, size) to (..., capsules).

    Raises:
        ShapeError: inputs that are no capsules.

    Source: Sabour, Frosst & Hinton 2017, "Dynamic Routing Between Capsules", section 2.

    >>> import jax.numpy as jnp
    >>> net, x = CapsuleLength(), jnp.array([[[3.0, 4.0], [0.0, 0.0]]])
    >>> net.apply(net.plan(x).shapes(), x).output.tolist()
    [[5.0, 0.0]]
    """

    def __call__(self, scope: Scope, x: Float[Array, "... capsules size"]) -> Float[Array, "... capsules"]:
        """Measure every vector."""
        if x.ndim < 2:
            raise ShapeError(f"it wants capsules (rows, capsules, size), got {x.shape}.")
        square = jnp.sum(jnp.square(scope.cast(x)), axis=-1)
        some = square > 0  # where all is 0 the derivative is taken for 0
        return jnp.where(some, jnp.sqrt(jnp.where(some, square, jnp.ones_like(square))), jnp.zeros_like(square))
