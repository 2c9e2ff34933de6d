"""How much a program computes, by its own account: what decides whether optimising it is worth the wait."""

from math import prod
from typing import Any

from brickwork.ops.primitives import MULTIPLICATIONS

UNKNOWN = 64
"""How often a loop is taken to go round inside another one, where nothing says how often."""


def work(jaxpr: Any, rounds: int) -> int:
    """Return how many numbers a traced program makes, where a product counts every multiplication.

    A loop of unknown length, the steps of a segment, goes round `rounds` times; those inside it `UNKNOWN` times.
    """
    total = 0
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        size = sum(prod(getattr(out.aval, "shape", ())) for out in equation.outvars)
        parts = [_work(part, rounds) for value in params.values() for part in _programs_in(value)]
        if name == "dot_general":
            contracted = params["dimension_numbers"][0][0]
            total += size * prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        elif name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            total += size * prod(kernel) // kernel[params["dimension_numbers"].rhs_spec[0]]
        elif multiplications := MULTIPLICATIONS.get(name):
            total += multiplications(*(variable.aval for variable in equation.invars), **params)
        elif name == "while":
            total += rounds * sum(work(params[part].jaxpr, UNKNOWN) for part in ("cond_jaxpr", "body_jaxpr"))
        elif name == "scan":
            total += params["length"] * sum(parts)
        else:
            total += max(parts) if name == "cond" else sum(parts) if parts else size
    return total


def _work(part: Any, rounds: int) -> int:
    return work(getattr(part, "jaxpr", part), rounds)


def _programs_in(value: Any) -> list[Any]:
    """Return the programs among the settings of an operation."""
    values = value if isinstance(value, tuple | list) else (value,)
    return [part for part in values if hasattr(part, "eqns") or hasattr(part, "jaxpr")]
