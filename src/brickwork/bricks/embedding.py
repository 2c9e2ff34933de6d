"""A vector for each of many things."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from brickwork.bricks.initializers import initializer
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope


@brick
class Embedding(Brick):
    """A learned vector for each id (a word, a user, a category): y = table[id].

    `attend` goes back: logits = x tableᵀ, one score for each id against the same vectors, so that an output head
    is tied to the embedding when both are called under one name:

        x = scope("embed", Embedding(size, features), ids)
        logits = scope("embed", Embedding(size, features), x, method="attend")

    Shapes: ids (...) whole numbers, `table` (size, features), y (..., features); attend (..., features) to (..., size).
    Ids outside 0 ... size - 1, which compiled code cannot refuse, give NaN, so that they are noticed, and change
    no vector; negative ones do not count from the end.

    Args:
        size: how many things there are.
        features: how long a vector is.
        weights: name of the initialiser of the table.

    Raises:
        SettingError: size or features below 1, or an unknown initialiser.
        ShapeError: ids that are not whole numbers; vectors of another length than `features` in `attend`.

    Source: Bengio et al. 2003, "A Neural Probabilistic Language Model", section 2; tied to the output: Press & Wolf
    2017, "Using the Output Embedding to Improve Language Models".

    >>> import jax, jax.numpy as jnp
    >>> net, ids = Embedding(10, 4), jnp.array([[1, 2, 9]])
    >>> net.apply(net.init(jax.random.key(0), ids), ids).output.shape
    (1, 3, 4)
    """

    padded = "pointwise"

    size: int
    features: int
    weights: str = "normal"

    def validate(self) -> None:
        """Check sizes and the initialiser's name."""
        self.require(self.size >= 1, "size", "at least 1")
        self.require(self.features >= 1, "features", "at least 1")
        initializer(self.weights)

    def __call__(self, scope: Scope, ids: Int[Array, "..."]) -> Float[Array, "... features"]:
        """Look up the vectors of ids."""
        if not jnp.issubdtype(ids.dtype, jnp.integer):
            raise ShapeError(
                f"it looks up whole numbers (ids), got {ids.dtype} of shape {ids.shape}. Give ids as integers; "
                "numbers that measure something go to a Dense."
            )
        table = self._table(scope)
        known = _known(ids, self.size)
        found = jnp.take(table, jnp.where(known, ids, jnp.zeros_like(ids)), axis=0, mode="clip")
        return jnp.where(known[..., None], found, jnp.asarray(jnp.nan, found.dtype))

    def attend(self, scope: Scope, x: Float[Array, "... features"]) -> Float[Array, "... size"]:
        """Return the products of x with every vector of the table: logits of a tied head."""
        if x.ndim < 1 or x.shape[-1] != self.features:
            raise ShapeError(f"attend wants vectors (..., {self.features}) to compare with the table, got {x.shape}.")
        return scope.tap("logits", scope.cast(x) @ self._table(scope).T)

    def _table(self, scope: Scope) -> Array:
        return scope.param("table", (self.size, self.features), initializer(self.weights))


def _known(ids: Array, size: int) -> Array:
    last = min(size - 1, int(jnp.iinfo(ids.dtype).max))  # a table may be larger than small ids can say
    return (ids >= 0) & (ids <= last)
