"""Recurrent cells swept over time by kernels of our own: one call for all steps forward, one for all steps backward.

Forward keeps the gates of every step; backward returns the gradient of what goes into the gates, for all steps, and the
gradient of the weights is one product of all steps at once:

    dU = sum over rows and steps of (s h) dz^T,  where z = x + (s h) U

A scan, differentiated, adds up one small product a step instead. Arrays are (members, rows, time, features): several
networks are one call. In float32. Source: Appleyard, Kocisky and Blunsom (2016), "Optimizing performance of recurrent
neural networks on GPUs", section 3.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from brickwork import native
from brickwork.ops.native_products import sum_over_steps
from brickwork.ops.primitives import differentiable

Sweep = Callable[..., Any]


def lstm_by_kernels(plain: Sweep) -> Sweep:
    """Return `lstm_sweep` of one network by kernels, which is differentiated further as `plain`, the same by a scan.

    Both are functions of gate inputs, h0, c0, recurrent kernel, memory scale or None, lengths or None, and `reverse`.
    """
    run = _by_kernels("lstm_native", plain, _lstm_forward, _lstm_backward)

    def swept(x: Array, h0: Array, c0: Array, kernel: Array, scale: Any, lengths: Any, *, reverse: bool) -> Any:
        y, h, c = _called(run, (x, h0, c0, kernel), scale, lengths, reverse=reverse)
        return y.astype(x.dtype), (h.astype(x.dtype), c.astype(c0.dtype))

    return swept


def gru_by_kernels(plain: Sweep) -> Sweep:
    """Return `gru_sweep`, with the reset after the product, of one network by kernels; see `lstm_by_kernels`.

    Both are functions of inputs, h0, recurrent kernel, recurrent bias, memory scale or None, lengths or None, and
    `reverse`.
    """
    run = _by_kernels("gru_native", plain, _gru_forward, _gru_backward)

    def swept(x: Array, h0: Array, kernel: Array, bias: Array, scale: Any, lengths: Any, *, reverse: bool) -> Any:
        y, h = _called(run, (x, h0, kernel, bias), scale, lengths, reverse=reverse)
        return y.astype(x.dtype), h.astype(h0.dtype)

    return swept


def _by_kernels(name: str, plain: Sweep, forward: Sweep, backward: Sweep) -> Sweep:
    def alone(*arrays: Array, reverse: bool) -> Any:
        return forward(*arrays, reverse=reverse, keep=False)[0]

    return differentiable(name, partial(_of_members, plain=plain), forward, backward, alone=alone, members=True)


def _called(run: Sweep, arrays: tuple[Array, ...], scale: Any, lengths: Any, *, reverse: bool) -> Any:
    """Call a sweep of several networks with one, whose arrays may have any narrow type and which may have no scale."""
    rows, time = arrays[0].shape[:2]
    lengths = jnp.full((rows,), time, jnp.int32) if lengths is None else lengths.astype(jnp.int32)
    numbers = arrays if scale is None else (*arrays, scale)
    found = run(lengths[None], *(a.astype(jnp.float32)[None] for a in numbers), reverse=reverse)
    return tuple(one[0] for one in found)


def _of_members(lengths: Array, *arrays: Array, plain: Sweep, reverse: bool) -> tuple[Array, ...]:
    """Sweep several networks by scans."""

    def one(lengths: Array, *arrays: Array) -> tuple[Array, ...]:
        numbers = arrays if len(arrays) == 5 else (*arrays, None)
        return tuple(jax.tree.leaves(plain(*numbers, lengths, reverse=reverse)))

    if lengths.shape[0] != 1:
        return jax.vmap(one)(lengths, *arrays)
    return tuple(a[None] for a in one(lengths[0], *(a[0] for a in arrays)))  # plain products, not batches of one


def _lstm_forward(
    lengths: Integer[Array, "members rows"],
    x: Float[Array, "members rows time four_hidden"],
    h0: Float[Array, "members rows hidden"],
    c0: Float[Array, "members rows hidden"],
    kernel: Float[Array, "members hidden four_hidden"],
    *scale: Float[Array, "members rows hidden"],
    reverse: bool,
    keep: bool = True,
) -> Any:
    hidden, kept_steps = h0.shape[-1], (*x.shape[:2], x.shape[2] if keep else 0)
    each = _like(*kept_steps, hidden)
    results = [_like(*x.shape[:3], hidden), _like(*h0.shape), _like(*h0.shape)]
    results += [_like(*kept_steps, 4 * hidden), each, each]
    y, h, c, *kept = native.call("lstm", results, x, h0, c0, kernel, _or_ones(scale, h0), lengths, reverse=int(reverse))
    return (y, h, c), tuple(kept)


def _lstm_backward(arrays: Any, kept: Any, cotangents: Any, *, reverse: bool) -> Any:
    lengths, x, h0, c0, kernel, *scale = arrays
    gates, cells, before = kept
    results = [_like(*x.shape), _like(*h0.shape), _like(*c0.shape)]
    given = *cotangents, kernel, _or_ones(scale, h0), lengths, c0, gates, cells
    dx, dh, dc = native.call("lstm_backward", results, *given, reverse=int(reverse))
    dkernel, dscale = _of_product(dx, before, kernel, scale)
    return dx, dh, dc, dkernel, *dscale


def _gru_forward(
    lengths: Integer[Array, "members rows"],
    x: Float[Array, "members rows time three_hidden"],
    h0: Float[Array, "members rows hidden"],
    kernel: Float[Array, "members hidden three_hidden"],
    bias: Float[Array, "members hidden"],
    *scale: Float[Array, "members rows hidden"],
    reverse: bool,
    keep: bool = True,
) -> Any:
    hidden, kept_steps = h0.shape[-1], (*x.shape[:2], x.shape[2] if keep else 0)
    results = [_like(*x.shape[:3], hidden), _like(*h0.shape)]
    results += [_like(*kept_steps, 4 * hidden), _like(*kept_steps, hidden)]
    given = x, h0, kernel, bias, _or_ones(scale, h0), lengths
    y, h, *kept = native.call("gru", results, *given, reverse=int(reverse))
    return (y, h), tuple(kept)


def _gru_backward(arrays: Any, kept: Any, cotangents: Any, *, reverse: bool) -> Any:
    lengths, x, h0, kernel, bias, *scale = arrays
    gates, before = kept
    results = [_like(*x.shape), _like(*x.shape), _like(*h0.shape)]
    given = *cotangents, kernel, _or_ones(scale, h0), lengths, gates, before
    dx, dproduct, dh = native.call("gru_backward", results, *given, reverse=int(reverse))
    dkernel, dscale = _of_product(dproduct, before, kernel, scale)
    dbias = jnp.sum(dproduct[..., -bias.shape[-1] :], (1, 2))
    return dx, dh, dkernel, dbias, *dscale


def _of_product(dproduct: Array, before: Array, kernel: Array, scale: list[Array]) -> tuple[Array, list[Array]]:
    """Return the gradients of U, and of s where there is one, from that of (s h) U at every step."""
    scaled = before * scale[0][:, :, None] if scale else before
    flat, wide = (a.reshape(a.shape[0], -1, a.shape[-1]) for a in (scaled, dproduct))
    return sum_over_steps(flat, wide), [jnp.einsum("mbtg,mhg,mbth->mbh", dproduct, kernel, before) for _ in scale]


def _or_ones(scale: Any, h0: Array) -> Array:
    return scale[0] if scale else jnp.ones(h0.shape, h0.dtype)


def _like(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)
