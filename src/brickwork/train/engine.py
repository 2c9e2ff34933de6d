"""The engine: runs any learner, in segments, with events, checkpoints, early stopping and a quiet Ctrl-C."""

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.core.documents import encode_json
from brickwork.core.errors import DataError, DivergenceError, SettingError, nearest
from brickwork.core.files import append_line, write_atomic
from brickwork.core.spec import to_json
from brickwork.data import Examples, epoch_rows
from brickwork.train.checkpoint import load_checkpoint, read_progress, save_checkpoint
from brickwork.train.events import Checkpointed, Ended, EpochEnded, Event, Listener, Progress, Skipped, Started
from brickwork.train.interrupt import Interrupt, catching_interrupts
from brickwork.train.learner import Learner
from brickwork.train.programs import bucket, program, use_cache_on_disk
from brickwork.train.recipe import Recipe
from brickwork.train.segments import (
    SEGMENT_ROWS,
    Measuring,
    example_batch,
    no_bad_steps,
    to_device,
    train_program,
    zero_sums,
)
from brickwork.train.stopping import Stopping

CHECKPOINT = Path("checkpoint") / "state.safetensors"
HISTORY = "history.jsonl"
RESUMABLE = ("epochs", "checkpoint_seconds", "segment_seconds", "max_bad_steps")
"""Settings that may differ when a run is resumed."""

INIT_KEY, MEASURE_KEY = 2**32 - 1, 2**32 - 2
"""What the run's key is folded with; steps use their own numbers, from 0 on."""


@dataclass(frozen=True, repr=False)
class Outcome:
    """How a run ended. `best` is the state to keep: of the best epoch when something was monitored, else the last."""

    best: Any
    last: Any
    history: tuple[Mapping[str, float], ...]
    best_epoch: int | None
    reason: str
    epochs_done: int
    steps_done: int
    error: DivergenceError | None = None

    def __repr__(self) -> str:
        kept = "the last weights" if self.best_epoch is None else f"the weights of epoch {self.best_epoch}"
        last = {k: round(v, 4) for k, v in self.history[-1].items()} if self.history else {}
        return f"<{self.reason} after {self.epochs_done} epochs, {self.steps_done} steps; kept {kept}; last {last}>"


@dataclass
class Run:
    """One run of a learner over data. All that a checkpoint must hold is in these fields."""

    learner: Learner
    recipe: Recipe
    data: Examples | None
    valid: Examples | None = None
    folder: Path | None = None
    listeners: Sequence[Listener] = ()
    first_epoch: int = 0
    first_step: int = 0
    # the state of the run
    state: Any = None
    best: Any = None
    epoch: int = 0
    position: int = 0
    sums: Any = None
    bad: Any = field(default_factory=no_bad_steps)
    skipped: int = 0
    sampling: np.ndarray | None = None
    stopping: Stopping = field(default_factory=Stopping)
    history: list[dict[str, float]] = field(default_factory=list)
    reason: str = ""
    error: DivergenceError | None = None

    def __post_init__(self) -> None:
        recipe = self.recipe
        if self.data is None and recipe.steps_per_epoch is None:
            raise SettingError("A run without data needs steps_per_epoch in its recipe.")
        if self.data is not None and len(self.data) == 0:
            raise DataError("There are no rows to train on.")
        self.steps = recipe.steps_per_epoch or -(-len(self.data or ()) // recipe.batch_size)
        use_cache_on_disk()
        self.key = jax.random.key(recipe.seed)  # of step n: folded with n
        self.measure_key = jax.random.fold_in(self.key, MEASURE_KEY)
        self.monitor, mode = self.learner.monitor
        if recipe.monitor is not None:
            self.monitor = recipe.monitor
            mode = self.learner.better(recipe.monitor.rsplit("/", 1)[-1])
        self.stopping = Stopping(mode, recipe.patience, recipe.min_delta)
        self.started = time.monotonic()
        self.saved = self.started

    # ------------------------------------------------------------------------------------------- the run itself

    def go(self, resume: bool = False) -> Outcome:
        """Run until the epochs are done, patience is out, a listener or Ctrl-C asks to stop, or numbers diverge."""
        if resume and self.folder is None:
            raise SettingError("To resume a run, say in which folder it is.")
        try:
            with catching_interrupts() as interrupt:
                self._prepare(resume, interrupt)
                while self.epoch < self.recipe.epochs and not self.reason:
                    self._epoch(interrupt)
            if not self.reason:
                self.reason = "finished"
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
        self._tell(Ended(self.reason, self.epoch, self.stopping.best_epoch, time.monotonic() - self.started))

    def outcome(self) -> Outcome:
        """Return how far the run has come; after an error, too."""
        return Outcome(
            best=self.state if self.best is None else self.best,
            last=self.state,
            history=tuple(self.history),
            best_epoch=self.stopping.best_epoch,
            reason=self.reason,
            epochs_done=self.first_epoch + self.epoch,
            steps_done=self.first_step + self.epoch * self.steps + self.position,
            error=self.error,
        )

    def _prepare(self, resume: bool, interrupt: Interrupt) -> None:
        batch = None
        self.device_data = None
        if self.data is not None:
            self.device_data = to_device(self.data)
            batch = example_batch(self.device_data, self.recipe.batch_size)
        total = self.steps * self.recipe.epochs
        if self.state is None:
            key = jax.random.fold_in(self.key, INIT_KEY)
            shapes = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), batch)
            self.state = jax.jit(self.learner.init, static_argnums=2)(key, shapes, total)
        self.sums = zero_sums(self.learner, self.state, batch)
        self.capacity = bucket(min(self.steps, SEGMENT_ROWS))
        rows, weight = self._padded(np.zeros((0, self.recipe.batch_size)), np.zeros((0, self.recipe.batch_size)))
        self.train = train_program(self.learner, self.state, self.sums, self.device_data, rows, weight)
        self.measuring = None
        if self.valid is not None and type(self.learner).measure is not Learner.measure:
            self.measuring = Measuring(self.learner, self.learner.view(self.state), self.valid)
        if resume:
            self._restore()
        self._tell(Started(self.recipe.epochs, self.steps, self.epoch * self.steps + self.position))
        if self.folder is not None and not resume:  # so that nothing of an older run in this folder is resumed
            self._save()
            if not self.first_epoch:
                (self.folder / HISTORY).unlink(missing_ok=True)
        programs = [self.train] + ([self.measuring.program] if self.measuring else [])
        while not all(program.ready(0.05) for program in programs):
            if interrupt.asked:
                self.reason = "interrupted"
                return
        self.pace = 16

    def _epoch(self, interrupt: Interrupt) -> None:
        rows, weight = self._rows()
        while self.position < self.steps and not self.reason:
            self._segment(rows, weight)
            if interrupt.asked:
                self.reason = "interrupted"
        if self.position < self.steps:
            return
        record = self._measure()
        best = self._judge(record)
        self.epoch, self.position, self.sampling = self.epoch + 1, 0, None
        self.sums = jax.tree.map(jnp.zeros_like, self.sums)
        self.history.append(record)
        self._append_history(record)
        self._tell(EpochEnded(self.epoch, self.recipe.epochs, record, best))
        if self.stopping.done and not self.reason:
            self.reason = "stopped early"
        if interrupt.asked:
            self.reason = "interrupted"
        self._save_when_due()

    def _segment(self, rows: np.ndarray, weight: np.ndarray) -> None:
        count = min(self.pace, self.steps - self.position, self.capacity)
        part = slice(self.position, self.position + count)
        padded = self._padded(rows[part], weight[part])
        begun = time.monotonic()
        first = jnp.int32(self.first_step + self.epoch * self.steps + self.position)
        self.state, self.sums, self.bad = self.train(
            self.state, self.sums, self.bad, self.device_data, *padded, jnp.int32(count), self.key, first
        )
        bad = {name: int(value) for name, value in jax.device_get(self.bad).items()}
        seconds = max(time.monotonic() - begun, 1e-4)
        self.pace = max(1, min(self.capacity, 2 * self.pace, int(count * self.recipe.segment_seconds / seconds)))
        self.position += count
        if bad["total"] > self.skipped:
            self._tell(Skipped(int(bad["first"]), bad["total"] - self.skipped))
            self.skipped = bad["total"]
        if bad["in_a_row"] >= min(self.recipe.max_bad_steps, self.steps):
            self.reason, self.error = "diverged", self._diverged(bad)
        logs = {f"train/{k}": v for k, v in self.learner.summarize(jax.device_get(self.sums)).items()}
        elapsed = time.monotonic() - self.started
        self._tell(Progress(self.epoch + 1, self.recipe.epochs, self.position, self.steps, logs, elapsed))
        self._save_when_due()

    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        if self.data is None:
            empty = np.zeros((self.steps, self.recipe.batch_size))
            return empty, empty
        if self.sampling is None and self.position == 0:
            weights = self._sampling_weights()
            self.sampling = None if weights is None else np.asarray(weights)
        order = "shuffled" if self.recipe.shuffle else "sequential"
        return epoch_rows(
            len(self.data),
            self.recipe.batch_size,
            order=order,
            seed=self.recipe.seed,
            epoch=self.first_epoch + self.epoch,
            weights=self.sampling,
        )

    def _sampling_weights(self) -> np.ndarray | None:
        if type(self.learner).sampling is Learner.sampling:
            return None
        args = self.state, self.device_data
        weights = program("sampling", self.learner.sampling, self.learner, *args)(*args)
        return None if weights is None else np.asarray(weights, np.float64)[: len(self.data or ())]

    def _padded(self, rows: np.ndarray, weight: np.ndarray) -> tuple[jax.Array, jax.Array]:
        size = (self.capacity, self.recipe.batch_size)
        all_rows, all_weight = np.zeros(size, np.int32), np.zeros(size, np.float32)
        all_rows[: len(rows)], all_weight[: len(rows)] = rows, weight
        return jnp.asarray(all_rows), jnp.asarray(all_weight)

    # --------------------------------------------------------------------------------- judging, telling, keeping

    def _measure(self) -> dict[str, float]:
        record: dict[str, float] = {"epoch": self.first_epoch + self.epoch + 1}
        summary = self.learner.summarize(jax.device_get(self.sums))
        record |= {f"train/{name}": value for name, value in summary.items()}
        if self.measuring is not None:
            measured = self.measuring(self.learner.view(self.state), jax.random.fold_in(self.measure_key, self.epoch))
            summary = self.learner.summarize(measured.sums, measured.rows)
            record |= {f"valid/{name}": value for name, value in summary.items()}
        record["seconds"] = round(time.monotonic() - self.started, 3)
        return record

    def _judge(self, record: Mapping[str, float]) -> bool:
        if self.monitor not in record:
            if self.recipe.monitor is not None or (self.recipe.patience is not None and self.measuring is None):
                known = [name for name in record if "/" in name]
                hint = nearest(self.monitor, known)
                raise SettingError(f"{self.monitor!r} is to be monitored, but is not measured. {hint} Is valid= given?")
            return False
        before = self.stopping
        self.stopping = before.after(int(record["epoch"]), record[self.monitor])
        improved = self.stopping.best_epoch != before.best_epoch
        if improved:
            self.best = jax.tree.map(jnp.copy, self.state)
        return improved

    def _diverged(self, bad: Mapping[str, int]) -> DivergenceError:
        largest = max(
            (float(np.max(np.abs(leaf))) for leaf in jax.tree.leaves(self.data and self.data.inputs) if leaf.size),
            default=0.0,
        )
        cause = (
            f"the inputs go up to {largest:.3g}: scale them to about [-1, 1] or to mean 0 and deviation 1"
            if largest > 1e3
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

    def _append_history(self, record: Mapping[str, float]) -> None:
        if self.folder is not None:
            append_line(self.folder / HISTORY, record)

    # ------------------------------------------------------------------------------------------------ checkpoints

    def _save_when_due(self) -> None:
        if self.folder is not None and time.monotonic() - self.saved >= self.recipe.checkpoint_seconds:
            self._save()

    def _arrays(self) -> dict[str, Any]:
        arrays = {"state": self.state, "sums": self.sums, "bad": self.bad}
        if self.best is not None:
            arrays["best"] = self.best
        if self.sampling is not None:
            arrays["sampling"] = self.sampling
        return arrays

    def _save(self) -> None:
        assert self.folder is not None
        path = self.folder / CHECKPOINT
        progress = {
            "fingerprint": self._fingerprint(),
            "first_epoch": self.first_epoch,
            "first_step": self.first_step,
            "epoch": self.epoch,
            "position": self.position,
            "skipped": self.skipped,
            "has_best": self.best is not None,
            "has_sampling": self.sampling is not None,
            "stopping": asdict(self.stopping),
            "history": self.history,
        }
        save_checkpoint(path, self._arrays(), progress)
        self.saved = time.monotonic()
        self._tell(Checkpointed(path, self.first_step + self.epoch * self.steps + self.position))

    def _restore(self) -> None:
        """Go on from the folder's checkpoint; without one, begin at the beginning."""
        assert self.folder is not None
        path = self.folder / CHECKPOINT
        if not path.exists():
            (self.folder / HISTORY).unlink(missing_ok=True)
            return
        progress = read_progress(path)
        ours = self._fingerprint()
        differing = [name for name, value in ours.items() if progress["fingerprint"].get(name) != value]
        if differing:
            raise SettingError(
                f"The run in {self.folder} cannot go on with another {', '.join(differing)}. "
                "Use what it was started with, or start a new run."
            )
        like = self._arrays()
        if progress["has_best"]:
            like["best"] = self.state
        if progress["has_sampling"]:
            like["sampling"] = np.zeros(len(self.data or ()))
        arrays = load_checkpoint(path, like)
        self.state, self.sums, self.bad = arrays["state"], arrays["sums"], arrays["bad"]
        self.best = arrays.get("best")
        self.sampling = np.asarray(arrays["sampling"]) if "sampling" in arrays else None
        self.first_epoch, self.first_step = progress["first_epoch"], progress["first_step"]
        self.epoch, self.position, self.skipped = progress["epoch"], progress["position"], progress["skipped"]
        saved = Stopping(**progress["stopping"])
        self.stopping = Stopping(saved.mode, saved.patience, saved.min_delta, saved.best, saved.best_epoch, saved.stale)
        self.history = list(progress["history"])
        self._rewrite_history()

    def _rewrite_history(self) -> None:
        """Drop the epochs after the checkpoint; they will be run again. Those of earlier runs stay."""
        assert self.folder is not None
        path = self.folder / HISTORY
        lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
        earlier = [record for record in map(_record, lines) if 0 < record.get("epoch", 0) <= self.first_epoch]
        write_atomic(path, b"".join(encode_json(record) + b"\n" for record in [*earlier, *self.history]))

    def _fingerprint(self) -> dict[str, str]:
        """Return what must not change between the parts of a run, by name."""
        settings = {k: v for k, v in self.recipe.settings().items() if k not in RESUMABLE}
        return {
            "recipe": _digest(json.dumps({k: _description(v) for k, v in settings.items()}).encode()),
            "learner": _digest(re.sub("0x[0-9a-f]+", "", repr(self.learner)).encode()),
            "training data": _digest(*_bytes_of(self.data)),
            "validation data": _digest(*_bytes_of(self.valid)),
        }


def _record(line: str) -> dict[str, Any]:
    with suppress(ValueError):
        record = json.loads(line)
        return record if isinstance(record, dict) else {}
    return {}


def _description(value: Any) -> Any:
    try:
        return to_json(value)
    except SettingError:
        return repr(type(value))


def _digest(*parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]


def _bytes_of(examples: Examples | None) -> Iterator[Any]:
    if examples is not None:
        for leaf in jax.tree.leaves((examples.inputs, examples.targets, examples.weight)):
            yield f"{leaf.shape}{leaf.dtype}".encode()
            yield np.ascontiguousarray(leaf).data
