"""From gradients to new parameters: accumulate, clip, direction, learning rate."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from brickwork.core.spec import Spec, registered
from brickwork.core.variables import Arrays
from brickwork.optim import Adam, Constant, Optimizer, Rates, Schedule, rate_factors, require_rates_fit


class Accumulated(NamedTuple):
    """An optimizer's state, and the gradients of the batches since its last update: their weighted sum."""

    optimizer: Any
    grads: Any
    weight: Array
    batches: Array


@registered
class Update(Spec):
    """How a gradient changes parameters; settings only, so a learner may own several (a GAN has two).

    `p <- p - rate * factor(step, steps) * u`, where u is the optimizer's direction for the clipped gradient: each
    number cut to plus or minus `clip_value` first, then all of them scaled to a norm of at most `clip_norm`.

    With `accumulate` = k an update happens every k batches, for the mean of their gradients by the batches' weights:
    exactly what one batch k times as large gives. The schedule then counts updates, not batches. `rates` multiply the
    step of the parameters whose paths fit; the first pattern that fits counts.
    """

    kind = "update"

    optimizer: Optimizer = Adam()
    schedule: Schedule = Constant()
    clip_norm: float | None = None
    clip_value: float | None = None
    accumulate: int = 1
    rates: Rates = ()

    def validate(self) -> None:
        """Refuse what a line search does not know of."""
        if self.optimizer.line_search:
            why = f"as it was: {type(self.optimizer).__name__} finds the length of its step along the whole gradient"
            self.require(self.clip_norm is None, "clip_norm", f"None, {why}")
            self.require(self.clip_value is None, "clip_value", f"None, {why}")
            self.require(self.accumulate == 1, "accumulate", f"1, {why}")
            self.require(not self.rates, "rates", f"left alone, {why}")

    def init(self, params: Arrays) -> Any:
        """Return the optimizer's state for parameters; raises `SettingError` for rates of paths that are not there."""
        require_rates_fit(params, self.rates)
        state = self._transform().init(params)
        return state if self.accumulate == 1 else _nothing_yet(state, params)

    def due(self, state: Any) -> Array:
        """Tell whether the next batch completes an update; if not, `apply` leaves the parameters alone."""
        return jnp.asarray(True) if self.accumulate == 1 else state.batches + 1 >= self.accumulate

    def rate_at(self, step: Array, steps: Array, rate: Array | float | None = None) -> Array:
        """Return the learning rate at a step; `rate` stands in for the optimizer's own."""
        if self.accumulate > 1:
            step, steps = step // self.accumulate, -(-steps // self.accumulate)
        return (self.optimizer.rate if rate is None else rate) * self.schedule.factor(step, steps)

    def apply(
        self,
        params: Arrays,
        state: Any,
        grads: Arrays,
        step: Array,
        steps: Array,
        rate: Array | float | None = None,
        *,
        weight: Array | float = 1.0,
        value: Array | None = None,
        objective: Callable[[Arrays], Array] | None = None,
    ) -> tuple[Arrays, Any]:
        """Return the parameters after a step, and the optimizer's state.

        Args:
            params: what to change.
            state: the optimizer's state.
            grads: the gradients of one batch.
            step: the number of the step.
            steps: how many there will be.
            rate: stands in for the optimizer's own learning rate.
            weight: how much the batch counts among those that are accumulated: its rows, or their total weight.
            value: the objective at `params`; an optimizer with a line search needs it, and
            objective: the function of the parameters that the gradients are of.
        """
        extra = {"value": value, "objective": objective} if self.optimizer.line_search else {}
        rate = self.rate_at(step, steps, rate)
        if self.accumulate == 1:
            return self._moved(params, state, grads, rate, extra)
        sums = jax.tree.map(lambda old, g: old + jnp.asarray(weight, g.dtype) * g, state.grads, grads)
        total = state.weight + jnp.asarray(weight, state.weight.dtype)

        def complete() -> tuple[Arrays, Any]:
            whole = jnp.where(total > 0, total, 1.0)
            mean = jax.tree.map(lambda g: g / whole.astype(g.dtype), sums)
            new, optimizer = self._moved(params, state.optimizer, mean, rate, extra)
            return new, _nothing_yet(optimizer, params)

        def wait() -> tuple[Arrays, Any]:
            return params, Accumulated(state.optimizer, sums, total, state.batches + 1)

        return jax.lax.cond(self.due(state), complete, wait)

    def _moved(
        self, params: Arrays, state: Any, grads: Arrays, rate: Array, extra: dict[str, Any]
    ) -> tuple[Arrays, Any]:
        if not self.rates:
            *clips, own = state
            clipped = grads
            for number, clip in enumerate(self._clips()):
                clipped, clips[number] = clip.update(clipped, clips[number], params)
            found = self.optimizer.stepped(params, own, clipped, rate)
            if found is not None:
                return found[0], (*clips, found[1])
        direction, state = self._transform().update(grads, state, params, **extra)

        def step(p: Array, u: Array, factor: float = 1.0) -> Array:
            if factor == 0:
                return p
            return p - jnp.asarray(rate if factor == 1 else factor * rate, p.dtype) * u.astype(p.dtype)

        factors = [rate_factors(params, self.rates)] if self.rates else []
        return jax.tree.map(step, params, direction, *factors), state

    def _clips(self) -> list[optax.GradientTransformation]:
        by_value = [] if self.clip_value is None else [optax.clip(self.clip_value)]
        return by_value if self.clip_norm is None else [*by_value, optax.clip_by_global_norm(self.clip_norm)]

    def _transform(self) -> optax.GradientTransformationExtraArgs:
        return optax.with_extra_args_support(optax.chain(*self._clips(), self.optimizer.direction()))


def _nothing_yet(optimizer: Any, params: Arrays) -> Accumulated:
    zeros = jax.tree.map(jnp.zeros_like, params)
    return Accumulated(optimizer, zeros, jnp.zeros((), jnp.float32), jnp.zeros((), jnp.int32))
