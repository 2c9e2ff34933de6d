"""Every loss with outputs and targets that it takes, and what PyTorch computed for some of them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.core.batch import Padded
from brickwork.losses import (
    CTC,
    BinaryCrossEntropy,
    BinaryDice,
    BinaryFocal,
    BinaryJaccard,
    BinaryTversky,
    Contrastive,
    CosineDistance,
    CrossEntropy,
    Dice,
    Focal,
    GaussianNLL,
    Hinge,
    Huber,
    InfoNCE,
    Jaccard,
    KLDivergence,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    MulticlassHinge,
    NTXent,
    Poisson,
    Poly1,
    Quantile,
    SquaredHinge,
    Triplet,
    Tversky,
)

ORACLE = Path(__file__).parents[1] / "oracles" / "losses_torch.npz"
ROWS = 5


@dataclass(frozen=True, eq=False)
class Case:
    """A loss with the shape of its outputs after the rows, and the kind of its targets.

    `targets` are "classes" (without the last axis), "shares" (rows that sum to 1), "flags", "numbers" or "counts" (in
    the shape of the outputs), a shape of numbers, "pair flags" (one a row), "labels" (for CTC) or None. Cases whose
    code another one goes through too are there `again`, and run with the slow tests.
    """

    loss: Loss
    shape: tuple[int, ...]
    targets: Any
    again: bool = False

    @property
    def by_position(self) -> bool:
        """Whether each position of a sequence is an example."""
        return self.loss.sequences == "positions" and len(self.shape) == 1

    @property
    def by_row(self) -> bool:
        """Whether a row's loss depends on that row alone."""
        return not isinstance(self.loss, InfoNCE | NTXent)

    def example(self, dtype=np.float32, between: tuple[int, ...] = (), rows: int = ROWS, seed: int = 1):
        """Return outputs (rows, *between, *shape) and targets that belong to them."""
        rng = np.random.default_rng(seed)
        leading = (rows, *between)
        shape = (*leading, *self.shape)
        outputs = jnp.asarray(rng.normal(size=shape).astype(np.float32), dtype)
        if self.targets is None:
            return outputs, None
        if self.targets == "classes":
            return outputs, jnp.asarray(rng.integers(0, shape[-1], shape[:-1]), jnp.int32)
        if self.targets == "labels":
            return outputs, jnp.asarray(rng.integers(1, shape[-1], (rows, 2)), jnp.int32)
        if self.targets == "pair flags":
            return outputs, jnp.asarray(rng.integers(0, 2, leading), dtype)
        numbers = {
            "shares": lambda: rng.dirichlet(np.ones(shape[-1]), shape[:-1]),
            "flags": lambda: rng.integers(0, 2, shape),
            "counts": lambda: rng.poisson(2, shape),
            "numbers": lambda: rng.normal(size=shape),
        }
        make = numbers.get(self.targets) if isinstance(self.targets, str) else None
        values = make() if make else rng.normal(size=(*leading, *self.targets))
        return outputs, jnp.asarray(values.astype(np.float32), dtype)


CASES = {
    "cross_entropy": Case(CrossEntropy(), (3,), "classes"),
    "cross_entropy of shares": Case(CrossEntropy(0.1, (0.5, 2.0, 1.0)), (3,), "shares", True),
    "cross_entropy weighted": Case(CrossEntropy(0.1, (0.5, 2.0, 1.0)), (3,), "classes"),
    "focal": Case(Focal(), (3,), "classes", True),
    "focal below 1": Case(Focal(0.5, (0.5, 2.0, 1.0)), (3,), "classes"),
    "poly1": Case(Poly1(), (3,), "classes"),
    "kl_divergence": Case(KLDivergence(), (3,), "shares"),
    "multiclass_hinge": Case(MulticlassHinge(), (3,), "classes"),
    "multiclass_hinge of all": Case(MulticlassHinge("weston_watkins"), (3,), "classes", True),
    "binary_cross_entropy": Case(BinaryCrossEntropy(), (3,), "flags"),
    "binary_cross_entropy weighted": Case(BinaryCrossEntropy(0.1, (0.5, 2.0, 1.0)), (3,), "flags", True),
    "binary_focal": Case(BinaryFocal(), (3,), "flags"),
    "hinge": Case(Hinge(), (3,), "flags"),
    "squared_hinge": Case(SquaredHinge(), (3,), "flags", True),
    "dice": Case(Dice(), (2, 2, 3), "classes"),
    "binary_dice": Case(BinaryDice(), (2, 2, 2), "flags"),
    "jaccard": Case(Jaccard(), (4, 3), "classes", True),
    "binary_jaccard": Case(BinaryJaccard(), (4, 1), "flags", True),
    "tversky": Case(Tversky(), (4, 3), "classes", True),
    "binary_tversky": Case(BinaryTversky(), (2, 2, 1), "flags", True),
    "mean_squared_error": Case(MeanSquaredError(), (3,), "numbers"),
    "mean_absolute_error": Case(MeanAbsoluteError(), (3,), "numbers", True),
    "huber": Case(Huber(0.3), (3,), "numbers", True),
    "log_cosh": Case(LogCosh(), (3,), "numbers"),
    "cosine_distance": Case(CosineDistance(), (3,), "numbers"),
    "quantile": Case(Quantile((0.1, 0.5, 0.9)), (3,), ()),
    "poisson": Case(Poisson(), (3,), "counts"),
    "gaussian_nll": Case(GaussianNLL(), (4,), (2,)),
    "contrastive": Case(Contrastive(2.0), (2, 3), "pair flags"),
    "triplet": Case(Triplet(0.7), (3, 3), None),
    "info_nce": Case(InfoNCE(0.5), (2, 3), None),
    "nt_xent": Case(NTXent(0.5), (2, 3), None),
    "ctc": Case(CTC(), (4, 3), "labels"),
}


@cache
def stored():
    with np.load(ORACLE) as file:
        return dict(file)


def golden(name, dtype):
    """Return outputs, targets, the loss of each row, the gradient and its direction of a stored case."""
    arrays = {key.removeprefix(f"{name}/"): value for key, value in stored().items() if key.startswith(f"{name}/")}
    outputs, targets = jnp.asarray(arrays["in/0"], dtype), arrays.get("in/1")
    if targets is not None:
        targets = jnp.asarray(targets, dtype if targets.dtype.kind == "f" else jnp.int32)
    if "lengths/0" in arrays:
        lengths = (jnp.asarray(arrays[f"lengths/{i}"].astype(np.int64)) for i in range(2))
        outputs, targets = (Padded(values, one) for values, one in zip((outputs, targets), lengths, strict=True))
    return outputs, targets, arrays["out"], arrays["grad/in/0"], jnp.asarray(arrays["direction"], dtype)


def gradient(function, outputs):
    """Return the gradient of the sum of a function of outputs, an array or `Padded`."""
    if isinstance(outputs, Padded):
        return jax.grad(lambda values: function(outputs.with_values(values)).sum())(outputs.values)
    return jax.grad(lambda values: function(values).sum())(outputs)
