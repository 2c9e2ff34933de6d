"""A progress bar on the terminal."""

import sys
from typing import Any

from brickwork.train.events import Ended, EpochEnded, Event, Progress, Skipped, Started


class ProgressBar:
    """Shows the epoch, the steps, the losses and the time that is left; silent when standard error is no terminal."""

    def __init__(self, live: bool | None = None):
        self.live = sys.stderr.isatty() if live is None else live
        self._bar: Any = None
        self._task: Any = None
        self._valid = ""

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if not self.live:
            return
        if isinstance(event, Started):
            self._begin(event)
        elif isinstance(event, Progress):
            done = (event.epoch - 1) * event.steps_per_epoch + event.step_in_epoch
            self._show(completed=min(done, event.epochs * event.steps_per_epoch), text=_text(event.logs) + self._valid)
        elif isinstance(event, EpochEnded):
            self._valid = "  " + _text({k: v for k, v in event.record.items() if k.startswith("valid/")})
        elif isinstance(event, Skipped):
            self._bar.console.print(f"[yellow]{event.count} steps from {event.step} on were not finite: left out.[/]")
        elif isinstance(event, Ended):
            self._bar.stop()

    def _begin(self, event: Started) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
        from rich.progress import Progress as Bar  # noqa: PLC0415

        columns = TextColumn("training"), BarColumn(bar_width=24), TextColumn("{task.fields[text]}")
        self._bar = Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        total = event.epochs * event.steps_per_epoch
        self._task = self._bar.add_task("training", total=total, completed=event.step, text="compiling…")
        self._bar.start()

    def _show(self, completed: int, text: str) -> None:
        self._bar.update(self._task, completed=completed, text=text)


def _text(logs: Any) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in logs.items())
