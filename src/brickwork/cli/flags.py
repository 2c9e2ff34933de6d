"""Flags made of settings: one dataclass is the source of the command line, of its help and of what is stored."""

from collections.abc import Mapping
from dataclasses import asdict, field, make_dataclass
from typing import Annotated, Any, get_args

from cyclopts import Parameter

from brickwork.core.spec import Spec, fields_of
from brickwork.services.learn import settings_help
from brickwork.tasks import Asked
from brickwork.train import Recipe

NAMED = ("optimizer", "schedule", "plateau", "class_weights")
"""Settings that the command line takes by name; in Python they may be more than that."""

PYTHON_ONLY = ("rates",)

QUESTION_GROUP = "Question (what is not said is recognised in the data)"
TRAINING_GROUP = "Training (what is not given is chosen for the data)"


def _flag(name: str, hint: Any, text: str, default: Any = None) -> tuple[str, Any, Any]:
    negative = None if hint is bool else ""
    shown = Parameter(help=text, negative=negative, show_default=False)
    if hint is not bool and hint is not str and tuple[str, ...] in (hint, *get_args(hint)):
        hint = list[str]
    return name, Annotated[hint | None, shown], field(default=default)


def _flags(spec: type[Spec], left_out: tuple[str, ...]) -> list[tuple[str, Any, Any]]:
    texts = settings_help(spec)
    return [
        _flag(f.name, str if f.name in NAMED else f.type, texts[f.name] + (" By name." if f.name in NAMED else ""))
        for f in fields_of(spec)
        if f.name not in left_out
    ]


Training: Any = make_dataclass(
    "Training",
    [*_flags(Recipe, PYTHON_ONLY), _flag("rate", float, "The learning rate of the optimizer.")],
    namespace={"__module__": __name__},
    frozen=True,
)

Question: Any = make_dataclass(
    "Question",
    [
        *_flags(Asked, ("source", "target", "split_seed")),
        _flag("split", int, settings_help(Asked)["split_seed"]),
    ],
    namespace={"__module__": __name__},
    frozen=True,
)


def given(flags: Any) -> dict[str, Any]:
    """Return the settings that were given, by name."""
    found: Mapping[str, Any] = asdict(flags)
    settings = {name: value for name, value in found.items() if value not in (None, [])}
    if "split" in settings:
        settings["split_seed"] = settings.pop("split")
    return settings
