"""A program that trains in two parts and may kill itself at a bad moment: run by test_killed.py, again and again.

    python killed_run.py FOLDER [MOMENT COUNT]

Part one is a model with dropout and shuffled rows, part two a learner that resamples its rows. Both write checkpoints
all the time. MOMENT is "write", "before" or "after": kill at the COUNTth checkpoint of this process, when half of it
is written, before it takes its name, or after. When both parts are done the weights are in FOLDER/final.npz.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from brickwork.storage import files
from brickwork.train import Model, Progress, Recipe, Run, checkpoint, engine, feed
from train.small import NET, blobs
from train.test_proving import MIXED, Resampling


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def kill_at(moment: str, count: int) -> None:
    """Arrange for this process to be killed while it writes a checkpoint."""
    written = 0
    real_write, real_replace = files.write_atomic, Path.replace

    def write(path: Any, data: Any) -> None:
        nonlocal written
        written += 1
        if written == count and moment == "write":

            def half(file: Any) -> None:
                file.write(data[: len(data) // 2])
                file.flush()
                kill()

            real_write(path, half)
        real_write(path, data)

    def replace(self: Path, target: Any) -> Path:
        if written == count and moment == "before":
            kill()
        done = real_replace(self, target)
        if written == count and moment == "after":
            kill()
        return done

    checkpoint.write_atomic = write  # pyright: ignore[reportPrivateImportUsage]
    Path.replace = replace  # pyright: ignore[reportAttributeAccessIssue]


def tell(part: str) -> Any:
    def listener(event: Any) -> None:
        if isinstance(event, Progress):
            print(part, (event.epoch - 1) * event.steps_per_epoch + event.step_in_epoch, flush=True)

    return listener


def main(folder: Path, *moment: str) -> None:
    if moment:
        kill_at(moment[0], int(moment[1]))
    feed.SEGMENT_STEPS = 4
    engine.FIRST_STEPS = 4
    recipe = Recipe(epochs=6, batch_size=10, checkpoint_seconds=0, ema=0.9)
    model = Model(NET, "cross_entropy", ["accuracy"])
    model.fit(blobs(), valid=blobs(40, 1), recipe=recipe, folder=folder / "one", resume=True, listeners=[tell("one")])
    assert model.variables is not None
    run = Run(Resampling(), recipe.replace(epochs=8), MIXED, folder=folder / "two", listeners=[tell("two")])
    final = {**model.variables.params, **run.go(resume=True).last.weights}
    np.savez(folder / "final.npz", **{name.replace("/", "."): np.asarray(value) for name, value in final.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
