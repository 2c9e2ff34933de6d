"""L-BFGS, for small problems that are computed exactly: all rows, no noise."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from brickwork.core.errors import SettingError
from brickwork.ops.precision import wide_type
from brickwork.optim.optimizers import Optimizer, optimizer


@optimizer
class LBFGS(Optimizer):
    """Newton's method without second derivatives: it learns the curvature from how gradients change along the way.

        u = -alpha d,   d = -H_t g_t

    where H_t, about the inverse of the Hessian, is made of the last `memory` differences of parameters and gradients
    (two loops of vector operations, no matrix), and alpha is found along d by a line search for the strong Wolfe
    conditions. A handful of steps does what takes first-order methods thousands, on functions that are smooth and
    computed exactly: a step takes all rows at once, whatever `batch_size` is, and an epoch is one step. Dropout and
    distortions draw anew for each step and mislead it.

    A rate less than 1 shortens what the line search found. Clipping, accumulating and rates by path would
    contradict it, and are refused.

    Args:
        rate: multiplies the step; 1 is the published rule.
        memory: how many differences are kept.
        searches: the most trial steps of a line search.

    Source: Liu & Nocedal (1989), "On the limited memory BFGS method for large scale optimization", algorithm 2.1;
    Nocedal & Wright (2006), "Numerical Optimization", algorithms 7.4, 7.5, 3.5 and 3.6.

    >>> import jax.numpy as jnp
    >>> from brickwork.optim import minimize
    >>> found = minimize(lambda p: (p[0] - 4) ** 2 + 1000 * (p[1] + 1) ** 2, jnp.zeros(2), LBFGS())
    >>> found.params.round(3).tolist(), int(found.steps) < 20
    ([4.0, -1.0], True)
    """

    bounded: ClassVar[bool] = False
    line_search: ClassVar[bool] = True

    rate: float = 1.0
    memory: int = 10
    searches: int = 20

    def validate(self) -> None:
        """Check memory and searches, and the rest."""
        super().validate()
        for name in ("memory", "searches"):
            self.require(getattr(self, name) >= 1, name, "1 or more")

    def direction(self) -> optax.GradientTransformationExtraArgs:
        """Return minus the step that the line search found; `update` needs `value` and `objective`."""
        inner = optax.chain(
            optax.scale_by_lbfgs(self.memory),
            optax.scale(-1.0),
            optax.scale_by_zoom_linesearch(self.searches, initial_guess_strategy="one"),
        )

        def init(params: Any) -> Any:
            flat, dtype, _ = _flat(params)
            return jax.tree.map(lambda leaf: _cast(leaf, dtype), inner.init(flat))

        def update(
            updates: Any,
            state: Any,
            params: Any = None,
            *,
            value: Float[Array, ""] | None = None,
            objective: Callable[[Any], Float[Array, ""]] | None = None,
            **_: Any,
        ) -> Any:
            if value is None or objective is None:
                raise SettingError("L-BFGS searches along its direction: give update(..., value=, objective=).")
            flat, dtype, unravel = _flat(params)
            if not flat.size:
                return updates, state
            gradient = _flat(updates)[0]
            with jax.numpy_dtype_promotion("standard"):  # Optax counts in int32 and int64
                step, new = inner.update(
                    gradient,
                    state,
                    flat,
                    value=value.astype(dtype),
                    grad=gradient,
                    value_fn=lambda at: objective(unravel(at)).astype(dtype),
                )
            new = jax.tree.map(lambda leaf: _cast(leaf, dtype), new)
            return unravel(-jnp.asarray(step)), new

        return optax.GradientTransformationExtraArgs(init, update)


def _flat(params: Any) -> tuple[Array, Any, Callable[[Array], Any]]:
    """Return all parameters as one vector of float32 at least, its type, and the way back."""
    flat, unravel = ravel_pytree(params)
    dtype = wide_type(flat.dtype)
    return flat.astype(dtype), dtype, lambda vector: unravel(vector.astype(flat.dtype))


def _cast(leaf: Array, dtype: Any) -> Array:
    """Return a number of the state in a type of its own, not one that depends on others."""
    return leaf.astype(dtype if jnp.issubdtype(leaf.dtype, jnp.floating) else jnp.int32)
