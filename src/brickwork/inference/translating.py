"""From JAX's operations to steps: what is known when weights are, numpy computes; the rest becomes a graph."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from brickwork.inference.graph import AXES, FUNCTIONS, OPERANDS, Graph, Windows
from brickwork.inference.views import Buffer, UnsupportedError, Value, View, broadcast, part, transposed, turned, whole

Rule = Callable[..., Value]

RULES: dict[str, Rule] = {}
"""By the name of an operation: `rule(graph, shape, *operands, **parameters)` returns its result, of that shape."""

INNER = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
}
"""Operations that stand for others, and the parameter that has these."""

Shape = tuple[int, ...]

FLOAT = np.dtype(np.float32)

SUM, LARGEST, SMALLEST = 0, 1, 2


def translated(closed: ClosedJaxpr, known: Sequence[Any], shape: tuple[int, ...]) -> tuple[Graph, Buffer, View]:
    """Return the steps of a computation, the buffer of the row, and the view of its one result.

    Args:
        closed: the computation, of constants and then the row.
        known: the constants.
        shape: of the row.

    Raises:
        UnsupportedError: it has an operation, a type or more results than programs of our own know.
    """
    row = Buffer(prod(shape))
    graph = Graph()
    results = _walked(graph, closed.jaxpr, closed.consts, [*known, whole(row, shape)])
    if len(results) != 1 or isinstance(results[0], np.ndarray) or not isinstance(results[0], View):
        raise UnsupportedError("anything but one array that depends on the row")
    return graph, row, graph.plain(results[0])


def _walked(graph: Graph, jaxpr: Jaxpr, consts: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, given, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        operands = [read(atom) for atom in equation.invars]
        values.update(zip(equation.outvars, _results(graph, equation, operands), strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _results(graph: Graph, equation: Any, operands: list[Any]) -> Sequence[Any]:
    name, parameters = equation.primitive.name, equation.params
    if name in INNER:
        inner = parameters[INNER[name]]
        return _walked(graph, getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), operands)
    types = {variable.aval.dtype for variable in (*equation.invars, *equation.outvars)}
    if not any(isinstance(one, View) for one in operands) and (name not in ON_CONSTANTS or types != {FLOAT}):
        found = equation.primitive.bind(*operands, **parameters)  # of weights alone: JAX itself computes it
        return found if equation.primitive.multiple_results else [found]
    rule = RULES.get(name)
    if rule is None or not types <= {FLOAT, np.dtype(np.bool_)}:
        raise UnsupportedError(f"{name} of {', '.join(sorted(map(str, types)))}")
    (out,) = equation.outvars
    values = [one if isinstance(one, View) else np.asarray(one, np.float32) for one in operands]
    if 0 in out.aval.shape:
        raise UnsupportedError("an array without numbers")
    return [rule(graph, out.aval.shape, *values, **parameters)]


# -------------------------------------------------------------------------------------------------- number by number

_OF_CONSTANTS: dict[str, Callable[..., Any]] = {
    "neg": np.negative,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sqrt": np.sqrt,
    "rsqrt": lambda a: np.float32(1) / np.sqrt(a),
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
}


def _elementwise(name: str) -> Rule:
    def rule(graph: Graph, out: Shape, /, *operands: Value, **_: Any) -> Value:
        constants = [one for one in operands if isinstance(one, np.ndarray)]
        if len(constants) == len(operands):
            return np.asarray(_OF_CONSTANTS[name](*constants), np.float32)
        if len(operands) > OPERANDS:
            raise UnsupportedError(f"{name} of {len(operands)} arrays")
        return graph.elementwise(name, operands, out)

    return rule


def _square(graph: Graph, out: Shape, /, x: Value, **_: Any) -> Value:
    return RULES["mul"](graph, out, x, x)


def _integer_pow(graph: Graph, out: Shape, /, x: Value, *, y: int, **_: Any) -> Value:
    if y not in (-2, -1, 1, 2, 3, 4):
        raise UnsupportedError(f"the power {y}")
    found = x
    for _step in range(abs(y) - 1):
        found = RULES["mul"](graph, out, found, x)
    return found if y > 0 else RULES["div"](graph, out, np.ones((), np.float32), found)


def _clamp(graph: Graph, out: Shape, /, low: Value, x: Value, high: Value, **_: Any) -> Value:
    return RULES["min"](graph, out, RULES["max"](graph, out, x, low), high)


def _as_it_is(graph: Graph, out: Shape, /, x: Value, **_: Any) -> Value:
    return graph.reshaped(x, out)


# --------------------------------------------------------------------------------------------------------- shapes


def _broadcast(
    graph: Graph, out: Shape, /, x: Value, *_: Any, broadcast_dimensions: tuple[int, ...], **__: Any
) -> Value:
    del graph
    return broadcast(x, out, tuple(broadcast_dimensions))


def _transpose(graph: Graph, out: Shape, /, x: Value, *, permutation: tuple[int, ...]) -> Value:
    del graph, out
    return transposed(x, tuple(permutation))


def _slice(graph: Graph, out: Shape, /, x: Value, *, start_indices: Any, limit_indices: Any, strides: Any) -> Value:
    del graph, out
    return part(x, tuple(start_indices), tuple(limit_indices), tuple(strides or (1,) * len(x.shape)))


def _rev(graph: Graph, out: Shape, /, x: Value, *, dimensions: tuple[int, ...]) -> Value:
    del graph, out
    return turned(x, tuple(dimensions))


def _concatenate(graph: Graph, out: Shape, /, *parts: Value, dimension: int) -> Value:
    placed, at = [], 0
    for one in parts:
        placed.append((one, tuple(at if axis == dimension else 0 for axis in range(len(out)))))
        at += one.shape[dimension]
    return graph.pasted(out, None, placed)


def _pad(graph: Graph, out: Shape, /, x: Value, fill: Value, *, padding_config: Any) -> Value:
    if any(low < 0 or high < 0 or between for low, high, between in padding_config):
        raise UnsupportedError("padding that takes away, or between")
    return graph.pasted(out, fill, [(x, tuple(low for low, _, _ in padding_config))])


# ------------------------------------------------------------------------------------------------------------ sums


def _dot_general(graph: Graph, out: Shape, /, x: Value, w: Value, *, dimension_numbers: Any, **_: Any) -> Value:
    (left, right), batch = dimension_numbers
    fits = tuple(left) == (len(x.shape) - 1,) and tuple(right) == (0,) and len(w.shape[1:]) == 1
    if isinstance(x, np.ndarray) or isinstance(w, View) or not fits or any(batch):
        raise UnsupportedError("a product other than of the last axis with a constant matrix")
    places, one = prod(x.shape[:-1]), (1, 1)
    windows = Windows((1, places, x.shape[-1]), (1, places), one, one, one, (0, 0)) if places > 1 else None
    return graph.sums(x, w, windows, out)


def _two(numbers: Sequence[int], missing: int) -> tuple[int, int]:
    """Return numbers of one or two axes as those of two."""
    if not 1 <= len(numbers) <= AXES:
        raise UnsupportedError(f"windows with {len(numbers)} axes")
    first, second = [missing] * (AXES - len(numbers)) + [int(n) for n in numbers]
    return first, second


def _windows(x: Value, out: Sequence[int], window: Any, stride: Any, dilation: Any, padding: Any) -> Windows:
    if x.shape[0] != 1 or any(low < 0 or high < 0 for low, high in padding):
        raise UnsupportedError("windows over several rows, or that leave places out")
    size = (*_two(x.shape[1:-1], 1), x.shape[-1])
    low = _two([low for low, _ in padding], 0)
    return Windows(size, _two(out, 1), _two(window, 1), _two(stride, 1), _two(dilation, 1), low)


def _convolution(
    graph: Graph,
    out: Shape,
    /,
    x: Value,
    w: Value,
    *,
    window_strides: Any,
    padding: Any,
    lhs_dilation: Any,
    rhs_dilation: Any,
    dimension_numbers: Any,
    feature_group_count: int,
    batch_group_count: int,
    **_: Any,
) -> Value:
    axes = len(window_strides)
    inside = tuple(range(1, axes + 1))
    last = (0, axes + 1, *inside)
    specs = dimension_numbers
    fits = (specs.lhs_spec, specs.rhs_spec, specs.out_spec) == (last, (axes + 1, axes, *range(axes)), last)
    plain = fits and feature_group_count == batch_group_count == 1 and set(lhs_dilation) <= {1}
    if isinstance(x, np.ndarray) or isinstance(w, View) or not plain:
        raise UnsupportedError("a convolution with groups, with changing kernels, or with channels in front")
    windows = _windows(x, out[1:-1], w.shape[:-2], window_strides, rhs_dilation, padding)
    return graph.sums(x, w, windows, out)


def _pool(kind: int) -> Rule:
    def rule(
        graph: Graph,
        out: Shape,
        /,
        x: Value,
        *,
        window_dimensions: Any,
        window_strides: Any,
        padding: Any,
        base_dilation: Any,
        window_dilation: Any,
        **_: Any,
    ) -> Value:
        whole_rows = all(one[0] == one[-1] == 1 for one in (window_dimensions, window_strides))
        unpadded = tuple(padding[0]) == tuple(padding[-1]) == (0, 0)
        if not isinstance(x, View) or not whole_rows or not unpadded or set(base_dilation) != {1}:
            raise UnsupportedError("pooling over rows or channels")
        inner = slice(1, -1)
        numbers = window_dimensions[inner], window_strides[inner], window_dilation[inner], padding[inner]
        return graph.pooled(kind, x, _windows(x, out[inner], *numbers), out)

    return rule


def _reduce(kind: int) -> Rule:
    def rule(graph: Graph, out: Shape, /, x: Value, *, axes: tuple[int, ...], **_: Any) -> Value:
        del out
        if not isinstance(x, View):
            raise UnsupportedError("a constant")
        return graph.reduced(kind, x, tuple(axes)) if axes else x

    return rule


RULES.update({name: _elementwise(name) for name in FUNCTIONS if name != "copy"})
RULES.update(
    square=_square,
    integer_pow=_integer_pow,
    clamp=_clamp,
    copy=_as_it_is,
    copy_p=_as_it_is,
    stop_gradient=_as_it_is,
    convert_element_type=_as_it_is,
    reshape=_as_it_is,
    squeeze=_as_it_is,
    expand_dims=_as_it_is,
    broadcast_in_dim=_broadcast,
    transpose=_transpose,
    slice=_slice,
    rev=_rev,
    concatenate=_concatenate,
    pad=_pad,
    dot_general=_dot_general,
    conv_general_dilated=_convolution,
    reduce_window_sum=_pool(SUM),
    reduce_window_max=_pool(LARGEST),
    reduce_window_min=_pool(SMALLEST),
    reduce_sum=_reduce(SUM),
    reduce_max=_reduce(LARGEST),
    reduce_min=_reduce(SMALLEST),
)

ON_CONSTANTS = {*_OF_CONSTANTS, "reshape", "broadcast_in_dim", "transpose", "slice", "rev", "stop_gradient"}
"""Operations whose rules compute the result itself where all operands are known."""
