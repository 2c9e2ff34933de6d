"""Floor 6: tasks. A task knows one kind of question: its default network, loss, metrics, recipe and baseline."""

from brickwork.tasks.task import Task, infer_task

__all__ = ["Task", "infer_task"]
