"""How a run ended, and what it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickwork.core.errors import DivergenceError


@dataclass(frozen=True, repr=False)
class Outcome:
    """How a run ended. `best` is the state to keep: of the best epoch when something was monitored, else the last."""

    best: Any
    last: Any
    history: tuple[Mapping[str, float], ...]
    best_epoch: int | None
    reason: str
    epochs_done: int
    steps_done: int
    error: DivergenceError | None = None

    def __repr__(self) -> str:
        kept = "the last weights" if self.best_epoch is None else f"the weights of epoch {self.best_epoch}"
        last = {k: round(v, 4) for k, v in self.history[-1].items()} if self.history else {}
        return f"<{self.reason} after {self.epochs_done} epochs, {self.steps_done} steps; kept {kept}; last {last}>"
