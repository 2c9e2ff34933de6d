"""Judging: after every epoch, whether its weights are the best so far, and whether it is time to stop or go slower."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from brickwork.core.errors import SettingError, nearest
from brickwork.train.events import Event, RateReduced
from brickwork.train.learner import Learner, Measured, Sums
from brickwork.train.outcome import MemberOutcome
from brickwork.train.programs import copy
from brickwork.train.recipe import Recipe
from brickwork.train.stopping import Reducing, Stopping


@dataclass(frozen=True)
class Verdict:
    """What an epoch came to: the state to go on from, whether it is the best so far, and what listeners are told."""

    state: Any
    best: bool = False
    events: tuple[Event, ...] = ()


class Judge:
    """Keeps the best state by what is monitored, and counts patience.

    What it knows is part of a run's checkpoint: its arrays by `arrays`, the rest as JSON by `progress`.
    """

    def __init__(self, learner: Learner, recipe: Recipe):
        self.learner, self.recipe = learner, recipe
        self.monitor, mode = learner.monitor or (None, "min")
        if recipe.monitor is not None:
            self.monitor = recipe.monitor
            mode = learner.better(recipe.monitor.rsplit("/", 1)[-1])
        self.mode = mode
        self.stopping = Stopping(mode, recipe.patience, recipe.min_delta)
        self.reducing: Reducing | None = None
        if recipe.plateau is not None:
            if type(learner).slowed is Learner.slowed:
                learner.slowed(None, 1.0)  # says that it cannot
            self.reducing = Reducing.start(recipe.plateau, mode)
        self.best: Any = None

    @property
    def done(self) -> bool:
        """Whether patience has run out."""
        return self.stopping.done

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights are kept; None where nothing is monitored."""
        return self.stopping.best_epoch

    def notes(self) -> dict[str, float]:
        """Return what stands beside an epoch's measures in the history."""
        return {} if self.reducing is None else {"rate_factor": self.reducing.total}

    def outcomes(self) -> tuple[MemberOutcome, ...]:
        """Return how each of several networks fared; nothing where there is one."""
        return ()

    def after(
        self, record: Mapping[str, float], state: Any, sums: Sums | None = None, measured: Measured | None = None
    ) -> Verdict:
        """Judge an epoch by its record; `sums` of training and what was `measured` are what the record is made of.

        The sums are on the host; there are none for weights that a run starts from.
        """
        del sums, measured
        if not self.monitors(record):
            return Verdict(state)
        monitor, epoch = str(self.monitor), int(record["epoch"])
        before = self.stopping
        self.stopping = before.after(epoch, record[monitor])
        improved = self.stopping.best_epoch != before.best_epoch
        if improved:
            self.best = copy(state)
        if self.reducing is not None:
            earlier, self.reducing = self.reducing, self.reducing.after(epoch, record[monitor])
            if self.reducing.total != earlier.total:
                state = self.learner.slowed(state, self.reducing.total)
                return Verdict(state, improved, (RateReduced(epoch, self.reducing.total),))
        return Verdict(state, improved)

    def monitors(self, record: Mapping[str, float]) -> bool:
        """Tell whether what is monitored was measured; raises `SettingError` where somebody asked for it."""
        if self.monitor is not None and self.monitor in record:
            return True
        if self.recipe.monitor is not None or self.recipe.patience is not None or self.reducing is not None:
            hint = nearest(self.monitor or "", [name for name in record if "/" in name])
            raise SettingError(f"{self.monitor!r} is to be monitored, but is not measured. {hint} Is valid= given?")
        return False

    # ------------------------------------------------------------------------------------------------ checkpoints

    def arrays(self) -> dict[str, Any]:
        """Return what a checkpoint keeps as arrays."""
        return {} if self.best is None else {"best": self.best}

    def like(self, progress: Mapping[str, Any], state: Any) -> dict[str, Any]:
        """Return arrays of the shapes that a checkpoint with this progress has."""
        return {"best": state} if progress["has_best"] else {}

    def progress(self) -> dict[str, Any]:
        """Return what a checkpoint keeps as JSON."""
        return {
            "has_best": self.best is not None,
            "stopping": asdict(self.stopping),
            "reducing": None if self.reducing is None else self.reducing.progress(),
        }

    def restore(self, progress: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self.best = arrays.get("best")
        self.stopping = Stopping(**progress["stopping"])
        if self.reducing is not None:
            self.reducing = self.reducing.restored(progress["reducing"])
