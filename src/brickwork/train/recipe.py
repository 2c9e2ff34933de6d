"""The recipe: every setting of a training run in one place, the source of flags, forms and JSON."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from brickwork.core.errors import SettingError
from brickwork.core.precision import FloatType, Precision
from brickwork.core.spec import Spec, registered, resolve
from brickwork.optim import (
    Adam,
    Constant,
    Optimizer,
    Rates,
    ReduceOnPlateau,
    Schedule,
    resolve_optimizer,
    resolve_schedule,
)

ClassWeights = Literal["balanced"] | tuple[float, ...] | tuple[tuple[str | int, float], ...]
"""How much the rows of each class count: "balanced", one number a class, or pairs of a label and a number."""


@registered
class Recipe(Spec):
    """How to train.

    Attributes:
        epochs: how often to go through the data, at most.
        batch_size: rows per step. Small batches generalise well (Masters & Luschi 2018, "Revisiting Small Batch
            Training": 2 to 32), and here they run at full speed. L-BFGS takes all rows, whatever this is.
        optimizer: how a gradient becomes a step, with its learning rate.
        schedule: how the learning rate changes over the run.
        plateau: lower the learning rate whenever what is monitored stops improving; multiplies the schedule.
        rates: what the learning rate is multiplied by where paths fit a pattern, `{"body/**": 0.1}` say (Howard &
            Ruder 2018, discriminative fine-tuning); the first that fits counts, and 0 holds parameters still.
        class_weights: how much the rows of each class count: "balanced" (every class the same in all), numbers in the
            classes' order, or `{label: number}`.
        l1: weight of the sum of absolute weights, added to the loss.
        l2: weight of the sum of squared weights, added to the loss.
        clip_norm: scale a gradient down to this norm when it is longer (Pascanu et al. 2013).
        clip_value: cut every number of a gradient to plus or minus this, before `clip_norm`.
        ema: decay of an exponential moving average of the weights, and of the running statistics that belong to them,
            which is then what predicts (Polyak & Juditsky 1992); 0 for none.
        accumulate: batches whose gradients are averaged for one update, as if they were one.
        patience: stop when what is monitored has not improved for this many epochs; without it, never.
        min_delta: how much better counts as improved.
        monitor: what to go by, `valid/loss` or `valid/accuracy` say; without it, what the learner says.
        precision: the type to compute in; parameters stay float32 (with float64 they are float64 too).
        seed: where all random numbers of the run come from.
        shuffle: draw the rows in a new order each epoch.
        steps_per_epoch: how many steps make an epoch when there is no data (reinforcement learning).
        checkpoint_seconds: how often to write the state to disk, when the run has a folder.
        segment_seconds: about how long the device works before Python looks in again.
        max_bad_steps: how many steps in a row may give numbers that are not finite before the run stops; a whole
            epoch of them stops it too.
    """

    kind = "recipe"

    epochs: int = 20
    batch_size: int = 32
    optimizer: Optimizer = Adam()
    schedule: Schedule = Constant()
    plateau: ReduceOnPlateau | None = None
    rates: Rates = ()
    class_weights: ClassWeights | None = None
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    ema: float = 0.0
    accumulate: int = 1
    patience: int | None = None
    min_delta: float = 0.0
    monitor: str | None = None
    precision: FloatType = "float32"
    seed: int = 0
    shuffle: bool = True
    steps_per_epoch: int | None = None
    checkpoint_seconds: float = 30.0
    segment_seconds: float = 1.0
    max_bad_steps: int = 20

    def validate(self) -> None:
        """Check the ranges of all numbers."""
        Precision.of(self.precision)  # which checks that there is float64 where it is asked for
        for name in ("epochs", "batch_size", "accumulate", "max_bad_steps"):
            self.require(getattr(self, name) >= 1, name, "1 or more")
        for name in ("l1", "l2", "min_delta", "checkpoint_seconds", "seed"):
            self.require(getattr(self, name) >= 0, name, "0 or more")
        for name in ("clip_norm", "clip_value", "patience", "steps_per_epoch"):
            value = getattr(self, name)
            self.require(value is None or value > 0, name, "more than 0, or None")
        self.require(0 <= self.ema < 1, "ema", "at least 0 and less than 1")
        factors = [factor for _, factor in self.rates]
        self.require(all(0 <= f < math.inf for f in factors), "rates", "factors of 0 or more, and finite")
        if isinstance(self.class_weights, tuple):
            numbers = [entry[1] if isinstance(entry, tuple) else entry for entry in self.class_weights]
            good = all(0 <= number < math.inf for number in numbers) and any(numbers)
            self.require(good, "class_weights", "finite numbers of 0 or more, not all of them 0")
        self.require(self.segment_seconds > 0, "segment_seconds", "more than 0")

    def changed(self, **settings: Any) -> "Recipe":
        """Return the recipe with some settings changed; optimizers and schedules may be names, pairs a dict.

        `rate=` is short for the optimizer's learning rate.
        """
        changes = dict(settings)
        for name in ("rates", "class_weights"):
            value = changes.get(name)
            if isinstance(value, Mapping):
                changes[name] = tuple(value.items())
            elif isinstance(value, np.ndarray):
                changes[name] = value.tolist()
        if changes.get("plateau") is not None:
            changes["plateau"] = resolve(ReduceOnPlateau, changes["plateau"])
        if changes.get("schedule") in ("reduce_on_plateau", "ReduceOnPlateau", ReduceOnPlateau):
            raise SettingError("ReduceOnPlateau goes by held-out data, not by the step: say plateau=, not schedule=.")
        if "optimizer" in changes:
            changes["optimizer"] = resolve_optimizer(changes["optimizer"])
        if "schedule" in changes:
            changes["schedule"] = resolve_schedule(changes["schedule"])
        if "rate" in changes:
            optimizer = changes.get("optimizer", self.optimizer)
            changes["optimizer"] = optimizer.replace(rate=changes.pop("rate"))
        return self.replace(**changes)
