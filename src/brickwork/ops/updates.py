"""What training does with all arrays of parameters at once: where memory is what limits a training step."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork import native
from brickwork.ops.implementation import choose
from brickwork.ops.primitives import computed, in_front, mapped, mapped_as_members

Arrays = list[Array]


def adam_update(
    grads: Sequence[Array],
    params: Sequence[Array],
    means: Sequence[Array],
    squares: Sequence[Array],
    *,
    rate: Float[Array, ""],
    corrections: tuple[Float[Array, ""], Float[Array, ""]],
    beta1: float,
    beta2: float,
    epsilon: float,
    decays: Sequence[float],
) -> tuple[Arrays, Arrays, Arrays] | None:
    """Return parameters, running means and running squares after a step of Adam; None where there is no faster way.

        m' = b1 m + (1 - b1) g,   v' = b2 v + (1 - b2) g^2
        p' = p - rate ((m' / c1) / (sqrt(v' / c2) + epsilon) + decay p)

    The same as array by array, in one pass over memory and on all cores, by a kernel of our own for CPUs: in a training
    step of a network of dense layers the update is a third to a half of the work.

    Args:
        grads: the gradients g, one array for each parameter.
        params: the parameters p.
        means: m.
        squares: v.
        rate: how far to go.
        corrections: c1 = 1 - b1^t and c2 = 1 - b2^t of step t.
        beta1: b1.
        beta2: b2.
        epsilon: keeps from dividing by 0.
        decays: for each parameter, the share of it that is taken away with every step of rate 1.

    Source: Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization", algorithm 1; Loshchilov & Hutter (2019),
    "Decoupled Weight Decay Regularization", algorithm 2.
    """
    lists = (grads, params, means, squares)
    if not params or any(a.dtype != jnp.float32 for arrays in lists for a in arrays):
        return None
    numbers = [jnp.asarray(one, jnp.float32) for one in (rate, *corrections)]
    by_array = [a for several in zip(*lists, strict=True) for a in several]
    settings = {"beta1": beta1, "beta2": beta2, "epsilon": epsilon, "decays": tuple(map(float, decays))}

    def by_kernel(*arrays: Array) -> list[Array]:
        return adam_p.bind(*arrays, members=False, **settings)

    def plain(*arrays: Array) -> list[Array]:
        return _adam_plain(*arrays, members=False, **settings)

    found = choose({"xla": plain, "native": by_kernel}, *numbers, *by_array)
    return found[::3], found[1::3], found[2::3]


def _adam_plain(
    rate: Array,
    c1: Array,
    c2: Array,
    *arrays: Array,
    members: bool,
    beta1: float,
    beta2: float,
    epsilon: float,
    decays: tuple[float, ...],
) -> list[Array]:
    """Compute the update; with `members` the first axis of all are networks with a rate and a step of their own.

    An axis of one network would be in the way: to put it there, arrays are copied.
    """
    found: list[Array] = []
    for number, decay in enumerate(decays):
        g, p, m, v = arrays[4 * number : 4 * number + 4]
        each = (-1,) + (1,) * (g.ndim - 1) if members else ()
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * jnp.square(g)
        step = (m / c1.reshape(each)) / (jnp.sqrt(v / c2.reshape(each)) + epsilon)
        found += [p - rate.reshape(each) * (step + decay * p if decay else step), m, v]
    return found


def _adam_native(*arrays: Array, members: bool, decays: tuple[float, ...], **settings: float) -> list[Array]:
    del members  # there are as many as rates
    places = [3 + 4 * number + part for number in range(len(decays)) for part in (1, 2, 3)]
    results = [jax.ShapeDtypeStruct(arrays[place].shape, arrays[place].dtype) for place in places]
    in_place = {place: number for number, place in enumerate(places)}
    return native.call("adam", results, *arrays, in_place=in_place, decays=decays, **settings)


def squared_norm(arrays: Sequence[Float[Array, "..."]]) -> Float[Array, ""]:
    """Return the sum of the squares of all numbers of several arrays, in float32: of a gradient, say.

        s = sum over arrays a and their numbers i of a_i^2

    It is finite if and only if all numbers are, and their squares. No arrays give 0. On CPUs a kernel of ours computes
    it in one pass over memory; XLA's own sum takes about ten times as long, a fifth of a small network's training step.

    >>> squared_norm([jnp.ones((2, 3)), jnp.full(2, 2.0)])
    Array(14., dtype=float32)
    """
    if not arrays:
        return jnp.float32(0)
    if any(a.dtype != jnp.float32 for a in arrays):
        return sum((jnp.vdot(a, a).astype(jnp.float32) for a in arrays), jnp.float32(0))

    def by_kernel(*arrays: Array) -> Array:
        return squares_p.bind(*arrays, members=False)[0]

    def plain(*arrays: Array) -> Array:
        return _squares_plain(*arrays, members=False)[0]

    return choose({"xla": plain, "native": by_kernel}, *arrays)


def _squares_plain(*arrays: Array, members: bool) -> list[Array]:
    sums = [jnp.sum(a * a, range(int(members), a.ndim)) for a in arrays]
    return [jnp.sum(jnp.stack(sums), 0)]


def _squares_native(*arrays: Array, members: bool) -> list[Array]:
    shape = arrays[0].shape[:1] if members else ()
    return native.call("sum_of_squares", [jax.ShapeDtypeStruct(shape, jnp.float32)], *arrays)


def _mapped_with_members(made: Any) -> Any:
    """Return the rule of `vmap` of a primitive with the setting `members`: the first axis is of networks."""
    more = mapped_as_members(made)

    def rule(arrays: Sequence[Any], axes: Sequence[Any], *, members: bool, **settings: Any) -> tuple[Any, Any]:
        if members:
            return more(arrays, axes, members=True, **settings)
        size = next(a.shape[axis] for a, axis in zip(arrays, axes, strict=True) if axis is not None)
        front = [in_front(a, axis, size) for a, axis in zip(arrays, axes, strict=True)]
        found = made.bind(*front, members=True, **settings)
        return found, [0] * len(found)

    return rule


adam_p = computed("adam_native", _adam_plain, _adam_native)
squares_p = computed("sum_of_squares_native", _squares_plain, _squares_native)
for made in (adam_p, squares_p):
    mapped(made, _mapped_with_members(made))
