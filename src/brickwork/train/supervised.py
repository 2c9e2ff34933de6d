"""Supervised training: a network, a loss, metrics, and one optimizer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jax import Array

from brickwork.core.batch import Batch
from brickwork.core.brick import Brick
from brickwork.core.errors import DataError
from brickwork.core.paths import Patterns, matches, require_fits
from brickwork.core.plan import Plan
from brickwork.core.precision import FloatType
from brickwork.core.variables import Arrays, Variables
from brickwork.losses import Loss, comparable, example_loss, weighted_mean
from brickwork.metrics import Metric, RowMetric
from brickwork.ops import prediction
from brickwork.optim import penalty
from brickwork.train.augmented import KEY, augmented, class_numbers_again
from brickwork.train.learner import (
    Learner,
    Logs,
    Measured,
    Sums,
    all_finite,
    choose,
    guarded,
    mean_of,
    ratio,
    squared_norm,
)
from brickwork.train.programs import copy
from brickwork.train.update import Update

RATE = "optimizer/rate"

RUNNING = ("**/mean", "**/variance")
"""Statistics that are averages of batches: those that belong to averaged weights are averaged alike."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """Everything that supervised training changes, and the numbers it goes by.

    `settings` are numbers that may differ from run to run of one program: `optimizer/rate`, and settings of bricks by
    their paths. `step` of `steps` is where the schedule stands; `seen` counts all steps of all runs. `average` are
    the moving averages of the trained weights, and of the running statistics that belong to them.
    """

    trained: Arrays
    frozen: Arrays
    stats: Arrays
    optimizer: Any
    average: Variables | None
    settings: dict[str, Array]
    step: Array
    steps: Array
    seen: Array


@dataclass(frozen=True)
class Supervised(Learner):
    """Minimise the weighted mean of a loss per example, plus a penalty on the weights.

    `frozen` parts keep their parameters and statistics, behave as in evaluation, and cost no gradient. With `ema` the
    state also keeps an exponential moving average of the weights, which is then what predicts; its decay starts small,
    min(ema, (1 + t) / (10 + t)), so that the average forgets the first weights quickly. A step whose loss, gradient or
    statistics are not finite changes nothing and is reported. With `augment`, a brick that takes and returns an
    `Annotated`, inputs and targets of every training batch are changed at random alike; held-out data never are.
    Metrics of training are measured against changed targets too, but mixed labels count as the larger part of them.
    """

    monitor: ClassVar[tuple[str, Literal["min", "max"]] | None] = ("valid/loss", "min")

    net: Brick
    loss: Loss
    metrics: tuple[Metric, ...] = ()
    update: Update = field(default_factory=Update)
    l1: float = 0.0
    l2: float = 0.0
    ema: float = 0.0
    precision: FloatType = "float32"
    frozen: Patterns = ()
    augment: Brick | None = None

    def init(self, key: Array, batch: Batch | None, steps: int | Array) -> TrainState:
        """Draw fresh variables for inputs like the batch's and begin."""
        return self.begin(self.net.init(key, _given(batch).inputs, precision=self.precision), steps)

    def drawn(self, plan: Plan, key: Array, steps: int | Array) -> TrainState:
        """Draw the variables of a plan of the network and begin."""
        return self.begin(plan.draw(key), steps)

    def begin(self, variables: Variables, steps: int | Array) -> TrainState:
        """Return the state that starts from given variables; the variables are not donated with it."""
        params = jax.tree.map(jnp.copy, variables.params)
        require_fits(self.frozen, params, "parameter to freeze")
        frozen = {path for path in params if self.frozen and matches(self.frozen, path)}
        trained = {path: value for path, value in params.items() if path not in frozen}
        return TrainState(
            trained=trained,
            frozen={path: params[path] for path in params if path in frozen},
            stats=jax.tree.map(jnp.copy, variables.stats),
            optimizer=self.update.init(trained),
            average=jax.tree.map(jnp.copy, Variables(trained, _running(variables.stats))) if self.ema else None,
            settings=self._settings(),
            step=jnp.int32(0),
            steps=jnp.asarray(steps, jnp.int32),
            seen=jnp.int32(0),
        )

    def again(self, state: TrainState, steps: int) -> TrainState:
        """Return a state that goes on from another one's end: the schedule begins anew, the optimizer does not."""
        return replace(self.tuned(copy(state)), step=jnp.int32(0), steps=jnp.int32(steps))

    def tuned(self, state: TrainState) -> TrainState:
        """Return a state with this learner's own numbers in place of those of a learner that shares its programs."""
        return replace(state, settings=self._settings())

    def slowed(self, state: TrainState, factor: float) -> TrainState:
        """Return a state whose learning rate is so many times the optimizer's."""
        return replace(state, settings={**state.settings, RATE: jnp.float32(self.update.optimizer.rate * factor)})

    @property
    def shared(self) -> "Supervised":
        """Equal for learners whose steps are one program: the learning rate is in the state."""
        return replace(self, update=self.update.replace(optimizer=self.update.optimizer.replace(rate=1.0)))

    @property
    def measured_by(self) -> Any:
        """Equal for learners that measure by one program: how they train does not matter."""
        return self.net, self.loss, self.metrics, self.precision

    def _settings(self) -> dict[str, Array]:
        return {RATE: jnp.float32(self.update.optimizer.rate)}

    def step(self, state: TrainState, batch: Batch | None, key: Array) -> tuple[TrainState, Logs]:
        """Descend the gradient of one batch's loss."""
        given = batch = _given(batch)
        if self.augment is not None:
            batch = augmented(self.augment, batch, jax.random.fold_in(key, KEY), self.precision)
        ours = {path: number for path, number in state.settings.items() if path != RATE}

        def objective(trained: Arrays) -> Any:
            applied = self.net.apply(
                Variables(state.frozen | trained, state.stats),
                batch.inputs,
                training=True,
                key=key,
                weight=batch.weight,
                frozen=self.frozen,
                settings=ours,
                precision=self.precision,
            )
            loss = weighted_mean(example_loss(self.loss, applied.output, batch.targets, batch.weight), batch.weight)
            return loss + penalty(trained, self.l1, self.l2), (loss, applied)

        (value, (loss, applied)), grads = jax.value_and_grad(objective, has_aux=True)(state.trained)
        norm = jnp.sqrt(squared_norm(grads))  # a step is at most about as long as the gradient, or as one
        rate = self.update.rate_at(state.step, state.steps, state.settings[RATE])
        finite = jnp.isfinite(loss + rate * 1e3 * (1 + norm)) & all_finite(applied.stats)

        def moved() -> TrainState:
            trained, optimizer = self.update.apply(
                state.trained,
                state.optimizer,
                grads,
                state.step,
                state.steps,
                state.settings[RATE],
                weight=_rows(batch),
                value=value,
                objective=lambda trained: objective(trained)[0],
            )
            return replace(
                state,
                trained=trained,
                stats=applied.stats,
                optimizer=optimizer,
                average=self._averaged(state, Variables(trained, _running(applied.stats))),
                step=state.step + 1,
                seen=state.seen + 1,
            )

        if not self.update.optimizer.bounded:  # its steps may have any length
            new = moved()
            finite &= all_finite(new.trained)
            new = choose(finite, new, state)
        else:
            new = guarded(finite, moved, state)
        measured = replace(batch, targets=class_numbers_again(given.targets, batch.targets))
        sums = self._sums(loss, applied.output, batch if self.augment is None else measured)
        none = jax.tree.map(jnp.zeros_like, sums)
        return new, Logs(choose(finite, sums, none), finite)

    def view(self, state: TrainState) -> Variables:
        """Return what predicts: the averaged weights if there are any."""
        if state.average is None:
            return Variables(state.frozen | state.trained, state.stats)
        return Variables(state.frozen | state.average.params, state.stats | state.average.stats)

    def measure(self, view: Variables, batch: Batch, key: Array) -> Measured:
        """Return the sums of the loss and the metrics on held-out data."""
        del key
        output = self.predict(view, batch.inputs)
        loss = weighted_mean(example_loss(self.loss, output, batch.targets, batch.weight), batch.weight)
        sums = self._sums(loss, output, batch)
        rows = any(isinstance(metric, RowMetric) for metric in self.metrics)
        return Measured(
            sums,
            {"outputs": comparable(self.loss, output), "targets": batch.targets, "weight": batch.weight}
            if rows
            else None,
        )

    def predict(self, variables: Variables, inputs: Any) -> Any:
        """Return the network's raw outputs, as in evaluation."""
        return raw(self.net, variables, inputs, self.precision)

    def better(self, name: str) -> Literal["min", "max"]:
        """Tell what is better of a metric, as the metric itself says."""
        for metric in self.metrics:
            if metric.name == name:
                return "max" if metric.higher_is_better else "min"
        return super().better(name)

    def summarize(self, sums: Mapping[str, Mapping[str, Any]], rows: Any = None) -> dict[str, float]:
        """Return the loss and the metrics as numbers."""
        report = {"loss": ratio(sums["loss"])}
        for metric in self.metrics:
            if isinstance(metric, RowMetric):
                if rows is not None:
                    report[metric.name] = metric.result_rows(rows["outputs"], rows["targets"], rows["weight"])
            else:
                report[metric.name] = metric.result(sums[metric.name])
        return report

    def _sums(self, loss: Array, output: Any, batch: Batch) -> Sums:
        sums = {"loss": mean_of(loss, _rows(batch))}
        output = comparable(self.loss, output)
        for metric in self.metrics:
            if not isinstance(metric, RowMetric):
                sums[metric.name] = metric.sums(output, batch.targets, batch.weight)
        return sums

    def _averaged(self, state: TrainState, now: Variables) -> Variables | None:
        """Return the averages after an update; between updates, while gradients are accumulated, they stay."""
        if state.average is None:
            return None
        time = (state.seen // self.update.accumulate).astype(jnp.float32)
        decay = jnp.minimum(self.ema, (1.0 + time) / (10.0 + time))
        moved = jax.tree.map(lambda old, new: old + (1.0 - decay).astype(old.dtype) * (new - old), state.average, now)
        return moved if self.update.accumulate == 1 else choose(self.update.due(state.optimizer), moved, state.average)


def raw(net: Brick, variables: Variables, inputs: Any, precision: FloatType = "float32") -> Any:
    """Return a network's outputs, as in evaluation."""
    with prediction():
        return net.apply(variables, inputs, precision=precision).output


def _running(stats: Arrays) -> Arrays:
    return {path: value for path, value in stats.items() if matches(RUNNING, path)}


def _given(batch: Batch | None) -> Batch:
    if batch is None:
        raise DataError("Supervised training needs data: give it to the run.")
    return batch


def _rows(batch: Batch) -> Array:
    """Return the total weight of a batch's rows."""
    if batch.weight is not None:
        return batch.weight.sum()
    first = jax.tree.leaves(batch.inputs)[0]
    return jnp.float32(first.shape[0])
