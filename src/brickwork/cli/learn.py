"""`brickwork learn`: train, test, explain, save."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from brickwork.cli.flags import QUESTION_GROUP, TRAINING_GROUP, Question, Training, given
from brickwork.cli.learned import Shown, print_learned
from brickwork.cli.output import Json, Quiet
from brickwork.services import learn as learn_service

Target = Annotated[
    list[str] | None,
    Parameter(name=["--target", "-t"], negative="", help="The column to learn; again for further ones."),
]


def learn(
    source: str,
    /,
    *,
    target: Target = None,
    runs: Path = Path("runs"),
    name: str | None = None,
    question: Annotated[Question, Parameter(name="*", group=QUESTION_GROUP)] = Question(),  # pyright: ignore  # noqa: B008
    training: Annotated[Training, Parameter(name="*", group=TRAINING_GROUP)] = Training(),  # pyright: ignore  # noqa: B008
    tensorboard: bool = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Learn to answer a question from your data, test the answers once on rows not seen, explain and save all.

    The run gets a folder of its own, with the model (`model.brickwork`), a report for the browser (`report.html`),
    the history of the training (`history.jsonl`) and a checkpoint. Ctrl-C stops early and keeps the best network so
    far; `brickwork resume` goes on with a run that was cut off.

    Examples:

        brickwork learn flights.csv --target delayed

        brickwork learn houses.parquet --target price --time sold --compare

        brickwork learn patients.csv --target ill --group patient --by sex --unsure-below 0.8

        brickwork learn pictures/           (a folder with a sub-folder for each class)

        brickwork learn digits

    Parameters
    ----------
    source
        A table (CSV, TSV, Parquet, JSON Lines, Arrow), a folder of pictures with a sub-folder for each class, a table
        with a column of paths of pictures, or the name of a data set (see `brickwork datasets`).
    runs
        The folder in which the run gets its own.
    name
        The name of the run's folder; `flights-1`, `flights-2`... when not given.
    tensorboard
        Write events for TensorBoard into the run's folder as well.
    """
    shown = Shown(silent=json or quiet)
    learned = learn_service(
        source,
        target,
        runs=runs,
        name=name,
        tensorboard=tensorboard,
        progress=not shown.silent,
        before=shown.introduce,
        listeners=(shown,),
        **given(question),
        **given(training),
    )
    return print_learned(learned, json=json, quiet=quiet)


def resume(run: Path, /, *, source: str | None = None, json: Json = False, quiet: Quiet = False) -> int:
    """Go on with a run that was cut off, from its last checkpoint, to the weights it would have reached.

    Examples:

        brickwork resume runs/flights-1

    Parameters
    ----------
    run
        The folder of the run.
    source
        Where the data are now, if they are elsewhere.
    """
    from brickwork.services import resume as resume_service

    shown = Shown(silent=json or quiet)
    learned = resume_service(run, source, progress=not shown.silent, before=shown.introduce, listeners=(shown,))
    return print_learned(learned, json=json, quiet=quiet)
