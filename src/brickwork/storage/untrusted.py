"""Networks from strangers: what a file says of a network is compared with its weights, within bounded work."""

from collections.abc import Iterable, Mapping
from itertools import islice
from math import prod
from typing import Any

import jax
import numpy as np

from brickwork.core.batch import Padded
from brickwork.core.brick import Brick
from brickwork.core.errors import BundleError, SettingError, nearest
from brickwork.core.frame import Initializer, Shape
from brickwork.core.paths import join
from brickwork.core.scope import Scope
from brickwork.storage.weights import TYPES, whole_numbers

MAX_USES = 10_000  # of bricks in one pass: bricks that run a brick twice, nested, would be traced for ever

_types = {dtype.name: dtype for dtype in TYPES.values()}


def bound_numbers(data: Any) -> None:
    """Refuse whole numbers that no network needs: a brick might take one for a number of steps or of units."""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, int) and abs(item) >= 1 << 31:
            raise BundleError(f"A setting of its network is {str(item)[:40]}; the largest that is read is {2**31 - 1}.")
        waiting += item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()


# ------------------------------------------------------------------------------- the network against the weights


def compare(spec: Brick, inputs: tuple[Any, ...], stored: Mapping[str, Any]) -> None:
    """Plan the network and compare what it declares with what is stored; raise `BundleError` where they differ."""
    plan = _Watched(spec, stored).plan(*inputs)
    declared = {f"params/{path}": one for path, one in plan.params.items()}
    declared |= {f"stats/{path}": one for path, one in plan.stats.items()}
    for name, one in declared.items():
        _check(name, one.shape, stored)
        if stored[name].shape != one.shape:
            raise BundleError(_differs(name, stored[name].shape, one.shape))
        if stored[name].dtype == np.bool_:
            raise BundleError(f"Variable {name!r} holds flags; the network needs numbers.")
    for name in stored:
        if name not in declared:
            raise BundleError(f"It holds {name!r}, which its network does not have. {_hint(name, declared)}")


def _check(name: str, shape: Shape, stored: Mapping[str, Any]) -> None:
    """Check a variable as soon as it is declared; inside a stack the stored one has more leading axes."""
    if name not in stored:
        raise BundleError(f"Its network needs {name[:1000]!r}, which is not stored. {_hint(name, stored)}")
    found = stored[name].shape
    if found[len(found) - len(shape) :] != shape:
        raise BundleError(_differs(name, found, shape))


def _hint(name: str, known: Iterable[str]) -> str:
    return nearest(name[:200], (one[:200] for one in islice(known, 100)))


def _differs(name: str, found: Shape, needed: Shape) -> str:
    return f"Variable {name!r} is stored with shape {found}; its network and inputs need {needed}."


class _Watched(Brick):
    """A brick around another that stops its planning at the first parameter that is not as stored.

    So the work is bounded by the file before it is done: no brick goes on with sizes that have no weights.
    """

    padded = "aware"

    def __init__(self, spec: Brick, stored: Mapping[str, Any]):
        self.__dict__.update(spec=spec, stored=stored)

    def __call__(self, scope: Scope, *inputs: Any) -> Any:
        spec, stored = self.__dict__["spec"], self.__dict__["stored"]

        def check(inner: Scope, name: str, shape: Shape, init: Initializer) -> jax.Array:
            _check("params/" + join(inner.path, name), tuple(int(size) for size in shape), stored)
            return inner.param(name, shape, init)

        scope.frame.calls = _Calls()
        return scope.rewriting(check).run(spec, *inputs)


class _Calls(list[Any]):
    """A list of calls that ends."""

    def append(self, call: Any, /) -> None:
        if len(self) >= MAX_USES:
            raise BundleError(f"Its network uses its bricks more than {MAX_USES} times.")
        super().append(call)


# ------------------------------------------------------------------------------------------------ inputs, JSON


def describe(tree: Any) -> Any:
    """Return an example input as JSON: shapes and types in dicts, tuples, lists and `Padded`."""
    if isinstance(tree, Padded):
        return {"padded": [describe(tree.values), describe(tree.lengths)]}
    if isinstance(tree, dict) and all(isinstance(name, str) for name in tree):
        return {"dict": {name: describe(part) for name, part in tree.items()}}
    if type(tree) in (tuple, list):
        return {type(tree).__name__: [describe(part) for part in tree]}
    shape, dtype = getattr(tree, "shape", None), getattr(tree, "dtype", None)
    if shape is not None and str(dtype) in _types:
        return {"shape": list(shape), "dtype": str(dtype)}
    raise SettingError(f"An input of type {type(tree).__name__} cannot be stored: use arrays, dicts, tuples, Padded.")


def shapes_from(tree: Any, most: int) -> Any:
    """Return the example input that `describe` wrote, as shapes; its size is bounded."""
    left = most

    def build(item: Any) -> Any:
        nonlocal left
        match item:
            case {"shape": shape, "dtype": str(name)} if len(item) == 2 and name in _types:
                shape = whole_numbers(shape)
                left -= prod(max(size, 1) for size in shape)
                if left < 0:
                    raise BundleError(f"The inputs of its network have more than {most:,} numbers.")
                return jax.ShapeDtypeStruct(shape, _types[name])
            case {"dict": dict(parts)} if len(item) == 1:
                return {name: build(part) for name, part in parts.items()}
            case {"tuple": list(parts)} if len(item) == 1:
                return tuple(build(part) for part in parts)
            case {"list": list(parts)} if len(item) == 1:
                return [build(part) for part in parts]
            case {"padded": [values, lengths]} if len(item) == 1:
                return Padded(build(values), build(lengths))
        raise BundleError("The inputs of its network are not described as Brickwork does.")

    return build(tree)
