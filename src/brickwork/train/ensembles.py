"""Ensembles as models: how members are trained, left out when they diverge, and asked about held-out rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from brickwork.bricks.ensemble import Combine, Ensemble
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick
from brickwork.core.errors import SettingError
from brickwork.core.plan import Plan
from brickwork.core.variables import Variables
from brickwork.data import Examples
from brickwork.losses import Loss
from brickwork.train.engine import Run
from brickwork.train.folds import gathered, held_out_examples, held_out_rows, other_rows
from brickwork.train.member_feed import MemberFeed
from brickwork.train.member_judge import MemberJudge
from brickwork.train.members import Members, MembersState, Settings
from brickwork.train.outcome import Outcome
from brickwork.train.programs import program
from brickwork.train.recipe import Recipe
from brickwork.train.segments import filled
from brickwork.train.supervised import Supervised

FOLDS = "folds"
"""What `valid=` says where each member leaves out rows of the training data itself."""

LEAST_FLOPS = 1e6
"""Operations of a member's forward pass over a batch from which members are run one by one on a CPU."""

HELD_OUT_ROWS = 256
"""Most rows of each member that are answered by one call."""


def combination(loss: Loss) -> Combine:
    """Return how outputs that a loss is about are combined; raises `SettingError` where they have no mean."""
    if loss.sequences == "unaligned":
        raise SettingError(
            f"Networks trained with {loss} answer in sequences that cannot be averaged: leave members=1."
        )
    if loss.question in ("class", "flags") and loss.probabilities(np.zeros((1, 2), np.float32)) is not None:
        return "classes" if loss.question == "class" else "flags"
    return "mean"


def ensemble_of(net: Brick, loss: Loss, members: int) -> Brick:
    """Return a network, or an ensemble of so many of its kind."""
    if not isinstance(members, int | np.integer) or isinstance(members, bool) or members < 1:
        raise SettingError(f"members= is how many networks make the ensemble, a whole number from 1; got {members!r}.")
    if members == 1:
        return net
    if isinstance(net, Ensemble):
        raise SettingError(f"The network is an Ensemble of {net.count} already: leave members= out.")
    return Ensemble(net, int(members), combination(loss))


def require_folds(net: Brick, valid: Any) -> None:
    """Raise `SettingError` unless a network can be trained with folds, and they are asked for rightly."""
    if valid != FOLDS:
        told = f"valid={valid!r}" if isinstance(valid, str) else "folds= without valid='folds'"
        raise SettingError(f"Got {told}: give held-out data, or say valid='folds' for an ensemble.")
    if not isinstance(net, Ensemble):
        raise SettingError(
            "valid='folds' is for ensembles, whose members leave out rows in turn: Model(..., members=8)."
        )


def one_by_one(plan: Plan, members: int, batch_size: int) -> bool:
    """Tell whether members are faster one after the other than all at once.

    On an accelerator never: it has room for all. On a CPU, at 2 cores, milliseconds of a step of 8 members at once,
    and one after the other: 0.42 and 0.52 for 30-64-64-2 in batches of 16; 4.2 and 3.5 for 60-128-128-1 in batches of
    128; 19 and 14 for 784-128-10 in batches of 32 (71 and 29 with 32 members); 49 and 22 for 160-256-256-1 in batches
    of 256. The numbers of all members together leave its caches where those of one stay, and members that have
    stopped cost nothing one by one.
    """
    return jax.default_backend() == "cpu" and plan.flops / members * batch_size > LEAST_FLOPS


@dataclass(frozen=True)
class Together:
    """The members of an ensemble in training: what each leaves out, and what they are measured on."""

    ensemble: Ensemble
    learner: Members
    recipe: Recipe
    train: Examples
    valid: Examples | None
    left_out: Sequence[np.ndarray] | None = None

    @classmethod
    def of(
        cls,
        ensemble: Ensemble,
        learner: Supervised,
        recipe: Recipe,
        plan: Plan,
        seeds: tuple[int, ...] | None,
        settings: Settings,
        train: Examples,
        valid: Examples | None,
        folds: Any = None,
    ) -> "Together":
        """Return members that are measured on shared data, or with folds on those that each leaves out.

        `folds` is False for none; otherwise what `held_out_rows` takes. Without seeds they are those from the recipe's
        on.
        """
        if isinstance(ensemble.brick, tuple) or isinstance(ensemble.members, tuple):
            raise SettingError(
                "An ensemble of networks of different shapes cannot be trained as one: train its parts, by "
                "fit_population say."
            )
        count = ensemble.members
        seeds = seeds or tuple(recipe.seed + place for place in range(count))
        left_out = None
        if folds is not False:
            left_out = held_out_rows(train.targets, len(train), count, folds, recipe.seed)
            valid = held_out_examples(train, left_out)
        looped = one_by_one(plan, count, recipe.batch_size)
        alone = replace(learner, net=ensemble.brick)
        members = Members(alone, seeds, settings, apart=left_out is not None, looped=looped)
        return cls(ensemble, members, recipe, train, valid, left_out)

    def run(self, **options: Any) -> Run:
        """Return the run, not yet begun."""
        own = None if self.left_out is None else other_rows(len(self.train), self.left_out)
        feed = MemberFeed(self.train, self.recipe, self.learner.seeds, own)
        learner = replace(self.learner, max_bad_steps=min(self.recipe.max_bad_steps, max(feed.steps, 5)))
        judge = MemberJudge(learner, self.recipe)
        return Run(learner, self.recipe, self.train, self.valid, feed=feed, judge=judge, **options)

    def kept(self, learner: Members, outcome: Outcome) -> tuple[Ensemble, Members, MembersState]:
        """Return the ensemble, its learner and its state without the members that diverged."""
        fine = np.array([place for place, member in enumerate(outcome.members) if member.reason != "diverged"], int)
        if len(fine) in (0, learner.count):
            return self.ensemble, learner, outcome.best
        learner, state = learner.chosen(outcome.best, fine)
        return self.ensemble.replace(members=len(fine)), learner, state

    def held_out(self, learner: Members, outcome: Outcome) -> Any:
        """Return the outputs for every row of the members that did not learn from it, combined; None without folds."""
        if self.left_out is None or self.valid is None:
            return None
        view = learner.view(outcome.best)
        parts = []
        for first in range(0, len(self.valid), HELD_OUT_ROWS):
            rows = min(HELD_OUT_ROWS, len(self.valid) - first)
            size = 1 << (rows - 1).bit_length()
            batch = jax.tree.map(lambda a, f=first, n=rows, s=size: filled(a[f : f + n], s), self.valid.inputs)
            run = program("predict members", learner.predict, learner.measured_by, view, batch, once=True)
            parts.append(jax.tree.map(lambda out, n=rows: np.asarray(out)[:n], run(view, batch)))
        if isinstance(parts[0], Padded):
            return None
        outputs = jax.tree.map(lambda *some: np.concatenate(some), *parts)
        alive = [m for m, member in enumerate(outcome.members) if member.reason != "diverged"]
        rows = [self.left_out[m] for m in alive]
        combine = self.ensemble.combine
        return jax.tree.map(lambda out: gathered(out[:, alive], rows, len(self.train), combine), outputs)


def spread(net: Brick, variables: Variables, inputs: Any, precision: Any = "float32") -> Any:
    """Return the standard deviation, over the members of an ensemble, of their probabilities or numbers."""
    found = net.apply(variables, inputs, capture="members", precision=precision)
    return found.taps["members"].std(0)
