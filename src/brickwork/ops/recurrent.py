"""Recurrent cells swept over time: the simple one, the gated unit, the long short-term memory; sequences backwards."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Integer, Shaped

from brickwork.core.errors import ShapeError
from brickwork.ops.activations import activate
from brickwork.ops.implementation import choose
from brickwork.ops.native_recurrent import gru_by_kernels, lstm_by_kernels
from brickwork.ops.precision import accumulated, narrow

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
    _require_lengths(batch, lengths)

    def guarded(state, now):
        step_inputs, running = now
        new, outputs = step(state, step_inputs)
        if running is None:
            return new, outputs

        def hold(new, old):
            return jnp.where(running.reshape(batch, *[1] * (new.ndim - 1)), new, old)

        return jax.tree.map(hold, new, state), jax.tree.map(lambda y: hold(y, jnp.zeros_like(y)), outputs)

    running = None if lengths is None else jnp.arange(time, dtype=lengths.dtype)[:, None] < lengths
    if time == 1:  # no loop: one step costs what its cell costs
        now = jax.tree.map(lambda x: x[:, 0], inputs), None if running is None else running[0]
        state, outputs = guarded(state, now)
        return jax.tree.map(lambda y: y[:, None], outputs), state
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
    memory_scale: Float[Array, "batch hidden"] | None = None,
    lengths: Integer[Array, " batch"] | None = None,
    reverse: bool = False,
) -> tuple[Float[Array, "batch time hidden"], tuple[Float[Array, "batch hidden"], Float[Array, "batch hidden"]]]:
    """Run a long short-term memory over sequences; returns the h of every step, and the last (h, c).

    `gate_inputs` is x W + b for all steps, computed at once beforehand (one large matrix product); each step adds
    (s h) U with `recurrent_kernel` U and `memory_scale` s (a mask of dropout, say; 1 without it) and calls
    `lstm_cell`, whose gate order holds here. See `sweep` for `lengths` (state held and outputs 0 past a row's end)
    and `reverse`. On a CPU all steps are one call of a kernel (`native_recurrent`) where there is one: not for float64,
    nor for a single step. It computes in float32 throughout, so narrower types are rounded less often than in a scan.

    Raises `ShapeError` when sizes do not fit.
    """
    rows, hidden = _sizes(h0)
    _require_fit(
        "lstm_sweep",
        h0,
        gate_inputs=(gate_inputs, (rows, "time", 4 * hidden)),
        c0=(c0, h0.shape),
        recurrent_kernel=(recurrent_kernel, (hidden, 4 * hidden)),
        memory_scale=(memory_scale, h0.shape),
    )

    _require_lengths(rows, lengths)
    table = {"xla": partial(_lstm_plain, reverse=reverse)}
    if _worth_kernels(gate_inputs, h0, c0, recurrent_kernel):
        table["native"] = partial(_lstm_native, reverse=reverse)
    return choose(table, gate_inputs, h0, c0, recurrent_kernel, memory_scale, lengths)


def _lstm_plain(x: Array, h0: Array, c0: Array, kernel: Array, scale: Any, lengths: Any, *, reverse: bool) -> Any:
    def step(state, gates):
        h, c = state
        h, c = lstm_cell(gates + _recalled(h, kernel, scale, gates.dtype), c)
        return (h, c), h

    return sweep(step, (h0.astype(x.dtype), c0), x, lengths=lengths, reverse=reverse)


def gru_sweep(
    inputs: Float[Array, "batch time three_hidden"],
    h0: Float[Array, "batch hidden"],
    recurrent_kernel: Float[Array, "hidden three_hidden"],
    recurrent_bias: Float[Array, " hidden"] | None = None,
    *,
    reset: Literal["after", "before"] = "after",
    memory_scale: Float[Array, "batch hidden"] | None = None,
    lengths: Integer[Array, " batch"] | None = None,
    reverse: bool = False,
) -> tuple[Float[Array, "batch time hidden"], Float[Array, "batch hidden"]]:
    """Run a gated recurrent unit over sequences; returns the h of every step, and the last one.

    The last axis of `inputs`, which is x W + b for all steps, and of `recurrent_kernel` U holds, in this order,
    reset, update, candidate (as in PyTorch). With `recurrent_bias` a and `memory_scale` s (a mask of dropout, say):

    r, z = sigmoid of x W + b + (s h) U
    n = tanh(x W + b + r ((s h) U + a)), or with `reset` "before" tanh(x W + b + (r s h) U + a)
    h' = (1 - z) n + z h

    The outputs have the type of `inputs`; the state keeps its own, since it adds up over many steps (float32 suits
    bfloat16 inputs). Computed in float32 at least. See `sweep` for `lengths` and `reverse`. On a CPU all steps are one
    call of a kernel, with the reset after the product, as for `lstm_sweep`.

    Raises `ShapeError` when sizes do not fit. Source: Cho et al. (2014), "Learning phrase representations using RNN
    encoder-decoder for statistical machine translation", equations 5 to 8, which reset before the product; after it,
    as cuDNN and PyTorch do, one product serves all three.
    """
    rows, hidden = _sizes(h0)
    _require_fit(
        "gru_sweep",
        h0,
        inputs=(inputs, (rows, "time", 3 * hidden)),
        recurrent_kernel=(recurrent_kernel, (hidden, 3 * hidden)),
        recurrent_bias=(recurrent_bias, (hidden,)),
        memory_scale=(memory_scale, h0.shape),
    )
    _require_lengths(rows, lengths)
    table = {"xla": partial(_gru_plain, reset=reset, reverse=reverse)}
    if reset == "after" and _worth_kernels(inputs, h0, recurrent_kernel):
        table["native"] = partial(_gru_native, reverse=reverse)
    bias = jnp.zeros((hidden,), inputs.dtype) if recurrent_bias is None else recurrent_bias
    return choose(table, inputs, h0, recurrent_kernel, bias, memory_scale, lengths)


def _gru_plain(
    inputs: Array,
    h0: Array,
    kernel: Array,
    bias: Array,
    scale: Any,
    lengths: Any,
    *,
    reset: str = "after",
    reverse: bool,
) -> Any:
    both = 2 * h0.shape[-1]  # the gates' width
    first = kernel if reset == "after" else kernel[:, :both]
    wide_bias = jnp.broadcast_to(accumulated(bias), h0.shape)

    def step(h, x):
        state, wide = h.astype(x.dtype), accumulated(x)
        recalled = accumulated(_recalled(state, first, scale, x.dtype))
        r, z = jnp.split(jax.nn.sigmoid(wide[:, :both] + recalled[:, :both]), 2, axis=-1)
        if reset == "after":
            candidate = r * (recalled[:, both:] + wide_bias)
        else:
            kept = r.astype(x.dtype) * state
            candidate = accumulated(_recalled(kept, kernel[:, both:], scale, x.dtype)) + wide_bias
        new = (1 - z) * jnp.tanh(wide[:, both:] + candidate) + z * h.astype(z.dtype)
        return new.astype(h.dtype), new.astype(x.dtype)

    return sweep(step, h0, inputs, lengths=lengths, reverse=reverse)


def simple_sweep(
    inputs: Float[Array, "batch time hidden"],
    h0: Float[Array, "batch hidden"],
    recurrent_kernel: Float[Array, "hidden hidden"],
    *,
    activation: str = "tanh",
    memory_scale: Float[Array, "batch hidden"] | None = None,
    lengths: Integer[Array, " batch"] | None = None,
    reverse: bool = False,
) -> tuple[Float[Array, "batch time hidden"], Float[Array, "batch hidden"]]:
    """Run a simple recurrent cell over sequences; returns the h of every step, and the last one.

    h' = activation(x W + b + (s h) U)

    `inputs` is x W + b for all steps, `recurrent_kernel` U, `memory_scale` s (a mask of dropout, say; 1 without it).
    See `sweep` for `lengths` and `reverse`.

    Raises `ShapeError` when sizes do not fit, `SettingError` for an unknown activation. Source: Elman (1990),
    "Finding structure in time".
    """
    rows, hidden = _sizes(h0)
    _require_fit(
        "simple_sweep",
        h0,
        inputs=(inputs, (rows, "time", hidden)),
        recurrent_kernel=(recurrent_kernel, (hidden, hidden)),
        memory_scale=(memory_scale, h0.shape),
    )

    def step(h, x):
        h = activate(activation, x + _recalled(h, recurrent_kernel, memory_scale, x.dtype))
        return h, h

    return sweep(step, h0.astype(inputs.dtype), inputs, lengths=lengths, reverse=reverse)


def backwards(
    x: Shaped[Array, "batch time ..."], lengths: Integer[Array, " batch"] | None = None
) -> Shaped[Array, "batch time ..."]:
    """Return sequences from their last step to their first: y[b, t] = x[b, lengths[b] - 1 - t].

    Each row turns within its own length (the whole time axis without `lengths`); what lies past it stays where it is.

    Raises `ShapeError` when there is no time axis or lengths do not fit.
    """
    if x.ndim < 2 or (lengths is not None and lengths.shape != x.shape[:1]):
        given = "" if lengths is None else f" with lengths {lengths.shape}"
        raise ShapeError(f"backwards needs sequences (batch, time, ...) and one length a row, got {x.shape}{given}.")
    if lengths is None:
        return jnp.flip(x, axis=1)
    places = lax.broadcasted_iota(lengths.dtype, x.shape[:2], 1)
    ends = jnp.broadcast_to(lengths[:, None], places.shape)
    places = jnp.where(places < ends, ends - 1 - places, places)
    return jnp.take_along_axis(x, places.reshape(*places.shape, *[1] * (x.ndim - 2)), axis=1)


def _recalled(h: Array, kernel: Array, scale: Array | None, dtype: DTypeLike) -> Array:
    """Return (s h) U in the type of the inputs that it is added to."""
    scaled = h if scale is None else h * scale.astype(h.dtype)
    return (scaled @ kernel).astype(dtype)


def _worth_kernels(x: Array, *others: Array) -> bool:
    """Tell whether a sweep over x is one that kernels can do, and do faster: it has more than one step, and rows."""
    return x.size > 0 and x.shape[1] > 1 and narrow(x, *others)


def _sizes(h0: Array) -> tuple[int, int]:
    return (h0.shape[0], h0.shape[-1]) if h0.ndim else (0, 0)


def _require_lengths(rows: int, lengths: Array | None) -> None:
    if lengths is not None and lengths.shape != (rows,):
        raise ShapeError(f"sweep: lengths for {rows} rows must be ({rows},), got {lengths.shape}.")


def _require_fit(name: str, h0: Array, **expected: tuple[Array | None, tuple[int | str, ...]]) -> None:
    """Raise `ShapeError` unless each array that is there has its shape; "time" stands for any number."""
    for what, (array, shape) in expected.items():
        if array is None:
            continue
        sizes = zip(array.shape, shape, strict=False)
        if len(array.shape) != len(shape) or any(n != m for n, m in sizes if m != "time"):
            words = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
            raise ShapeError(f"{name}: with h0 {h0.shape}, {what} must be ({words}), got {array.shape}.")


def _swapped(x: Array) -> Array:
    return jnp.swapaxes(x, 0, 1)


_lstm_native, _gru_native = lstm_by_kernels(_lstm_plain), gru_by_kernels(_gru_plain)
