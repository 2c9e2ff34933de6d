"""Learn: from a data set to a trained, tested, saved network in a run folder."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickwork.core.errors import DivergenceError, SettingError, StorageError
from brickwork.core.spec import from_json, to_json
from brickwork.data import datasets
from brickwork.storage.documents import decode_json
from brickwork.storage.files import write_json
from brickwork.tasks import Task, infer_task
from brickwork.train import Listener, Model, Outcome, Recipe, Scores

MODEL = "model.brickwork"
RUN = "run.json"


@dataclass(frozen=True)
class Learned:
    """What learning gives: the model, its scores on the test part beside the baseline's, and where it is kept."""

    model: Model
    task: Task
    scores: Scores
    baseline: Scores
    test_rows: int
    folder: Path
    outcome: Outcome | None

    @property
    def path(self) -> Path:
        """The saved model."""
        return self.folder / MODEL


def learn(
    dataset: str,
    *,
    runs: str | Path = "runs",
    name: str | None = None,
    resume: str | Path | None = None,
    split_seed: int = 0,
    recipe: Recipe | None = None,
    listeners: Sequence[Listener] = (),
    progress: bool = False,
    before: Callable[[Task, Model, datasets.Dataset], None] | None = None,
    **settings: Any,
) -> Learned:
    """Train the default network on a data set, test it once on rows it has not seen, and save everything.

    Args:
        dataset: a name that `datasets.names()` lists.
        runs: the folder in which the run gets a folder of its own.
        name: the name of that folder; `digits-1`, `digits-2`... when not given.
        resume: the folder of a run that was cut off, to go on from its last checkpoint.
        split_seed: which rows are trained on, validated and tested.
        recipe: how to train; the task's own recipe when not given. `settings` change parts of it by name.
        listeners: told every event of the training.
        progress: show a progress bar.
        before: called with the task, the model and the data before training begins.
        settings: fields of `Recipe`.

    Raises:
        SettingError: an unknown data set or setting.
        StorageError: the run folder cannot be written.
        DivergenceError: training diverged; the best model so far is saved first.
    """
    folder = None if resume is None else Path(resume)
    if folder is not None:
        split_seed, recipe = _started(folder, dataset)
    data = datasets.load(dataset, seed=split_seed)
    task = infer_task(data)
    recipe = (recipe or task.recipe).changed(**settings)
    if folder is None:
        folder = _new_folder(Path(runs), name, dataset)
        asked = {"dataset": dataset, "split_seed": split_seed, "recipe": to_json(recipe), "kind": task.kind}
        write_json(folder / RUN, asked)
    model = Model(task.net, task.loss, task.metrics)
    model.extra = _documents(dataset, task, data, split_seed)
    if before is not None:
        before(task, model, data)
    error: DivergenceError | None = None
    outcome: Outcome | None = None
    try:
        outcome = model.fit(
            data.train,
            valid=data.valid,
            recipe=recipe,
            folder=folder,
            resume=resume is not None,
            listeners=listeners,
            progress=progress,
        )
    except DivergenceError as diverged:
        error = diverged
    if model.variables is None:
        assert error is not None
        raise error
    scores, baseline = model.evaluate(data.test), task.baseline(data.train, data.test)
    model.extra["scores"] = {
        "test": dict(scores),
        "baseline": dict(baseline),
        "headline": task.headline,
        "test_rows": len(data.test),
    }
    model.save(folder / MODEL)
    if error is not None:
        raise error
    return Learned(model, task, scores, baseline, len(data.test), folder, outcome)


def recipe_help() -> dict[str, str]:
    """Return what each setting of a recipe means, by name, from the recipe's own documentation."""
    text = inspect.cleandoc(Recipe.__doc__ or "")
    entries = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", text, re.MULTILINE)
    texts = {name: " ".join(line.strip() for line in words.splitlines()) for name, words in entries}
    return {name: text[0].upper() + text[1:] for name, text in texts.items()}


def _documents(dataset: str, task: Task, data: datasets.Dataset, split_seed: int) -> dict[str, Any]:
    card = data.card
    return {
        "task": {"kind": task.kind, "why": task.why, "headline": task.headline, "asked": card.asked},
        "encoder": None if task.encoder is None else to_json(task.encoder),
        "data": {
            "name": dataset,
            "title": card.title,
            "origin": card.origin,
            "licence": card.licence,
            "columns": None if card.columns is None else list(card.columns),
            "rows": {"train": len(data.train), "valid": len(data.valid), "test": len(data.test)},
            "split_seed": split_seed,
        },
    }


def _new_folder(runs: Path, name: str | None, dataset: str) -> Path:
    try:
        runs.mkdir(parents=True, exist_ok=True)
        if name is not None:
            folder = runs / name
            try:
                folder.mkdir()
            except FileExistsError as error:
                raise SettingError(f"{folder} exists already. Choose another name, or resume that run.") from error
            return folder
        number = 1
        while True:
            folder = runs / f"{dataset}-{number}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(f"The run folder in {runs} cannot be made: {reason}. Choose another with --runs.") from error


def _started(folder: Path, dataset: str) -> tuple[int, Recipe]:
    """Return the split seed and the recipe that a run was started with."""
    try:
        document = decode_json((folder / RUN).read_bytes())
        known, split_seed, recipe = document["dataset"], int(document["split_seed"]), from_json(document["recipe"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingError(f"{folder} is not the folder of a run: it has no readable {RUN}.") from error
    if known != dataset:
        raise SettingError(f"The run in {folder} learns {known!r}, not {dataset!r}.")
    return split_seed, recipe
