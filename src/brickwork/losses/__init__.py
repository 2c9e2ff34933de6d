"""Losses: how wrong an output is, example by example.

A loss returns one number per example, never their mean: weights, masks and padding rows need them apart.
`weighted_mean(example_loss(loss, outputs, targets), weight)` is what training minimises. Before training, on the
host, `fit_targets` gives targets their type and shape and `check` says in words what does not fit.
"""

from brickwork.losses.base import FunctionLoss, Loss, Question, loss, resolve_loss
from brickwork.losses.classification import BinaryCrossEntropy, CrossEntropy
from brickwork.losses.reduce import example_loss, weighted_mean
from brickwork.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError

__all__ = [
    "BinaryCrossEntropy",
    "CrossEntropy",
    "FunctionLoss",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Question",
    "example_loss",
    "loss",
    "resolve_loss",
    "weighted_mean",
]
