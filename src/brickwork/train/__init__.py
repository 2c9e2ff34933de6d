"""Floor 3: learners, the engine that runs them in segments, and the model that a user holds."""

from brickwork.train.engine import Run
from brickwork.train.events import (
    Checkpointed,
    Ended,
    EpochEnded,
    Event,
    Listener,
    MemberDropped,
    Progress,
    RateReduced,
    Skipped,
    Started,
)
from brickwork.train.learner import Learner, Logs, Measured, Sums, all_finite, choose, guarded, mean_of, squared_norm
from brickwork.train.model import Model, Scores
from brickwork.train.outcome import MemberOutcome, Outcome
from brickwork.train.population import Individual, Population, fit_population
from brickwork.train.programs import compile_counts
from brickwork.train.recipe import Recipe
from brickwork.train.stopping import Stopping
from brickwork.train.supervised import Supervised, TrainState
from brickwork.train.update import Update

__all__ = [
    "Checkpointed",
    "Ended",
    "EpochEnded",
    "Event",
    "Individual",
    "Learner",
    "Listener",
    "Logs",
    "Measured",
    "MemberDropped",
    "MemberOutcome",
    "Model",
    "Outcome",
    "Population",
    "Progress",
    "RateReduced",
    "Recipe",
    "Run",
    "Scores",
    "Skipped",
    "Started",
    "Stopping",
    "Sums",
    "Supervised",
    "TrainState",
    "Update",
    "all_finite",
    "choose",
    "compile_counts",
    "fit_population",
    "guarded",
    "mean_of",
    "squared_norm",
]
