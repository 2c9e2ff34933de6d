"""What every kind of question is trained with and judged by, whatever it is asked of."""

from typing import Any

import numpy as np

from brickwork.core.brick import Brick
from brickwork.explain.findings import Question
from brickwork.losses import BinaryCrossEntropy, CrossEntropy, Loss, MeanSquaredError
from brickwork.metrics import F1, MAE, R2, RMSE, Accuracy, ExactMatch, Metric
from brickwork.tasks.problem import Problem
from brickwork.tasks.task import Task
from brickwork.train import Recipe

METRICS: dict[Question, tuple[Metric, ...]] = {
    "classes": (Accuracy(),),
    "labels": (F1("macro"), ExactMatch()),
    "number": (R2(), RMSE(), MAE()),
}
"""The measures of a question while it is learnt, the first of which a person asks for first."""


def task_of(problem: Problem, net: Brick, recipe: Recipe, **more: Any) -> Task:
    """Return the task of a problem with the loss and the metrics of its kind; `more` are further fields of `Task`."""
    loss = loss_for(problem.kind, np.asarray(problem.train.targets))
    return Task(problem.kind, problem.why, net, loss, METRICS[problem.kind], recipe, **more)


def loss_for(kind: Question, targets: np.ndarray) -> Loss:
    """Return the loss of a question; several numbers are divided by their deviations, so that they count alike."""
    if kind == "classes":
        return CrossEntropy()
    if kind == "labels":
        return BinaryCrossEntropy()
    spread = targets.reshape(len(targets), -1).astype(np.float64).std(0)
    return MeanSquaredError(tuple(np.where(spread > 0, spread, 1.0).tolist()))
