"""Segments: many steps of a learner as one compiled program.

The compiled unit is a loop over steps on the device: gather the rows, draw keys, step, add up the logs. The number
of steps is an argument, not a shape, so that one program serves segments of any length and data sets of close
sizes. A step's key depends on its number in the run alone, and sums are carried from segment to segment: cutting
a run into other segments changes no bit of the result.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from brickwork.core.batch import Batch
from brickwork.core.errors import DataError
from brickwork.data import Examples
from brickwork.metrics import merged
from brickwork.ops import settled, take_rows
from brickwork.train.learner import Learner, Logs, Measured, Sums
from brickwork.train.programs import Program, bucket, program, room

SEGMENT_STEPS, SEGMENT_ROWS = 1024, 2**18
"""Most steps, and most rows, of a segment."""

MEASURE_KEY = 2**32 - 2
"""What a run's key is folded with to measure; steps use their own numbers, from 0 on."""

MEASURE_ROWS = 256
"""Rows that are measured at once."""

MEASURE_BATCHES = 64
"""Most batches that are measured by one call: sums of more are added up on the host in float64."""

Bad = dict[str, Array]
"""Steps with bad numbers: how many in a row until now, how many in all, and the first one of the last row."""


def no_bad_steps() -> Bad:
    """Return the count at the start of a run."""
    return {name: jnp.int32(0) for name in ("in_a_row", "total", "first")}


def filled(rows: np.ndarray, size: int) -> Array:
    """Return rows on the device, filled up with zeros to a size."""
    return jnp.asarray(padded(rows, size))


def padded(rows: np.ndarray, size: int) -> np.ndarray:
    """Return rows filled up with zeros to a size."""
    rows = np.asarray(rows)
    more = np.zeros((size, *rows.shape[1:]), rows.dtype)
    more[: len(rows)] = rows
    return more


def to_device(examples: Examples) -> Batch:
    """Return all rows on the device, filled up with rows of weight 0 so that close sizes share programs."""
    size = room(len(examples))
    weight: Any = np.ones(len(examples), np.float32) if examples.weight is None else examples.weight
    return jax.tree.map(lambda rows: filled(rows, size), Batch(examples.inputs, examples.targets, weight))


def gather(data: Batch, rows: Array, weight: Array) -> Batch:
    """Return a batch of rows; weight 0 marks those that only fill it up."""
    batch = jax.tree.map(lambda array: take_rows(array, rows), data)
    weight = weight.reshape(weight.shape + (1,) * (batch.weight.ndim - weight.ndim))
    return Batch(batch.inputs, batch.targets, weight * batch.weight)


def example_batch(data: Batch, *shape: int) -> Batch:
    """Return the shapes of a batch: of so many rows, or of so many for each of several networks."""
    rows = jax.ShapeDtypeStruct(shape, jnp.int32)
    weight = jax.ShapeDtypeStruct(shape, jnp.float32)
    return jax.eval_shape(gather, data, rows, weight)


@lru_cache(maxsize=32)
def traced_step(learner: Learner) -> Any:
    """Return the learner's step such that it is traced once for all uses with the same shapes."""
    return jax.jit(learner.step, inline=True)


def zero_sums(learner: Learner, state: Any, batch: Batch | None) -> Sums:
    """Return the sums of no steps."""
    with settled():
        _, logs = jax.eval_shape(traced_step(learner), state, batch, learner.run_key(0))
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), logs.sums)


def train_program(
    learner: Learner, state: Any, sums: Sums, data: Batch | None, rows: Any, weight: Any, key: Array
) -> Program:
    """Return the program that runs a segment:

    `(state, sums, bad, data, rows[K, B], weight[K, B], count, key, first_step) -> (state, sums, bad)`, where at most
    K steps, `count`, are run. State, sums and bad are donated: the arrays given are gone.
    """

    def segment(
        state: Any, sums: Sums, bad: Bad, data: Any, rows: Any, weight: Any, count: Any, key: Any, first: Any
    ) -> Any:
        def body(index: Array, carry: Any) -> Any:
            state, sums, bad = carry
            batch = None if data is None else gather(data, rows[index], weight[index])
            number = first + index
            state, logs = traced_step(learner)(state, batch, learner.fold(key, number))
            return state, jax.tree.map(jnp.add, sums, logs.sums), count_bad(bad, logs, number)

        return jax.lax.fori_loop(0, count, body, (state, sums, bad))

    segment = learner.segment() or segment
    number = jnp.int32(0)
    args = (state, sums, no_bad_steps(), data, rows, weight, number, key, number)
    return program("train", segment, learner.shared, *args, donate=(0, 1, 2), rounds=len(rows))


def count_bad(bad: Bad, logs: Logs, number: Array) -> Bad:
    """Return the count after the step of this number."""
    finite = jnp.asarray(logs.finite)
    return {
        "in_a_row": jnp.where(finite, 0, bad["in_a_row"] + 1),
        "total": bad["total"] + jnp.where(finite, 0, 1),
        "first": jnp.where(finite | (bad["in_a_row"] > 0), bad["first"], number),
    }


class Measuring:
    """Measures a data set by a learner, in a few calls of one program. `view` is the learner's view of a state."""

    def __init__(self, learner: Learner, view: Any, examples: Examples, batch_size: int = MEASURE_ROWS):
        self.count = len(examples)
        if self.count == 0:
            raise DataError("There are no rows to measure.")
        size = bucket(self.count)  # so that close counts share a program
        self.batch_size = bucket(-(-size // -(-size // batch_size)))  # batches of about equal size
        self.data = to_device(examples)
        batches = min(MEASURE_BATCHES, -(-bucket(self.count) // self.batch_size))
        example = example_batch(self.data, self.batch_size)
        measure: Any = jax.jit(learner.measure, inline=True)  # traced once for both uses
        anyone = learner.run_key(0)
        shapes = jax.eval_shape(measure, view, example, anyone)

        def run(view: Any, data: Batch, first: Array, stop: Array, count: Array, key: Array, number: Array) -> Measured:
            key = learner.fold(learner.fold(key, MEASURE_KEY), number)

            def body(index: Array, total: Measured) -> Measured:
                places = index * self.batch_size + jnp.arange(self.batch_size)
                weight = (places < count).astype(jnp.float32)
                batch = gather(data, jnp.minimum(places, count - 1), weight)
                measured = measure(view, batch, learner.fold(key, index))
                rows = jax.tree.map(lambda all_, one: all_.at[index - first].set(one), total.rows, measured.rows)
                return Measured(jax.tree.map(jnp.add, total.sums, measured.sums), rows)

            empty = Measured(
                jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes.sums),
                jax.tree.map(lambda leaf: jnp.zeros((batches, *leaf.shape), leaf.dtype), shapes.rows),
            )
            return jax.lax.fori_loop(first, stop, body, empty)

        number = jnp.int32(0)
        args = (view, self.data, number, number, number, anyone, number)
        self.batches = batches
        self.program = program("measure", run, (learner.measured_by, self.batch_size), *args, rounds=batches)

    def __call__(
        self, view: Any, key: Array, number: int = 0, stop_asked: Callable[[], bool] = lambda: False
    ) -> Measured | None:
        """Return the sums in float64 and the rows in order, on the host; None if a stop was asked for in between.

        Random numbers of measuring depend on the key and on the `number` of the epoch.
        """
        total = -(-self.count // self.batch_size)
        parts: list[Any] = []
        rows: list[Any] = []
        for first in range(0, total, self.batches):
            if stop_asked():
                return None
            stop = min(first + self.batches, total)
            numbers = jnp.int32(first), jnp.int32(stop), jnp.int32(self.count)
            part = jax.device_get(self.program(view, self.data, *numbers, key, jnp.int32(number)))
            parts.append(part.sums)
            flat = jax.tree.map(lambda leaf, n=stop - first: leaf[:n].reshape(-1, *leaf.shape[2:]), part.rows)
            rows.append(flat)
        joined = jax.tree.map(lambda *some: np.concatenate(some)[: self.count], *rows)
        sums: Any = {name: merged(part[name] for part in parts) for name in parts[0]}
        return Measured(sums, joined)
