"""How losses and metrics are written into a model's file: as specs, or a user's function by its name alone."""

from collections.abc import Callable
from typing import Any

from brickwork.core.errors import BrickworkError, BundleError, SettingError
from brickwork.core.spec import Spec, from_json, to_json
from brickwork.losses import Loss


def stored(spec: Spec) -> Any:
    """Return a spec as JSON; the user's own function leaves its name only."""
    try:
        return to_json(spec)
    except BrickworkError:
        return {"function": getattr(spec, "name", repr(spec))}


def restored(data: Any, base: type[Any]) -> Any:
    """Return the spec of JSON: one of a kind, or a stand-in for a function that the file does not hold."""
    if isinstance(data, dict) and set(data) == {"function"}:
        return _missing_function(str(data["function"])) if base is Loss else None
    spec = from_json(data)
    if not isinstance(spec, base):
        raise BundleError(f"Expected a {base.__name__.lower()}, found {spec!r}.")
    return spec


def _missing_function(name: str) -> Callable[..., Any]:
    def function(outputs: Any, targets: Any) -> Any:
        del outputs, targets
        raise SettingError(
            f"The model was trained with the function {name!r}, which its file does not hold: set model.loss."
        )

    function.__name__ = name
    return function
