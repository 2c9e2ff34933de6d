"""Digits in Brickwork."""

import problem

import brickwork as bw
from brickwork.train import EpochEnded


def enough(event: object) -> str | None:
    """Stop when the test rows are known well enough."""
    good = isinstance(event, EpochEnded) and event.record["valid/accuracy"] >= problem.GOAL
    return "98%" if good else None


train, test = problem.rows()
convolutions = bw.Conv(32, 3, activation="relu"), bw.MaxPool(2), bw.Conv(64, 3, activation="relu"), bw.MaxPool(2)
model = bw.Model(bw.Sequential(*convolutions, bw.Flatten(), bw.Dense(10)), "cross_entropy", ["accuracy"])
settings = {"epochs": problem.EPOCHS, "batch_size": problem.BATCH, "rate": problem.RATE, "seed": problem.seed()}
outcome = model.fit(*train, valid=test, listeners=[enough], progress=False, **settings)
problem.tell(len(outcome.history), outcome.history[-1]["valid/accuracy"])
