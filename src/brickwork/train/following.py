"""A further layer after a trained network, such as one that calibrates its logits."""

import copy

from brickwork.bricks import Sequential
from brickwork.core.brick import Brick
from brickwork.core.errors import SettingError
from brickwork.train.model import Model


def followed_by(model: Model, name: str, layer: Brick) -> Model:
    """Return a trained model with one more layer after its last, a layer without parameters.

    The given model stays as it is; both share their arrays. A network that is no `Sequential` becomes the part
    "network" of one. Trained further, the new model is one network: members of an ensemble no longer go their own ways.

    Raises `SettingError` for a model without weights, and a layer that has some.
    """
    if model.variables is None:
        raise SettingError("The model has no weights yet: call fit first.")
    parts = dict(model.net.items()) if isinstance(model.net, Sequential) else {"network": model.net}
    longer = copy.copy(model)
    longer.net = Sequential(**parts, **{name: layer})
    longer.variables = model.variables if isinstance(model.net, Sequential) else model.variables.under("network")
    longer._state, longer._learner, longer._plans, longer._predictors = None, None, {}, {}
    if longer.plan.shapes().params.keys() != longer.variables.params.keys():
        raise SettingError(f"{layer!r} has parameters, which nobody trained: a layer that follows must have none.")
    return longer
