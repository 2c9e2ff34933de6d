"""Schedules: how the learning rate changes over a run."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.spec import Spec, registered, resolve, snake_case

schedule = registered

Step = int | Int[Array, ""]


class Schedule(Spec):
    """A factor for the learning rate at every step: frozen settings and `factor(step, steps)`.

    Write `@schedule` above a subclass. Below, t = step / steps is the share of the run that is done, 0 at the first
    step; after the last step a schedule stays where it ended.
    """

    kind: ClassVar[str] = "schedule"

    @property
    def name(self) -> str:
        """The name to report it by."""
        return snake_case(type(self).__name__)

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the factor at step 0, 1, ... of a run of so many steps: pure, both may be traced."""
        del step, steps
        raise SettingError(f"{type(self).__name__} has no factor(self, step, steps): write one.")


def _float(number: Step) -> Float[Array, ""]:
    return jnp.asarray(number, jnp.result_type(float))


def _share(step: Step, steps: Step) -> Float[Array, ""]:
    return jnp.clip(_float(step) / jnp.maximum(_float(steps), 1.0), 0.0, 1.0)


def _half_wave(start: Any, end: Any, share: Array) -> Array:
    """Go from start to end along half a cosine."""
    return end + (start - end) * (1.0 + jnp.cos(math.pi * share)) / 2.0


@schedule
class Constant(Schedule):
    """The same rate from beginning to end: factor 1."""

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return 1."""
        return jnp.ones_like(_share(step, steps))


@schedule
class StepDecay(Schedule):
    """Drop the rate at certain shares of the run: factor = drop^(how many of them are past, t >= share).

    By default a tenth at half and another at three quarters of the run.

    Source: He et al. (2016), "Deep Residual Learning for Image Recognition", section 4.2.
    """

    aliases = ("step",)

    drop: float = 0.1
    at: tuple[float, ...] = (0.5, 0.75)

    def validate(self) -> None:
        """Check drop and shares."""
        self.require(0 < self.drop <= 1, "drop", "more than 0, at most 1")
        self.require(all(0 <= share <= 1 for share in self.at), "at", "shares of the run, each from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return drop to the power of the number of shares past."""
        step, steps = _float(step), _float(steps)
        past = sum((step >= share * steps).astype(step.dtype) for share in self.at)
        return jnp.asarray(self.drop, step.dtype) ** past


@schedule
class Exponential(Schedule):
    """Shrink by the same ratio at every step: factor = end^t."""

    end: float = 0.01

    def validate(self) -> None:
        """Check the end."""
        self.require(0 < self.end <= 1, "end", "more than 0, at most 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return end^t."""
        return jnp.exp(math.log(self.end) * _share(step, steps))


@schedule
class Linear(Schedule):
    """Go down in a straight line: factor = 1 + (end - 1) t."""

    end: float = 0.0

    def validate(self) -> None:
        """Check the end."""
        self.require(0 <= self.end <= 1, "end", "from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the line."""
        return 1.0 + (self.end - 1.0) * _share(step, steps)


@schedule
class Cosine(Schedule):
    """Go down along half a cosine: factor = floor + (1 - floor) (1 + cos(pi t)) / 2.

    Source: Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm Restarts", equation 5, without
    restarts.
    """

    floor: float = 0.0

    def validate(self) -> None:
        """Check the floor."""
        self.require(0 <= self.floor <= 1, "floor", "from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the curve."""
        return _half_wave(1.0, self.floor, _share(step, steps))


@schedule
class WarmupCosine(Schedule):
    """Rise in a straight line, then go down along half a cosine.

    With w = warmup * steps: factor = (step + 1) / w, at most 1, for step < w, so that the first step counts; then
    floor + (1 - floor) (1 + cos(pi u)) / 2 with u = (step - w) / (steps - w).

    Sources: Goyal et al. (2017), "Accurate, Large Minibatch SGD", section 2.2; Loshchilov & Hutter (2017), "SGDR".
    """

    warmup: float = 0.1
    floor: float = 0.0

    def validate(self) -> None:
        """Check warm-up and floor."""
        self.require(0 <= self.warmup < 1, "warmup", "a share of the run, at least 0 and less than 1")
        self.require(0 <= self.floor <= 1, "floor", "from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the line or on the curve."""
        step, steps = _float(step), jnp.maximum(_float(steps), 1.0)
        warm = self.warmup * steps
        rising = jnp.minimum((step + 1.0) / jnp.maximum(warm, 1.0), 1.0)
        falling = _half_wave(1.0, self.floor, jnp.clip((step - warm) / (steps - warm), 0.0, 1.0))
        return jnp.where(step < warm, rising, falling)


@schedule
class OneCycle(Schedule):
    """Rise from a small rate to the full one and fall far below it, both along half a cosine.

    From `start` at the first step to 1 at step warmup * steps - 1, then to `end` at the last step. As PyTorch's
    `OneCycleLR`, except that momentum stays as it is.

    Source: Smith & Topin (2019), "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates".
    """

    warmup: float = 0.3
    start: float = 0.04
    end: float = 4e-6

    def validate(self) -> None:
        """Check warm-up, start and end."""
        self.require(0 < self.warmup < 1, "warmup", "a share of the run, more than 0 and less than 1")
        self.require(0 <= self.start <= 1, "start", "from 0 to 1")
        self.require(0 <= self.end <= 1, "end", "from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the curve."""
        step, last = _float(step), jnp.maximum(_float(steps) - 1.0, 0.0)
        top = jnp.maximum(self.warmup * _float(steps) - 1.0, 0.0)
        rising = _half_wave(self.start, 1.0, jnp.clip(step / jnp.where(top > 0, top, 1.0), 0.0, 1.0))
        falling = _half_wave(1.0, self.end, jnp.clip((step - top) / jnp.maximum(last - top, 1.0), 0.0, 1.0))
        return jnp.where(step < top, rising, falling)


@dataclasses.dataclass(frozen=True)
class FunctionSchedule(Schedule):
    """A schedule made of a function `step -> factor`, which is traced; it has the function's name and is not stored."""

    function: Callable[[Any], Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise SettingError(f"A schedule function is called with the step, got {self.function!r}.")

    @property
    def name(self) -> str:
        """The name of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return what the function returns, a single number, or raise `ShapeError`."""
        del steps
        value = jnp.asarray(self.function(step), jnp.result_type(float))
        if value.ndim:
            raise ShapeError(f"The schedule {self.name!r} returned shape {value.shape}; it must return one number.")
        return value


def resolve_schedule(value: Any) -> Schedule:
    """Return a schedule from its name, a schedule as it is, or the user's own function `step -> factor`.

    The function's result multiplies the optimizer's rate; to use an Optax schedule, which returns rates, set the
    optimizer's rate to 1. Raises `SettingError` for anything else; a mistyped name suggests the nearest.
    """
    if isinstance(value, type) and issubclass(value, Schedule):
        return value()
    if callable(value) and not isinstance(value, Schedule | type):
        return FunctionSchedule(value)
    return resolve(Schedule, value)
