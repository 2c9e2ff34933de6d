"""Judging: what a trained network's answers for the test rows are worth, found out once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from brickwork.data.table import TableEncoder
from brickwork.explain import (
    Answered,
    Confusion,
    Contribution,
    GroupScores,
    Importance,
    Interval,
    Mistake,
    Reliability,
    Residuals,
    Score,
    by_group,
    column_groups,
    confusion,
    contributions,
    difference,
    matters,
    pixel_map,
    reliability,
    residuals,
    scores,
    unsure,
    worst,
)
from brickwork.services.report import LabelScores
from brickwork.services.values import shown_rows
from brickwork.tasks.answers import answered, baseline, given_by
from brickwork.tasks.asked import Asked
from brickwork.tasks.peers import peers
from brickwork.tasks.problem import Problem
from brickwork.tasks.table_problem import group_codes
from brickwork.train import Model

MATTER_ROWS = 2000
"""Test rows by which is judged how much a column matters."""

MISTAKES = 12
MAPS = 8
"""Test pictures for which is shown which pixels matter."""

REASONS = 3
"""Columns that are named as what led to a mistake."""

TRIVIAL = {"classes": "most frequent", "labels": "usual shares", "number": "the mean"}
"""What the trivial answer always says."""

COMPARED = 3
"""Scores whose difference to other models is given with its interval."""


@dataclass(frozen=True)
class Peer:
    """Another way to answer for the same rows: its scores, and how much higher those of the network are, by name."""

    name: str
    scores: tuple[Score, ...]
    gains: Mapping[str, Interval]


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the answers for the test rows are worth, beside trivial ones and others."""

    test: Answered
    scores: tuple[Score, ...]
    trivial: Peer
    peers: tuple[Peer, ...] = ()
    confusion: Confusion | None = None
    reliability: Reliability | None = None
    residuals: tuple[Residuals, ...] = ()
    labels: tuple[LabelScores, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    because: Mapping[int, tuple[Contribution, ...]] = field(default_factory=dict)
    importance: tuple[Importance, ...] = ()
    maps: Mapping[int, np.ndarray] = field(default_factory=dict)
    groups: Mapping[str, tuple[GroupScores, ...]] = field(default_factory=dict)
    unsure: np.ndarray | None = None


def judge(
    model: Model, problem: Problem, asked: Asked, calibration: Mapping[str, Any], hurried: bool = False
) -> Judgement:
    """Return what a model's answers for the test rows are worth; in a hurry without what they rest on."""
    test = replace(answered(model, problem.test, problem), clusters=_clusters(problem, asked))
    found, numbers = scores(test), problem.kind == "number"
    names = [score.name for score in found[:COMPARED]]
    others = peers(problem) if asked.compare else {}
    mistakes = worst(test, MISTAKES)
    return Judgement(
        test=test,
        scores=found,
        trivial=_beside(test, TRIVIAL[problem.kind], baseline(problem), names),
        peers=tuple(_beside(test, name, theirs, names) for name, theirs in others.items()),
        confusion=None if numbers else confusion(test),
        reliability=None if numbers else reliability(test),
        residuals=residuals(test, calibration.get("width"), calibration.get("level")) if numbers else (),
        labels=_by_label(test) if problem.kind == "labels" else (),
        mistakes=mistakes,
        because={} if hurried else _because(model, problem, mistakes),
        importance=() if hurried else _importance(model, problem, test),
        maps={} if hurried else _maps(model, problem),
        groups={column: audit(problem, test, column) for column in asked.by},
        unsure=None if asked.unsure_below is None or numbers else unsure(test, asked.unsure_below),
    )


def _beside(test: Answered, name: str, theirs: Answered, names: Sequence[str]) -> Peer:
    theirs = replace(theirs, clusters=test.clusters)
    return Peer(name, scores(theirs), {score: difference(test, theirs, score) for score in names})


def _by_label(test: Answered) -> tuple[LabelScores, ...]:
    """Return how well each of several labels is found."""
    found = []
    for place, label in enumerate(test.labels):
        one = Answered("labels", test.truth[:, [place]], test.given[:, [place]], (label,))
        found.append(LabelScores(label, int(test.truth[:, place].sum()), scores(one)))
    return tuple(found)


def _clusters(problem: Problem, asked: Asked) -> np.ndarray | None:
    """Return which test rows belong together, where that was said."""
    if asked.group is None or problem.table is None:
        return None
    return group_codes(problem.table, asked.group)[problem.rows["test"]]


def audit(problem: Problem, test: Answered, column: str) -> tuple[GroupScores, ...]:
    """Return the scores of the test rows by the groups of a column."""
    assert problem.table is not None
    return by_group(test, problem.table.column(column)[problem.rows["test"]].to_list())


def _importance(model: Model, problem: Problem, test: Answered) -> tuple[Importance, ...]:
    if not isinstance(problem.encoder, TableEncoder):
        return ()
    groups = column_groups(problem.encoder)
    return matters(_predicting(model, problem), problem.test.inputs, test, groups, rows=MATTER_ROWS)


def _maps(model: Model, problem: Problem) -> Mapping[int, np.ndarray]:
    """Return for some test pictures, by their rows, which pixels matter."""
    if problem.inputs != "pictures" or model.variables is None:
        return {}
    rows = np.linspace(0, len(problem.test) - 1, min(MAPS, len(problem.test))).astype(int)
    found = pixel_map(model.net, model.variables, problem.test.inputs[rows], problem.kind)
    return dict(zip(rows.tolist(), found, strict=True))


def _because(model: Model, problem: Problem, mistakes: Sequence[Mistake]) -> Mapping[int, tuple[Contribution, ...]]:
    """Return for each mistake the columns that led to it."""
    if problem.typical is None or not mistakes or problem.kind == "labels":
        return {}
    assert isinstance(problem.encoder, TableEncoder)
    assert problem.table is not None
    rows = np.array([mistake.row for mistake in mistakes])
    output = 0 if problem.kind == "number" else None
    found = contributions(
        _predicting(model, problem),
        problem.test[rows].inputs,
        problem.typical,
        column_groups(problem.encoder),
        output,
        shown=shown_rows(problem.table.frame[problem.rows["test"][rows]]),
    )
    return {int(row): parts[:REASONS] for row, parts in zip(rows, found, strict=True)}


def _predicting(model: Model, problem: Problem) -> Callable[[Any], np.ndarray]:
    return lambda inputs: given_by(model, inputs, problem.kind)
