"""From gradients to new parameters: clip, direction, learning rate."""

from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from jax import Array

from brickwork.core.spec import Spec, registered
from brickwork.core.variables import Arrays
from brickwork.optim import Adam, Constant, Optimizer, Schedule


@registered
class Update(Spec):
    """How a gradient changes parameters; settings only, so a learner may own several (a GAN has two).

    `p <- p - rate * factor(step, steps) * u`, where u is the optimizer's direction for the clipped gradient.
    """

    kind = "update"

    optimizer: Optimizer = Adam()
    schedule: Schedule = Constant()
    clip_norm: float | None = None
    clip_value: float | None = None
    accumulate: int = 1

    def init(self, params: Arrays) -> Any:
        """Return the optimizer's state for parameters."""
        return self._transform().init(params)

    def rate_at(self, step: Array, steps: Array, rate: Array | float | None = None) -> Array:
        """Return the learning rate at a step; `rate` stands in for the optimizer's own."""
        return (self.optimizer.rate if rate is None else rate) * self.schedule.factor(step, steps)

    def apply(
        self, params: Arrays, state: Any, grads: Arrays, step: Array, steps: Array, rate: Array | float | None = None
    ) -> tuple[Arrays, Any]:
        """Return the parameters after a step, and the optimizer's state; `rate` stands in for the optimizer's own."""
        direction, state = self._transform().update(grads, state, params)
        rate = self.rate_at(step, steps, rate)
        return jax.tree.map(lambda p, u: p - jnp.asarray(rate, p.dtype) * u.astype(p.dtype), params, direction), state

    def _transform(self) -> optax.GradientTransformation:
        parts = []
        if self.clip_value is not None:
            parts.append(optax.clip(self.clip_value))
        if self.clip_norm is not None:
            parts.append(optax.clip_by_global_norm(self.clip_norm))
        chain = optax.chain(*parts, self.optimizer.direction())
        if self.accumulate > 1:
            multi = optax.MultiSteps(chain, every_k_schedule=self.accumulate)
            return cast(optax.GradientTransformation, multi)
        return chain
