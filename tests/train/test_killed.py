"""Runs that are really killed, with SIGKILL, and go on to the same bits."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from brickwork.train.checkpoint import read_progress

HERE = Path(__file__).parent
PATHS = {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts the program; what is still running at the end of a test is ended."""
    started: list[subprocess.Popen[str]] = []

    def begin(folder: Path, *moment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", str(HERE / "killed_run.py"), str(folder), *moment]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **PATHS})
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output


def kill_at_random(process: subprocess.Popen[str], part: str, step: int, chance: random.Random) -> None:
    """Let the process reach a step and kill it a moment later."""
    assert process.stdout is not None
    for line in process.stdout:
        reached, number = line.split()
        if reached == part and int(number) >= step:
            break
    time.sleep(chance.uniform(0, 0.02))
    process.kill()
    assert process.wait() == -signal.SIGKILL


def killed_itself(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL


def final(folder: Path) -> dict[str, bytes]:
    with np.load(folder / "final.npz") as arrays:
        return {name: arrays[name].tobytes() for name in arrays.files}


def test_a_run_killed_again_and_again_ends_in_the_same_bits(start, tmp_path):
    whole = start(tmp_path / "whole")
    chance, folder = random.Random(), tmp_path / "killed"  # another moment each time
    kill_at_random(start(folder), "one", 12, chance)  # in mid-epoch, part one
    progress = read_progress(folder / "one" / "checkpoint" / "state.safetensors")
    assert progress["epoch"] * 10 + progress["position"] >= 8
    killed_itself(start(folder, "write", "5"))  # in mid-checkpoint
    kill_at_random(start(folder), "two", 23, chance)  # in mid-epoch, part two
    killed_itself(start(folder, "before", "6"))  # the new checkpoint has no name yet
    steps = [line.split() for line in finish(start(folder)).splitlines()]
    assert "one" not in {part for part, _ in steps}  # part one was done
    assert int(steps[0][1]) > 20  # and part two went on
    finish(whole)
    assert final(folder) == final(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["write", "before", "after"])
def test_every_moment_of_writing_a_checkpoint(start, tmp_path, moment):
    whole = start(tmp_path / "whole")
    for count in (1, 2, 7, 11, 13):
        killed_itself(start(tmp_path / "killed", moment, str(count)))
    finish(start(tmp_path / "killed"))
    finish(whole)
    assert final(tmp_path / "killed") == final(tmp_path / "whole")


@pytest.mark.slow
def test_many_random_kills(start, tmp_path):
    whole, chance = start(tmp_path / "whole"), random.Random()
    for part, step in (("one", 3), ("one", 14), ("one", 33), ("one", 55), ("two", 6), ("two", 40), ("two", 70)):
        kill_at_random(start(tmp_path / "killed"), part, step, chance)
    finish(start(tmp_path / "killed"))
    finish(whole)
    assert final(tmp_path / "killed") == final(tmp_path / "whole")
