"""Wrappers that compute with other weights than are stored: normalised by their lengths or by their largest gain."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from brickwork.bricks.containers import Remembering
from brickwork.bricks.initializers import Initializer, Shape
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import unwritten
from brickwork.core.scope import Scope
from brickwork.core.variables import Variables
from brickwork.ops.precision import accumulated

LENGTH = "_length"
WEIGHTS = ("weight", "table")
"""How the names of weights end."""


class Reparameterized(Brick):
    """A brick whose body computes with other weights than those that are stored, under the names of the stored ones.

    Subclasses say in `weight` what a weight becomes: a parameter with two axes or more whose name ends in `weight` or
    `table`. Biases, scales and the rest stay as they are.
    """

    padded = "aware"

    body: Brick

    def weight(self, scope: Scope, name: str, stored: Array, init: Initializer) -> Array:
        """Return the weight to compute with; `scope` is that of the brick which declares it."""
        del scope, name, stored, init
        raise unwritten(self, "weight(self, scope, name, stored, init)")

    def __call__(self, scope: Scope, *inputs: Any, **options: Any) -> Any:
        """Run the body."""
        return self._rewriting(scope).run(self.body, *inputs, **options)

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> Any:
        """Return the memory of the body; an empty one if it has none."""
        return self.body.memory(rows, dtype, length=length) if isinstance(self.body, Remembering) else {}

    def step(self, scope: Scope, x: Array, memory: Any) -> tuple[Array, Any]:
        """Run one step of the body."""
        if not isinstance(self.body, Remembering):
            return self(scope, x), memory
        return self._rewriting(scope).run(self.body, x, memory, method="step")

    def start(self, scope: Scope, *inputs: Any, **options: Any) -> Any:
        """Start the body's memory with a context, as decoders do."""
        return self._rewriting(scope).run(self.body, *inputs, method="start", **options)

    def context_memory(self, scope: Scope, *inputs: Any, **options: Any) -> Any:
        """Return what the body's attention needs of a context."""
        return self._rewriting(scope).run(self.body, *inputs, method="context_memory", **options)

    def attend(self, scope: Scope, x: Any) -> Any:
        """Compare with every vector of the body, an embedding."""
        return self._rewriting(scope).run(self.body, x, method="attend")

    def _rewriting(self, scope: Scope) -> Scope:
        def rule(inner: Scope, name: str, shape: Shape, init: Initializer) -> Array:
            stored = inner.param(name, shape, init)
            return self.weight(inner, name, stored, init) if len(shape) >= 2 and name.endswith(WEIGHTS) else stored

        return scope.rewriting(rule)


@brick
class WeightNorm(Reparameterized):
    """Learns the length and the direction of each unit's weights apart, which makes the steps of descent fit better.

        w = g v / |v|    for the weights v that lead to one output

    v is stored where the body keeps its weight, under the body's own name; g beside it, as `weight_length` for a
    `weight`. It works on every weight of the body (a parameter with two axes or more whose name ends in `weight` or
    `table`, and whose last axis are the outputs: of Conv, Dense, LSTM...), through any depth of bricks.

    Shapes: those of the body; g (outputs,). Where v is all 0 so is w, and stays so: start it from other weights.

    g starts at the length of an independent draw from the initialiser of v, so that w starts as the body's own
    weights would. Weights that were trained without this wrapper are taken over by

        variables = net.init(key, x).load(loaded)
        variables = net.with_lengths(variables)      # g = |v|: the network computes what it computed

    Args:
        body: the brick whose weights are normalised.

    Source: Salimans & Kingma 2016, "Weight Normalization: A Simple Reparameterization to Accelerate Training of Deep
    Neural Networks", equation 2; the start of its section 3, which looks at data, is left out.

    >>> import jax, jax.numpy as jnp
    >>> from brickwork.bricks import Dense
    >>> net, x = WeightNorm(Dense(2)), jnp.ones((1, 3))
    >>> sorted(net.init(jax.random.key(0), x).params)
    ['bias', 'weight', 'weight_length']
    """

    body: Brick

    def weight(self, scope: Scope, name: str, stored: Array, init: Initializer) -> Array:
        """Return g v / |v|."""
        g = scope.param(name + LENGTH, stored.shape[-1:], _LengthOf(init, stored.shape))
        v = accumulated(stored)
        squares = jnp.sum(jnp.square(v), axis=tuple(range(v.ndim - 1)))
        some = squares > 0
        factor = jnp.where(some, jax.lax.rsqrt(jnp.where(some, squares, jnp.ones_like(squares))), 0)
        return (v * (g.astype(v.dtype) * factor)).astype(stored.dtype)

    def with_lengths(self, variables: Variables) -> Variables:
        """Return variables with every g the length of its v: what the body without this wrapper computes with."""
        lengths = {}
        for path, g in variables.params.items():
            v = variables.params.get(path.removesuffix(LENGTH))
            if path.endswith(LENGTH) and v is not None and v.ndim > g.ndim:
                axes = tuple(range(g.ndim - 1, v.ndim - 1))  # copies in a Stack come first and stay
                lengths[path] = jnp.sqrt(jnp.sum(jnp.square(v), axis=axes))
        return variables.load(Variables(lengths))


class _LengthOf:
    """An initialiser: the lengths, one an output, of weights drawn by another one."""

    def __init__(self, one: Initializer, shape: Shape):
        self.one, self.shape = one, shape

    def __call__(self, key: Array, shape: Shape, dtype: DTypeLike) -> Array:
        del shape
        v = self.one(key, self.shape, dtype)
        return jnp.sqrt(jnp.sum(jnp.square(v), axis=tuple(range(v.ndim - 1))))


@brick
class SpectralNorm(Reparameterized):
    """Divides each weight by the most it can stretch an input, so that the layer stretches none: Lipschitz constant 1.

        w / sigma,   sigma = v w u
        v = w u / |w u|,   u = v w / |v w|      by turns, from the u that is stored

    sigma comes to the largest singular value of w, seen as a matrix of everything else to outputs (for a Conv an
    estimate of the layer's own, as in the paper). u is the statistic `weight_u` for a `weight`; the turns it has
    taken are kept in training only, so that few at each step are enough. Evaluation takes them too, from the u that
    is stored, and keeps nothing; gradients see u and v as constants. It works on every weight of the body, as
    `WeightNorm` does, through any depth of bricks; they keep the body's names.

    Shapes: those of the body; u (outputs,).

    Args:
        body: the brick whose weights are normalised.
        iterations: how many turns are taken each time.

    Raises:
        SettingError: iterations below 1.

    Source: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", section 2.1 and
    algorithm 1.

    >>> import jax, jax.numpy as jnp
    >>> from dataclasses import replace
    >>> from brickwork.bricks import Dense
    >>> net, x = SpectralNorm(Dense(2, bias=False), iterations=9), jnp.ones((1, 2))
    >>> start = net.init(jax.random.key(0), x)
    >>> net.apply(replace(start, params={"weight": jnp.diag(jnp.array([4.0, 1.0]))}), x).output.round(2).tolist()
    [[1.0, 0.25]]
    """

    body: Brick
    iterations: int = 1

    def validate(self) -> None:
        """Check the number of turns."""
        self.require(self.iterations >= 1, "iterations", "at least 1")

    def weight(self, scope: Scope, name: str, stored: Array, init: Initializer) -> Array:
        """Return w / sigma; in training keep u."""
        del init
        w = accumulated(stored)
        matrix = w.reshape(-1, w.shape[-1])
        fixed = jax.lax.stop_gradient(matrix)
        u = start = scope.stat(f"{name}_u", stored.shape[-1:], _unit_vector).astype(w.dtype)
        v = jnp.zeros_like(matrix[:, 0])
        for _ in range(self.iterations):
            v = _unit(fixed @ u, v)
            u = _unit(v @ fixed, start)
        if scope.training:
            scope.write(f"{name}_u", u)
        sigma = v @ matrix @ u
        return (w / jnp.where(sigma > 0, sigma, jnp.ones_like(sigma))).astype(stored.dtype)


def _unit(x: Array, otherwise: Array) -> Array:
    """Return x with length 1; where x is all 0, which has no direction, something else."""
    square = jnp.sum(jnp.square(x))
    return jnp.where(square > 0, x * jax.lax.rsqrt(jnp.where(square > 0, square, jnp.ones_like(square))), otherwise)


def _unit_vector(key: Array, shape: Shape, dtype: DTypeLike) -> Array:
    x = jax.random.normal(key, shape, dtype)
    return x / jnp.sqrt(jnp.sum(jnp.square(x)))
