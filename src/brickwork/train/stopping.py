"""Early stopping: which epoch was the best, and when to give up waiting for a better one, or to go slower."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from brickwork.optim import ReduceOnPlateau


@dataclass(frozen=True)
class Stopping:
    """The best value of what is monitored, and for how many epochs it has not improved.

    Prechelt 1998, "Early Stopping - But When?": stop when the validation measure has not improved for `patience`
    epochs in a row, and keep the weights of the best epoch. A value must be better by more than `min_delta`.
    """

    mode: Literal["min", "max"] = "min"
    patience: int | None = None
    min_delta: float = 0.0
    best: float | None = None
    best_epoch: int | None = None
    stale: int = 0

    def improves(self, value: float) -> bool:
        """Tell whether a value is better than the best so far; a value that is no number never is."""
        if math.isnan(value):
            return False
        if self.best is None:
            return True
        gain = self.best - value if self.mode == "min" else value - self.best
        return gain > self.min_delta

    def after(self, epoch: int, value: float) -> "Stopping":
        """Return the state after an epoch with this value."""
        if self.improves(value):
            return replace(self, best=value, best_epoch=epoch, stale=0)
        return replace(self, stale=self.stale + 1)

    @property
    def done(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and self.stale >= self.patience


@dataclass(frozen=True)
class Reducing:
    """Where a run stands with `ReduceOnPlateau`: what the rate is multiplied by, and what it is waiting for."""

    rule: ReduceOnPlateau
    watched: Stopping
    total: float = 1.0
    resting: int = 0

    @classmethod
    def start(cls, rule: ReduceOnPlateau, mode: Literal["min", "max"]) -> "Reducing":
        """Return the state of a run that begins."""
        return cls(rule, Stopping(mode, rule.patience, rule.min_delta))

    def after(self, epoch: int, value: float) -> "Reducing":
        """Return the state after an epoch with this value."""
        watched, resting = self.watched.after(epoch, value), self.resting
        if resting:
            watched, resting = replace(watched, stale=0), resting - 1
        if not watched.done:
            return replace(self, watched=watched, resting=resting)
        total = max(self.total * self.rule.factor, min(self.rule.min_factor, self.total))
        return replace(self, watched=replace(watched, stale=0), total=total, resting=self.rule.cooldown)

    def progress(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as JSON."""
        return {"watched": asdict(self.watched), "total": self.total, "resting": self.resting}

    def restored(self, progress: Mapping[str, Any]) -> "Reducing":
        """Return the state that a checkpoint kept."""
        return replace(self, **{**progress, "watched": Stopping(**progress["watched"])})
