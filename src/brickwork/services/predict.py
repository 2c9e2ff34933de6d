"""Predict: answers of a saved model for things a person has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brickwork.core.errors import DataError, SettingError
from brickwork.core.spec import from_json
from brickwork.data import Encoder
from brickwork.train import Model


@dataclass(frozen=True)
class Answer:
    """The answer for one thing; for classes the probabilities of all of them, the largest first."""

    source: str
    answer: Any
    probability: float | None = None
    ranking: tuple[tuple[Any, float], ...] = ()


def predict(path: str | Path, sources: Sequence[str | Path]) -> list[Answer]:
    """Return the answers of the model at `path` for files (pictures, for a model of pictures).

    Raises:
        BundleError: the model cannot be read.
        SettingError: the model does not take files.
        DataError: a file is missing or cannot be used; the message names it.
    """
    model = Model.load(path)
    document = model.extra.get("encoder")
    if document is None:
        name = model.extra.get("data", {}).get("name", "its data")
        raise SettingError(
            f"This model takes rows of numbers, as in {name!r}, not files: "
            "use it from Python, Model.load(path).predict(rows)."
        )
    encoder = from_json(document)
    if not isinstance(encoder, Encoder):
        raise SettingError(f"The model's encoder is no encoder: {encoder!r}.")
    if not sources:
        raise DataError("There is nothing to predict: name at least one picture.")
    inputs = np.stack([encoder(Path(source)) for source in sources])
    answers = model.predict(inputs).tolist()
    if model.loss.question != "class":
        return [Answer(str(source), answer) for source, answer in zip(sources, answers, strict=True)]
    labels = model.classes or tuple(range(model.plan.output.shape[-1]))
    rows = model.predict_proba(inputs)
    return [
        Answer(str(source), answer, float(row.max()), _ranking(labels, row))
        for source, answer, row in zip(sources, answers, rows, strict=True)
    ]


def _ranking(labels: Sequence[Any], probabilities: np.ndarray) -> tuple[tuple[Any, float], ...]:
    order = np.argsort(-probabilities, kind="stable")
    return tuple((labels[index], float(probabilities[index])) for index in order)
