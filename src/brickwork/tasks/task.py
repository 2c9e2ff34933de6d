"""A task: the defaults that answer one kind of question well."""

from dataclasses import dataclass

from brickwork.core.brick import Brick
from brickwork.explain.findings import Question
from brickwork.losses import Loss
from brickwork.metrics import Metric
from brickwork.train import Recipe


@dataclass(frozen=True)
class Task:
    """What answers one kind of question well by default.

    `why` says in words how the question was recognised. `headline` is the score a person asks for first, the name of
    one of the `metrics`. `augment` changes training rows at random. `members` networks answer together; with `folds`
    each of them holds out another part of the rows to stop by, so that together they learn from all.
    """

    kind: Question
    why: str
    net: Brick
    loss: Loss
    metrics: tuple[Metric, ...]
    headline: str
    recipe: Recipe
    augment: Brick | None = None
    members: int = 1
    folds: bool = False
