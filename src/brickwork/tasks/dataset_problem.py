"""Data sets by name, made ready: tables as tables, pictures as they are."""

from collections.abc import Callable
from dataclasses import replace

from brickwork.core.errors import SettingError
from brickwork.data import InkPicture, datasets
from brickwork.data.cards import DatasetCard
from brickwork.tasks.asked import Asked
from brickwork.tasks.problem import Problem
from brickwork.tasks.table_problem import table_problem


def dataset_problem(name: str, asked: Asked, tell: Callable[[str], None] | None = None) -> Problem:
    """Return the problem of a data set; its own target is asked for where no other is. `tell` hears of downloads."""
    card = datasets.card(name)
    if card.columns is not None:
        asked = asked if asked.target else asked.replace(target=(card.answer,))
        problem = table_problem(datasets.table(name), asked, name, card.title)
        return replace(problem, origin=_origin(card))
    for setting in ("target", "group", "time", "by", "leave_out"):
        if getattr(asked, setting):
            raise SettingError(f"{name!r} holds pictures and their classes, no columns: {setting}= does not fit it.")
    data = datasets.load(name, seed=asked.split_seed, folder=asked.files, tell=tell)
    card = data.card
    side = " x ".join(map(str, card.inputs[:2]))
    return Problem(
        name=name,
        title=card.title,
        kind="classes",
        why=f"each picture of {side} pixels shows one of {len(card.classes or ())} classes",
        inputs="pictures",
        train=data.train,
        valid=data.valid,
        test=data.test,
        targets=(),
        labels=card.classes,
        encoder=InkPicture() if name == "digits" else None,
        split="as it was published: the test part is given"
        if card.comes == "published"
        else "at random, classes in proportion",
        origin=_origin(card),
    )


def _origin(card: DatasetCard) -> dict[str, str]:
    return {"origin": card.origin, "licence": card.licence, "asked": card.asked}
