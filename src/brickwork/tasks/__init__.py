"""Floor 6: tasks. From data and a question to a problem, and to the default network, loss and recipe that answer it."""

from brickwork.tasks.asked import Asked
from brickwork.tasks.inferring import infer_task
from brickwork.tasks.preparing import prepare
from brickwork.tasks.problem import Problem
from brickwork.tasks.task import Task

__all__ = ["Asked", "Problem", "Task", "infer_task", "prepare"]
