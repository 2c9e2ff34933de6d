"""Operations of our own for JAX: what a kernel computes, with the rules that let it be differentiated and mapped.

`jax.custom_vjp` would do for gradients alone: it fails in forward mode, and so in Hessians. A primitive with rules for
its tangents and for its transpose passes grad, jvp, vmap, scan and remat to any order. This is the one file that uses
more than JAX's plain public interface (`jax.extend`, `jax.interpreters`).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

Rule = Callable[..., Any]

MULTIPLICATIONS: dict[str, Rule] = {}
"""By the names of primitives: how many multiplications one takes, from abstract arguments and settings."""


def primitive(
    name: str, shapes: Rule, compute: Rule, several: bool = False, multiplications: Rule | None = None
) -> Primitive:
    """Return a new primitive.

    Args:
        name: what it is called in programs.
        shapes: from abstract arguments and settings to the shape and type of the result (or a list of several).
        compute: the same computation in terms of what JAX knows, such as a call of a kernel; it is what is compiled.
        several: whether there are several results.
        multiplications: how many it takes, from the same as `shapes`; without it, about as many as its results.
    """
    if multiplications is not None:
        MULTIPLICATIONS[name] = multiplications
    made = Primitive(name)
    made.multiple_results = several

    def abstract(*arrays: Any, **settings: Any) -> Any:
        found = shapes(*arrays, **settings)
        return [_aval(one) for one in found] if several else _aval(found)

    def alone(*arrays: Any, **settings: Any) -> Any:
        return _compiled(made, tuple(sorted(settings.items())))(*arrays)

    made.def_abstract_eval(abstract)
    made.def_impl(alone)
    mlir.register_lowering(made, mlir.lower_fun(compute, multiple_results=several))
    return made


def bilinear(made: Primitive, to_left: Rule, to_right: Rule) -> None:
    """Say that a primitive is linear in each of two arguments.

    `to_left(cotangent, right, like, **settings)` returns the cotangent of the left one, whose shape and type are those
    of `like`; `to_right(cotangent, left, like, **settings)` that of the right one.
    """

    def left(cotangent: Any, x: Any, right: Any, **settings: Any) -> Any:
        return to_left(cotangent, right, x.aval, **settings)

    def right(cotangent: Any, left: Any, y: Any, **settings: Any) -> Any:
        return to_right(cotangent, left, y.aval, **settings)

    ad.defbilinear(made, left, right)


def linear(made: Primitive, transpose: Primitive) -> None:
    """Say that a primitive is linear in its first argument, and what its transpose is; the others are whole numbers.

    Both take the same settings and the same other arguments.
    """

    def jvp(arrays: Sequence[Any], moved: Sequence[Any], **settings: Any) -> Any:
        step = ad.instantiate_zeros(moved[0])
        return made.bind(*arrays, **settings), made.bind(step, *arrays[1:], **settings)

    def transposed(turned: Any, _: Any, *others: Any, **settings: Any) -> Any:
        return [transpose.bind(ad.instantiate_zeros(turned), *others, **settings), *[None] * len(others)]

    ad.primitive_jvps[made] = jvp
    ad.primitive_transposes[made] = transposed


def linear_behind_first(made: Primitive, transpose: Primitive) -> None:
    """Say that a primitive is linear in all its arguments but the first together, and what its transpose is.

    That one takes the same first argument, and cotangents of the results; it returns those of the other arguments.
    """

    def transposed(turned: Any, first: Any, *_: Any, **settings: Any) -> Any:
        cotangents = turned if made.multiple_results else [turned]
        found = transpose.bind(first, *map(ad.instantiate_zeros, cotangents), **settings)
        return [None, *(found if transpose.multiple_results else [found])]

    ad.primitive_transposes[made] = transposed


def derived(made: Primitive, rule: Callable[..., Any]) -> None:
    """Say what the tangent of a primitive with one result is.

    `rule(arrays, steps, **settings)` returns it: steps are the tangents of the arrays, None for those that have none.
    """

    def jvp(arrays: Sequence[Any], moved: Sequence[Any], **settings: Any) -> Any:
        steps = [None if isinstance(one, ad.Zero) else one for one in moved]
        return made.bind(*arrays, **settings), rule(arrays, steps, **settings)

    ad.primitive_jvps[made] = jvp


def tangents(made: Primitive, rule: Callable[..., Any]) -> None:
    """Say what the tangents of a primitive with several results are.

    `rule(results, arrays, steps, **settings)` returns a tangent for each result, or None where it has none: steps are
    the tangents of the arrays.
    """

    def jvp(arrays: Sequence[Any], moved: Sequence[Any], **settings: Any) -> Any:
        out = made.bind(*arrays, **settings)
        steps = [ad.instantiate_zeros(one) for one in moved]
        found = rule(out, arrays, steps, **settings)
        zeros = (_no_tangent(one) for one in out)
        return out, [zero if one is None else one for one, zero in zip(found, zeros, strict=True)]

    ad.primitive_jvps[made] = jvp


def mapped(made: Primitive, rule: Callable[..., tuple[Any, Any]]) -> None:
    """Say what `vmap` makes of a primitive: `rule(arrays, axes, **settings)` returns results and their mapped axes."""
    batching.primitive_batchers[made] = rule


def mapped_as_members(made: Primitive) -> Callable[..., tuple[Any, Any]]:
    """Return the rule that puts the axis of `vmap` into the first axis of all arguments.

    For primitives that do the same again along that axis: for every member of a population.
    """

    def rule(arrays: Sequence[Any], axes: Sequence[Any], **settings: Any) -> tuple[Any, Any]:
        size = next(a.shape[axis] for a, axis in zip(arrays, axes, strict=True) if axis is not None)
        members = next(a.shape[0 if axis is None or axis > 0 else 1] for a, axis in zip(arrays, axes, strict=True))
        flat = [_merged(a, axis, size) for a, axis in zip(arrays, axes, strict=True)]
        found = made.bind(*flat, **settings)

        def apart(result: Any) -> Any:
            return result.reshape(size, members, *result.shape[1:])

        return ([apart(one) for one in found], [0] * len(found)) if made.multiple_results else (apart(found), 0)

    return rule


def mapped_as_rows(made: Primitive) -> Callable[..., tuple[Any, Any]]:
    """Return the rule of `vmap` of a primitive of rows and weights: (members, rows, ...) and (members, ...).

    Where the same weights serve all, their rows are those of one call; else everything is more members.
    """
    as_members = mapped_as_members(made)

    def rule(arrays: Sequence[Any], axes: Sequence[Any], **settings: Any) -> tuple[Any, Any]:
        if any(axis is not None for axis in axes[1:]):
            return as_members(arrays, axes, **settings)
        a = jnp.moveaxis(arrays[0], axes[0], 1)  # (members, mapped, rows, ...)
        members, size, rows = a.shape[:3]
        found = made.bind(a.reshape(members, size * rows, *a.shape[3:]), *arrays[1:], **settings)
        return found.reshape(members, size, rows, *found.shape[2:]), 1

    return rule


def computed(name: str, plain: Rule, kernel: Rule) -> Primitive:
    """Return a primitive that a kernel computes, whose derivatives and `vmap` are JAX's own, of a plain function.

    Both take the same arrays and settings and return a list of results.
    """
    made = primitive(name, _shapes_of(plain), kernel, several=True)

    def jvp(arrays: Sequence[Any], moved: Sequence[Any], **settings: Any) -> Any:
        function, numbers = _of_numbers(partial(plain, **settings), arrays)
        steps = tuple(ad.instantiate_zeros(moved[i]) for i in _numbers(arrays))
        return made.bind(*arrays, **settings), list(jax.jvp(function, numbers, steps)[1])

    ad.primitive_jvps[made] = jvp
    mapped(made, _vmap_as(plain))
    return made


def differentiable(
    name: str, plain: Rule, forward: Rule, backward: Rule, *, alone: Rule | None = None, members: bool = False
) -> Rule:
    """Return a function whose values and gradients come from kernels, to be differentiated any number of times.

    Its first derivative backwards is a kernel; all others, and what `vmap` asks for, are JAX's own, of the plain
    function. All of them are exact: which one runs does not change what is computed.

    Args:
        name: what it is called in programs.
        plain: `plain(*arrays, **settings)` in terms of what JAX knows; returns a tuple of results.
        forward: the same by kernels; returns the tuple of results, and a tuple of arrays to keep for `backward`.
        backward: `backward(arrays, kept, cotangents, **settings)` returns a tuple, the cotangents of those of the
            arrays that hold real numbers.
        alone: the results of `forward` without what is kept, where that is faster: for values without gradients.
        members: whether all of them do the same again along the first axis of all arrays: `vmap` is more of them then.
    """

    def whole(*arrays: Any, **settings: Any) -> list[Any]:
        results, kept = forward(*arrays, **settings)
        return [*results, *kept]

    def pushed(*given: Any, parts: tuple[int, int], **settings: Any) -> list[Any]:
        arrays, _, moved = _parted(given, parts)
        function, numbers = _of_numbers(partial(plain, **settings), arrays)
        return list(jax.jvp(function, numbers, tuple(moved))[1])

    def pulled(*given: Any, parts: tuple[int, int], **settings: Any) -> list[Any]:
        arrays, _, moved = _parted(given, parts)
        function, numbers = _of_numbers(partial(plain, **settings), arrays)
        return list(jax.vjp(function, *numbers)[1](tuple(moved)))

    def pulled_by_kernel(*given: Any, parts: tuple[int, int], **settings: Any) -> list[Any]:
        return list(backward(*_parted(given, parts), **settings))

    whole_p = primitive(name, _shapes_of(whole), whole, several=True)
    pushed_p = primitive(f"{name}_pushed", _shapes_of(pushed), pushed, several=True)
    pulled_p = primitive(f"{name}_pulled", _shapes_of(pulled), pulled_by_kernel, several=True)

    def jvp_of_whole(arrays: Sequence[Any], moved: Sequence[Any], **settings: Any) -> Any:
        out = whole_p.bind(*arrays, **settings)
        results = len(_shapes_of(plain)(*arrays, **settings))
        kept = out[results:]
        real = [ad.instantiate_zeros(moved[i]) for i in _numbers(arrays)]
        # What is kept is not needed here, but where this is turned round into cotangents.
        found = pushed_p.bind(*arrays, *kept, *real, parts=(len(arrays), len(kept)), **settings)
        return out, [*found, *(_no_tangent(one) for one in kept)]

    def transpose_of_pushed(turned: Sequence[Any], *given: Any, parts: tuple[int, int], **settings: Any) -> Any:
        arrays, kept, moved = _parted(given, parts)
        turned = [ad.instantiate_zeros(one) for one in turned]
        found = pulled_p.bind(*arrays, *kept, *turned, parts=parts, **settings)
        linear = [one if ad.is_undefined_primal(m) else None for m, one in zip(moved, found, strict=True)]
        return [None] * (len(given) - len(moved)) + linear

    def vmap_of_whole(arrays: Sequence[Any], axes: Sequence[Any], **settings: Any) -> tuple[Any, Any]:
        found = jax.vmap(partial(plain, **settings), tuple(axes))(*arrays)
        one = [jax.ShapeDtypeStruct(_without(a.shape, axis), a.dtype) for a, axis in zip(arrays, axes, strict=True)]
        kept = _shapes_of(whole)(*one, **settings)[len(found) :]  # nobody reads it: derivatives are plain from here on
        return [*found, *(jnp.zeros(k.shape, k.dtype) for k in kept)], [0] * len(found) + [None] * len(kept)

    ad.primitive_jvps[whole_p] = jvp_of_whole
    ad.primitive_jvps[pushed_p] = _jvp_as(pushed_p, pushed)
    ad.primitive_jvps[pulled_p] = _jvp_as(pulled_p, pulled)
    ad.primitive_transposes[pushed_p] = transpose_of_pushed
    mapped(whole_p, mapped_as_members(whole_p) if members else vmap_of_whole)
    mapped(pushed_p, mapped_as_members(pushed_p) if members else _vmap_as(pushed))
    mapped(pulled_p, mapped_as_members(pulled_p) if members else _vmap_as(pulled))

    def function(*arrays: Any, **settings: Any) -> tuple[Any, ...]:
        results = len(_shapes_of(plain)(*arrays, **settings))
        return tuple(whole_p.bind(*arrays, **settings)[:results])

    if alone is None:
        return function
    alone_p = primitive(f"{name}_alone", _shapes_of(alone), alone, several=True)

    def jvp_of_alone(arrays: Sequence[Any], moved: Sequence[Any], **settings: Any) -> Any:
        out, found = jvp_of_whole(arrays, moved, **settings)
        results = len(_shapes_of(plain)(*arrays, **settings))
        return out[:results], found[:results]

    ad.primitive_jvps[alone_p] = jvp_of_alone
    mapped(alone_p, mapped_as_members(alone_p) if members else _vmap_as(plain))
    return lambda *arrays, **settings: tuple(alone_p.bind(*arrays, **settings))


def _no_tangent(value: Any) -> Any:
    return ad.Zero(jax.typeof(value).to_tangent_aval())


def _parted(given: Sequence[Any], parts: tuple[int, int]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
    """Return the arrays, what is kept, and the tangents or cotangents behind them."""
    arrays, kept = parts
    return given[:arrays], given[arrays : arrays + kept], given[arrays + kept :]


def _numbers(arrays: Sequence[Any]) -> list[int]:
    """Return the places of arrays of real numbers: those that derivatives are taken of."""
    return [i for i, a in enumerate(arrays) if jnp.issubdtype(a.dtype, jnp.inexact)]


def _of_numbers(function: Rule, arrays: Sequence[Any]) -> tuple[Rule, tuple[Any, ...]]:
    """Return the function of the arrays of real numbers alone, and these."""
    places = _numbers(arrays)

    def of_numbers(*numbers: Any) -> Any:
        given = dict(zip(places, numbers, strict=True))
        return tuple(function(*(given.get(i, a) for i, a in enumerate(arrays))))

    return of_numbers, tuple(arrays[i] for i in places)


def _shapes_of(function: Rule) -> Rule:
    """Return the rule of shapes of a function, by tracing it."""

    def shapes(*arrays: Any, **settings: Any) -> Any:
        return jax.eval_shape(partial(function, **settings), *(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays))

    return shapes


def _jvp_as(made: Primitive, plain: Rule) -> Rule:
    """Return the rule of tangents of a primitive that computes what a plain function does, apart from what is kept."""

    def rule(given: Sequence[Any], moved: Sequence[Any], *, parts: tuple[int, int], **settings: Any) -> Any:
        function, numbers = _of_numbers(partial(plain, parts=parts, **settings), given)
        kept = range(parts[0], sum(parts))
        steps = [jnp.zeros_like(given[i]) if i in kept else ad.instantiate_zeros(moved[i]) for i in _numbers(given)]
        return made.bind(*given, parts=parts, **settings), list(jax.jvp(function, numbers, tuple(steps))[1])

    return rule


def _vmap_as(plain: Rule) -> Callable[..., tuple[Any, Any]]:
    def rule(arrays: Sequence[Any], axes: Sequence[Any], **settings: Any) -> tuple[Any, Any]:
        found = jax.vmap(partial(plain, **settings), tuple(axes))(*arrays)
        return found, [0] * len(found)

    return rule


def _without(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    return shape if axis is None else shape[:axis] + shape[axis + 1 :]


def in_front(array: Any, axis: int | None, size: int) -> Any:
    """Return an array with the axis of `vmap` in front; one that has none, for all alike."""
    return jnp.broadcast_to(array, (size, *array.shape)) if axis is None else jnp.moveaxis(array, axis, 0)


def _merged(array: Any, axis: int | None, size: int) -> Any:
    front = in_front(array, axis, size)
    return front.reshape(size * front.shape[1], *front.shape[2:])


def _aval(like: Any) -> Any:
    return ShapedArray(like.shape, like.dtype)


@lru_cache(maxsize=256)
def _compiled(made: Primitive, settings: tuple[tuple[str, Any], ...]) -> Any:
    return jax.jit(partial(made.bind, **dict(settings)))
