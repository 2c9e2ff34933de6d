"""Run folders: where a run keeps what it makes, and how it is found again."""

from pathlib import Path

from brickwork.core.errors import BrickworkError, SettingError, StorageError
from brickwork.core.spec import from_json, to_json
from brickwork.storage.documents import decode_json
from brickwork.storage.files import write_json
from brickwork.tasks.asked import Asked
from brickwork.train import Recipe

MODEL = "model.brickwork"
RUN = "run.json"
REPORT = "report.html"
UNSURE = "unsure.csv"


def new_run(runs: Path, name: str | None, source: str) -> Path:
    """Make the folder of a new run: of this name, or of the source's with the next number.

    Raises `SettingError` for a name that is taken, `StorageError` where no folder can be made.
    """
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
            folder = runs / f"{source}-{number}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(f"The run folder in {runs} cannot be made: {reason}. Choose another with --runs.") from error


def write_start(folder: Path, asked: Asked, recipe: Recipe, kind: str) -> None:
    """Write down what a run is started with, so that it can be resumed."""
    write_json(folder / RUN, {"asked": to_json(asked), "recipe": to_json(recipe), "kind": kind})


def read_start(folder: Path) -> tuple[Asked, Recipe]:
    """Return what a run was started with; raises `SettingError` for a folder that is not one of a run."""
    try:
        document = decode_json((folder / RUN).read_bytes())
        asked, recipe = from_json(document["asked"]), from_json(document["recipe"])
    except (OSError, ValueError, KeyError, TypeError, BrickworkError) as error:
        raise SettingError(f"{folder} is not the folder of a run: it has no readable {RUN}.") from error
    if not isinstance(asked, Asked) or not isinstance(recipe, Recipe):
        raise SettingError(f"{folder} is not the folder of a run: its {RUN} holds something else.")
    return asked, recipe
