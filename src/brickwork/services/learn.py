"""Learn: from data and a question to a trained, tested, explained, saved network in a run folder."""

import inspect
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from brickwork.core.errors import DivergenceError, SettingError
from brickwork.core.spec import fields_of, to_json
from brickwork.data.splits import group_split
from brickwork.explain import Score
from brickwork.services.answers import Answers, write_frame
from brickwork.services.judging import Judgement, judge
from brickwork.services.reporting import write_run_report
from brickwork.services.runs import MODEL, REPORT, UNSURE, new_run, read_start, write_start
from brickwork.tasks import Asked, Problem, Task, infer_task, prepare
from brickwork.tasks.calibrating import calibrated
from brickwork.tasks.preparing import source_name
from brickwork.tasks.table_problem import group_codes
from brickwork.train import Listener, Model, Outcome, Recipe, Scores
from brickwork.train.tensorboard import TensorBoard

WISHES = {field.name for field in fields_of(Asked)} - {"source", "target"}
"""What may be asked beyond the source and the target."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What learning gives: the model, what its answers are worth, and where all is kept.

    `failed` says why the report could not be written, where it could not.
    """

    model: Model
    problem: Problem
    task: Task
    asked: Asked
    judgement: Judgement
    folder: Path
    outcome: Outcome | None
    failed: str = ""

    @property
    def path(self) -> Path:
        """The saved model."""
        return self.folder / MODEL

    @property
    def report(self) -> Path:
        """The report, a page for the browser."""
        return self.folder / REPORT

    @property
    def scores(self) -> Scores:
        """The scores on the test rows."""
        return _values(self.judgement.scores)

    @property
    def baseline(self) -> Scores:
        """The scores of the trivial answer on the test rows."""
        return _values(self.judgement.trivial.scores)

    @property
    def test_rows(self) -> int:
        """How many rows the network was tested on."""
        return len(self.judgement.test)

    @property
    def unsure(self) -> Path | None:
        """The file with the test rows that are for a person to decide."""
        return None if self.judgement.unsure is None else self.folder / UNSURE


def learn(
    source: Any,
    target: str | Sequence[str] | None = None,
    *,
    runs: str | Path = "runs",
    name: str | None = None,
    recipe: Recipe | None = None,
    tensorboard: bool = False,
    listeners: Sequence[Listener] = (),
    progress: bool = False,
    before: Callable[[Task, Model, Problem], None] | None = None,
    **settings: Any,
) -> Learned:
    """Learn to answer a question from data, test the answers once on rows not seen, and save everything.

        learned = learn("flights.csv", target="delayed")
        learned.scores, learned.report
        learned.model.predict(...)

    The run folder gets the model (`model.brickwork`), the history (`history.jsonl`), a checkpoint and a report
    (`report.html`).

    Args:
        source: a file of a table, a data frame, a folder of pictures with a sub-folder for each class, a table with a
            column of paths of pictures, or the name of a data set (`datasets.names()`).
        target: the column to learn, or several of numbers; folders of pictures and data sets have their own.
        runs: the folder in which the run gets a folder of its own.
        name: the name of that folder; the source's name and a number when not given.
        recipe: how to train; the task's own recipe when not given.
        tensorboard: write events for TensorBoard into the run folder as well.
        listeners: told every event of the training.
        progress: show a progress bar.
        before: called with the task, the model and the problem before training begins.
        settings: fields of `Recipe` (`epochs=5`) and of `Asked` (`time="day"`, `compare=True`, `by=["city"]`).

    Raises:
        SettingError: an unknown data set or setting.
        DataError: data that cannot be read or learnt; the message says what and where.
        StorageError: the run folder cannot be written.
        DivergenceError: training diverged; the best model so far is saved first.
    """
    columns = () if target is None else (target,) if isinstance(target, str) else tuple(target)
    wishes = {key: settings.pop(key) for key in [*settings] if key in WISHES}
    for key in ("leave_out", "by"):
        wishes[key] = (wishes[key],) if isinstance(wishes.get(key), str) else tuple(wishes.get(key, ()))
    asked = Asked(source=source_name(source), target=columns, **wishes)
    problem = prepare(source, asked, print if progress else None)
    if asked.unsure_below is not None and problem.kind == "number":
        raise SettingError(
            "unsure_below is for probabilities: numbers come with intervals, which say how sure they are."
        )
    task = infer_task(problem)
    recipe = (recipe or task.recipe).changed(**settings)
    folder = new_run(Path(runs), name, problem.name)
    write_start(folder, asked, recipe, task.kind)
    if tensorboard:
        listeners = (*listeners, TensorBoard(folder / "tensorboard"))
    return _run(problem, task, asked, recipe, folder, listeners, progress, before)


def resume(
    folder: str | Path,
    source: Any = None,
    *,
    listeners: Sequence[Listener] = (),
    progress: bool = False,
    before: Callable[[Task, Model, Problem], None] | None = None,
    **settings: Any,
) -> Learned:
    """Go on with a run that was cut off, from its last checkpoint, to the weights it would have reached.

    Args:
        folder: the folder of the run.
        source: the data, where they were given as a data frame, or lie elsewhere now.
        listeners: told every event of the training.
        progress: show a progress bar.
        before: called with the task, the model and the problem before training goes on.
        settings: fields of `Recipe` that may differ (`checkpoint_seconds`, `epochs` where no schedule depends on it).

    Raises:
        SettingError: the folder is not one of a run, its data are not where they were, or settings that may not change.
        The others as in `learn`.
    """
    folder = Path(folder)
    asked, recipe = read_start(folder)
    if source is None and asked.source == "a data frame":
        raise SettingError(f"The run in {folder} learns from a data frame: give it again, resume(folder, frame).")
    problem = prepare(asked.source if source is None else source, asked)
    task = infer_task(problem)
    return _run(problem, task, asked, recipe.changed(**settings), folder, listeners, progress, before, going_on=True)


def _run(
    problem: Problem,
    task: Task,
    asked: Asked,
    recipe: Recipe,
    folder: Path,
    listeners: Sequence[Listener],
    progress: bool,
    before: Callable[[Task, Model, Problem], None] | None,
    going_on: bool = False,
) -> Learned:
    members = asked.members or task.members
    # Where what is tested is later than what was learnt from, what members stop by must be later too.
    folds = task.folds and members > 1 and asked.time is None
    task = replace(task, members=members, folds=folds)
    model = Model(task.net, task.loss, task.metrics, augment=task.augment, members=members)
    if before is not None:
        before(task, model, problem)
    # Loads slowly, and is wanted at the end, when somebody may be waiting after Ctrl-C.
    threading.Thread(target=import_module, args=("scipy.optimize",), daemon=True).start()
    started = time.monotonic()
    data = problem.learnt if folds else problem.train
    error: DivergenceError | None = None
    outcome: Outcome | None = None
    try:
        outcome = model.fit(
            data,
            valid="folds" if folds else problem.valid,
            folds=_folds_of_groups(problem, asked.group, members) if folds and asked.group else None,
            recipe=recipe,
            folder=folder,
            resume=going_on,
            listeners=listeners,
            progress=progress,
        )
    except DivergenceError as diverged:
        error = diverged
    if model.variables is None:
        assert error is not None
        raise error
    trained = time.monotonic()
    held_out = data if folds else problem.valid
    outputs = model.held_out if folds else model.logits(held_out.inputs)
    model, calibration = calibrated(model, np.asarray(outputs), held_out, problem)
    model.extra = _documents(problem, task, asked, calibration)
    model.save(folder / MODEL)  # before it is judged: whatever happens there, what was learnt is kept
    hurried = outcome is not None and outcome.reason == "interrupted"  # who stops it does not want to wait
    judgement = judge(model, problem, asked, calibration, hurried)
    model.extra |= _scores(judgement)
    model.save(folder / MODEL)
    learned = Learned(model, problem, task, asked, judgement, folder, outcome)
    return _told(learned, recipe, {"training": trained - started, "judging": time.monotonic() - trained}, error)


def _told(learned: Learned, recipe: Recipe, seconds: dict[str, float], diverged: DivergenceError | None) -> Learned:
    """Write the report. Where it cannot be written, that is said: the model and its scores are there all the same."""
    try:
        if learned.unsure is not None:
            write_frame(learned.unsure, _test_answers(learned).frame())
        write_run_report(learned, recipe, seconds)
    except Exception as error:  # whatever is wrong with a page, what was learnt must not be lost
        learned = replace(learned, failed=f"The report could not be written: {error}")
    if diverged is not None:
        raise diverged
    return learned


def _folds_of_groups(problem: Problem, group: str, members: int) -> np.ndarray:
    """Return a fold for each row of train and valid, such that no group is in two."""
    assert problem.table is not None
    rows = np.concatenate([problem.rows["train"], problem.rows["valid"]])
    groups = group_codes(problem.table, group)[rows]
    count = min(members, len(np.unique(groups)))
    folds = np.zeros(len(rows), np.int64)
    for fold, some in enumerate(group_split(groups, (1 / count,) * count)):
        folds[some] = fold
    return folds


def _test_answers(learned: Learned) -> Answers:
    """Return the answers for the test rows that are for a person, the least certain first."""
    problem = learned.problem
    answers = Answers(
        problem.kind,
        problem.names,
        problem.targets,
        learned.judgement.test.given,
        problem.test_names,
        None if problem.table is None else problem.table.rows(problem.rows["test"]),
        below=learned.asked.unsure_below,
    )
    return answers.some(answers.unsure)


def settings_help(spec: type) -> dict[str, str]:
    """Return what each setting of a spec means, by name, from the documentation of its attributes."""
    text = inspect.cleandoc(spec.__doc__ or "")
    entries = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", text, re.MULTILINE)
    texts = {name: " ".join(line.strip() for line in words.splitlines()) for name, words in entries}
    return {name: text[0].upper() + text[1:] for name, text in texts.items()}


def _values(found: Sequence[Score]) -> Scores:
    return Scores((score.name, score.interval.value) for score in found)


def _documents(problem: Problem, task: Task, asked: Asked, calibration: dict[str, Any]) -> dict[str, Any]:
    """Return what a saved model knows of its question and its data."""
    typical = problem.typical
    return {
        "task": {
            "kind": task.kind,
            "why": task.why,
            "asked": problem.asked,
            "names": list(problem.names),
            "targets": list(problem.targets),
        },
        "encoder": None if problem.encoder is None else to_json(problem.encoder),
        "calibration": calibration,
        "typical": None if typical is None else {name: values[0].tolist() for name, values in typical.items()},
        "data": {
            "name": problem.name,
            "title": problem.title,
            **problem.origin,
            "asked": to_json(asked),
            "rows": problem.sizes,
            "split": problem.split,
        },
    }


def _scores(judgement: Judgement) -> dict[str, Any]:
    """Return what a saved model knows of how good it is."""
    return {
        "scores": {
            "test": _values(judgement.scores),
            "intervals": {s.name: [s.interval.low, s.interval.high] for s in judgement.scores},
            "baseline": _values(judgement.trivial.scores),
            "headline": judgement.scores[0].name,
            "test_rows": len(judgement.test),
        }
    }
