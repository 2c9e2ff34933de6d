"""Additive attention, as recurrent decoders have it."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from brickwork.bricks.attention import ContextMemory
from brickwork.bricks.checks import check_sequences
from brickwork.bricks.dense import Dense
from brickwork.bricks.initializers import initializer
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import additive_weights


@brick
class AdditiveAttention(Brick):
    """A small network scores how well each position of a context fits a query; y is the mean weighted by that.

        score = v · tanh(x W + context U),   weights = softmax of scores over the context,   y = weights context

    `scope("attention", AdditiveAttention(8), x, context)`: x is one query a row, such as the state of a decoder, or a
    sequence of them. `attention.context_memory(scope, context)` computes context U once, and stands in the context's
    place in every step of a decoder. Positions past the ends of a `Padded` context get no weight; a context of no
    positions gives 0, and so do queries past the ends of a `Padded` x.

    Shapes: x (rows, features) or (rows, time, features), context (rows, other time, features'), W `query/weight`
    (features, units), U `key/weight` (features', units), v `score` (units,); y (rows, features') or (rows, time,
    features'). The tap `weights` is (rows, other time) or (rows, time, other time).

    Args:
        units: how many hidden units score a pair.
        weights: name of the initialiser of W, U and v.

    Raises:
        SettingError: units below 1, or an unknown initialiser.
        ShapeError: inputs of other axes, a context of other rows or of other units.

    Source: Bahdanau, Cho & Bengio 2015, "Neural Machine Translation by Jointly Learning to Align and Translate",
    section 3.1 and appendix A.1.2.

    >>> import jax.numpy as jnp
    >>> state, context = jnp.ones((2, 3)), jnp.ones((2, 5, 4))
    >>> AdditiveAttention(8).plan(state, context).output.shape
    (2, 4)
    """

    padded = "aware"

    units: int
    weights: str = "glorot_uniform"

    def validate(self) -> None:
        """Check the number of units and the initialiser's name."""
        self.require(self.units >= 1, "units", "at least 1")
        initializer(self.weights)

    def __call__(
        self,
        scope: Scope,
        x: Float[Array, "rows features"] | Float[Array, "rows time features"] | Padded,
        context: Float[Array, "rows other_time features2"] | Padded | ContextMemory,
    ) -> Array | Padded:
        """Attend from each query to the context."""
        values = x.finite if isinstance(x, Padded) else x
        queries = values[:, None] if values.ndim == 2 else values
        check_sequences(queries)
        q = scope("query", self._map(), queries)
        k, v, real = context if isinstance(context, ContextMemory) else self.context_memory(scope, context)
        if k.ndim != 3 or (k.shape[0], k.shape[2]) != (q.shape[0], self.units) or k.shape[:2] != v.shape[:2]:
            raise ShapeError(
                f"x {values.shape} and its context must have the same rows, and keys {self.units} units; its context "
                f"has keys {k.shape} and values {v.shape}."
            )
        score = scope.param("score", (self.units,), initializer(self.weights))
        weights = additive_weights(q, scope.cast(k), score, mask=None if real is None else real[:, None])
        weights = scope.tap("weights", weights[:, 0] if values.ndim == 2 else weights)
        y = jnp.einsum("b...k,bkf->b...f", weights, scope.cast(v))
        return x.with_values(jnp.where(x.mask[..., None], y, jnp.zeros_like(y))) if isinstance(x, Padded) else y

    def context_memory(
        self, scope: Scope, context: Float[Array, "rows other_time features2"] | Padded
    ) -> ContextMemory:
        """Return what attending needs of a context, to give as the context of many calls."""
        values, mask = (context.finite, context.mask) if isinstance(context, Padded) else (context, None)
        check_sequences(values)
        return ContextMemory(scope("key", self._map(), values), scope.cast(values), mask)

    def _map(self) -> Dense:
        return Dense(self.units, bias=False, weights=self.weights)
