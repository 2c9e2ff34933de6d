"""A vector for each of many things."""

import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from brickwork.bricks.initializers import Initializer, Shape, initializer
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ShapeError
from brickwork.core.scope import Scope
from brickwork.ops import matmul


@brick
class Embedding(Brick):
    """A learned vector for each id (a word, a user, a category): y = table[id].

    `attend` goes back: logits = x tableᵀ, one score for each id against the same vectors, so that an output head
    is tied to the embedding when both are called under one name:

        x = scope("embed", Embedding(size, features), ids)
        logits = scope("embed", Embedding(size, features), x, method="attend")

    With a `padding_id` that vector is 0 and stays 0: it fills up sequences and learns nothing.

    Shapes: ids (...) whole numbers, `table` (size, features), y (..., features); attend (..., features) to (..., size).
    Ids outside 0 ... size - 1, which compiled code cannot refuse, give NaN, so that they are noticed, and change
    no vector; negative ones do not count from the end.

    Args:
        size: how many things there are.
        features: how long a vector is.
        weights: name of the initialiser of the table.
        scale: whether vectors that are looked up are multiplied by sqrt(features), as transformers do before they add
            positions; `attend` takes them as they are.
        padding_id: an id whose vector is always 0, if any.

    Raises:
        SettingError: size or features below 1, a padding_id that is no id, or an unknown initialiser.
        ShapeError: ids that are not whole numbers; vectors of another length than `features` in `attend`.

    Source: Bengio et al. 2003, "A Neural Probabilistic Language Model", section 2; tied to the output: Press & Wolf
    2017, "Using the Output Embedding to Improve Language Models"; scale: Vaswani et al. 2017, "Attention Is All You
    Need", section 3.4.

    >>> import jax, jax.numpy as jnp
    >>> net, ids = Embedding(10, 4), jnp.array([[1, 2, 9]])
    >>> net.apply(net.init(jax.random.key(0), ids), ids).output.shape
    (1, 3, 4)
    """

    padded = "pointwise"

    size: int
    features: int
    weights: str = "normal"
    scale: bool = False
    padding_id: int | None = None

    def validate(self) -> None:
        """Check sizes and the initialiser's name."""
        self.require(self.size >= 1, "size", "at least 1")
        self.require(self.features >= 1, "features", "at least 1")
        initializer(self.weights)
        known = self.padding_id is None or 0 <= self.padding_id < self.size
        self.require(known, "padding_id", f"an id from 0 to {self.size - 1}")

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
        if self.scale:
            found = found * self.features**0.5
        if self.padding_id is not None and self.padding_id <= jnp.iinfo(ids.dtype).max:
            found = jnp.where((ids == self.padding_id)[..., None], jnp.zeros_like(found), found)
        return jnp.where(known[..., None], found, jnp.asarray(jnp.nan, found.dtype))

    def attend(self, scope: Scope, x: Float[Array, "... features"]) -> Float[Array, "... size"]:
        """Return the products of x with every vector of the table: logits of a tied head."""
        if x.ndim < 1 or x.shape[-1] != self.features:
            raise ShapeError(f"attend wants vectors (..., {self.features}) to compare with the table, got {x.shape}.")
        logits = matmul(scope.cast(x), self._table(scope).T)
        if self.padding_id is not None:
            logits = jnp.where(jnp.arange(self.size) == self.padding_id, jnp.zeros_like(logits), logits)
        return scope.tap("logits", logits)

    def _table(self, scope: Scope) -> Array:
        init = initializer(self.weights)
        init = init if self.padding_id is None else _Without(self.padding_id, init)
        return scope.param("table", (self.size, self.features), init)


class _Without:
    """An initialiser that leaves one row at 0."""

    def __init__(self, row: int, others: Initializer):
        self.row, self.others = row, others

    def __call__(self, key: Array, shape: Shape, dtype: DTypeLike) -> Array:
        return self.others(key, shape, dtype).at[self.row].set(0)


def _known(ids: Array, size: int) -> Array:
    last = min(size - 1, int(jnp.iinfo(ids.dtype).max))  # a table may be larger than small ids can say
    return (ids >= 0) & (ids <= last)
