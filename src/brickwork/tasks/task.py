"""Which question a data set asks, and what answers it well by default."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from brickwork.bricks import Sequential
from brickwork.core.brick import Brick
from brickwork.core.errors import DataError
from brickwork.data import Encoder, Examples, InkPicture
from brickwork.data.datasets import Dataset
from brickwork.losses import CrossEntropy, Loss, MeanSquaredError
from brickwork.metrics import Metric, resolve_metric
from brickwork.optim import Adam, WarmupCosine
from brickwork.train import Recipe, Scores
from brickwork.zoo.perceptron import perceptron, unstandardise
from brickwork.zoo.small_pictures import small_pictures


@dataclass(frozen=True)
class Task:
    """One kind of question and the defaults that answer it.

    `why` says in words how the question was recognised. `headline` is the metric a person asks for first.
    """

    kind: Literal["classes", "number"]
    why: str
    net: Brick
    loss: Loss
    metrics: tuple[Metric, ...]
    headline: str
    recipe: Recipe
    encoder: Encoder | None = None

    def baseline(self, train: Examples, test: Examples) -> Scores:
        """Return the score of the trivial answer: always the most frequent class, or the mean, of the training part."""
        given, truth = np.asarray(train.targets), np.asarray(test.targets)
        if self.kind == "classes":
            return Scores(accuracy=float(np.mean(truth == np.bincount(given).argmax())))
        errors = truth - given.mean()
        spread = float(((truth - truth.mean()) ** 2).sum())
        return Scores(
            rmse=float(np.sqrt(np.mean(errors**2))),
            mae=float(np.abs(errors).mean()),
            r2=1 - float((errors**2).sum()) / spread if spread else 0.0,
        )


def infer_task(dataset: Dataset) -> Task:
    """Return the task for a data set, with a default network sized to it.

    Pictures get a small convolutional network with distortions while training, tables a perceptron on standardised
    columns; classes are told apart by cross-entropy, numbers fitted by the mean squared error.
    """
    train, card = dataset.train, dataset.card
    if len(train) == 0:
        raise DataError(f"The training part of {card.name!r} is empty.")
    pictures = train.inputs.ndim == 4
    if card.classes is not None:
        count = len(card.classes)
        why = f"the target is one of {count} classes, the inputs are {'pictures' if pictures else 'columns of numbers'}"
        metrics = (resolve_metric("accuracy"),)
        if pictures:
            net: Brick = small_pictures(count, largest=float(train.inputs.max()))
            recipe = Recipe(epochs=16, batch_size=32, optimizer=Adam(4e-3), schedule=WarmupCosine())
            ink = InkPicture() if card.name == "digits" else None
            return Task("classes", why, net, CrossEntropy(), metrics, "accuracy", recipe, ink)
        net = perceptron(train.inputs, count, dropout=0.2)
        recipe = Recipe(epochs=100, batch_size=16, optimizer=Adam(2e-3), schedule=WarmupCosine(), l2=1e-4)
        return Task("classes", why, net, CrossEntropy(), metrics, "accuracy", recipe)
    why = "the target is a number, the inputs are columns of numbers"
    body = perceptron(train.inputs, 1, dropout=0.2)
    net = Sequential(**dict(body.items()), units=unstandardise(train.targets))
    recipe = Recipe(epochs=60, batch_size=16, optimizer=Adam(1e-3), schedule=WarmupCosine(), patience=20)
    metrics = tuple(resolve_metric(name) for name in ("rmse", "mae", "r2"))
    return Task("number", why, net, MeanSquaredError(), metrics, "rmse", recipe)
