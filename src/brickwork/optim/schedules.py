"""Schedules: how the learning rate changes over a run, along one curve."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from brickwork.core.errors import SettingError, ShapeError, unwritten
from brickwork.core.spec import Spec, registered, resolve, snake_case

schedule = registered

Step = int | Int[Array, ""] | Float[Array, ""]


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
        raise unwritten(self, "factor(self, step, steps)")


def as_float(number: Step) -> Float[Array, ""]:
    """Return a number of steps as a float."""
    return jnp.asarray(number, jnp.result_type(float))


def share_of(step: Step, steps: Step) -> Float[Array, ""]:
    """Return t, the share of the run that is done, from 0 to 1."""
    return jnp.clip(as_float(step) / jnp.maximum(as_float(steps), 1.0), 0.0, 1.0)


def half_wave(start: Any, end: Any, share: Array) -> Array:
    """Go from start to end along half a cosine."""
    return end + (start - end) * (1.0 + jnp.cos(math.pi * share)) / 2.0


@schedule
class Constant(Schedule):
    """The same rate from beginning to end.

        factor = 1

    Source: Bottou, Curtis & Nocedal (2018), "Optimization Methods for Large-Scale Machine Learning", section 4.2 on
    fixed step sizes.

    >>> [float(Constant().factor(step, 4)) for step in range(4)]
    [1.0, 1.0, 1.0, 1.0]
    """

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return 1."""
        return jnp.ones_like(share_of(step, steps))


@schedule
class Exponential(Schedule):
    """Shrink by the same ratio at every step.

        factor = end^t

    Args:
        end: the factor at the end of the run.

    Source: Senior et al. (2013), "An empirical study of learning rates in deep neural networks for speech
    recognition", section on exponential scheduling.

    >>> [round(float(Exponential(0.01).factor(step, 4)), 3) for step in range(5)]
    [1.0, 0.316, 0.1, 0.032, 0.01]
    """

    end: float = 0.01

    def validate(self) -> None:
        """Check the end."""
        self.require(0 < self.end <= 1, "end", "more than 0, at most 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return end^t."""
        return jnp.exp(math.log(self.end) * share_of(step, steps))


@schedule
class Linear(Schedule):
    """Go down in a straight line.

        factor = 1 + (end - 1) t

    Args:
        end: the factor at the end of the run.

    Source: Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers", appendix A.2 (after a
    warm-up: `Warmup(Linear())`).

    >>> [float(Linear().factor(step, 4)) for step in range(5)]
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """

    end: float = 0.0

    def validate(self) -> None:
        """Check the end."""
        self.require(0 <= self.end <= 1, "end", "from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the line."""
        return 1.0 + (self.end - 1.0) * share_of(step, steps)


@schedule
class PolynomialDecay(Schedule):
    """Go down along a power of what is left of the run: fast at first, or late, as the power says.

        factor = end + (1 - end) (1 - t)^power

    Args:
        power: 1 is a straight line, 2 a parabola that ends flat, less than 1 falls late.
        end: the factor at the end of the run.

    Source: Chen et al. (2018), "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution,
    and Fully Connected CRFs", section 4.1, the "poly" policy, whose power is 0.9.

    >>> [round(float(PolynomialDecay(2.0).factor(step, 4)), 4) for step in range(5)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0]
    """

    aliases = ("polynomial", "poly")

    power: float = 0.9
    end: float = 0.0

    def validate(self) -> None:
        """Check power and end."""
        self.require(self.power > 0, "power", "more than 0")
        self.require(0 <= self.end <= 1, "end", "from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the curve."""
        return self.end + (1.0 - self.end) * (1.0 - share_of(step, steps)) ** self.power


@schedule
class InverseSquareRoot(Schedule):
    """Rise in a straight line, then fall as one over the root of the steps: the Transformer's schedule.

        s = step + 1,   w = warmup * steps,   factor = min(s / w, sqrt(w / s))

    The published rate is this times (width * w)^-0.5, its highest, which is the optimizer's rate here.

    Args:
        warmup: the share of the run at whose end the rate is highest: 4,000 of 100,000 steps in the paper.

    Source: Vaswani et al. (2017), "Attention Is All You Need", equation 3.

    >>> [round(float(InverseSquareRoot(0.2).factor(step, 20)), 2) for step in (0, 1, 3, 8, 15)]
    [0.25, 0.5, 1.0, 0.67, 0.5]
    """

    aliases = ("noam",)

    warmup: float = 0.04

    def validate(self) -> None:
        """Check the warm-up."""
        self.require(0 <= self.warmup < 1, "warmup", "a share of the run, at least 0 and less than 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the line or on the curve."""
        steps = jnp.maximum(as_float(steps), 1.0)
        done = jnp.minimum(as_float(step) + 1.0, steps + 1.0)
        warm = jnp.maximum(self.warmup * steps, 1.0)
        return jnp.minimum(done / warm, jnp.sqrt(warm / done))


@schedule
class Cosine(Schedule):
    """Go down along half a cosine: slowly, then fast, then slowly.

        factor = floor + (1 - floor) (1 + cos(pi t)) / 2

    Args:
        floor: the factor at the end of the run.

    Source: Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm Restarts", equation 5, without
    restarts.

    >>> [round(float(Cosine().factor(step, 4)), 2) for step in range(5)]
    [1.0, 0.85, 0.5, 0.15, 0.0]
    """

    floor: float = 0.0

    def validate(self) -> None:
        """Check the floor."""
        self.require(0 <= self.floor <= 1, "floor", "from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the curve."""
        return half_wave(1.0, self.floor, share_of(step, steps))


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
