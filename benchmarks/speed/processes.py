"""The driver's side of the processes: starting them, asking them, and what to do with those that fail."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from benchmarks.speed.contenders import CONTENDERS

WORKER = Path(__file__).with_name("worker.py")
TIMEOUT = 900.0
"""Seconds after which an answer is given up."""


class GoneError(RuntimeError):
    """A process ended, or did not answer in time."""


class Process:
    """One worker: `ask` sends a request and waits for the answer."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: IO[str]):
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, bufsize=0
        )
        self._rest = b""

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to a request; raises `GoneError`."""
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise GoneError(f"its process ended with status {self.child.poll()}") from error
        return self.read()

    def read(self, timeout: float = TIMEOUT) -> dict[str, Any]:
        """Return the next line that the process says."""
        assert self.child.stdout is not None
        deadline = time.monotonic() + timeout
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self.child.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self.stop()
                raise GoneError(f"it did not answer within {timeout:.0f} seconds")
            part = os.read(self.child.stdout.fileno(), 1 << 16)
            if not part:
                raise GoneError(f"its process ended with status {self.child.wait()}")
            self._rest += part
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def stop(self) -> None:
        """End the process."""
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                pipe.close()


def environment(contender: str, device: str, scratch: str) -> dict[str, str]:
    """Return the environment of a contender's process.

    Nothing is read from caches on disk, so that compiling is measured as it is the first time.
    """
    found = {
        **os.environ,
        "BRICKWORK_CACHE": "",
        "TORCHINDUCTOR_CACHE_DIR": str(Path(scratch) / "inductor"),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    found |= {"JAX_PLATFORMS": "cpu" if device == "cpu" else "cuda"}
    if device == "cpu":
        found["CUDA_VISIBLE_DEVICES"] = "-1"
    settings = dict(CONTENDERS[contender].settings)
    if "backend" in settings:
        found["KERAS_BACKEND"] = settings["backend"]
    return found


def start(
    contender: str, python: str, device: str, precision: str, scratch: str, log: IO[str]
) -> tuple[Process, dict[str, Any]]:
    """Start a contender's process and return it with what it says first; raises `GoneError` with the reason."""
    command = [python, str(WORKER), contender, "--device", device, "--dtype", precision]
    try:
        process = Process(command, environment(contender, device, scratch), log)
    except OSError as error:
        raise GoneError(f"{python} could not be started: {error}") from error
    hello = process.read()
    if not hello["ok"]:
        process.stop()
        raise GoneError(hello["error"])
    return process, hello


def installed(python: str, requires: Sequence[str]) -> list[str]:
    """Return which of these modules a Python lacks."""
    code = "import sys, importlib.util as u; print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])"
    try:
        found = subprocess.run([python, "-c", code, *requires], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return list(requires)
    return found.stdout.split()


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder for what libraries leave behind."""
    return tempfile.TemporaryDirectory(prefix="speed-")


def python_of(contender: str, pythons: dict[str, str]) -> str:
    """Return the interpreter of a contender: its own, that of all peers ("peers"), or this one."""
    if contender in pythons:
        return pythons[contender]
    if CONTENDERS[contender].peer and "peers" in pythons:
        return pythons["peers"]
    return sys.executable
