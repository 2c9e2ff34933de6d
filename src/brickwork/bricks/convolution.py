"""Convolution of pictures."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.checks import check_activation, check_pictures
from brickwork.bricks.initializers import initializer, zeros
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import Padding, Pair, activate, conv2d
from brickwork.ops.windows import pair


@brick
class Conv(Brick):
    """The same small detectors at every place of a picture: fewer weights, and what is learned here is known there.

        y[p, q, f] = activation(b[f] + sum over i, j, c of x[p s + i d, q s + j d, c] W[i, j, c, f])

    with stride s and dilation d. Shapes: x (rows, height, width, channels), W `weight` (kernel height, kernel width,
    channels / groups, filters), b `bias` (filters,), y (rows, height', width', filters). With padding "same" height' is
    ceil(height / stride). The tap `z` is the value before the nonlinearity. Whole numbers (pixels) are converted.

    Args:
        filters: how many detectors.
        kernel: their height and width, one number for both.
        stride: steps between places.
        padding: "same" (zeros around), "valid" (none), or ((top, bottom), (left, right)).
        dilation: steps between the positions of a detector.
        groups: blocks of channels that see nothing of each other; as many as channels makes it depthwise.
        activation: name of the nonlinearity.
        bias: whether b is there; it starts at zero.
        weights: name of the initialiser of W.

    Raises:
        SettingError: a size below 1, filters that groups do not divide, an unknown name.
        ShapeError: inputs that are no pictures, channels that groups do not divide, a picture smaller than the kernel.

    Source: LeCun et al. 1989, "Backpropagation Applied to Handwritten Zip Code Recognition"; sizes: Dumoulin & Visin
    2016, "A guide to convolution arithmetic for deep learning".

    >>> import jax, jax.numpy as jnp
    >>> net, x = Conv(8, kernel=3, stride=2), jnp.ones((1, 28, 28, 3))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.shape
    (1, 14, 14, 8)
    """

    filters: int
    kernel: Pair = 3
    stride: Pair = 1
    padding: Padding = "same"
    dilation: Pair = 1
    groups: int = 1
    activation: str = "linear"
    bias: bool = True
    weights: str = "he_normal"

    def validate(self) -> None:
        """Check sizes and names."""
        self.require(self.filters >= 1, "filters", "at least 1")
        for name in ("kernel", "stride", "dilation"):
            pair(getattr(self, name), f"Conv: setting {name!r}")
        self.require(self.groups >= 1 and self.filters % self.groups == 0, "groups", f"a divisor of {self.filters}")
        check_activation(self.activation)
        initializer(self.weights)

    def __call__(self, scope: Scope, x: Float[Array, "rows height width channels"]) -> Float[Array, "rows h w filters"]:
        """Slide the kernels over pictures."""
        check_pictures(x)
        channels = x.shape[-1]
        if channels % self.groups:
            raise ShapeError(f"its {self.groups} groups do not divide the {channels} channels of {x.shape}.")
        shape = (*pair(self.kernel, "kernel"), channels // self.groups, self.filters)
        z = conv2d(
            scope.cast(x),
            scope.param("weight", shape, initializer(self.weights)),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )
        if self.bias:
            z = z + jnp.broadcast_to(scope.param("bias", (self.filters,), zeros), z.shape)
        return activate(self.activation, scope.tap("z", z))
