"""Brickwork: `Model.fit` as a user calls it, with the same segment program and all that surrounds it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from benchmarks.speed.contenders.base import Contender
from benchmarks.speed.workloads import (
    CLASSES,
    EMBEDDING,
    HEADS,
    HIDDEN,
    LAYERS,
    MEMORY,
    RATE,
    RESIDUAL_BLOCKS,
    RESIDUAL_WIDTHS,
    STEPS,
    SYMBOLS,
    WIDTH,
    Workload,
)

import brickwork as bw


class BrickworkFit(Contender):
    """A second `fit` goes on from the first and compiles nothing; without `valid` and folder, and with no metrics."""

    def versions(self) -> dict[str, str]:
        """Return the versions of Brickwork and JAX."""
        return {"brickwork": bw.__version__, "jax": jax.__version__}

    def ways(self, workload: Workload) -> Sequence[Mapping[str, Any]]:
        """There is one way."""
        del workload
        return [{}]

    def build(self, workload: Workload, inputs: np.ndarray, targets: np.ndarray, way: Mapping[str, Any]) -> None:
        """Make the model."""
        del way
        self.inputs, self.targets = inputs, targets
        self.model = bw.Model(network(workload), "cross_entropy")

    def train(self, epochs: int) -> list[float]:
        """Fit."""
        outcome = self.model.fit(
            self.inputs,
            self.targets,
            epochs=epochs,
            batch_size=self.workload.batch,
            optimizer="adam",
            rate=RATE,
            precision=self.precision,
            progress=False,
        )
        return [record["train/loss"] for record in outcome.history]

    losses = train

    def parameters(self) -> int:
        """Count what is trained."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.model.variables.params))

    def predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return `Model.logits`."""
        return self.model.logits


make = BrickworkFit


def network(workload: Workload) -> Any:
    """Return the workload's network of bricks."""
    if workload.family == "mlp":
        return bw.Sequential(*(bw.Dense(units, "relu") for units in workload.units), bw.Dense(CLASSES))
    if workload.family == "cnn":
        weights = "glorot_uniform"  # as others have, so that losses can be compared
        first, second = (bw.Conv(width, 3, activation="relu", weights=weights) for width in (32, 64))
        return bw.Sequential(first, bw.MaxPool(2), second, bw.MaxPool(2), bw.Flatten(), bw.Dense(CLASSES))
    if workload.family == "resnet":
        return residual_network()
    if workload.family == "lstm":
        parts = bw.Embedding(SYMBOLS, EMBEDDING), bw.LSTM(MEMORY, return_sequence=True), bw.Dense(SYMBOLS)
        return bw.Sequential(*parts)
    blocks = [bw.TransformerEncoderBlock(HEADS, HIDDEN, causal=True) for _ in range(LAYERS)]
    embedded = bw.Embedding(SYMBOLS, WIDTH), bw.LearnedPositions(STEPS)
    return bw.Sequential(*embedded, *blocks, bw.LayerNorm(), bw.Dense(SYMBOLS))


def residual_network() -> Any:
    """Return ResNet-20: basic blocks, relu behind the sum, 1x1 convolutions where the width changes."""
    before = RESIDUAL_WIDTHS[0]
    parts: list[Any] = [bw.Conv(before, 3, bias=False), bw.BatchNorm(), bw.Activation("relu")]
    for width in RESIDUAL_WIDTHS:
        for _ in range(RESIDUAL_BLOCKS):
            stride = 1 if width == before else 2
            body = bw.Sequential(
                bw.Conv(width, 3, stride=stride, bias=False),
                bw.BatchNorm(),
                bw.Activation("relu"),
                bw.Conv(width, 3, bias=False),
                bw.BatchNorm(),
            )
            widened = bw.Sequential(bw.Conv(width, 1, stride=stride, bias=False), bw.BatchNorm())
            parts += [bw.Residual(body, None if stride == 1 else widened), bw.Activation("relu")]
            before = width
    return bw.Sequential(*parts, bw.GlobalPool(), bw.Dense(CLASSES))
