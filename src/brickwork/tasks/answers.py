"""Answers of a model, or of a rule that looks at nothing, in the form in which they are judged."""

import numpy as np

from brickwork.data import Examples
from brickwork.explain.findings import Answered, Question
from brickwork.tasks.problem import Problem
from brickwork.train import Model


def given_by(model: Model, inputs: object, question: Question) -> np.ndarray:
    """Return a model's answers: probabilities (rows, classes or labels), or numbers (rows, targets)."""
    answers = model.logits(inputs) if question == "number" else model.predict_proba(inputs)
    return np.asarray(answers, np.float64).reshape(len(answers), -1)


def answered(model: Model, examples: Examples, problem: Problem) -> Answered:
    """Return what a model answers for rows, beside the truth."""
    return Answered(
        problem.kind, truth_of(examples, problem), given_by(model, examples.inputs, problem.kind), problem.names
    )


def baseline(problem: Problem) -> Answered:
    """Return the trivial answers for the test rows: how often each class or label was learnt from, or the mean."""
    learnt, truth = truth_of(problem.train, problem), truth_of(problem.test, problem)
    if problem.kind == "classes":
        typical = np.bincount(learnt, minlength=len(problem.names)) / len(learnt)
    else:
        typical = learnt.mean(0, dtype=np.float64)
    return Answered(problem.kind, truth, np.tile(typical, (len(truth), 1)), problem.names)


def truth_of(examples: Examples, problem: Problem) -> np.ndarray:
    """Return the targets of rows: class numbers (rows,), flags (rows, labels) or numbers (rows, targets)."""
    targets = np.asarray(examples.targets)
    return targets if problem.kind == "classes" else targets.reshape(len(targets), -1)
