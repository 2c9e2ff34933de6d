"""Ctrl-C: a real SIGINT to a real command. It ends within two seconds and keeps the best network so far."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import brickwork as bw
from brickwork.train import Ended, EpochEnded, Model, Recipe, Run
from train.small import LEARNER, Log, blobs

BUSY = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
SECONDS = 2.0 * BUSY  # two seconds, on a machine that does nothing else


@contextmanager
def learn(runs: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "brickwork.cli.main", "learn", "digits", "--runs", str(runs), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not (path.exists() and path.stat().st_size):
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.02)


def interrupt(process: subprocess.Popen[str]) -> tuple[float, str, str]:
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    return time.monotonic() - begun, output, errors


def test_ctrl_c_while_training(tmp_path):
    with learn(tmp_path, "--epochs", "1000", "--schedule", "constant") as process:
        wait_for(tmp_path / "digits-1" / "history.jsonl", process)
        time.sleep(0.3)
        seconds, output, errors = interrupt(process)
    assert process.returncode == 130, errors
    assert "Training interrupted after" in output
    assert errors == ""
    assert seconds < SECONDS
    model = Model.load(tmp_path / "digits-1" / "model.brickwork")
    assert model.evaluate(bw.datasets.load("digits").test)["accuracy"] > 0.3
    assert (tmp_path / "digits-1" / "checkpoint" / "state.safetensors").exists()


@pytest.mark.slow
def test_ctrl_c_while_compiling(tmp_path):
    with learn(tmp_path, "--epochs", "1000", "--quiet", BRICKWORK_CACHE=str(tmp_path / "cache")) as process:
        # This file is written while the compiler works.
        wait_for(tmp_path / "digits-1" / "checkpoint" / "state.safetensors", process)
        seconds, _, errors = interrupt(process)
    assert process.returncode == 130, errors
    assert seconds < SECONDS
    assert not (tmp_path / "digits-1" / "history.jsonl").exists()
    model = Model.load(tmp_path / "digits-1" / "model.brickwork")
    assert model.predict(bw.datasets.load("digits").test.inputs[:3]).shape == (3,)


def test_ctrl_c_in_this_process_and_again():
    log = Log()

    def press(event: Any) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    recipe = Recipe(epochs=5, batch_size=10)
    outcome = Run(LEARNER, recipe, blobs(), blobs(40, 1), listeners=[press, log]).go()
    assert (outcome.reason, outcome.epochs_done) == ("interrupted", 2)
    assert log.of(Ended)[0].reason == "interrupted"
    assert signal.getsignal(signal.SIGINT) is before

    def press_twice(event: Any) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    model = Model(LEARNER.net, "cross_entropy", ["accuracy"])
    with pytest.raises(KeyboardInterrupt):
        model.fit(blobs(), valid=blobs(40, 1), recipe=recipe, listeners=[press_twice], progress=False)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(model.history) == 2
    assert model.evaluate(blobs(40, 1))["loss"] == min(record["valid/loss"] for record in model.history)
