"""Numbers that differ from member to member: checked against a network's settings, and built into one of its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from brickwork.core.brick import Brick
from brickwork.core.errors import SettingError, nearest
from brickwork.core.plan import Plan
from brickwork.core.spec import Spec
from brickwork.train.members import Settings
from brickwork.train.supervised import RATE

Place = tuple[str | int, ...]
"""Where in a nest of settings one of them stands: names of fields and numbers of entries, outermost first."""


def checked_settings(settings: Mapping[str, Sequence[float]] | None, plan: Plan) -> Settings:
    """Return settings as they are stored; raises `SettingError`, with the nearest path, for one that there is not."""
    known = [RATE, *plan.settings]
    found = []
    for path, given in (settings or {}).items():
        if path not in known:
            raise SettingError(f"Members cannot differ in {path!r}: there is no such setting. {nearest(path, known)}")
        values: Any = np.zeros(()) if isinstance(given, str) else np.asarray(given, np.float64)
        if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
            raise SettingError(f"settings[{path!r}] must be a list of numbers, one for each member; got {given!r}.")
        found.append((path, tuple(values.tolist())))
    lengths = {path: len(values) for path, values in found}
    if len(set(lengths.values())) > 1:
        raise SettingError(f"settings must be lists of one length, one number for each member; got {lengths}.")
    return tuple(found)


def with_settings(net: Brick, plan: Plan, numbers: Mapping[str, float], places: dict[str, Place | None]) -> Brick:
    """Return a network with numbers of its bricks by their paths, wherever there is one brick that has the path alone.

    `places` remembers what was found for other members of the same network.
    """
    for path, value in numbers.items():
        if path == RATE:
            continue
        if path not in places:
            places[path] = _place_of(net, plan, path)
        place = places[path]
        if place is not None:
            net = _replaced(net, place, value)
    return net


def matter_when_answering(net: Brick, plan: Plan, paths: Sequence[str]) -> bool:
    """Tell whether settings change what a network answers once it is trained, as no rate of dropout does."""
    numbers = {path: jax.ShapeDtypeStruct((), np.float32) for path in paths if path != RATE}
    if not numbers:
        return False
    shapes = plan.shapes()

    def answer(numbers: Any, variables: Any, inputs: Any) -> Any:
        return net.apply(variables, *inputs, settings=numbers).output

    traced = jax.make_jaxpr(answer)(numbers, shapes, plan.inputs).jaxpr
    asked = {id(variable) for variable in traced.invars[: len(numbers)]}
    used = [*traced.outvars, *(variable for equation in traced.eqns for variable in equation.invars)]
    return any(id(variable) in asked for variable in used)


def _place_of(net: Brick, plan: Plan, path: str) -> Place | None:
    """Return which setting of which brick a path names: the one that changes the plan there and nowhere else."""
    value = plan.settings[path]
    for place in _numbers_named(net, path.rsplit("/", 1)[-1]):
        other = value / 2 if value else 0.125
        try:
            found = _replaced(net, place, other).plan(*plan.inputs).settings
        except SettingError:
            continue
        if found == {**plan.settings, path: other}:
            return place
    return None


def _numbers_named(part: Any, name: str) -> Iterator[Place]:
    if isinstance(part, Spec):
        for field, value in part.settings().items():
            if field == name and isinstance(value, int | float):
                yield (field,)
            yield from ((field, *rest) for rest in _numbers_named(value, name))
    elif isinstance(part, tuple):
        for index, value in enumerate(part):
            yield from ((index, *rest) for rest in _numbers_named(value, name))


def _replaced(part: Any, place: Place, value: float) -> Any:
    if not place:
        return value
    first, *rest = place
    if isinstance(part, Spec):
        name = str(first)
        return part.replace(**{name: _replaced(part.settings()[name], tuple(rest), value)})
    return tuple(_replaced(one, tuple(rest), value) if n == first else one for n, one in enumerate(part))
