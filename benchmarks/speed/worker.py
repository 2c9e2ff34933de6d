"""One contender's process: answers requests on standard input, a line of JSON each, until there are no more.

    {"do": "prepare", "workload": {...}}        compile seconds, losses, parameters, notes
    {"do": "train", "epochs": 3}                seconds, steps, peak memory, and what it used while it was idle
    {"do": "predict", "batch": 1, "seconds": 1} seconds of the median call, and how many calls
    {"do": "forget"}                            leaves the network behind

Every answer has "ok"; a request that failed says why in "error", and the process goes on.
"""

import argparse
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.contenders.base import Contender, short
from benchmarks.speed.workloads import Workload, data

LEAST_CALLS = 5
"""Calls of a prediction that are timed at least, whatever time they take."""


class Worker:
    """Carries out requests for one contender."""

    def __init__(self, make: Callable[[], Contender]):
        begun = time.perf_counter()
        self.contender = make()
        self.import_seconds = time.perf_counter() - begun
        self.predictors: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
        self.ended = self._clocks()

    def hello(self) -> dict[str, Any]:
        """Return what is known from the start."""
        return {"versions": self.contender.versions(), "import_seconds": self.import_seconds}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request."""
        idle, (_, used) = self._idle(), self._clocks()
        try:
            found = {"ok": True, **getattr(self, f"do_{request['do']}")(request), "idle_share": idle}
        except Exception as error:
            traceback.print_exc()
            found = {"ok": False, "error": short(error)}
        self.ended = self._clocks()
        return {**found, "processor_seconds": self.ended[1] - used}

    def do_prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        """Build the network of a workload and train its first epochs."""
        self.predictors.clear()
        reset_peak()
        gc.collect()
        found = self.contender.prepare(Workload.of(request["workload"]))
        return {**found, "peak_megabytes": peak_megabytes()}

    def do_train(self, request: dict[str, Any]) -> dict[str, Any]:
        """Train, and time it."""
        epochs = request["epochs"]
        gc.collect()
        begun = time.perf_counter()
        self.contender.train(epochs)
        seconds = time.perf_counter() - begun
        steps = epochs * self.contender.workload.steps
        return {"seconds": seconds, "steps": steps, "peak_megabytes": peak_megabytes()}

    def do_predict(self, request: dict[str, Any]) -> dict[str, Any]:
        """Predict again and again, and return the median call."""
        workload = self.contender.workload
        key = workload.name
        first = key not in self.predictors
        if first:
            self.predictors[key] = self.contender.predictor()
        predict, batch = self.predictors[key], request["batch"]
        rows = np.arange(batch) % workload.rows
        inputs = np.ascontiguousarray(data(workload)[0][rows])
        for _ in range(3):
            outputs = predict(inputs)
        if outputs.shape[0] != batch or outputs.shape[-1] != workload.outputs or not np.isfinite(outputs).all():
            raise ValueError(f"Outputs of {batch} rows have shape {outputs.shape}, or are not finite.")
        times: list[float] = []
        deadline = time.perf_counter() + request["seconds"]
        while len(times) < LEAST_CALLS or time.perf_counter() < deadline:
            begun = time.perf_counter()
            predict(inputs)
            times.append(time.perf_counter() - begun)
        return {"seconds": float(np.median(times)), "calls": len(times), "notes": self.contender.notes}

    def do_forget(self, request: dict[str, Any]) -> dict[str, Any]:
        """Leave networks and data behind, so that they take no memory while others are measured."""
        del request
        self.predictors.clear()
        for name in ("model", "net", "run", "step", "optimizer", "inputs", "targets", "params", "state", "session"):
            if name in vars(self.contender):
                delattr(self.contender, name)
        gc.collect()
        return {}

    @staticmethod
    def _clocks() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def _idle(self) -> float:
        """Return how much of a core was busy since the last answer: it should be about 0."""
        (wall, used), (wall_now, used_now) = self.ended, self._clocks()
        return (used_now - used) / max(wall_now - wall, 1e-9) if wall_now - wall > 0.05 else 0.0


def reset_peak() -> None:
    """Begin to measure peak memory anew, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_megabytes() -> float:
    """Return the most memory that the process has had, library and all, in 10^6 bytes."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource  # noqa: PLC0415 - not on every system

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return next(float(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> None:
    """Serve one contender; what libraries print goes to standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contender")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        worker = Worker(lambda: CONTENDERS[options.contender].make(options.device, options.dtype))
    except Exception as error:
        traceback.print_exc()
        print(json.dumps({"ok": False, "error": short(error)}), file=answers)
        return
    print(json.dumps({"ok": True, **worker.hello()}), file=answers)
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=answers)


if __name__ == "__main__":
    main()
