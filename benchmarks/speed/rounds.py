"""The rounds: every contender in turn, again and again, so that what disturbs the machine disturbs all alike."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from benchmarks.speed import judging, machine
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.processes import GoneError, installed, python_of, start
from benchmarks.speed.workloads import Workload, operations, parameters

PREDICTED = ("mlp-small", "cnn", "resnet20")
"""Workloads whose predictions are measured, too."""

PREDICTION_BATCHES = (1, 256)

AGAIN = 3
"""How often a turn is taken again in which other programs were busy."""


class Arena:
    """All contenders' processes. Those that end or fail are left out from then on, and why is remembered."""

    def __init__(self, say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)):
        self.processes: dict[str, Any] = {}
        self.versions: dict[str, dict[str, str]] = {}
        self.missing: dict[str, str] = {}
        self.say = say

    def open(
        self, names: Sequence[str], pythons: dict[str, str], device: str, precision: str, scratch: str, log: IO[str]
    ) -> None:
        """Start the processes of contenders that are installed."""
        for name in names:
            python = python_of(name, pythons)
            lacking = installed(python, CONTENDERS[name].requires)
            if lacking:
                self.missing[name] = f"not installed: {', '.join(lacking)}"
            else:
                try:
                    self.processes[name], hello = start(name, python, device, precision, scratch, log)
                    self.versions[name] = hello["versions"]
                except GoneError as error:
                    self.missing[name] = str(error)
            self.say(f"{name}: {self.missing.get(name) or self.versions[name]}")

    def close(self) -> None:
        """End all processes."""
        for process in self.processes.values():
            process.stop()
        self.processes.clear()

    def ask(self, name: str, **request: Any) -> dict[str, Any]:
        """Ask a contender; an answer that is not ok, and a process that is gone, raise `GoneError`."""
        try:
            answer = self.processes[name].ask(**request)
        except GoneError as error:
            self.processes.pop(name).stop()
            self.missing[name] = str(error)
            raise
        if not answer["ok"]:
            raise GoneError(answer["error"])
        return answer

    def trainers(self) -> list[str]:
        """Return the contenders that train and are there."""
        return [name for name in self.processes if CONTENDERS[name].trains]


SLOW = 10
"""How many times as long as it should last a turn may take before its contender takes no more of them."""


def measure(arena: Arena, workload: Workload, rounds: int, seconds: float, peak: float | None) -> dict[str, Any]:
    """Return the training of one workload: a row for each contender, with its numbers, or with why it has none."""
    rows: dict[str, dict[str, Any]] = {}
    prepared: dict[str, dict[str, Any]] = {}
    for name in arena.trainers():
        try:
            prepared[name] = arena.ask(name, do="prepare", workload=workload.settings())
            first, last = prepared[name]["losses"]
            told = f"compiling {prepared[name]['compile_seconds']:.1f} s, loss {first:.4g} to {last:.4g}"
            arena.say(f"{workload.name}, {name}: {told}; {'; '.join(prepared[name]['notes'])}")
        except GoneError as error:
            rows[name] = {"failed": str(error)}
            arena.say(f"{workload.name}, {name}: failed, {error}")
    refused = judging.not_the_same_work(parameters(workload), prepared)
    for name, reason in refused.items():
        rows[name] = {"refused": reason}
        arena.say(f"{workload.name}, {name}: not the same work, {reason}")
    racing = {name: judging.epochs_for(seconds, prepared[name]["epoch_seconds"]) for name in prepared}
    racing = {name: epochs for name, epochs in racing.items() if name not in refused}
    turns = _turns(arena, racing, rounds, seconds, rows, workload)
    for name, found in turns.items():
        if name not in rows:
            rows[name] = judging.training_row(found, prepared[name], operations(workload), workload.batch, peak)
    peers = [name for name in rows if CONTENDERS[name].peer]
    return {
        "workload": workload.settings(),
        "steps_per_epoch": workload.steps,
        "parameters": parameters(workload),
        "operations": operations(workload),
        "best_peer": judging.best_peer(rows, peers, "milliseconds"),
        "rows": judging.with_ratios(rows, peers, "milliseconds"),
    }


def _turns(
    arena: Arena,
    racing: Mapping[str, int],
    rounds: int,
    seconds: float,
    rows: dict[str, dict[str, Any]],
    workload: Workload,
) -> dict[str, list[dict[str, Any]]]:
    """Return every contender's turns. Those of the first round warm up and are not counted.

    Who takes more than `SLOW` times as long as a turn should last has one turn only: nobody else is to wait for it.
    """
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in racing}
    for number in range(rounds + 1):
        for name, epochs in racing.items():
            if name in rows or any(turn["seconds"] > SLOW * seconds for turn in turns[name]):
                continue
            try:
                turn = _undisturbed(arena, name, AGAIN if number else 0, do="train", epochs=epochs)
            except GoneError as error:
                rows[name] = {"failed": str(error)}
                continue
            if number:
                turns[name].append(turn)
            told = f"{1e3 * turn['seconds'] / turn['steps']:.4g} ms a step, {turn['seconds']:.2f} s"
            arena.say(f"{workload.name}, round {number}, {name}: {told}, others {turn['others_share']:.2f} cores")
    return turns


def _undisturbed(arena: Arena, name: str, again: int, **request: Any) -> dict[str, Any]:
    """Return the answer of a turn during which other programs were quiet, or the last of all tries."""
    while True:
        busy, begun = machine.busy_seconds(), time.perf_counter()
        turn = arena.ask(name, **request)
        others = machine.busy_seconds() - busy - turn["processor_seconds"]
        turn["others_share"] = max(0.0, others / (time.perf_counter() - begun))
        if turn["others_share"] <= judging.OTHERS or not again:
            return turn
        again -= 1


def measure_predictions(arena: Arena, workload: Workload, rounds: int, seconds: float) -> dict[str, Any]:
    """Return the time of one prediction of the workload's network, by batch; training has prepared it."""
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name in [name for name in arena.processes if not CONTENDERS[name].trains]:
        try:
            arena.ask(name, do="prepare", workload=workload.settings())
        except GoneError as error:
            failed[name] = str(error)
            arena.say(f"predicting {workload.name}, {name}: failed, {error}")
    for batch in PREDICTION_BATCHES:
        answers: dict[str, list[dict[str, Any]]] = {}
        for number in range(rounds + 1):
            for name in list(arena.processes):
                if name in failed:
                    continue
                try:
                    request = {"do": "predict", "batch": batch, "seconds": seconds if number else 0.1}
                    answer = _undisturbed(arena, name, AGAIN if number else 0, **request)
                    if number:
                        answers.setdefault(name, []).append(answer)
                except GoneError as error:
                    failed[name] = str(error)
                    arena.say(f"predicting {workload.name}, {name}: failed, {error}")
        rows: dict[str, dict[str, Any]] = {
            name: {
                "milliseconds": judging.spread([1e3 * answer["seconds"] for answer in some]),
                "others_share": statistics.median(answer["others_share"] for answer in some),
            }
            for name, some in answers.items()
            if name not in failed
        }
        for name, row in rows.items():
            row["examples_per_second"] = batch / (row["milliseconds"]["median"] / 1e3)
            arena.say(f"predicting {workload.name}, {batch} rows, {name}: {row['milliseconds']['median']:.4g} ms")
        peers = [name for name in rows if CONTENDERS[name].peer]
        rows = judging.with_ratios(rows, peers, "milliseconds")
        found[str(batch)] = {
            "best_peer": judging.best_peer(rows, peers, "milliseconds"),
            "rows": rows | {name: {"failed": reason} for name, reason in failed.items()},
        }
    return found


def forget(arena: Arena) -> None:
    """Let everyone leave the workload behind."""
    for name in list(arena.processes):
        with suppress(GoneError):
            arena.ask(name, do="forget")
