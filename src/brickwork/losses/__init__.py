"""Losses: how wrong an output is, example by example.

A loss returns one number per example, never their mean: weights, masks and padding rows need them apart.
`weighted_mean(example_loss(loss, outputs, targets), weight)` is what training minimises. Before training, on the
host, `fit_targets` gives targets their type and shape and `check` says in words what does not fit.
"""

from brickwork.losses.alignment import CTC
from brickwork.losses.base import FunctionLoss, Loss, Question, Sequences, loss, resolve_loss
from brickwork.losses.classes import CrossEntropy, Focal, KLDivergence, MulticlassHinge, Poly1
from brickwork.losses.distributions import GaussianNLL, Poisson, Quantile
from brickwork.losses.embeddings import Contrastive, InfoNCE, NTXent, Triplet
from brickwork.losses.flags import BinaryCrossEntropy, BinaryFocal, Hinge, SquaredHinge
from brickwork.losses.overlap import BinaryDice, BinaryJaccard, BinaryTversky, Dice, Jaccard, Tversky
from brickwork.losses.reduce import comparable, example_loss, weighted_mean
from brickwork.losses.regression import CosineDistance, Huber, LogCosh, MeanAbsoluteError, MeanSquaredError

__all__ = [
    "CTC",
    "BinaryCrossEntropy",
    "BinaryDice",
    "BinaryFocal",
    "BinaryJaccard",
    "BinaryTversky",
    "Contrastive",
    "CosineDistance",
    "CrossEntropy",
    "Dice",
    "Focal",
    "FunctionLoss",
    "GaussianNLL",
    "Hinge",
    "Huber",
    "InfoNCE",
    "Jaccard",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MulticlassHinge",
    "NTXent",
    "Poisson",
    "Poly1",
    "Quantile",
    "Question",
    "Sequences",
    "SquaredHinge",
    "Triplet",
    "Tversky",
    "comparable",
    "example_loss",
    "loss",
    "resolve_loss",
    "weighted_mean",
]
