"""How a run ended, and what it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brickwork.core.errors import DivergenceError


@dataclass(frozen=True)
class MemberOutcome:
    """How one of several networks that were trained together fared: the numbers it had, when and why it ended."""

    seed: int
    settings: Mapping[str, float]
    reason: str
    epochs: int
    best_epoch: int | None
    history: tuple[Mapping[str, float], ...] = field(default=(), repr=False)


@dataclass(frozen=True, repr=False)
class Outcome:
    """How a run ended. `best` is the state to keep: of the best epoch when something was monitored, else the last.

    Of several networks trained together, `best_epoch` is the median; `members` says more of each.
    """

    best: Any
    last: Any
    history: tuple[Mapping[str, float], ...]
    best_epoch: int | None
    reason: str
    epochs_done: int
    steps_done: int
    error: DivergenceError | None = None
    members: tuple[MemberOutcome, ...] = ()

    def __repr__(self) -> str:
        kept = "the last weights" if self.best_epoch is None else f"the weights of epoch {self.best_epoch}"
        epochs = [member.best_epoch for member in self.members if member.best_epoch is not None]
        if epochs:
            kept = f"each member's best weights, of epochs {min(epochs)} to {max(epochs)}"
        last = {k: round(v, 4) for k, v in self.history[-1].items()} if self.history else {}
        return f"<{self.reason} after {self.epochs_done} epochs, {self.steps_done} steps; kept {kept}; last {last}>"
