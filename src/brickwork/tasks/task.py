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

    `why` says in words how the question was recognised. The first of the `metrics` is the score a person asks for
    first. `augment` changes training rows at random. `members` networks answer together; with `folds`
    each of them holds out another part of the rows to stop by, so that together they learn from all.
    """

    kind: Question
    why: str
    net: Brick
    loss: Loss
    metrics: tuple[Metric, ...]
    recipe: Recipe
    augment: Brick | None = None
    members: int = 1
    folds: bool = False

    @property
    def headline(self) -> str:
        """The name of the score a person asks for first."""
        return self.metrics[0].name if self.metrics else "loss"
