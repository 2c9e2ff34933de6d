"""`brickwork learn`: train, test, save."""

from dataclasses import asdict, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from brickwork.cli.output import Json, Quiet, percent, print_json, print_network, print_table
from brickwork.core.spec import fields_of
from brickwork.data import Dataset
from brickwork.services import Learned, network_table
from brickwork.services import learn as learn_service
from brickwork.services.learn import recipe_help
from brickwork.tasks import Task
from brickwork.train import Ended, EpochEnded, Event, Model, Recipe

NAMED = ("optimizer", "schedule", "plateau", "class_weights")
"""Settings that the command line takes by name; in Python they may be more than that."""

PYTHON_ONLY = ("rates",)


def _flag(name: str, hint: Any, text: str) -> tuple[str, Any, Any]:
    named = name in NAMED
    shown = Parameter(
        help=text + (" By name." if named else ""), negative=None if hint is bool else "", show_default=False
    )
    return name, Annotated[(str if named else hint) | None, shown], field(default=None)


_Training = make_dataclass(
    "Training",
    [_flag(f.name, f.type, recipe_help()[f.name]) for f in fields_of(Recipe) if f.name not in PYTHON_ONLY]
    + [_flag("rate", float, "The learning rate of the optimizer.")],
    namespace={"__module__": __name__},
    frozen=True,
)
_GROUP = "Training (what is not given is chosen for the data)"


def learn(
    dataset: str,
    /,
    *,
    runs: Path = Path("runs"),
    name: str | None = None,
    resume: Path | None = None,
    split: int = 0,
    training: Annotated[_Training, Parameter(name="*", group=_GROUP)] = _Training(),  # pyright: ignore  # noqa: B008
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Train a network on a data set, test it once on rows it has not seen, and save it.

    The run gets a folder of its own, with the model (`model.brickwork`), the history of the training
    (`history.jsonl`) and a checkpoint. Ctrl-C stops early and keeps the best network so far.

    Examples:

        brickwork learn digits

        brickwork learn wine --epochs 40 --rate 0.003 --optimizer adamw

        brickwork learn digits --resume runs/digits-1

    Parameters
    ----------
    dataset
        The name of a data set: see `brickwork datasets`.
    runs
        The folder in which the run gets its own.
    name
        The name of the run's folder; `digits-1`, `digits-2`... when not given.
    resume
        The folder of a run that was cut off: go on from its last checkpoint.
    split
        Which rows are for training, validating and testing: a number for each way to split.
    """
    settings = {name: value for name, value in asdict(training).items() if value is not None}
    silent = json or quiet
    epochs = _Epochs()

    def introduce(task: Task, model: Model, data: Dataset) -> None:
        epochs.shown.append(f"valid/{task.headline}")
        _introduce(task, model, data)

    learned = learn_service(
        dataset,
        runs=runs,
        name=name,
        resume=resume,
        split_seed=split,
        progress=not silent,
        before=None if silent else introduce,
        listeners=() if silent else (epochs,),
        **settings,
    )
    if json:
        print_json(_document(learned))
    elif quiet:
        print(learned.path)
    else:
        _report(learned)
    return 130 if learned.outcome and learned.outcome.reason == "interrupted" else 0


class _Epochs:
    """Prints a line for about every tenth epoch, so that a log without a terminal shows how training went."""

    def __init__(self) -> None:
        self.shown = ["train/loss", "valid/loss"]

    def __call__(self, event: Event) -> None:
        if isinstance(event, EpochEnded) and (event.epoch % max(1, event.epochs // 10) == 0 or event.epoch == 1):
            numbers = [f"{name} {event.record[name]:.4g}" for name in self.shown if name in event.record]
            print(f"epoch {event.epoch:3d}  {'  '.join(f'{text:<20}' for text in numbers).rstrip()}", flush=True)
        elif isinstance(event, Ended) and event.reason != "finished":
            print(f"Training {event.reason} after {event.epoch} epochs.", flush=True)


def _introduce(task: Task, model: Model, data: Dataset) -> None:
    card = data.card
    print(f"{card.title}: {card.rows:,} rows. To learn: {card.asked}.")
    print(f"Since {task.why}, this is a question of {'classes' if task.kind == 'classes' else 'numbers'}.")
    plan = model.net.plan(data.train.inputs[:1])
    print_network(network_table(plan), plan.count)


def _document(learned: Learned) -> dict[str, Any]:
    outcome = learned.outcome
    return {
        "model": str(learned.path),
        "folder": str(learned.folder),
        "task": learned.task.kind,
        "test": dict(learned.scores),
        "baseline": dict(learned.baseline),
        "test_rows": learned.test_rows,
        "epochs": outcome.epochs_done if outcome else None,
        "best_epoch": outcome.best_epoch if outcome else None,
        "stopped": outcome.reason if outcome else None,
    }


def _report(learned: Learned) -> None:
    names = [name for name in learned.scores if name in learned.baseline]
    rows = [(name, _number(name, learned.scores[name]), _number(name, learned.baseline[name])) for name in names]
    what = "the most frequent class" if learned.task.kind == "classes" else "the mean"
    title = f"Test, {learned.test_rows} rows the network has not seen"
    print(f"\n{title}")
    print_table("", ("", "network", f"always {what}"), rows, ("network", f"always {what}"))
    model = learned.path
    takes_pictures = learned.task.encoder is not None
    print(f"Saved in {learned.folder}. Next:")
    if takes_pictures:
        print(f"  brickwork predict {model} picture.png    read a digit that you drew")
    print(f"  brickwork show {model}    what it is made of, and its card")
    print(f"  brickwork learn {learned.model.extra['data']['name']} --epochs 60    train longer")


def _number(name: str, value: float) -> str:
    return percent(value) if name == "accuracy" else f"{value:.4g}"
