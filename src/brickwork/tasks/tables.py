"""The task of tables: an ensemble of small networks, sized to the rows."""

from dataclasses import dataclass

import numpy as np

from brickwork.data.table import TableEncoder
from brickwork.optim import AdamW, Cosine
from brickwork.tasks.problem import Problem
from brickwork.tasks.questions import task_of
from brickwork.tasks.task import Task
from brickwork.train import Recipe
from brickwork.zoo.tables import table_network

FEWEST = 20
"""Rows below which nothing is held out by turns: every part would have one row or two."""


@dataclass(frozen=True)
class _Size:
    """How large, how smooth and how held back a network does well up to so many rows, and how many of them."""

    rows: float
    members: int
    folds: bool
    hidden: tuple[int, ...]
    deviation: float
    hide: float
    dropout: float
    decay: float
    rate: float
    batch_size: int


SIZES = (
    _Size(2_000, 8, True, (64, 64), 0.05, 0.15, 0.3, 0.1, 3e-3, 32),
    _Size(20_000, 4, True, (128, 128), 0.2, 0.1, 0.3, 0.1, 3e-3, 128),
    _Size(60_000, 2, False, (256, 128), 0.2, 0.05, 0.1, 0.05, 2e-3, 256),
    _Size(np.inf, 1, False, (256, 128), 0.2, 0.0, 0.0, 0.05, 2e-3, 512),
)
"""Few rows: several small, smooth networks that each stop by other rows, held back strongly. Many: one larger.

Chosen by measuring: `benchmarks/tables.py`, on other splits than those it reports.
"""


def table_task(problem: Problem) -> Task:
    """Return the task of a table: network, ensemble and recipe sized to its rows and columns.

    Up to 20,000 rows several networks answer together, each of which holds out another part of the training and
    validation rows to stop by: none is wasted, and their mean is steadier than any of them (Lakshminarayanan, Pritzel &
    Blundell 2017, "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles"; the parts: Krogh &
    Vedelsby 1995, "Neural Network Ensembles, Cross Validation, and Active Learning"). On more rows one network that
    sees them often enough is worth more than several.
    """
    inputs = problem.train.inputs
    rows = len(problem.train) + len(problem.valid)
    size = next(size for size in SIZES if rows <= size.rows)
    folds = size.folds and rows >= FEWEST
    net = table_network(
        inputs["numbers"].shape[1] if "numbers" in inputs else 0,
        _sizes(problem, inputs.get("categories")),
        len(problem.names),
        hidden=size.hidden,
        deviation=size.deviation,
        hide=size.hide,
        dropout=size.dropout,
        targets=np.asarray(problem.train.targets) if problem.kind == "number" else None,
    )
    epochs = int(np.clip(round(100 * (1000 / rows) ** 0.45), 2, 100))
    recipe = Recipe(
        epochs=epochs,
        batch_size=size.batch_size,
        optimizer=AdamW(size.rate, decay=size.decay),
        schedule=Cosine(),
        patience=max(3, epochs // 5),
    )
    return task_of(problem, net, recipe, members=size.members, folds=folds)


def _sizes(problem: Problem, categories: np.ndarray | None) -> tuple[int, ...]:
    """Return how many values each category has: as the encoder knows, or without one as the rows show."""
    if categories is None:
        return ()
    if isinstance(problem.encoder, TableEncoder):
        return problem.encoder.sizes
    return tuple((categories.max(0) + 1).tolist())
