"""Events for TensorBoard: the measures of every epoch, as curves."""

from pathlib import Path
from typing import Any

from brickwork.core.errors import MissingDependencyError
from brickwork.train.events import Ended, EpochEnded, Event


class TensorBoard:
    """A listener that writes every epoch's measures into a folder: look at them with `tensorboard --logdir FOLDER`.

    Raises `MissingDependencyError` where tensorboardX is not installed.
    """

    def __init__(self, folder: str | Path):
        try:
            from tensorboardX import SummaryWriter  # noqa: PLC0415  (an extra)
        except ImportError as error:
            raise MissingDependencyError(
                "To write events for TensorBoard, install its writer: pip install 'brickwork[tensorboard]'."
            ) from error
        self.writer: Any = SummaryWriter(str(folder))

    def __call__(self, event: Event) -> None:
        """Write an epoch's measures; close the file when the run ends."""
        if isinstance(event, EpochEnded):
            for name, value in event.record.items():
                if "/" in name and isinstance(value, int | float):
                    self.writer.add_scalar(name, value, int(event.record["epoch"]))
            self.writer.flush()
        elif isinstance(event, Ended):
            self.writer.close()
