"""Cases of ensembles: the mean of what members think, computed member by member in NumPy."""

from typing import Any

import numpy as np
from scipy.special import expit, logit, softmax

from bricks.cases.draws import Draws
from bricks.contract import Case
from brickwork.bricks import Dense, Ensemble

draws = Draws(37)
X = draws.numbers(5, 4)


def members(v: Any, x: np.ndarray, prefix: str = "member") -> np.ndarray:
    """Return x w + b for every member, (members, rows, outputs)."""
    return np.stack([x @ w + b for w, b in zip(v[f"{prefix}/weight"], v[f"{prefix}/bias"], strict=True)])


def of_classes(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return np.log(softmax(members(v, inputs[0]), -1).mean(0))


def of_flags(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return logit(expit(members(v, inputs[0])).mean(0))


def of_two_shapes(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return np.concatenate([members(v, inputs[0], "0_member"), members(v, inputs[0], "1_member")]).mean(0)


CASES: dict[str, Case] = {
    "ensemble/classes": Case(Ensemble(Dense(3), 4), (X,), oracle=of_classes, quick="all"),
    "ensemble/flags": Case(Ensemble(Dense(2), 3, "flags"), (X,), oracle=of_flags),
    "ensemble/mean": Case(Ensemble(Dense(2), 3, "mean"), (X,), oracle=lambda v, x, _: members(v, x[0]).mean(0)),
    "ensemble/two": Case(Ensemble((Dense(2), Dense(2)), (3, 1), "mean"), (X,), oracle=of_two_shapes, quick="nothing"),
}
