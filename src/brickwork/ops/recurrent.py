"""Sweeps of recurrent cells over time; the long short-term memory."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Integer

from brickwork.core.errors import ShapeError
from brickwork.ops.precision import accumulated

State = TypeVar("State")


def sweep(
    step: Callable[[State, Any], tuple[State, Any]],
    state: State,
    inputs: Any,
    *,
    lengths: Integer[Array, " batch"] | None = None,
    reverse: bool = False,
) -> tuple[Any, State]:
    """Run a cell over time: state[t], outputs[t] = step(state[t - 1], inputs[t]).

    `inputs` is an array (batch, time, ...) or a tree of such, `state` one of (batch, ...); the outputs come back as
    (batch, time, ...), and with them the last state. Row b has `lengths[b]` steps: past them its state is held
    fixed and its outputs are 0. With `reverse` time runs from the last step of each row to the first, and outputs
    stay at their places.

    Raises `ShapeError` when batch or time sizes, or lengths, do not fit.
    """
    arrays = jax.tree.leaves(inputs)
    if not arrays or any(a.ndim < 2 or a.shape[:2] != arrays[0].shape[:2] for a in arrays):
        raise ShapeError(f"sweep needs inputs (batch, time, ...), got {[a.shape for a in arrays]}.")
    batch, time = arrays[0].shape[:2]
    for leaf in jax.tree.leaves(state):
        if leaf.shape[:1] != (batch,):
            raise ShapeError(f"sweep: a state for {batch} rows must be ({batch}, ...), got {leaf.shape}.")
    if lengths is not None and lengths.shape != (batch,):
        raise ShapeError(f"sweep: lengths for {batch} rows must be ({batch},), got {lengths.shape}.")

    def guarded(state, now):
        step_inputs, running = now
        new, outputs = step(state, step_inputs)
        if running is None:
            return new, outputs

        def hold(new, old):
            return jnp.where(running.reshape(batch, *[1] * (new.ndim - 1)), new, old)

        return jax.tree.map(hold, new, state), jax.tree.map(lambda y: hold(y, jnp.zeros_like(y)), outputs)

    running = None if lengths is None else jnp.arange(time, dtype=lengths.dtype)[:, None] < lengths
    by_time = jax.tree.map(_swapped, inputs)
    state, outputs = lax.scan(guarded, state, (by_time, running), length=time, reverse=reverse)
    return jax.tree.map(_swapped, outputs), state


def lstm_cell(
    gates: Float[Array, "*batch four_hidden"], c: Float[Array, "*batch hidden"]
) -> tuple[Float[Array, "*batch hidden"], Float[Array, "*batch hidden"]]:
    """Compute one step of a long short-term memory from its gates before their nonlinearities; returns (h, c).

    The last axis of `gates` holds, in this order, input, forget, candidate, output (as in PyTorch and Keras):

    i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of gates = x W + h U + b
    c' = f c + i g,   h' = o tanh(c')

    h has the type of `gates`, c keeps its own (float32 suits bfloat16 gates); computed in float32 at least.

    Raises `ShapeError` unless gates are four times as wide as the state. Source: Hochreiter and Schmidhuber (1997),
    "Long short-term memory", with the forget gate of Gers, Schmidhuber and Cummins (2000); no peepholes.
    """
    hidden = c.shape[-1] if c.ndim else 0
    if gates.shape != (*c.shape[:-1], 4 * hidden):
        raise ShapeError(f"lstm_cell: a state {c.shape} needs gates {(*c.shape[:-1], 4 * hidden)}, got {gates.shape}.")
    i, f, g, o = jnp.split(accumulated(gates), 4, axis=-1)
    new = jax.nn.sigmoid(f) * c.astype(f.dtype) + jax.nn.sigmoid(i) * jnp.tanh(g)
    return (jax.nn.sigmoid(o) * jnp.tanh(new)).astype(gates.dtype), new.astype(c.dtype)


def lstm_sweep(
    gate_inputs: Float[Array, "batch time four_hidden"],
    h0: Float[Array, "batch hidden"],
    c0: Float[Array, "batch hidden"],
    recurrent_kernel: Float[Array, "hidden four_hidden"],
    *,
    lengths: Integer[Array, " batch"] | None = None,
    reverse: bool = False,
) -> tuple[Float[Array, "batch time hidden"], tuple[Float[Array, "batch hidden"], Float[Array, "batch hidden"]]]:
    """Run a long short-term memory over sequences; returns the h of every step, and the last (h, c).

    `gate_inputs` is x W + b for all steps, computed at once beforehand (one large matrix product); each step adds
    h U with `recurrent_kernel` U and calls `lstm_cell`, whose gate order holds here. See `sweep` for `lengths`
    (state held and outputs 0 past a row's end) and `reverse`.

    Raises `ShapeError` when sizes do not fit.
    """
    hidden = h0.shape[-1] if h0.ndim else 0
    expected = {
        "gate_inputs": (gate_inputs, (h0.shape[0] if h0.ndim else 0, "time", 4 * hidden)),
        "c0": (c0, h0.shape),
        "recurrent_kernel": (recurrent_kernel, (hidden, 4 * hidden)),
    }
    for name, (array, shape) in expected.items():
        if len(array.shape) != len(shape) or any(
            n != m for n, m in zip(array.shape, shape, strict=True) if m != "time"
        ):
            words = ", ".join(map(str, shape))
            raise ShapeError(f"lstm_sweep: with h0 {h0.shape}, {name} must be ({words}), got {array.shape}.")

    def step(state, gates):
        h, c = state
        h, c = lstm_cell(gates + (h @ recurrent_kernel).astype(gates.dtype), c)
        return (h, c), h

    return sweep(step, (h0.astype(gate_inputs.dtype), c0), gate_inputs, lengths=lengths, reverse=reverse)


def _swapped(x: Array) -> Array:
    return jnp.swapaxes(x, 0, 1)
