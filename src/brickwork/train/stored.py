"""How losses and metrics are written into a model's file: as specs, or a user's function by its name alone."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brickwork.core.errors import BrickworkError, BundleError, SettingError
from brickwork.core.spec import Spec, from_json, to_json
from brickwork.losses import Loss
from brickwork.metrics import Metric


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


def described(model: Any) -> dict[str, Any]:
    """Return what a model's file says beside its network and its weights, as JSON."""
    frozen = model.frozen if isinstance(model.frozen, str) else list(model.frozen)
    return {
        "loss": stored(model.loss),
        "metrics": [stored(metric) for metric in model.metrics],
        "frozen": frozen,
        "augment": None if model.augment is None else to_json(model.augment),
        "precision": model.recipe.precision,
        "classes": None if model.classes is None else [_plain(label) for label in model.classes],
        "epochs": model._epochs,
        "steps": model._steps,
    }


def read_description(path: Any, extra: Mapping[str, Any]) -> tuple[dict[str, Any], Any, int, int]:
    """Return settings of a model by name, its precision, its epochs and its steps, as `described` wrote them.

    Raises `BundleError` when the file has no such description.
    """
    document: Any = extra.get("model")
    try:
        metrics = (restored(item, Metric) for item in document["metrics"])
        settings = {
            "loss": restored(document["loss"], Loss),
            "metrics": [metric for metric in metrics if metric is not None],
            "frozen": document["frozen"] if isinstance(document["frozen"], str) else tuple(document["frozen"]),
            "classes": document["classes"],
            "augment": from_json(document.get("augment")),
        }
        return settings, document["precision"], int(document["epochs"]), int(document["steps"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{path} holds a network but no usable description of the model: {error!r}.") from error


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def _missing_function(name: str) -> Callable[..., Any]:
    def function(outputs: Any, targets: Any) -> Any:
        del outputs, targets
        raise SettingError(
            f"The model was trained with the function {name!r}, which its file does not hold: set model.loss."
        )

    function.__name__ = name
    return function
