"""The multi-layer perceptron, for tables of numbers."""

import numpy as np

from brickwork.bricks import Dense, Dropout, Rescale, Sequential
from brickwork.core.brick import Brick


def perceptron(
    inputs: np.ndarray, outputs: int, hidden: tuple[int, ...] = (64, 64), dropout: float = 0.1
) -> Sequential:
    """Return dense layers with ReLU on standardised columns.

    Args:
        inputs: (rows, columns) the training inputs, whose means and deviations become part of the network.
        outputs: how many numbers come out.
        hidden: units of each hidden layer.
        dropout: rate after each hidden layer.

    Source: Rumelhart, Hinton and Williams 1986, "Learning representations by back-propagating errors".
    """
    parts: dict[str, Brick] = {"standardise": standardise(inputs)}
    for number, units in enumerate(hidden, start=1):
        parts[f"hidden{number}"] = Dense(units, "relu", weights="he_normal")
        if dropout:
            parts[f"dropout{number}"] = Dropout(dropout)
    return Sequential(**parts, head=Dense(outputs))


def standardise(values: np.ndarray) -> Rescale:
    """Return the brick that gives every column of these values mean 0 and deviation 1; constant columns become 0."""
    wide = np.asarray(values, np.float64)
    mean, deviation = wide.mean(0), wide.std(0)
    scale = np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1), 0.0)
    return Rescale(tuple(scale.tolist()), tuple((-mean * scale).tolist()))


def unstandardise(values: np.ndarray) -> Rescale:
    """Return the brick that gives numbers of mean 0 and deviation 1 the mean and deviation of these values."""
    wide = np.asarray(values, np.float64).reshape(len(values), -1)
    return Rescale(tuple(wide.std(0).tolist()), tuple(wide.mean(0).tolist()))
