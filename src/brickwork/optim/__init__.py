"""Optimizers, schedules and penalties.

An optimizer turns a gradient into a direction u; whoever trains walks `p <- p - rate * factor * u`, with the rate of
the optimizer and the factor of a schedule. The rate stays outside the direction, so it can be a traced number: many
rates are tried in one program.
"""

from brickwork.optim.adam import Adam, Adamax, AdamW, AMSGrad, RAdam
from brickwork.optim.lbfgs import LBFGS
from brickwork.optim.look_ahead import Adan, NAdam
from brickwork.optim.minimum import Minimum, minimize
from brickwork.optim.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Lion,
    Momentum,
    Nesterov,
    OptaxOptimizer,
    Optimizer,
    RMSProp,
    optimizer,
    resolve_optimizer,
)
from brickwork.optim.phases import CosineRestarts, OneCycle, PiecewiseConstant, StepDecay, Warmup, WarmupCosine
from brickwork.optim.plateau import ReduceOnPlateau
from brickwork.optim.schedules import (
    Constant,
    Cosine,
    Exponential,
    FunctionSchedule,
    InverseSquareRoot,
    Linear,
    PolynomialDecay,
    Schedule,
    resolve_schedule,
    schedule,
)
from brickwork.optim.weights import (
    NOT_WEIGHTS,
    Rates,
    are_weights,
    decoupled_decay,
    penalty,
    rate_factors,
    require_rates_fit,
)
from brickwork.optim.whole_arrays import LAMB, Adafactor, Muon

__all__ = [
    "LAMB",
    "LBFGS",
    "NOT_WEIGHTS",
    "SGD",
    "AMSGrad",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "FunctionSchedule",
    "InverseSquareRoot",
    "Linear",
    "Lion",
    "Minimum",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "OneCycle",
    "OptaxOptimizer",
    "Optimizer",
    "PiecewiseConstant",
    "PolynomialDecay",
    "RAdam",
    "RMSProp",
    "Rates",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "Warmup",
    "WarmupCosine",
    "are_weights",
    "decoupled_decay",
    "minimize",
    "optimizer",
    "penalty",
    "rate_factors",
    "require_rates_fit",
    "resolve_optimizer",
    "resolve_schedule",
    "schedule",
]
