"""Populations: many networks trained as one program, each with its own seed and its own numbers."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.bricks.ensemble import MEMBER, Ensemble
from brickwork.core.brick import Brick
from brickwork.core.errors import DataError, DivergenceError, SettingError
from brickwork.core.plan import Plan
from brickwork.core.variables import Variables
from brickwork.data import Examples
from brickwork.train.ensembles import combination
from brickwork.train.events import Listener
from brickwork.train.member_settings import checked_settings, matter_when_answering, with_settings
from brickwork.train.members import Members, MembersState, Settings
from brickwork.train.model import Model
from brickwork.train.outcome import MemberOutcome
from brickwork.train.recipe import Recipe
from brickwork.train.supervised import RATE

COPIES = 8
"""About how many copies of its parameters a member needs: gradients, two moments, the best, those of the next step."""


@dataclass(frozen=True, eq=False)
class Individual:
    """One network of a population: how it fared, and the model; None where it diverged."""

    shape: int
    outcome: MemberOutcome
    model: Model | None


@dataclass(frozen=True, eq=False, repr=False)
class Population:
    """Networks that were trained together, and are compared by `monitor`; `mode` says whether less or more is better.

    ```python
    found = fit_population(model, data.train, valid=data.valid, settings={"optimizer/rate": [1e-3, 3e-3, 1e-2]})
    found.best.evaluate(data.test)
    found.ensemble(3).evaluate(data.test)
    ```
    """

    individuals: tuple[Individual, ...]
    monitor: str
    mode: Literal["min", "max"] = "min"
    _templates: tuple[Model, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.individuals)

    def __repr__(self) -> str:
        best = self._value(self._ranked()[0])
        return f"<a population of {len(self)} networks; the best has {self.monitor} {best:.4g}>"

    @property
    def models(self) -> list[Model]:
        """The networks as models that evaluate, predict, save and go on; without those that diverged."""
        return [one.model for one in self.individuals if one.model is not None]

    @property
    def best(self) -> Model:
        """The best model by what is monitored."""
        return self._model(self._ranked()[0])

    def table(self) -> list[dict[str, Any]]:
        """Return a row for each network: its seed and settings, why and when it ended, measures of its best epoch."""
        rows = []
        for one in self.individuals:
            outcome = one.outcome
            row: dict[str, Any] = {"seed": outcome.seed, **outcome.settings}
            if len(self._templates) > 1:
                row = {"shape": one.shape, **row}
            rows.append(
                {
                    **row,
                    "ended": outcome.reason,
                    "epochs": outcome.epochs,
                    "best_epoch": outcome.best_epoch,
                    **{name: value for name, value in _best_record(outcome).items() if name != "epoch"},
                }
            )
        return rows

    def ensemble(self, members: int | Sequence[int] | None = None) -> Model:
        """Return one model that answers with the mean of what networks think.

        Args:
            members: how many, the best first; or their places in the population; all that did not diverge if not given.

        Raises:
            SettingError: there are not so many, or a place is of a network that diverged.
        """
        ranked = self._ranked()
        if members is None:
            chosen = sorted(ranked)
        elif isinstance(members, int | np.integer):
            if not 1 <= members <= len(ranked):
                raise SettingError(f"An ensemble of {members} was asked for; there are {len(ranked)} networks.")
            chosen = ranked[:members]
        else:
            chosen = [int(place) for place in members]
            for place in chosen:
                if place not in ranked:
                    raise SettingError(f"There is no network {place} to ask; there are {sorted(ranked)}.")
        groups: dict[int | tuple[int, int], list[int]] = {}
        for place in chosen:
            one = self.individuals[place]
            template = self._templates[one.shape]
            apart = matter_when_answering(template.net, template.plan, [*one.outcome.settings])
            groups.setdefault((one.shape, place) if apart else one.shape, []).append(place)
        return self._joined(list(groups.values()))

    def _joined(self, groups: list[list[int]]) -> Model:
        models = [[self._model(place) for place in group] for group in groups]
        first, stacked = models[0][0], [_stacked([model.variables for model in group]) for group in models]
        combine = combination(first.loss)
        nets = tuple(
            self._templates[self.individuals[group[0]].shape].net if len(group) > 1 else own[0].net
            for group, own in zip(groups, models, strict=True)
        )
        if len(groups) == 1:
            net, variables = Ensemble(nets[0], len(groups[0]), combine), stacked[0].under(MEMBER)
        else:
            net, variables = Ensemble(nets, tuple(map(len, groups)), combine), Variables({}, {})
            for index, part in enumerate(stacked):
                variables = variables.merge(part.under(f"{index}_{MEMBER}"))
        model = _model_of(first, net, variables)
        model.recipe = first.recipe
        if len(groups) == 1:
            outcomes = [self.individuals[place].outcome for place in groups[0]]
            model.seeds = tuple(outcome.seed for outcome in outcomes)
            model.settings = tuple((path, tuple(o.settings[path] for o in outcomes)) for path in outcomes[0].settings)
        return model

    def _model(self, place: int) -> Model:
        model = self.individuals[place].model
        if model is None:
            raise SettingError(f"Network {place} diverged.")
        return model

    def _ranked(self) -> list[int]:
        """Return the places of the networks that did not diverge, the best first."""
        places = [place for place, one in enumerate(self.individuals) if one.model is not None]
        sign = 1 if self.mode == "min" else -1

        def rank(place: int) -> float:
            value = self._value(place)
            return sign * value if np.isfinite(value) else float("inf")

        return sorted(places, key=rank)

    def _value(self, place: int) -> float:
        return float(_best_record(self.individuals[place].outcome).get(self.monitor, float("nan")))


def fit_population(
    model: Model | Sequence[Model],
    data: Any,
    targets: Any = None,
    *,
    valid: Any = None,
    seeds: int | Sequence[int] = 8,
    settings: Mapping[str, Sequence[float]] | None = None,
    recipe: Recipe | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    listeners: Sequence[Listener] = (),
    progress: bool = True,
    chunk: int | None = None,
    **recipe_settings: Any,
) -> Population:
    """Train many networks as one program: each with its seed and its numbers, as a run of its own would train it.

    Every one stops by its own patience and keeps the weights of its own best epoch. One that diverges is left out, and
    the others go on.

    Args:
        model: what all are made of; it is left alone. Several models make networks of several shapes, one program each,
            and each shape gets all seeds and settings.
        data: as in `Model.fit`.
        targets: as in `Model.fit`.
        valid: held-out examples, which all networks are measured on.
        seeds: how many (with the seeds from `recipe.seed` on), or the seed of each. With settings there are as many
            as their lists are long.
        settings: numbers that differ, one for each network: `{"optimizer/rate": [...], "2_dropout/rate": [...]}`, the
            learning rate and any number that `plan.settings` of the network lists.
        recipe: how to train, as in `Model.fit`; `recipe_settings` change parts of it by name.
        folder: where history and checkpoints go; `part-1`, `part-2`... in it where there are several programs.
        resume: go on from the folder's checkpoints.
        listeners: told every event.
        progress: show a progress bar.
        chunk: how many are trained by one program; as many as fit into memory unless given.

    Raises:
        SettingError: a setting that there is not (naming the nearest), lists of different lengths.
        DivergenceError: all of them diverged.
    """
    models = [model] if isinstance(model, Model) else list(model)
    if not models or any(not isinstance(one, Model) or isinstance(one.net, Ensemble) for one in models):
        raise SettingError("A population is made of a Model, or of several, each of one network (members=1).")
    recipe = (recipe or models[0].recipe).changed(**recipe_settings)
    if isinstance(valid, str):
        raise SettingError("valid='folds' is for ensembles: Model(..., members=8). A population needs held-out data.")
    rows = len(Examples.of(data, targets))
    steps = 1 if recipe.optimizer.line_search else -(-rows // recipe.batch_size)
    parts = []
    for shape, one in enumerate(models):
        plan = _planned(one, data, targets, recipe)
        numbers = checked_settings(settings, plan)
        own = _seeds(seeds, len(numbers[0][1]) if numbers else None, recipe)
        size = chunk or _chunk(plan, recipe, len(own))
        if size < 1:
            raise SettingError(f"chunk= is how many networks one program trains, 1 or more; got {chunk}.")
        for first in range(0, len(own), size):
            some = slice(first, first + size)
            parts.append((shape, own[some], tuple((path, values[some]) for path, values in numbers)))
    individuals: list[Individual] = []
    error: DivergenceError | None = None
    for number, (shape, own, numbers) in enumerate(parts):
        together = _crowd(models[shape], own, numbers)
        where = None if folder is None else Path(folder) if len(parts) == 1 else Path(folder) / f"part-{number + 1}"
        try:
            outcome = together.fit(
                data,
                targets,
                valid=valid,
                recipe=recipe,
                folder=where,
                resume=resume,
                listeners=listeners,
                progress=progress,
            )
        except DivergenceError as diverged:
            error = diverged
            lost = [
                MemberOutcome(seed, {path: values[place] for path, values in numbers}, "diverged", 0, None)
                for place, seed in enumerate(own)
            ]
            individuals += [Individual(shape, one, None) for one in lost]
            continue
        individuals += _apart(shape, models[shape], together, outcome.members, steps)
        if outcome.reason == "interrupted":
            break
    if error is not None and all(one.model is None for one in individuals):
        raise error
    monitor, mode = _compared(models[0], recipe, valid)
    templates = tuple(_model_of(one, one.net, None) for one in models)
    for template in templates:
        template.example = next((one.model.example for one in individuals if one.model is not None), None)
    return Population(tuple(individuals), monitor, mode, templates)


def _apart(
    shape: int, template: Model, together: Model, outcomes: tuple[MemberOutcome, ...], steps: int
) -> list[Individual]:
    """Return the members of a trained ensemble as models of their own; an epoch has so many steps."""
    state, learner = together._state, together._learner
    assert isinstance(state, MembersState)
    assert isinstance(learner, Members)
    plan = template.net.plan(together.example, precision=together.recipe.precision)
    places: dict[str, Any] = {}
    found, fine = [], 0
    for outcome in outcomes:
        if outcome.reason == "diverged":
            found.append(Individual(shape, outcome, None))
            continue
        own = jax.tree.map(lambda leaf, n=fine: leaf[n], state.each)
        net = with_settings(template.net, plan, outcome.settings, places)
        model = _model_of(together, net, learner.learner.view(own))
        changes = {"rate": outcome.settings[RATE]} if RATE in outcome.settings else {}
        model.recipe = together.recipe.changed(seed=outcome.seed, **changes)
        model.history = [dict(record) for record in outcome.history]
        model._state, model._learner = own, model._learner_for(model.recipe)
        model._epochs, model._steps = together._epochs, together._steps
        if outcome.reason == "stopped early":  # where a run of its own would have ended
            model._epochs, model._steps = outcome.epochs, outcome.epochs * steps
        found.append(Individual(shape, outcome, model))
        fine += 1
    return found


def _model_of(model: Model, net: Brick, variables: Variables | None) -> Model:
    """Return a model of another network that is asked the same."""
    new = Model(
        net,
        model.loss,
        model.metrics,
        frozen=model.frozen,
        variables=variables,
        classes=model.classes,
        augment=model.augment,
    )
    new.example, new.extra = model.example, dict(model.extra)
    return new


def _crowd(model: Model, seeds: tuple[int, ...], settings: Settings) -> Model:
    """Return an ensemble of so many of a model's networks, from its weights if it has any."""
    given = None if model.variables is None else _stacked([model.variables] * len(seeds)).under(MEMBER)
    new = _model_of(model, Ensemble(model.net, len(seeds), combination(model.loss)), given)
    new.seeds, new.settings = seeds, settings
    return new


def _stacked(several: Sequence[Variables | None]) -> Variables:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)


def _best_record(outcome: MemberOutcome) -> Mapping[str, float]:
    """Return the measures of the best epoch, or of the last where nothing is monitored."""
    last = outcome.history[-1] if outcome.history else {}
    return next((record for record in outcome.history if record["epoch"] == outcome.best_epoch), last)


def _compared(model: Model, recipe: Recipe, valid: Any) -> tuple[str, Literal["min", "max"]]:
    if recipe.monitor is not None:
        name = recipe.monitor.rsplit("/", 1)[-1]
        chosen = [metric for metric in model.metrics if metric.name == name]
        return recipe.monitor, "max" if chosen and chosen[0].higher_is_better else "min"
    return ("train/loss" if valid is None else "valid/loss"), "min"


def _seeds(seeds: int | Sequence[int], count: int | None, recipe: Recipe) -> tuple[int, ...]:
    if isinstance(seeds, int | np.integer):
        if seeds < 1:
            raise SettingError(f"seeds= is how many networks there are, 1 or more, or their seeds; got {seeds}.")
        return tuple(range(recipe.seed, recipe.seed + (count or int(seeds))))
    own = tuple(int(seed) for seed in seeds)
    if not own or min(own) < 0:
        raise SettingError(f"seeds must be whole numbers of 0 or more, got {list(own)}.")
    if count is not None and count != len(own):
        raise SettingError(f"There are {len(own)} seeds, but settings for {count} networks: give as many of each.")
    return own


def _planned(model: Model, data: Any, targets: Any, recipe: Recipe) -> Plan:
    examples = Examples.of(data, targets)
    if len(examples) == 0:
        raise DataError("There are no rows to train on.")
    example = jax.tree.map(lambda a: jax.ShapeDtypeStruct((1, *a.shape[1:]), a.dtype), examples.inputs)
    return model.net.plan(example, precision=recipe.precision)


def _chunk(plan: Plan, recipe: Recipe, count: int) -> int:
    """Return how many members fit into half of the memory that is free."""
    inner = sum(prod(leaf.shape) for call in plan.calls for leaf in jax.tree.leaves(call.output))
    each = 4 * (COPIES * plan.count + 3 * inner * recipe.batch_size)
    return max(1, min(count, int(_free_bytes() / 2 / max(1, each))))


def _free_bytes() -> float:
    """Return how much memory is free: the accelerator's, or the machine's."""
    told = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in told:
        return told["bytes_limit"] - told.get("bytes_in_use", 0)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # no such question on this system
        return 4e9
