"""Judging members: each has its own best epoch and its own patience."""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from brickwork.core.errors import SettingError
from brickwork.train.events import Event, MemberDropped
from brickwork.train.judging import Judge, Verdict
from brickwork.train.learner import Measured, Sums
from brickwork.train.members import ACTIVE, DIVERGED, STOPPED, Members, MembersState
from brickwork.train.outcome import MemberOutcome
from brickwork.train.programs import copy, program
from brickwork.train.recipe import Recipe
from brickwork.train.stopping import Stopping

REASONS = {ACTIVE: "finished", STOPPED: "stopped early", DIVERGED: "diverged"}


class MemberJudge(Judge):
    """Keeps every member's best weights; one whose patience is out goes back to them and learns no more."""

    def __init__(self, learner: Members, recipe: Recipe):
        if recipe.plateau is not None:
            raise SettingError("plateau= lowers the rate of one network; for several, use schedule= instead.")
        super().__init__(learner, recipe)
        self.members = learner
        self.each = [self.stopping] * learner.count
        self.status = np.full(learner.count, ACTIVE)
        self.histories: list[list[dict[str, float]]] = [[] for _ in range(learner.count)]

    @property
    def done(self) -> bool:
        """Whether no member learns any more."""
        return bool((self.status != ACTIVE).all())

    @property
    def best_epoch(self) -> int | None:
        """The median of the members' best epochs; None where nothing is monitored."""
        known = [one.best_epoch for one in self.each if one.best_epoch is not None]
        return int(np.median(known)) if known else None

    def notes(self) -> dict[str, float]:
        """Return how many members learn."""
        return {"members": int((self.status == ACTIVE).sum())}

    def outcomes(self) -> tuple[MemberOutcome, ...]:
        """Return how every member fared."""
        return tuple(
            MemberOutcome(
                seed,
                {path: values[place] for path, values in self.members.settings},
                REASONS[int(self.status[place])],
                int(self.histories[place][-1]["epoch"]) if self.histories[place] else 0,
                self.each[place].best_epoch,
                tuple(self.histories[place]),
            )
            for place, seed in enumerate(self.members.seeds)
        )

    def after(
        self, record: Mapping[str, float], state: Any, sums: Sums | None = None, measured: Measured | None = None
    ) -> Verdict:
        """Judge every member by its own measures."""
        epoch, count = int(record["epoch"]), self.members.count
        learning = self.status == ACTIVE
        found: list[dict[str, float]] = [{"epoch": epoch} for _ in range(count)]
        for part, numbers, rows in (("train", sums, None), ("valid", measured and measured.sums, measured)):
            if numbers is not None:
                for one, values in zip(found, self.members.apiece(numbers, rows and rows.rows), strict=True):
                    one.update({f"{part}/{name}": value for name, value in values.items()})
        events = self._dropped(epoch, np.asarray(jax.device_get(state.status)))
        monitored, improved = self.monitors(record), np.zeros(count, bool)
        for place in np.flatnonzero(learning):
            if sums is not None:
                self.histories[place].append(found[place])
            if monitored and self.status[place] == ACTIVE:
                before = self.each[place]
                self.each[place] = before.after(epoch, found[place][str(self.monitor)])
                improved[place] = self.each[place].best_epoch != before.best_epoch
        if monitored:
            state = self._kept(state, improved)
        return Verdict(state, bool(improved.any()), events)

    def _dropped(self, epoch: int, status: np.ndarray) -> tuple[Event, ...]:
        new = np.flatnonzero((status == DIVERGED) & (self.status == ACTIVE))
        self.status = np.where(self.status == ACTIVE, status, self.status)
        seeds = [self.members.seeds[place] for place in new]
        if seeds and (self.status != DIVERGED).any():
            several = f"{len(seeds)} of {self.members.count} networks"
            warnings.warn(
                f"{several} diverged in epoch {epoch} and are left out (seeds {', '.join(map(str, seeds))}); the "
                "others go on. A smaller learning rate or clip_norm=1 would keep them.",
                stacklevel=2,
            )
        return tuple(MemberDropped(epoch, int(place), seed) for place, seed in zip(new, seeds, strict=True))

    def _kept(self, state: MembersState, improved: np.ndarray) -> MembersState:
        """Keep what is best by now, and put members whose patience is out back to it."""
        followed = np.array([one.best_epoch is None for one in self.each])  # nothing was a number yet: the last
        if self.best is None:
            self.best = copy(state)
        elif (improved | followed).any():
            self.best = replace(self.best, each=_chosen(improved | followed, state.each, self.best.each))
        stopped = np.array([one.done for one in self.each]) & (self.status == ACTIVE)
        if not stopped.any():
            return state
        self.status[stopped] = STOPPED
        return replace(
            state, each=_chosen(stopped, self.best.each, state.each), status=jnp.asarray(self.status, jnp.int32)
        )

    # ------------------------------------------------------------------------------------------------ checkpoints

    def progress(self) -> dict[str, Any]:
        """Return what a checkpoint keeps as JSON."""
        return {
            "has_best": self.best is not None,
            "each": [asdict(one) for one in self.each],
            "status": self.status.tolist(),
            "histories": self.histories,
        }

    def restore(self, progress: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self.best = arrays.get("best")
        self.each = [Stopping(**one) for one in progress["each"]]
        self.status = np.asarray(progress["status"])
        self.histories = [list(one) for one in progress["histories"]]


def _chosen(which: np.ndarray, new: Any, old: Any) -> Any:
    """Return a state that has some members of one and the rest of another."""
    mask = jnp.asarray(which)
    return program("chosen members", _mixed, "chosen members", mask, new, old)(mask, new, old)


def _mixed(mask: Array, new: Any, old: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(mask.reshape(-1, *[1] * (a.ndim - 1)), a, b), new, old)
