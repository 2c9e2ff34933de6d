"""Lifted transforms: JAX's scan, map, checkpoint and cond around a part of a network.

A part of a network is a function that also reads parameters, reads and writes statistics, draws keys and taps
values. Each lift makes it a pure function of all of these, applies JAX's transform to that, and puts what comes
out back into the frame. While planning nothing is transformed: the body runs once, and the results get the
shapes that the transform would give them.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from brickwork.core.errors import ScopeError, ShapeError
from brickwork.core.frame import Declared, Frame, Initializer, Shape
from brickwork.core.paths import below

Body = Callable[..., Any]


def shapes_of(tree: Any) -> Any:
    """Return the shapes and types of a pytree of arrays."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf)), tree)


def scan(
    frame: Frame, path: str, body: Body, carry: Any, xs: Any, length: int | None, reverse: bool, unroll: int
) -> tuple[Any, Any]:
    """Run `body(frame, carry, x) -> (carry, y)` along the leading axis of `xs`.

    Parameters are shared by all steps, statistics flow from step to step, each step has its own keys, taps and
    offsets get a leading axis of steps.
    """
    n = _length(xs, length)
    if frame.planning:
        inner = frame.fork(copies=frame.copies * n)
        new_carry, y = body(inner, carry, _first(xs))
        _same("scan", path, carry, new_carry)
        return new_carry, _planned(frame, inner, y, n)
    offsets = _inner_offsets(frame, lambda inner: body(inner, carry, _first(xs)))
    forks: list[Frame] = []

    def step(state: Any, inputs: Any) -> Any:
        carry, stats = state
        index, x, offset = inputs
        inner = frame.fork(stats={**frame.stats, **stats}, offsets=offset, key=_step_key(frame.key, index))
        forks.append(inner)
        new_carry, y = body(inner, carry, x)
        _same("scan", path, carry, new_carry)
        return (new_carry, {name: inner.stats[name] for name in stats}), (y, inner.taps)

    start = (carry, frame.stats_below(path))
    (carry, stats), (ys, taps) = jax.lax.scan(
        step, start, (jnp.arange(n), xs, offsets), length=n, reverse=reverse, unroll=unroll
    )
    frame.absorb(forks[-1], stats, taps)
    return carry, ys


def remat(frame: Frame, path: str, body: Body, args: tuple[Any, ...]) -> Any:
    """Run `body(frame, *args)` and compute its inner values again for the gradient instead of keeping them."""
    if frame.planning:
        return body(frame, *args)
    forks: list[Frame] = []

    def run(stats: Any, offsets: Any, key: Any, args: Any) -> Any:
        inner = frame.fork(stats={**frame.stats, **stats}, offsets=offsets, key=key)
        forks.append(inner)
        result = body(inner, *args)
        return result, {name: inner.stats[name] for name in stats}, inner.taps

    result, stats, taps = jax.checkpoint(run)(frame.stats_below(path), frame.offsets, frame.key, args)
    frame.absorb(forks[-1], stats, taps)
    return result


def cond(frame: Frame, path: str, predicate: Array, true: Body, false: Body, args: tuple[Any, ...]) -> Any:
    """Run one of two bodies. Both are planned; the taps of the one that did not run are zeros."""
    if frame.planning:
        planned = [frame.fork(), frame.fork()]
        results = [body(inner, *args) for body, inner in zip((true, false), planned, strict=True)]
        _same("cond", path, *results)
        for inner in planned:
            frame.absorb(inner, {}, {})
        return results[0]
    forks: list[Frame] = []

    def branch(body: Body, taps_of_all: dict[str, Any]) -> Body:
        def run(stats: Any, args: Any) -> Any:
            inner = frame.fork(stats={**frame.stats, **stats})
            forks.append(inner)
            result = body(inner, *args)
            taps = {name: jnp.zeros(tap.shape, tap.dtype) for name, tap in taps_of_all.items()} | inner.taps
            return result, {name: inner.stats[name] for name in stats}, taps

        return run

    stats = frame.stats_below(path)
    shapes = [jax.eval_shape(branch(body, {}), stats, args) for body in (true, false)]
    _same("cond", path, shapes[0][0], shapes[1][0])
    taps_of_all = shapes[1][2] | shapes[0][2]
    result, stats, taps = jax.lax.cond(predicate, branch(true, taps_of_all), branch(false, taps_of_all), stats, args)
    for inner in forks[-2:]:
        frame.absorb(inner, stats, taps)
    return result


def stack(frame: Frame, path: str, body: Body, n: int, x: Any, each: Any, remat_each: bool) -> tuple[Any, Any]:
    """Run `body(frame, x, each_i) -> (x, y_i)` n times, each time with its own weights, compiled once.

    Parameters and statistics below `path` have a leading axis of copies, and so have taps and offsets.
    """
    if frame.planning:
        fresh = {"declared_params": {}, "declared_stats": {}, "bound": {}}
        inner = frame.fork(copies=frame.copies * n, **fresh)
        out, y = body(inner, x, _first(each))
        _same("stack", path, x, out)
        for ours, theirs in (
            (frame.declared_params, inner.declared_params),
            (frame.declared_stats, inner.declared_stats),
        ):
            for name, one in theirs.items():
                if not below(path, name):
                    raise ScopeError(f"Variable {name!r} was declared outside the stack {path!r} that runs it.")
                stacked = Declared(name, (n, *one.shape), one.dtype, Copies(one.init))
                if ours.setdefault(name, stacked).shape != stacked.shape:
                    raise ScopeError(f"The stack {path!r} has {ours[name].shape[0]} copies and cannot have {n} too.")
        frame.bound.update(inner.bound)
        return out, _planned(frame, inner, y, n)

    params = {name: value for name, value in frame.params.items() if below(path, name)}
    own = frame.stats_below(path)
    for name, value in {**params, **own}.items():
        if value.ndim == 0 or value.shape[0] != n:
            raise ShapeError(
                f"Variable {name!r} is for {n} copies, so its first axis must be {n}; it has {value.shape}."
            )
    first = _first((params, own, each))

    offsets = _inner_offsets(frame, lambda inner: body(_with(inner, first[0], first[1]), x, first[2]))
    forks: list[Frame] = []

    def step(x: Any, inputs: Any) -> Any:
        index, params, stats, offset, each = inputs
        inner = _with(frame.fork(offsets=offset, key=_step_key(frame.key, index)), params, stats)
        forks.append(inner)
        out, y = body(inner, x, each)
        _same("stack", path, x, out)
        return out, (y, {name: inner.stats[name] for name in stats}, inner.taps)

    step = jax.checkpoint(step) if remat_each else step
    out, (ys, stats, taps) = jax.lax.scan(step, x, (jnp.arange(n), params, own, offsets, each), length=n)
    frame.absorb(forks[-1], stats, taps)
    return out, ys


class Copies:
    """An initialiser that draws each copy along the first axis with its own key, by the rule for one copy."""

    def __init__(self, one: Initializer):
        self.one = one

    def __call__(self, key: Array, shape: Shape, dtype: Any) -> Array:
        """Draw all copies; `shape` has them along axis 0."""
        return jax.vmap(lambda k: self.one(k, shape[1:], dtype))(jax.random.split(key, shape[0]))


def _first(xs: Any) -> Any:
    """Return the first slice of every array; zeros where there is none, since only its shape matters then."""
    return jax.tree.map(lambda leaf: leaf[0] if leaf.shape[0] else jnp.zeros(leaf.shape[1:], leaf.dtype), xs)


def _with(frame: Frame, params: dict[str, Array], stats: dict[str, Array]) -> Frame:
    frame.params = frame.params | params
    frame.stats = frame.stats | stats
    return frame


def _step_key(key: Array | None, index: Array) -> Array | None:
    return None if key is None else jax.random.fold_in(key, index)


def _length(xs: Any, length: int | None) -> int:
    lengths = {leaf.shape[0] for leaf in jax.tree.leaves(xs)} | ({length} if length is not None else set())
    if len(lengths) != 1:
        raise ShapeError(f"A scan needs one length: the leading axes of its inputs are {sorted(lengths)}.")
    return lengths.pop()


def _inner_offsets(frame: Frame, run: Callable[[Frame], Any]) -> dict[str, Array]:
    """Return the offsets that belong to taps inside a body; found by tracing it once, if there are offsets."""
    if not frame.offsets:
        return {}
    seen: list[str] = []

    def dry() -> None:
        inner = frame.fork(offsets={}, looking=True)
        run(inner)
        seen.extend(inner.tapped)

    jax.eval_shape(dry)
    return {address: value for address, value in frame.offsets.items() if address in seen}


def _planned(frame: Frame, inner: Frame, y: Any, n: int) -> Any:
    """Return the result of a body as the transform stacks it n times, and take over what the body tapped."""

    def stacked(leaf: Any) -> Any:
        return jnp.broadcast_to(leaf, (n, *leaf.shape))

    tapped = {name: jax.ShapeDtypeStruct((n, *tap.shape), tap.dtype) for name, tap in inner.tapped.items()}
    frame.uses = {**frame.uses, **inner.uses}
    frame.tapped.update(tapped)
    return jax.tree.map(stacked, y)


def _same(transform: str, path: str, before: Any, after: Any) -> None:
    one, two = shapes_of(before), shapes_of(after)
    if jax.tree.structure(one) != jax.tree.structure(two) or jax.tree.leaves(one) != jax.tree.leaves(two):
        raise ShapeError(
            f"scope.{transform} at {path or 'the top'!r} needs the same shapes and types before and after its body: "
            f"{jax.tree.leaves(one)} against {jax.tree.leaves(two)}."
        )
