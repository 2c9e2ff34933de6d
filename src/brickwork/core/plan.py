"""A plan: what a network would hold and do on inputs of a shape, found without computing anything."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import jax
from jax import Array
from jax.core import Tracer

from brickwork.core.frame import Call, Declared
from brickwork.core.paths import below
from brickwork.core.variables import Variables

if TYPE_CHECKING:
    from brickwork.core.brick import Brick


RUN_ONCE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Compiler options of programs that run once: drawing variables takes no time, optimising it takes seconds."""


@dataclass(frozen=True)
class Plan:
    """Shapes, initialisers, numeric settings, taps and calls of a network on inputs of a given shape."""

    brick: "Brick"
    inputs: Any
    output: Any
    params: Mapping[str, Declared]
    stats: Mapping[str, Declared]
    settings: Mapping[str, float]
    taps: Mapping[str, Any]
    calls: tuple[Call, ...]

    def draw(self, key: Array) -> Variables:
        """Return fresh variables; each one's key depends on its path alone. Compiled as one program, or part of one."""

        def all_of(declared: Mapping[str, Declared], key: Array) -> dict[str, Array]:
            return {
                path: one.init(jax.random.fold_in(key, zlib.crc32(path.encode())), one.shape, one.dtype)
                for path, one in declared.items()
            }

        def both(key: Array) -> Variables:
            return Variables(all_of(self.params, key), all_of(self.stats, key))

        return both(key) if isinstance(key, Tracer) else jax.jit(both, compiler_options=RUN_ONCE)(key)

    def shapes(self) -> Variables:
        """Return the variables as shapes and types: what a stored model is compared with."""

        def all_of(declared: Mapping[str, Declared]) -> Any:
            return {path: jax.ShapeDtypeStruct(one.shape, one.dtype) for path, one in declared.items()}

        return Variables(all_of(self.params), all_of(self.stats))

    @property
    def count(self) -> int:
        """How many numbers the parameters hold."""
        return sum(prod(one.shape) for one in self.params.values())

    @cached_property
    def flops(self) -> int:
        """Floating-point operations of one forward pass in matrix products and convolutions."""
        return flops(self.brick, self.shapes(), self.inputs)

    def rows(self, depth: int = 1) -> Iterator["Row"]:
        """Yield a row for every brick down to a depth, in the order of computation, outermost first."""
        for call in sorted(self.calls, key=lambda c: self._order[c.address]):
            level = call.address.count("/") + 1 if call.address else 0
            if 0 < level <= depth:
                count = sum(prod(one.shape) for path, one in self.params.items() if below(call.path, path))
                shared = "#" in call.address
                yield Row(call.address, type(call.brick).__name__, call.brick, call.output, 0 if shared else count)

    @cached_property
    def _order(self) -> dict[str, tuple[int, ...]]:
        """Place of every call in a walk from the outside in: calls end inner ones first, rows read outer first."""
        first: dict[str, int] = {}
        for index, call in enumerate(self.calls):
            parts = call.address.split("/") if call.address else []
            for end in range(len(parts) + 1):
                first.setdefault("/".join(parts[:end]), index)
        return {
            call.address: tuple(
                first["/".join(call.address.split("/")[:end])] for end in range(1, len(call.address.split("/")) + 1)
            )
            for call in self.calls
        }


@dataclass(frozen=True)
class Row:
    """A row of a network's table."""

    address: str
    kind: str
    brick: "Brick"
    output: Any
    params: int


def flops(brick: "Brick", variables: Variables, inputs: Any) -> int:
    """Count multiplications and additions in the matrix products and convolutions of a forward pass."""
    closed = jax.make_jaxpr(lambda v, i, key: brick.apply(v, *i, key=key).output)(variables, inputs, jax.random.key(0))
    return _flops(closed.jaxpr)


def _flops(jaxpr: Any) -> int:
    total = 0
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        if name == "dot_general":
            (contract, _), _ = params["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            total += 2 * prod(equation.outvars[0].aval.shape) * prod(shape[axis] for axis in contract)
        elif name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            out_axis = params["dimension_numbers"].rhs_spec[0]
            work = 2 * prod(equation.outvars[0].aval.shape) * prod(kernel) // kernel[out_axis]
            total += work // prod(params["lhs_dilation"])  # a transposed convolution reads zeros in between
        elif name == "cond":
            total += max(_flops(branch.jaxpr) for branch in params["branches"])
        else:
            times = params["length"] if name == "scan" else 1
            inner = [v for v in params.values() if hasattr(v, "jaxpr") or hasattr(v, "eqns")]
            total += times * sum(_flops(getattr(v, "jaxpr", v)) for v in inner)
    return total
