"""Fully connected layers and activations."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.checks import check_activation
from brickwork.bricks.initializers import initializer, zeros
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import activate


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
        z = scope.cast(x) @ scope.param("weight", (x.shape[-1], self.units), initializer(self.weights))
        if self.bias:
            z = z + jnp.broadcast_to(scope.param("bias", (self.units,), zeros), z.shape)
        return activate(self.activation, scope.tap("z", z))


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
