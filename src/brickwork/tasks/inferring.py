"""Which task answers a problem."""

from brickwork.core.errors import DataError
from brickwork.tasks.pictures import picture_task
from brickwork.tasks.problem import Problem
from brickwork.tasks.small_pictures import is_small, small_picture_task
from brickwork.tasks.tables import table_task
from brickwork.tasks.task import Task


def infer_task(problem: Problem) -> Task:
    """Return the task for a problem, with a default network sized to its data."""
    for name, part in (("training", problem.train), ("validation", problem.valid), ("test", problem.test)):
        if not len(part):
            raise DataError(f"The {name} part of {problem.name!r} is empty.")
    if problem.inputs == "table":
        return table_task(problem)
    return small_picture_task(problem) if is_small(problem) else picture_task(problem)
