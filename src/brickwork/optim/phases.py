"""Schedules of several phases: steps, warm-up, cycles."""

import math
from itertools import accumulate, pairwise

import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork.optim.schedules import Constant, Schedule, Step, as_float, half_wave, schedule, share_of


@schedule
class StepDecay(Schedule):
    """Drop the rate at certain shares of the run.

        factor = drop^(how many of them are past, t >= share)

    By default a tenth at half and another at three quarters of the run.

    Args:
        drop: what the rate is multiplied by each time.
        at: the shares of the run where it drops.

    Source: He et al. (2016), "Deep Residual Learning for Image Recognition", section 4.2.

    >>> [round(float(StepDecay().factor(step, 4)), 3) for step in range(4)]
    [1.0, 1.0, 0.1, 0.01]
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
        return jnp.asarray(self.drop, jnp.result_type(float)) ** _past(self.at, step, steps)


@schedule
class PiecewiseConstant(Schedule):
    """Another factor in each part of the run, whatever you say.

        factor = factors[how many of the shares in `at` are past, t >= share]

    Args:
        at: the shares of the run where the factor changes, in order.
        factors: one more than there are shares.

    Source: Zagoruyko & Komodakis (2016), "Wide Residual Networks", section 3, a fifth at 60, 120 and 160 of 200
    epochs, as the default.

    >>> [round(float(PiecewiseConstant((0.25, 0.5), (1.0, 0.3, 0.6)).factor(step, 4)), 1) for step in range(4)]
    [1.0, 0.3, 0.6, 0.6]
    """

    aliases = ("piecewise",)

    at: tuple[float, ...] = (0.3, 0.6, 0.8)
    factors: tuple[float, ...] = (1.0, 0.2, 0.04, 0.008)

    def validate(self) -> None:
        """Check shares and factors."""
        self.require(all(0 <= share <= 1 for share in self.at), "at", "shares of the run, each from 0 to 1")
        self.require(all(a <= b for a, b in pairwise(self.at)), "at", "shares of the run, in order")
        self.require(len(self.factors) == len(self.at) + 1, "factors", f"{len(self.at) + 1}, one more than shares")
        self.require(all(factor >= 0 for factor in self.factors), "factors", "0 or more each")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the factor of this part."""
        past = _past(self.at, step, steps)
        return jnp.asarray(self.factors, jnp.result_type(float))[past.astype(jnp.int32)]


@schedule
class Warmup(Schedule):
    """Rise in a straight line, then follow another schedule over the rest of the run.

        w = warmup * steps
        factor = min((step + 1) / w, 1) for step < w, else after.factor(step - w, steps - w)

    The first step counts: it has 1 / w, not 0.

    Args:
        after: the schedule that follows; by default the full rate.
        warmup: the share of the run that the rise takes.

    Source: Goyal et al. (2017), "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", section 2.2.

    >>> [round(float(Warmup(warmup=0.5).factor(step, 8)), 2) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """

    after: Schedule = Constant()
    warmup: float = 0.1

    def validate(self) -> None:
        """Check the warm-up."""
        self.require(0 <= self.warmup < 1, "warmup", "a share of the run, at least 0 and less than 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the line, or the other schedule's factor."""
        step, steps = as_float(step), jnp.maximum(as_float(steps), 1.0)
        warm = self.warmup * steps
        rising = jnp.minimum((step + 1.0) / jnp.maximum(warm, 1.0), 1.0)
        return jnp.where(step < warm, rising, self.after.factor(jnp.maximum(step - warm, 0.0), steps - warm))


@schedule
class WarmupCosine(Schedule):
    """Rise in a straight line, then go down along half a cosine: `Warmup(Cosine(floor))` in one word.

        w = warmup * steps,   u = (step - w) / (steps - w)
        factor = min((step + 1) / w, 1) for step < w, else floor + (1 - floor) (1 + cos(pi u)) / 2

    The first step counts: it has 1 / w, not 0.

    Args:
        warmup: the share of the run that the rise takes.
        floor: the factor at the end of the run.

    Sources: Goyal et al. (2017), "Accurate, Large Minibatch SGD", section 2.2; Loshchilov & Hutter (2017), "SGDR".

    >>> [round(float(WarmupCosine(0.5).factor(step, 8)), 2) for step in range(9)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.85, 0.5, 0.15, 0.0]
    """

    warmup: float = 0.1
    floor: float = 0.0

    def validate(self) -> None:
        """Check warm-up and floor."""
        self.require(0 <= self.warmup < 1, "warmup", "a share of the run, at least 0 and less than 1")
        self.require(0 <= self.floor <= 1, "floor", "from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the line or on the curve."""
        step, steps = as_float(step), jnp.maximum(as_float(steps), 1.0)
        warm = self.warmup * steps
        rising = jnp.minimum((step + 1.0) / jnp.maximum(warm, 1.0), 1.0)
        falling = half_wave(1.0, self.floor, jnp.clip((step - warm) / (steps - warm), 0.0, 1.0))
        return jnp.where(step < warm, rising, falling)


@schedule
class OneCycle(Schedule):
    """Rise from a small rate to the full one and fall far below it, both along half a cosine.

        factor: from start at step 0 to 1 at step warmup * steps - 1, then to end at the last step

    As PyTorch's `OneCycleLR`, except that momentum stays as it is.

    Args:
        warmup: the share of the run at whose end the rate is highest.
        start: the factor at the first step.
        end: the factor at the last step.

    Source: Smith & Topin (2019), "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates".

    >>> [round(float(OneCycle(0.5).factor(step, 8)), 2) for step in range(8)]
    [0.04, 0.28, 0.76, 1.0, 0.85, 0.5, 0.15, 0.0]
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
        step, last = as_float(step), jnp.maximum(as_float(steps) - 1.0, 0.0)
        top = jnp.maximum(self.warmup * as_float(steps) - 1.0, 0.0)
        rising = half_wave(self.start, 1.0, jnp.clip(step / jnp.where(top > 0, top, 1.0), 0.0, 1.0))
        falling = half_wave(1.0, self.end, jnp.clip((step - top) / jnp.maximum(last - top, 1.0), 0.0, 1.0))
        return jnp.where(step < top, rising, falling)


@schedule
class CosineRestarts(Schedule):
    """Go down along half a cosine again and again, each time longer: every restart shakes the weights out of a rut.

        factor = floor + (1 - floor) (1 + cos(pi u)) / 2,   u: the share of the cycle that is done

    The run is cut into cycles, each `growth` times as long as the one before (T_0 and T_mult of the paper, with T_0
    such that the last cycle ends with the run; the weights at the end of a cycle are the good ones).

    Args:
        cycles: how many cycles there are.
        growth: how many times longer than the one before each of them is.
        floor: the factor at the end of each cycle.

    Source: Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm Restarts", section 3, equation 5.

    >>> [round(float(CosineRestarts(2, 3.0).factor(step, 8)), 2) for step in range(9)]
    [1.0, 0.5, 1.0, 0.93, 0.75, 0.5, 0.25, 0.07, 0.0]
    """

    aliases = ("sgdr",)

    cycles: int = 3
    growth: float = 2.0
    floor: float = 0.0

    def validate(self) -> None:
        """Check cycles, growth and floor."""
        self.require(1 <= self.cycles <= 1000, "cycles", "from 1 to 1000")
        self.require(1 <= self.growth <= 100, "growth", "from 1 to 100")
        self.require(0 <= self.floor <= 1, "floor", "from 0 to 1")

    def factor(self, step: Step, steps: Step) -> Float[Array, ""]:
        """Return the point on the curve of the cycle."""
        lengths = [self.growth**number for number in range(self.cycles)]
        ends = [end / math.fsum(lengths) for end in accumulate(lengths)]
        share = share_of(step, steps)
        starts = jnp.asarray([0.0, *ends[:-1]], share.dtype)
        cycle = _past(tuple(ends[:-1]), step, steps).astype(jnp.int32)
        length = jnp.asarray(lengths, share.dtype)[cycle] / math.fsum(lengths)
        return half_wave(1.0, self.floor, jnp.clip((share - starts[cycle]) / length, 0.0, 1.0))


def _past(shares: tuple[float, ...], step: Step, steps: Step) -> Float[Array, ""]:
    """Return how many of some shares of the run are past."""
    step, steps = as_float(step), as_float(steps)
    past = jnp.zeros((), step.dtype)
    for share in shares:
        past = past + (step >= share * steps).astype(step.dtype)
    return past
