"""The task of pictures: a small residual network, and changes that leave a picture what it is."""

import numpy as np

from brickwork.bricks import ColorJitter, RandomAffine, RandomFlip, RandomQuarterTurn, Sequential
from brickwork.core.brick import Brick
from brickwork.optim import AdamW, OneCycle
from brickwork.tasks.picture_symmetry import harmless_mirrors
from brickwork.tasks.problem import Problem
from brickwork.tasks.questions import task_of
from brickwork.tasks.task import Task
from brickwork.train import Recipe
from brickwork.zoo.residual import small_residual

SEEN = 80
"""How often each of 1,000 pictures is seen, changed anew each time; where there are more, each is seen less often."""

FEW = 500
"""With fewer pictures batches are smaller, so that there are enough steps."""

MANY = 20_000
"""With this many pictures and more the network is wider."""


def picture_task(problem: Problem) -> Task:
    """Return the task of pictures: network, augmentation and recipe sized to the pictures and their number.

    Where classes or labels are asked for, training pictures are shifted, turned a little, scaled and lit otherwise, and
    mirrored where the pictures themselves show that a mirror makes nothing else of them (`harmless_mirrors`). Numbers
    may be measured on the picture, as an angle or an area is: there pictures are hardly moved.
    """
    inputs = np.asarray(problem.train.inputs)
    rows, (height, width) = len(inputs), inputs.shape[1:3]
    net = small_residual(
        len(problem.names),
        (height, width),
        width=24 if rows < MANY else 32,
        dropout=0.0 if problem.kind == "number" else 0.2,
        brightness=_brightness(inputs),
        targets=np.asarray(problem.train.targets) if problem.kind == "number" else None,
    )
    epochs = int(np.clip(round(SEEN * (1000 / rows) ** 0.55), 8, 300))
    recipe = Recipe(
        epochs=epochs,
        batch_size=16 if rows < FEW else 32,
        optimizer=AdamW(3e-3, decay=0.05),
        schedule=OneCycle(),
        patience=max(10, epochs // 2),
    )
    return task_of(problem, net, recipe, augment=picture_augmentation(problem))


def picture_augmentation(problem: Problem) -> Brick:
    """Return what changes pictures at random while training, so that a network cannot learn each by heart."""
    inputs = np.asarray(problem.train.inputs)
    side = max(inputs.shape[1:3])
    fill = _edge(inputs)
    if problem.kind == "number":
        return Sequential(move=RandomAffine(rotate=1.0, scale=0.02, shift=0.02 * side, fill=fill))
    parts: dict[str, Brick] = {}
    classes = np.asarray(problem.train.targets)
    numbers = classes if classes.ndim == 1 else np.zeros(len(classes), np.int32)
    mirrors = harmless_mirrors(inputs, numbers, problem.labels or ())
    if mirrors:
        parts["flip"] = RandomFlip(horizontal=0.5, vertical=0.5 if "down" in mirrors else 0.0)
    if {"down", "turned"} <= set(mirrors):
        parts["turn"] = RandomQuarterTurn()
    saturation = 0.2 if inputs.shape[-1] == 3 else 0.0
    parts["light"] = ColorJitter(brightness=0.2, contrast=0.2, saturation=saturation)
    parts["move"] = RandomAffine(rotate=12.0, scale=0.12, shift=0.08 * side, fill=fill)
    return Sequential(**parts)


def _brightness(inputs: np.ndarray) -> tuple[float, float]:
    """Return mean and deviation of the pixels of some pictures."""
    some = inputs[:: max(1, len(inputs) // 500)].astype(np.float64)
    return float(some.mean()), float(max(some.std(), 1.0))


def _edge(inputs: np.ndarray) -> float:
    """Return what is typically at the border of pictures."""
    some = inputs[:: max(1, len(inputs) // 500)]
    return float(np.median(np.concatenate([some[:, 0].ravel(), some[:, -1].ravel(), some[:, :, 0].ravel()])))
