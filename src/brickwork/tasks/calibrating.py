"""Probabilities that mean what they say, and intervals that hold as often as they promise."""

from typing import Any

import numpy as np

from brickwork.bricks import Rescale
from brickwork.data import Examples
from brickwork.explain import interval_width, temperature
from brickwork.tasks.answers import truth_of
from brickwork.tasks.problem import Problem
from brickwork.train import Model
from brickwork.train.following import followed_by

LEVEL = 0.9
"""How often the intervals of numbers should hold the truth."""


def calibrated(model: Model, outputs: np.ndarray, held_out: Examples, problem: Problem) -> tuple[Model, dict[str, Any]]:
    """Return a model whose probabilities are calibrated on rows it was not trained on, and what was found.

    Of classes and labels its logits are divided by a temperature, which becomes its last layer; of numbers nothing
    changes, and the half widths of intervals are found. `outputs` are the network's raw outputs for the rows held out.
    """
    known = np.isfinite(outputs.reshape(len(outputs), -1)).all(1)  # no member that left a row out may be left
    truth, outputs = truth_of(held_out, problem)[known], outputs[known]
    if problem.kind == "number":
        widths = interval_width(truth, outputs.reshape(len(truth), -1), LEVEL)
        if not np.isfinite(widths).all():  # too few rows to promise anything
            return model, {"rows": len(truth)}
        return model, {"level": LEVEL, "width": [float(width) for width in widths], "rows": len(truth)}
    found = temperature(outputs, truth, problem.kind)
    return followed_by(model, "temperature", Rescale(1 / found)), {"temperature": found, "rows": len(truth)}
