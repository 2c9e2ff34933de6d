"""Events: what the engine tells its listeners between segments. Listeners read, and may ask to stop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Started:
    """A run begins (or goes on, when `step` is not 0)."""

    epochs: int
    steps_per_epoch: int
    step: int


@dataclass(frozen=True)
class Progress:
    """A segment ended. `logs` are the means over the epoch so far."""

    epoch: int
    epochs: int
    step_in_epoch: int
    steps_per_epoch: int
    logs: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class EpochEnded:
    """An epoch ended: its record as it goes into the history, and whether it is the best so far.

    `view()` returns a copy of what the learner measures by (a network's variables), to look inside while it trains.
    """

    epoch: int
    epochs: int
    record: Mapping[str, float]
    best: bool
    view: Callable[[], Any] = field(repr=False, compare=False, default=lambda: None)


@dataclass(frozen=True)
class RateReduced:
    """What is monitored stopped improving: from the next epoch on the learning rate is multiplied by `factor`.

    That is the product of all reductions so far.
    """

    epoch: int
    factor: float


@dataclass(frozen=True)
class Skipped:
    """Steps whose loss or gradients were not finite were left out."""

    step: int
    count: int


@dataclass(frozen=True)
class MemberDropped:
    """One of several networks that are trained together diverged, and is left out; the others go on."""

    epoch: int
    member: int
    seed: int


@dataclass(frozen=True)
class Checkpointed:
    """The state was written to disk."""

    path: Path
    step: int


@dataclass(frozen=True)
class Ended:
    """The run ended; `reason` says why, `best_epoch` which weights were kept (None: the last)."""

    reason: str
    epoch: int
    best_epoch: int | None
    seconds: float


Event = Started | Progress | EpochEnded | RateReduced | Skipped | MemberDropped | Checkpointed | Ended
Listener = Callable[[Event], str | None]
"""Called with every event; a returned text asks the run to stop after this segment, and is the reason."""
