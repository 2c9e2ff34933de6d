"""The engine: runs any learner, in segments, with events, checkpoints, early stopping and a quiet Ctrl-C."""

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.core.errors import BundleError, DivergenceError, SettingError
from brickwork.core.spec import to_json
from brickwork.data import Examples
from brickwork.optim import Constant, OptaxOptimizer
from brickwork.storage.files import append_line
from brickwork.train.checkpoint import load_checkpoint, read_progress, rewrite_history, save_checkpoint
from brickwork.train.events import (
    Checkpointed,
    Ended,
    EpochEnded,
    Event,
    Listener,
    Progress,
    Skipped,
    Started,
)
from brickwork.train.feed import Feed, fingerprint
from brickwork.train.interrupt import Interrupt, catching_interrupts
from brickwork.train.judging import Judge
from brickwork.train.learner import Learner, Measured
from brickwork.train.outcome import Outcome
from brickwork.train.programs import copy, program, use_cache_on_disk
from brickwork.train.recipe import Recipe
from brickwork.train.segments import Measuring, no_bad_steps, train_program, zero_sums

CHECKPOINT = Path("checkpoint") / "state.safetensors"
HISTORY = "history.jsonl"
DONE = ("finished", "stopped early", "diverged")
RESUMABLE = ("checkpoint_seconds", "segment_seconds", "max_bad_steps")
"""Settings that may differ when a run is resumed; the number of epochs may, where no schedule depends on it."""

FIRST_STEPS = 1
"""Steps of the first segment of a run, before it is known how long one takes."""

INIT_KEY = 2**32 - 1
"""What the run's key is folded with to begin; steps use their own numbers, from 0 on."""


@dataclass
class Run:
    """One run of a learner over data.

    What changes during a run, from `state` on, is what a checkpoint holds; the rest is made anew from the settings.
    `feed` and `judge` are those of one network unless others are given.
    """

    learner: Learner
    recipe: Recipe
    data: Examples | None
    valid: Examples | None = None
    folder: Path | None = None
    listeners: Sequence[Listener] = ()
    first_epoch: int = 0
    first_step: int = 0
    feed: Any = None
    judge: Any = None
    # the state of the run
    state: Any = None
    epoch: int = 0
    position: int = 0
    sums: Any = None
    bad: Any = field(default_factory=no_bad_steps)
    skipped: int = 0
    sampling: np.ndarray | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    reason: str = ""
    error: DivergenceError | None = None

    def __post_init__(self) -> None:
        try:
            hash(self.learner)
        except TypeError as error:
            raise SettingError(
                f"{type(self.learner).__name__} is not hashable: write @dataclass(frozen=True) above it, "
                "with fields that are hashable."
            ) from error
        use_cache_on_disk()
        self.feed = self.feed or Feed(self.data, self.recipe)
        self.judge = self.judge or Judge(self.learner, self.recipe)
        self.steps = self.feed.steps
        self.key = self.learner.run_key(self.recipe.seed)  # of step n: folded with n
        self.started = self.saved = time.monotonic()
        self.pace = FIRST_STEPS

    # ------------------------------------------------------------------------------------------- the run itself

    def go(self, resume: bool = False) -> Outcome:
        """Run until the epochs are done, patience is out, a listener or Ctrl-C asks to stop, or numbers diverge."""
        if resume and self.folder is None:
            raise SettingError("To resume a run, say in which folder it is.")
        try:
            with catching_interrupts() as interrupt:
                self._prepare(resume, interrupt)
                while self.epoch < self.recipe.epochs and not self.reason and not self.judge.done:
                    self._epoch(interrupt)
            if not self.reason:
                self.reason = "stopped early" if self.judge.done else "finished"
            if self.folder is not None:
                self._save()
        except BaseException:
            self.reason = "failed"
            with suppress(Exception):
                self._end()
            raise
        self._end()
        return self.outcome()

    def _end(self) -> None:
        self._tell(Ended(self.reason, self.epoch, self.judge.best_epoch, time.monotonic() - self.started))

    def outcome(self) -> Outcome:
        """Return how far the run has come; after an error, too."""
        return Outcome(
            best=self.state if self.judge.best is None else self.judge.best,
            last=self.state,
            history=tuple(self.history),
            best_epoch=self.judge.best_epoch,
            reason=self.reason,
            epochs_done=self.first_epoch + self.epoch,
            steps_done=self.first_step + self.epoch * self.steps + self.position,
            error=self.error,
            members=self.judge.outcomes(),
        )

    def _prepare(self, resume: bool, interrupt: Interrupt) -> None:
        feed, fresh = self.feed, self.state is None
        if fresh:
            key = self.learner.fold(self.key, INIT_KEY)
            zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), feed.example)
            self.state = jax.jit(self.learner.init, static_argnums=2)(key, zeros, self.steps * self.recipe.epochs)
        self.sums = zero_sums(self.learner, self.state, feed.example)
        rows, weight = feed.segment()
        self.train = train_program(self.learner, self.state, self.sums, feed.data, rows, weight, self.key)
        self.measuring = None
        if self.valid is not None and type(self.learner).measure is not Learner.measure:
            self.measuring = Measuring(self.learner, self.learner.view(self.state), self.valid)
        if resume:
            self._restore()
        self._tell(Started(self.recipe.epochs, self.steps, self.epoch * self.steps + self.position))
        if self.folder is not None and not resume:
            self._begin_folder(self.folder)
        programs = [self.train] + ([self.measuring.program] if self.measuring else [])
        while not all(program.ready(0.05) for program in programs):
            if interrupt.asked:
                self.reason = "interrupted"
                return
        if self.first_epoch and self.judge.best is None and not self.history:
            self._judge_start(interrupt)

    def _judge_start(self, interrupt: Interrupt) -> None:
        """Measure the weights that a further run starts from: it may end with better ones, never with worse."""
        found = self._measured(self.first_epoch, interrupt)
        if found is not None and self.judge.monitor in found[1]:
            self._judge({"epoch": self.first_epoch, **found[1]}, None, found[0])

    def _epoch(self, interrupt: Interrupt) -> None:
        if self.position == 0:
            self.sampling = self._sampling_weights()
        self.feed.begin(self.first_epoch + self.epoch, self.sampling)
        while self.position < self.steps and not self.reason:
            self._segment()
            if interrupt.asked:
                self.reason = "interrupted"
        if self.position < self.steps:
            return
        number = self.first_epoch + self.epoch + 1
        sums = jax.device_get(self.sums)
        record: dict[str, float] = {"epoch": number, **_named("train", self.learner.summarize(sums))}
        found = self._measured(number, interrupt)
        if found is None:
            self.reason = "interrupted"
            return
        measured, named = found
        record |= {**named, "seconds": round(time.monotonic() - self.started, 3), **self.judge.notes()}
        best = self._judge(record, sums, measured)
        self.epoch, self.position, self.sampling = self.epoch + 1, 0, None
        self.sums = jax.device_put(jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), self.sums))
        self.history.append(record)
        if self.folder is not None:
            append_line(self.folder / HISTORY, record)
        self._tell(EpochEnded(self.epoch, self.recipe.epochs, record, best, self._view))
        if interrupt.asked:
            self.reason = "interrupted"
        self._save_when_due()

    def _segment(self) -> None:
        count = min(self.pace, self.steps - self.position, self.feed.capacity)
        rows, weight = self.feed.segment(self.position, count)
        begun = time.monotonic()
        first = jnp.int32(self.first_step + self.epoch * self.steps + self.position)
        self.state, self.sums, self.bad = self.train(
            self.state, self.sums, self.bad, self.feed.data, rows, weight, jnp.int32(count), self.key, first
        )
        bad = {name: int(value) for name, value in jax.device_get(self.bad).items()}
        seconds = max(time.monotonic() - begun, 1e-4)
        self.pace = max(1, min(self.feed.capacity, 4 * self.pace, int(count * self.recipe.segment_seconds / seconds)))
        self.position += count
        if bad["total"] > self.skipped:
            self._tell(Skipped(bad["first"], bad["total"] - self.skipped))
            self.skipped = bad["total"]
        if bad["in_a_row"] >= min(self.recipe.max_bad_steps, max(self.steps, 5)):
            self.reason, self.error = "diverged", self._diverged(bad)
        logs = _named("train", self.learner.summarize(jax.device_get(self.sums)))
        elapsed = time.monotonic() - self.started
        self._tell(Progress(self.epoch + 1, self.recipe.epochs, self.position, self.steps, logs, elapsed))
        self._save_when_due()

    def _sampling_weights(self) -> np.ndarray | None:
        if type(self.learner).sampling is Learner.sampling or self.feed.data is None:
            return None
        args = self.state, self.feed.data
        weights = program("sampling", self.learner.sampling, self.learner, *args)(*args)
        return None if weights is None else np.asarray(weights, np.float64)[: len(self.data or ())]

    def _view(self) -> Any:
        """Return a copy of what the learner measures by now."""
        return copy(self.learner.view(self.state))

    # --------------------------------------------------------------------------------- judging, telling, keeping

    def _measured(self, epoch: int, interrupt: Interrupt) -> tuple[Measured | None, dict[str, float]] | None:
        """Measure held-out data, if there are any, and return it by name too; None when Ctrl-C came in between."""
        if self.measuring is None:
            return None, {}
        measured = self.measuring(self.learner.view(self.state), self.key, epoch, lambda: interrupt.asked)
        if measured is None:
            return None
        return measured, _named("valid", self.learner.summarize(measured.sums, measured.rows))

    def _judge(self, record: Mapping[str, float], sums: Any, measured: Measured | None) -> bool:
        verdict = self.judge.after(record, self.state, sums, measured)
        self.state = verdict.state
        for event in verdict.events:
            self._tell(event)
        return verdict.best

    def _diverged(self, bad: Mapping[str, int]) -> DivergenceError:
        largest = self.feed.largest_input()
        cause = (
            f"the inputs go up to {largest:.3g}: scale them to about [-1, 1] or to mean 0 and deviation 1"
            if largest > 1e3
            else "steps that are too long: try a tenth of your optimizer's learning rate, or clip_norm=1"
            if isinstance(self.recipe.optimizer, OptaxOptimizer)
            else f"the learning rate is {self.recipe.optimizer.rate:g}: try a tenth of it, or clip_norm=1"
        )
        return DivergenceError(
            f"Training diverged: the loss or its gradients were not finite from step {bad['first']} on, "
            f"{bad['in_a_row']} steps in a row. Likely cause: {cause}. The weights from before are kept."
        )

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            wish = listener(event)
            if wish and not self.reason:
                self.reason = str(wish)

    # ------------------------------------------------------------------------------------------------ checkpoints

    def _save_when_due(self) -> None:
        if self.folder is not None and time.monotonic() - self.saved >= self.recipe.checkpoint_seconds:
            self._save()

    def _arrays(self) -> dict[str, Any]:
        arrays = {"state": self.state, "sums": self.sums, "bad": self.bad}
        arrays |= self.judge.arrays()
        if self.sampling is not None:
            arrays["sampling"] = self.sampling
        return arrays

    def _begin_folder(self, folder: Path) -> None:
        """Begin a run in a folder: refuse one that holds an unfinished run, drop what is left of a finished one."""
        path = folder / CHECKPOINT
        if path.exists():
            with suppress(BundleError):
                before = read_progress(path)
                if before["reason"] not in DONE:
                    raise SettingError(
                        f"{folder} holds an unfinished run, at epoch {before['epoch']}. "
                        "Say resume=True to go on with it, or choose another folder."
                    )
        self._save()
        if not self.first_epoch:
            (folder / HISTORY).unlink(missing_ok=True)

    def _save(self) -> None:
        if self.folder is None:
            return
        path = self.folder / CHECKPOINT
        progress = {
            "fingerprint": self._fingerprint,
            "reason": self.reason,
            "first_epoch": self.first_epoch,
            "first_step": self.first_step,
            "epoch": self.epoch,
            "position": self.position,
            "skipped": self.skipped,
            "has_sampling": self.sampling is not None,
            **self.judge.progress(),
            "history": self.history,
        }
        save_checkpoint(path, self._arrays(), progress)
        self.saved = time.monotonic()
        self._tell(Checkpointed(path, self.first_step + self.epoch * self.steps + self.position))

    def _restore(self) -> None:
        """Go on from the folder's checkpoint; without one, begin at the beginning."""
        folder = self.folder or Path()
        path = folder / CHECKPOINT
        if not path.exists():
            self._begin_folder(folder)
            return
        progress = read_progress(path)
        differing = [n for n, value in self._fingerprint.items() if progress["fingerprint"].get(n) != value]
        if differing:
            raise SettingError(
                f"The run in {folder} cannot go on with another {', '.join(differing)}. "
                "Use what it was started with, or start a new run."
            )
        like = self._arrays() | self.judge.like(progress, self.state)
        if progress["has_sampling"]:
            like["sampling"] = np.zeros(len(self.data or ()))
        arrays = load_checkpoint(path, like)
        self.state, self.sums, self.bad = arrays["state"], arrays["sums"], arrays["bad"]
        self.sampling = np.asarray(arrays["sampling"], np.float64) if "sampling" in arrays else None
        self.first_epoch, self.first_step = progress["first_epoch"], progress["first_step"]
        self.epoch, self.position, self.skipped = progress["epoch"], progress["position"], progress["skipped"]
        self.judge.restore(progress, arrays)
        self.history = list(progress["history"])
        for left in path.parent.glob(".*.part"):  # of a process killed while it wrote
            left.unlink(missing_ok=True)
        rewrite_history(folder / HISTORY, self.first_epoch, self.history)

    @cached_property
    def _fingerprint(self) -> dict[str, str]:
        """What must not change between the parts of a run, by name."""
        free = (*RESUMABLE, "epochs") if isinstance(self.recipe.schedule, Constant) else RESUMABLE
        settings = {k: v for k, v in self.recipe.settings().items() if k not in free}
        return {
            "recipe": _digest(json.dumps({k: _description(v) for k, v in settings.items()})),
            "learner": _digest(re.sub("0x[0-9a-f]+", "", repr(self.learner))),
            "training data": self.feed.fingerprint(),
            "validation data": fingerprint(self.valid),
        }


def _named(part: str, summary: Mapping[str, float]) -> dict[str, float]:
    return {f"{part}/{name}": value for name, value in summary.items()}


def _description(value: Any) -> Any:
    try:
        return to_json(value)
    except SettingError:
        return repr(type(value))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
