"""What every contender can be asked for."""

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from benchmarks.speed.workloads import Workload, data

TRIES = 2
"""Epochs by which each way to run is judged, after the first, which may compile."""


class Contender(ABC):
    """A library, told to train a workload; its fastest documented way to do so is found by trying them.

    `versions` are what a report says it ran with; `notes` what else a reader should know.
    """

    def __init__(self, device: str, precision: str):
        self.device, self.precision = device, precision
        self.workload: Workload = Workload("none", "mlp")
        self.notes: list[str] = []
        self.epoch = 0

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the versions of what runs here."""

    @abstractmethod
    def ways(self, workload: Workload) -> Sequence[Mapping[str, Any]]:
        """Return settings to try, of which the fastest is kept; the first is the usual one."""

    @abstractmethod
    def build(self, workload: Workload, inputs: np.ndarray, targets: np.ndarray, way: Mapping[str, Any]) -> None:
        """Make a new network and its optimizer, with the data where training wants them."""

    @abstractmethod
    def train(self, epochs: int) -> list[float] | None:
        """Train so many epochs more and wait for the end; return each epoch's mean loss where it is known anyway."""

    @abstractmethod
    def losses(self, epochs: int) -> list[float]:
        """Train so many epochs more and return each one's mean loss."""

    @abstractmethod
    def parameters(self) -> int:
        """Return how many numbers are trained."""

    @abstractmethod
    def predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return the fastest documented way from inputs in NumPy to logits in NumPy, of the network as it is now."""

    def prepare(self, workload: Workload) -> dict[str, Any]:
        """Try every way and build the fastest; return how long that took, and how losses fall."""
        self.workload, self.notes = workload, []
        inputs, targets = data(workload)
        tried: list[tuple[float, int, Tried]] = []
        ways = list(self.ways(workload))
        built = -1
        for number, way in enumerate(ways):
            try:
                self.epoch = 0
                begun = time.perf_counter()
                self.build(workload, inputs, targets, way)
                found = self._tried(begun)
                tried.append((found.epoch, number, found))
                built = number
            except Exception as error:  # one way less; the others are tried all the same
                built = -1
                self.notes.append(f"{_words(way)} failed: {short(error)}")
        if not tried:
            raise RuntimeError("; ".join(self.notes))
        _, number, best = min(tried)
        if len(ways) > 1:
            self.notes.append(f"fastest of {len(ways)} ways: {_words(ways[number])}")
        if number != built:
            self.epoch = 0
            self.build(workload, inputs, targets, ways[number])
        return {
            "compile_seconds": max(0.0, best.first - best.epoch),
            "epoch_seconds": best.epoch,
            "losses": best.losses,
            "parameters": self.parameters(),
            "notes": self.notes,
            "way": dict(ways[number]),
        }

    def _tried(self, begun: float) -> "Tried":
        """Train the first epochs of a new network, and time them."""
        losses = self.losses(1)
        first = time.perf_counter() - begun
        times = []
        for _ in range(TRIES):
            begun = time.perf_counter()
            losses += self.losses(1)
            times.append(time.perf_counter() - begun)
        return Tried(first, min(times), losses[:2])


class Tried(NamedTuple):
    """A way that was tried: seconds from nothing to the end of the first epoch, of an epoch after it, and losses."""

    first: float
    epoch: float
    losses: list[float]


def epochs_from(contender: Contender, epochs: int) -> range:
    """Return the numbers of the next epochs, and count them."""
    first = contender.epoch
    contender.epoch += epochs
    return range(first, contender.epoch)


def combined(**choices: Sequence[Any]) -> list[dict[str, Any]]:
    """Return every combination of settings, the usual one (each setting's first) before the others."""
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def short(error: BaseException) -> str:
    """Return the first line of what went wrong."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"


def _words(way: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in way.items()) or "the only way"
