"""Fully connected layers, and nonlinearities by themselves."""

import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float

from brickwork.bricks.checks import check_activation
from brickwork.bricks.initializers import Blocks, Shape, initializer, zeros
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import activate, glu, matmul


@brick
class Dense(Brick):
    """Every output sees every input: dot products, a bias each, a nonlinearity.

        y = activation(x W + b)

    `Dense(1, "sigmoid")` is one perceptron. Shapes: x (..., inputs), W `weight` (inputs, units), b `bias` (units,), y
    (..., units). All axes but the last are kept: on sequences it works on each step alone. The tap `z` is x W + b,
    before the nonlinearity.

    Args:
        units: how many outputs.
        activation: name of the nonlinearity (see `brickwork.ops.activate`).
        bias: whether b is there; it starts at zero.
        weights: name of the initialiser of W.

    Raises:
        SettingError: units below 1, or an unknown activation or initialiser.
        ShapeError: an input without an axis of features.

    Source: Rosenblatt 1958, "The perceptron: a probabilistic model for information storage and organization in the
    brain"; in layers, Rumelhart, Hinton & Williams 1986, "Learning representations by back-propagating errors".

    >>> import jax, jax.numpy as jnp
    >>> net = Dense(3, "relu")
    >>> net.apply(net.init(jax.random.key(0), jnp.ones((2, 5))), jnp.ones((2, 5))).output.shape
    (2, 3)
    """

    padded = "pointwise"

    units: int
    activation: str = "linear"
    bias: bool = True
    weights: str = "glorot_uniform"

    def validate(self) -> None:
        """Check the number of units and the names."""
        self.require(self.units >= 1, "units", "at least 1")
        check_activation(self.activation)
        initializer(self.weights)

    def __call__(self, scope: Scope, x: Float[Array, "... inputs"]) -> Float[Array, "... units"]:
        """Compute activation(x W + b)."""
        if x.ndim < 1 or x.shape[-1] < 1:
            raise ShapeError(f"it wants (rows, features) with at least one feature, got {x.shape}.")
        w = scope.param("weight", (x.shape[-1], self.units), initializer(self.weights))
        z = matmul(scope.cast(x), w, scope.param("bias", (self.units,), zeros) if self.bias else None)
        return activate(self.activation, scope.tap("z", z))


@brick
class Maxout(Brick):
    """Every unit is the largest of a few linear pieces: it learns its own nonlinearity, any convex one.

        y[u] = max over pieces p of (x W + b)[p, u]

    Shapes: x (..., inputs), W `weight` (inputs, pieces * units) and b `bias` (pieces * units,), piece after piece, y
    (..., units). The tap `z` (..., pieces, units) is x W + b.

    Args:
        units: how many outputs.
        pieces: how many linear pieces each is the largest of.
        bias: whether b is there; it starts at zero.
        weights: name of the initialiser of each piece of W.

    Raises:
        SettingError: units or pieces below 1, or an unknown initialiser.
        ShapeError: an input without an axis of features.

    Source: Goodfellow et al. 2013, "Maxout Networks", section 3.

    >>> import jax.numpy as jnp
    >>> net, x = Maxout(3, pieces=2), jnp.ones((2, 5))
    >>> net.plan(x).output.shape
    (2, 3)
    """

    padded = "pointwise"

    units: int
    pieces: int = 2
    bias: bool = True
    weights: str = "glorot_uniform"

    def validate(self) -> None:
        """Check sizes and the initialiser's name."""
        self.require(self.units >= 1, "units", "at least 1")
        self.require(self.pieces >= 1, "pieces", "at least 1")
        initializer(self.weights)

    def __call__(self, scope: Scope, x: Float[Array, "... inputs"]) -> Float[Array, "... units"]:
        """Take the largest piece of every unit."""
        if x.ndim < 1 or x.shape[-1] < 1:
            raise ShapeError(f"it wants (rows, features) with at least one feature, got {x.shape}.")
        size = self.pieces * self.units
        w = scope.param("weight", (x.shape[-1], size), Blocks(initializer(self.weights), self.pieces))
        z = matmul(scope.cast(x), w, scope.param("bias", (size,), zeros) if self.bias else None)
        return jnp.max(scope.tap("z", z.reshape(*z.shape[:-1], self.pieces, self.units)), axis=-2)


@brick
class Activation(Brick):
    """A nonlinearity by itself: y = activation(x), element by element (softmax: over the last axis).

    Shapes: any; y has the shape of x.

    Args:
        name: name of the nonlinearity (see `brickwork.ops.activate` for names, equations and sources).

    Raises:
        SettingError: there is no activation of that name.

    Source: of the rectifier, Nair & Hinton 2010, "Rectified Linear Units Improve Restricted Boltzmann Machines".

    >>> import jax.numpy as jnp
    >>> net = Activation("relu")
    >>> net.apply(net.plan(jnp.ones((1, 2))).shapes(), jnp.array([[-1.0, 2.0]])).output.tolist()
    [[0.0, 2.0]]
    """

    padded = "pointwise"

    name: str

    def validate(self) -> None:
        """Check the name."""
        check_activation(self.name)

    def __call__(self, scope: Scope, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """Compute activation(x)."""
        return activate(self.name, scope.cast(x))


@brick
class PReLU(Brick):
    """A rectifier that learns how much it leaks, for each channel.

        y = x if x > 0 else slope * x

    Shapes: (..., channels), kept; `slope` (channels,), or (1,) when it is shared. It should have no weight decay, which
    would pull it to a plain rectifier.

    Args:
        start: what slopes start from.
        shared: whether all channels have one slope.

    Raises:
        ShapeError: an input without an axis of channels.

    Source: He et al. 2015, "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
    Classification", section 2.1, equation 1.

    >>> import jax, jax.numpy as jnp
    >>> net, x = PReLU(), jnp.array([[-4.0, 2.0]])
    >>> net.apply(net.init(jax.random.key(0), x), x).output.tolist()
    [[-1.0, 2.0]]
    """

    padded = "pointwise"

    start: float = 0.25
    shared: bool = False

    def __call__(self, scope: Scope, x: Float[Array, "... channels"]) -> Float[Array, "... channels"]:
        """Let pass what is positive, and a part of the rest."""
        if x.ndim < 1:
            raise ShapeError(f"it wants (..., channels), got {x.shape}.")

        def at_start(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
            del key
            return jnp.full(shape, self.start, dtype)

        x = scope.cast(x)
        slope = scope.param("slope", (1,) if self.shared else x.shape[-1:], at_start)
        return jnp.where(x > 0, x, jnp.broadcast_to(slope, x.shape) * x)


@brick
class GLU(Brick):
    """Gated linear unit: one half of the features opens gates for the other half.

        y = a * activation(b),   a and b the first and the second half of the last axis of x

    After a Dense or a Conv with twice as many outputs it is their gated form.

    Shapes: (..., 2 features) to (..., features).

    Args:
        activation: name of the nonlinearity of the gates; "silu" gives SwiGLU, "gelu" GEGLU, "linear" a bilinear unit.

    Raises:
        SettingError: there is no activation of that name.
        ShapeError: a last axis that cannot be halved.

    Source: Dauphin et al. 2017, "Language Modeling with Gated Convolutional Networks", equation 1; with other
    activations Shazeer 2020, "GLU Variants Improve Transformer", section 2.

    >>> import jax.numpy as jnp
    >>> net, x = GLU(), jnp.array([[4.0, 6.0, 0.0, 100.0]])
    >>> net.apply(net.plan(x).shapes(), x).output.tolist()
    [[2.0, 6.0]]
    """

    padded = "pointwise"

    activation: str = "sigmoid"

    def validate(self) -> None:
        """Check the name."""
        check_activation(self.activation)

    def __call__(self, scope: Scope, x: Float[Array, "... twice"]) -> Float[Array, "... half"]:
        """Open or close the gates."""
        if x.ndim < 1 or x.shape[-1] % 2:
            raise ShapeError(f"it halves the last axis, so its size must be even, got {x.shape}.")
        return glu(scope.cast(x), self.activation)
