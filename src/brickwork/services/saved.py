"""Saved models that know what they were asked: opened to answer, to be judged, to be explained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from brickwork.core.errors import BundleError, SettingError
from brickwork.core.spec import from_json
from brickwork.data import Encoder
from brickwork.data.table import TableEncoder
from brickwork.explain.findings import Question
from brickwork.storage.bundle import read_header
from brickwork.train import Model


@dataclass(frozen=True, eq=False)
class Saved:
    """A saved model, the encoder of what it takes, and the question it answers.

    `names` are the classes, the labels or the targets, in the order of its outputs; `targets` the columns that it was
    asked for; `widths` the half widths of its intervals, where it answers with numbers. `typical` is the encoded row
    that others are explained from, `before` has the scores on its own test rows.
    """

    path: Path
    model: Model
    encoder: Encoder
    question: Question
    names: tuple[str | int, ...]
    targets: tuple[str, ...]
    widths: tuple[float, ...] = ()
    typical: Mapping[str, np.ndarray] = field(default_factory=dict)
    before: Mapping[str, float] = field(default_factory=dict)

    @property
    def table(self) -> TableEncoder | None:
        """The encoder, if it is one of tables."""
        return self.encoder if isinstance(self.encoder, TableEncoder) else None


def open_saved(path: str | Path) -> Saved:
    """Return the saved model at a path.

    Raises `BundleError` when it cannot be read, `SettingError` for a model that was saved without an encoder.
    """
    model = Model.load(path)
    document: Mapping[str, Any] = model.extra
    if document.get("encoder") is None:
        raise SettingError(
            f"{path} holds a network without an encoder: it takes arrays, not files. "
            "Use it from Python, Model.load(path).predict(arrays)."
        )
    encoder = from_json(document["encoder"])
    if not isinstance(encoder, Encoder):
        raise BundleError(f"The encoder in {path} is no encoder: {encoder!r}.")
    try:
        task, calibration = document["task"], document.get("calibration") or {}
        question, names = task["kind"], tuple(task["names"])
        targets = tuple(map(str, task["targets"]))
        widths = tuple(float(width) for width in calibration.get("width", ()))
        if question not in ("classes", "labels", "number") or not all(isinstance(name, str | int) for name in names):
            raise TypeError(question)
        if len(set(names)) < len(names):
            raise ValueError(f"{names} has a name twice")
        typical = {name: np.asarray(row, np.float64)[None] for name, row in (document.get("typical") or {}).items()}
        shapes = {name: leaf.shape for name, leaf in model.example.items()} if isinstance(model.example, dict) else {}
        if typical and {name: row.shape for name, row in typical.items()} != shapes:
            raise ValueError("its typical row has other columns than its network takes")
        before = {str(name): float(score) for name, score in (document.get("scores") or {}).get("test", {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{path} does not say what it was asked: {error!r}.") from error
    outputs = model.plan.output.shape[-1]
    if outputs != len(names) or (widths and len(widths) != len(names)):
        raise BundleError(f"{path} names {len(names)} answers, but its network has {outputs} outputs.")
    return Saved(Path(path), model, encoder, question, names, targets, widths, typical, before)


def takes_pictures(path: str | Path) -> bool:
    """Tell whether the model at a path answers for pictures, without reading its weights."""
    document = read_header(path).extra.get("encoder")
    return document is not None and not isinstance(from_json(document), TableEncoder)
