"""Optimizers, schedules and penalties.

An optimizer turns a gradient into a direction u; whoever trains walks `p <- p - rate * factor * u`, with the rate of
the optimizer and the factor of a schedule. The rate stays outside the direction, so it can be a traced number: many
rates are tried in one program.
"""

from brickwork.optim.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    OptaxOptimizer,
    Optimizer,
    RMSProp,
    optimizer,
    resolve_optimizer,
)
from brickwork.optim.schedules import (
    Constant,
    Cosine,
    Exponential,
    FunctionSchedule,
    Linear,
    OneCycle,
    Schedule,
    StepDecay,
    WarmupCosine,
    resolve_schedule,
    schedule,
)
from brickwork.optim.weights import NOT_WEIGHTS, are_weights, penalty

__all__ = [
    "NOT_WEIGHTS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Exponential",
    "FunctionSchedule",
    "Linear",
    "Momentum",
    "Nesterov",
    "OneCycle",
    "OptaxOptimizer",
    "Optimizer",
    "RMSProp",
    "Schedule",
    "StepDecay",
    "WarmupCosine",
    "are_weights",
    "optimizer",
    "penalty",
    "resolve_optimizer",
    "resolve_schedule",
    "schedule",
]
