"""Brickwork: bring data, ask a question, get a network, and see inside it."""

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brickwork import losses, metrics, ops, optim
    from brickwork.bricks import (
        LSTM,
        Activation,
        Attention,
        AveragePool,
        BatchNorm,
        Conv,
        Dense,
        Dropout,
        Embedding,
        Flatten,
        GlobalPool,
        LayerNorm,
        MaxPool,
        RandomAffine,
        Rescale,
        Residual,
        Sequential,
        Stack,
    )
    from brickwork.core.batch import Batch, Padded
    from brickwork.core.brick import Brick, brick
    from brickwork.core.errors import BrickworkError
    from brickwork.core.scope import Scope
    from brickwork.core.variables import Variables
    from brickwork.data import Examples, datasets
    from brickwork.train import Learner, Model, Recipe, Run

__version__ = version("brickwork")

_HOMES = {
    "brickwork": "losses metrics ops optim",
    "brickwork.bricks": "LSTM Activation Attention AveragePool BatchNorm Conv Dense Dropout Embedding Flatten "
    "GlobalPool LayerNorm MaxPool RandomAffine Rescale Residual Sequential Stack",
    "brickwork.core.batch": "Batch Padded",
    "brickwork.core.brick": "Brick brick",
    "brickwork.core.errors": "BrickworkError",
    "brickwork.core.scope": "Scope",
    "brickwork.core.variables": "Variables",
    "brickwork.data": "Examples datasets",
    "brickwork.train": "Learner Model Recipe Run",
}
"""Where each public name lives. They are imported when first used: `brickwork --help` needs none of them."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOME_OF[name]
    value = (
        importlib.import_module(f"{home}.{name}") if home == __name__ else getattr(importlib.import_module(home), name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOME_OF]


__all__ = [
    "LSTM",
    "Activation",
    "Attention",
    "AveragePool",
    "Batch",
    "BatchNorm",
    "Brick",
    "BrickworkError",
    "Conv",
    "Dense",
    "Dropout",
    "Embedding",
    "Examples",
    "Flatten",
    "GlobalPool",
    "LayerNorm",
    "Learner",
    "MaxPool",
    "Model",
    "Padded",
    "RandomAffine",
    "Recipe",
    "Rescale",
    "Residual",
    "Run",
    "Scope",
    "Sequential",
    "Stack",
    "Variables",
    "brick",
    "datasets",
    "losses",
    "metrics",
    "ops",
    "optim",
]
