"""Early stopping: which epoch was the best, and when to give up waiting for a better one."""

import math
from dataclasses import dataclass, replace
from typing import Literal


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
