"""The task of very small pictures of one thing each, such as 8 by 8 digits."""

from brickwork.optim import Adam, WarmupCosine
from brickwork.tasks.problem import Problem
from brickwork.tasks.questions import task_of
from brickwork.tasks.task import Task
from brickwork.train import Recipe
from brickwork.zoo.small_pictures import small_pictures

LARGEST = 12
"""Pixels a side up to which pictures are this small."""


def is_small(problem: Problem) -> bool:
    """Tell whether pictures are so small that a network without stages is enough."""
    _, height, width, _ = problem.train.inputs.shape
    return problem.kind == "classes" and min(height, width) >= 8 and max(height, width) <= LARGEST


def small_picture_task(problem: Problem) -> Task:
    """Return the task: a small convolutional network, which distorts what it learns from a little."""
    net = small_pictures(len(problem.labels or ()), largest=problem.brightest)
    recipe = Recipe(epochs=16, batch_size=32, optimizer=Adam(4e-3), schedule=WarmupCosine())
    return task_of(problem, net, recipe)
