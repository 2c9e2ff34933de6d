"""The report of a run: what was found out, gathered for the page that shows it."""

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from brickwork.core.spec import to_json
from brickwork.data.table import Judged, Table
from brickwork.explain import Answered, Mistake, Score, scores
from brickwork.services.describe import network_table
from brickwork.services.report import (
    Audit,
    ColumnCard,
    Compared,
    Curve,
    DataCard,
    Distribution,
    Gallery,
    Making,
    PictureMap,
    Report,
    ShownMistake,
    Step,
    Unsure,
    write_report,
)
from brickwork.services.runs import MODEL, REPORT, UNSURE
from brickwork.services.values import shown, shown_row
from brickwork.storage.bundle import versions
from brickwork.tasks import Problem
from brickwork.train import MemberOutcome, Outcome

if TYPE_CHECKING:
    from brickwork.services.learn import Learned

SHOWN_COLUMNS = 12
"""Columns of a row that a mistake is shown by: those that matter most."""

BARS = 24
GALLERY = 6

SAYING = {
    "classes": ("always the most frequent", "always saying the most frequent class"),
    "labels": ("always the usual shares", "always saying how often each label occurs"),
    "number": ("always the mean", "always saying the mean"),
}


def write_run_report(learned: "Learned", recipe: Any, seconds: Mapping[str, float]) -> Path:
    """Write the report of a run into its folder; return its path."""
    problem, judgement = learned.problem, learned.judgement
    found = judgement.scores
    trivial = judgement.trivial
    compared = [Compared(peer.name, peer.scores, _gains(peer.gains, found)) for peer in judgement.peers]
    name, saying = SAYING[problem.kind]
    compared.insert(0, Compared(name, trivial.scores, _gains(trivial.gains, found), trivial=True, saying=saying))
    report = Report(
        asked=problem.targets or ("class",),
        kind=problem.kind,
        source=problem.title,
        why=problem.why,
        test_rows=len(judgement.test),
        inputs=problem.inputs,
        scores=found,
        compared=tuple(compared),
        confusion=judgement.confusion,
        label_scores=judgement.labels,
        residuals=judgement.residuals,
        reliability={} if judgement.reliability is None else {"": judgement.reliability},
        unsure=_unsure(learned),
        importances=judgement.importance,
        importance_of=found[0].name,
        importance_share=found[0].share,
        maps=_maps(learned),
        mistakes=tuple(_mistake(learned, mistake) for mistake in judgement.mistakes),
        audits=tuple(Audit(column, groups) for column, groups in judgement.groups.items()),
        data=_data(problem),
        curves=_curves(learned.model.history, learned.task.headline, learned.outcome),
        next_steps=_steps(learned),
        making=_making(learned, recipe, seconds),
    )
    return write_report(report, learned.folder / REPORT)


def _gains(gains: Mapping[str, Any], scores: Sequence[Score]) -> dict[str, Any]:
    """Turn differences such that above 0 is better."""
    better = {score.name: score.higher_is_better for score in scores}
    return {
        name: gain if better[name] else type(gain)(-gain.value, -gain.high, -gain.low) for name, gain in gains.items()
    }


def _unsure(learned: "Learned") -> Unsure | None:
    rows, test, below = learned.judgement.unsure, learned.judgement.test, learned.asked.unsure_below
    if rows is None or below is None:
        return None
    kept = np.setdiff1d(np.arange(len(test)), rows)
    return Unsure(below, len(rows), _headline(test, kept), _headline(test, rows), UNSURE)


def _headline(test: Answered, rows: np.ndarray) -> Score | None:
    return scores(Answered(test.question, test.truth[rows], test.given[rows], test.labels))[0] if len(rows) else None


# ------------------------------------------------------------------------------------------------------------ the data


def _data(problem: Problem) -> DataCard:
    table = problem.table
    return DataCard(
        source=problem.origin.get("origin", problem.title),
        rows=problem.sizes,
        split=problem.split,
        columns=() if table is None else tuple(_column(table, judged) for judged in problem.columns),
        target=_targets(problem),
        gallery=_gallery(problem),
        notes=problem.notes,
        warnings=problem.warnings,
    )


def _column(table: Table, judged: Judged) -> ColumnCard:
    values = table.frame[judged.name]
    known = values.drop_nulls()
    summary, bars = "", None
    if known.len() and judged.kind in ("number", "date"):
        low, middle, high = (shown(x) for x in (known.min(), known.median(), known.max()))
        summary = f"{low} to {high}, median {middle}"
        if values.dtype.is_numeric():
            bars = _histogram(judged.name, known.cast(pl.Float64).to_numpy())
    elif known.len():
        counts = known.cast(pl.String).value_counts(sort=True)
        words, times = counts[judged.name].to_list(), counts["count"].to_list()
        summary = f"{len(words):,} values, most often {words[0]!r}"
        if judged.kind == "category":
            bars = Distribution(judged.name, tuple(times[:BARS]), tuple(words[:BARS]))
    return ColumnCard(judged.name, judged.kind, judged.why, values.null_count() / max(1, values.len()), summary, bars)


def _histogram(name: str, values: np.ndarray) -> Distribution:
    values = values[np.isfinite(values)]
    counts, edges = np.histogram(values, bins=BARS if len(np.unique(values[:1000])) > BARS else "auto")
    return Distribution(name, tuple(map(float, counts)), edges=tuple(map(float, edges)))


def _targets(problem: Problem) -> tuple[Distribution, ...]:
    values = np.concatenate([np.asarray(part.targets) for part in (problem.train, problem.valid, problem.test)])
    names = problem.names
    what = ", ".join(problem.targets) or "class"
    if problem.kind == "classes":
        counts = np.bincount(values, minlength=len(names))
        return (Distribution(what, tuple(map(float, counts)), tuple(names)),)
    values = values.reshape(len(values), -1)
    if problem.kind == "labels":
        return (Distribution(what, tuple(map(float, values.sum(0))), tuple(names)),)
    return tuple(_histogram(str(name), values[:, place]) for place, name in enumerate(names))


def _gallery(problem: Problem) -> tuple[Gallery, ...]:
    if problem.inputs != "pictures" or problem.kind != "classes":
        return ()
    targets, inputs = np.asarray(problem.train.targets), problem.train.inputs
    shown = []
    for place, label in enumerate(problem.names[:20]):
        rows = np.flatnonzero(targets == place)[:GALLERY]
        shown.append(Gallery(label, tuple(_picture(inputs[row], problem) for row in rows)))
    return tuple(shown)


def _picture(pixels: np.ndarray, problem: Problem) -> np.ndarray:
    """Return a picture as bytes from 0 to 255: those of few grey levels are stretched."""
    largest = problem.brightest
    return pixels if largest > 64 else np.round(pixels * (255 / max(largest, 1))).clip(0, 255).astype(np.uint8)


# ------------------------------------------------------------------------------------------------------- the answers


def _mistake(learned: "Learned", mistake: Mistake) -> ShownMistake:
    problem = learned.problem
    if problem.inputs == "pictures":
        picture = _picture(problem.test.inputs[mistake.row], problem)
        place = problem.rows["test"][mistake.row] if "test" in problem.rows else None
        name = str(problem.pictures[place]) if problem.pictures is not None and place is not None else ""
        return ShownMistake(mistake, picture=picture, name=name)
    assert problem.table is not None
    ordered = [one.column for one in learned.judgement.importance] or [
        column.name for column in problem.columns if column.kind != "none"
    ]
    row = int(problem.rows["test"][mistake.row])
    values = shown_row(problem.table.frame, row, ordered[:SHOWN_COLUMNS])
    because = learned.judgement.because.get(mistake.row, ())
    return ShownMistake(mistake, values, name=f"row {row + 1}", because=because)


def _maps(learned: "Learned") -> tuple[PictureMap, ...]:
    problem, test = learned.problem, learned.judgement.test
    shown = []
    for row, found in learned.judgement.maps.items():
        if problem.kind == "classes":
            truth, place = str(problem.names[int(test.truth[row])]), int(test.given[row].argmax())
            answer, probability = str(problem.names[place]), float(test.given[row, place])
        else:
            truth, answer, probability = _listed(test.truth[row]), _listed(test.given[row]), None
        shown.append(PictureMap(_picture(problem.test.inputs[row], problem), found, truth, answer, probability))
    return tuple(shown)


def _listed(numbers: np.ndarray) -> str:
    return ", ".join(f"{number:.4g}" for number in np.atleast_1d(numbers))


# ----------------------------------------------------------------------------------------------- the training, the run


def _curves(history: Sequence[Mapping[str, float]], headline: str, outcome: Outcome | None) -> tuple[Curve, ...]:
    """Return the measures by epoch: of several networks their mean, and from the lowest to the highest of them."""
    epochs = [int(record["epoch"]) for record in history]
    members = () if outcome is None else outcome.members
    best = tuple(one.best_epoch for one in members if one.best_epoch is not None) if members else None
    curves = []
    for name in dict.fromkeys(("loss", headline)):
        means = {part: [float(r.get(f"{part}/{name}", np.nan)) for r in history] for part in ("train", "valid")}
        shown = {part: values for part, values in means.items() if not np.isnan(values).all()}
        if not shown:
            continue
        ranges = {part: _range(members, f"{part}/{name}", epochs) for part in shown} if members else {}
        curves.append(
            Curve(
                name,
                epochs,
                shown.get("train", ()),
                shown.get("valid", ()),
                ranges.get("train"),
                ranges.get("valid"),
                best if members else None if outcome is None else outcome.best_epoch,
            )
        )
    return tuple(curves)


def _range(members: Sequence[MemberOutcome], name: str, epochs: Sequence[int]) -> tuple[list[float], list[float]]:
    """Return the lowest and the highest of what the members had in each epoch; who has stopped has nothing."""
    by_epoch: dict[int, list[float]] = {}
    for member in members:
        for record in member.history:
            if name in record:
                by_epoch.setdefault(int(record["epoch"]), []).append(float(record[name]))
    found = [by_epoch.get(epoch, [float("nan")]) for epoch in epochs]
    return [min(values) for values in found], [max(values) for values in found]


def _steps(learned: "Learned") -> tuple[Step, ...]:
    model = shlex.quote(str(learned.path))
    if learned.problem.inputs == "pictures":
        first = Step(f"brickwork predict {model} picture.png", "ask it about a picture, or a folder of them")
        return first, Step(f"brickwork evaluate {model} folder", "test it on other pictures whose classes are known")
    return (
        Step(f"brickwork predict {model} new.csv --out answers.csv", "answers for new rows, as a file"),
        Step(f"brickwork explain {model} new.csv", "what its answers rest on, row by row"),
        Step(f"brickwork evaluate {model} later.csv", "test it again on rows whose answers became known"),
    )


def _making(learned: "Learned", recipe: Any, seconds: Mapping[str, float]) -> Making:
    outcome = learned.outcome
    plan = learned.task.net.plan(learned.problem.test[:1].inputs)  # of one member
    settings = {name: value for name, value in to_json(recipe)["settings"].items() if value not in (None, [], 0.0)}
    facts = {} if outcome is None else {"Epochs": str(outcome.epochs_done), "Ended": outcome.reason}
    return Making(
        command=shlex.join(["brickwork", *sys.argv[1:]]) if Path(sys.argv[0]).stem == "brickwork" else "",
        folder=str(learned.folder),
        when=time.strftime("%Y-%m-%d %H:%M"),
        seconds=dict(seconds),
        seed=recipe.seed,
        settings=settings,
        facts=facts,
        layers=network_table(plan, depth=2),
        parameters=plan.count,
        members=learned.task.members,
        versions=versions(),
        files={MODEL: "the network, to ask and to share", "history.jsonl": "the measures of each epoch"},
    )
