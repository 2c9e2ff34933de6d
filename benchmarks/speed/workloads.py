"""What is trained: networks by family and size, their data, and how many floating point operations a step takes."""

import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

CLASSES, SYMBOLS, STEPS = 10, 90, 100
"""Classes of pictures; symbols of sequences, and how many steps a sequence has."""

RATE = 1e-3
"""Adam's rate, for all."""

RESIDUAL_WIDTHS, RESIDUAL_BLOCKS = (16, 32, 64), 3
EMBEDDING, MEMORY = 128, 256
WIDTH, HEADS, LAYERS, HIDDEN = 128, 4, 4, 512
SHORTER = 4
"""By how much each side of a picture has been enlarged: detail of one pixel says nothing about the class."""


@dataclass(frozen=True)
class Workload:
    """One network with its batch and its amount of data.

    `family` is mlp, cnn, resnet, lstm or gpt; `units` are the hidden units of an mlp. One epoch is `rows` / `batch`
    steps. Sequences have a class, and so a cross-entropy, at every step.
    """

    name: str
    family: str
    batch: int = 32
    rows: int = 8192
    units: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.rows // self.batch

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return {"mlp": (784,), "cnn": (28, 28, 1), "resnet": (32, 32, 3)}.get(self.family, (STEPS,))

    @property
    def sequences(self) -> bool:
        """Whether inputs are symbols, and every step has an answer."""
        return self.family in ("lstm", "gpt")

    @property
    def outputs(self) -> int:
        """How many classes there are."""
        return SYMBOLS if self.sequences else CLASSES

    def settings(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Workload":
        """Return the workload with these fields."""
        return cls(**{**settings, "units": tuple(settings["units"])})


WORKLOADS = {
    one.name: one
    for one in (
        Workload("mlp-small", "mlp", units=(128,)),
        Workload("mlp-large", "mlp", units=(512, 512)),
        Workload("cnn", "cnn", rows=2048),
        Workload("cnn-128", "cnn", batch=128, rows=4096),
        Workload("resnet20", "resnet", rows=512),
        Workload("lstm", "lstm", rows=512),
        Workload("gpt", "gpt", rows=256),
    )
}
"""The workloads by name."""

TITLES = {
    "mlp-small": "MLP 784-128-10",
    "mlp-large": "MLP 784-512-512-10",
    "cnn": "CNN 28x28, 2 convolutions",
    "cnn-128": "CNN 28x28, batch 128",
    "resnet20": "ResNet-20, 32x32x3",
    "lstm": "LSTM 256, 100 steps",
    "gpt": "GPT, 4 layers of 128",
}


def scaling() -> dict[str, list[Workload]]:
    """Return series in which one size grows: the batch, the width, and the amount of data."""
    small = WORKLOADS["mlp-small"]

    def sized(kind: str, number: int, **changes: Any) -> Workload:
        return replace(small, name=f"mlp {kind} {number}", **changes)

    return {
        "batch": [sized("batch", size, batch=size, rows=max(512, 64 * size)) for size in (1, 8, 32, 128, 512)],
        "width": [sized("width", width, units=(width,)) for width in (16, 64, 256, 1024)],
        "rows": [sized("rows", rows, rows=rows) for rows in (512, 4096, 32768)],
    }


def on_accelerator(workloads: list[Workload]) -> list[Workload]:
    """Return the workloads with batches of 32 and of 512, and data for at least 32 steps."""
    return [
        replace(one, name=f"{one.name.removesuffix('-128')} batch {size}", batch=size, rows=max(one.rows, 32 * size))
        for one in workloads
        if one.name != "cnn-128"
        for size in (32, 512)
    ]


# --------------------------------------------------------------------------------------------------------- the data


def data(workload: Workload) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets, the same in every process: what is to be learnt is there, and not at once.

    Pictures are float32 (rows, ...), a pattern for each class below noise; sequences are int32 (rows, steps) of a
    chain in which each symbol has four likely successors, and targets are the next symbols.
    """
    draw = np.random.Generator(np.random.PCG64(7))
    if workload.sequences:
        return _sequences(draw, workload.rows)
    targets = draw.integers(0, CLASSES, workload.rows).astype(np.int32)
    shape = workload.shape if len(workload.shape) == 3 else (28, 28, 1)
    coarse = draw.normal(0, 1, (CLASSES, *(side // SHORTER for side in shape[:2]), shape[2]))
    patterns = coarse.repeat(SHORTER, axis=1).repeat(SHORTER, axis=2).astype(np.float32)
    inputs = draw.standard_normal((workload.rows, *shape), np.float32)
    inputs += np.float32(0.3) * patterns[targets]
    return inputs.reshape(-1, *workload.shape), targets


def _sequences(draw: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    successors = draw.integers(0, SYMBOLS, (SYMBOLS, 4))
    symbols = np.empty((rows, STEPS + 1), np.int32)
    symbols[:, 0] = draw.integers(0, SYMBOLS, rows)
    for step in range(STEPS):
        likely = successors[symbols[:, step], draw.integers(0, 4, rows)]
        symbols[:, step + 1] = np.where(draw.random(rows) < 0.9, likely, draw.integers(0, SYMBOLS, rows))
    return symbols[:, :-1].copy(), symbols[:, 1:].copy()


def order(workload: Workload, epoch: int) -> np.ndarray:
    """Return the numbers of the rows of every batch of an epoch, (steps, batch): a new order for each epoch.

    It is the order in which Brickwork draws rows with seed 0.
    """
    draw = np.random.Generator(np.random.PCG64(np.random.SeedSequence((0, epoch))))
    return draw.permutation(workload.rows)[: workload.steps * workload.batch].reshape(workload.steps, -1)


# ----------------------------------------------------------------------------------------------- sizes of the work


def parameters(workload: Workload) -> int:
    """Return how many numbers are trained."""
    return sum(inputs * outputs + extra for inputs, outputs, extra, _ in _maps(workload))


def operations(workload: Workload) -> int:
    """Return the floating point operations of one training step: 3 times the forward multiply-adds, times 2.

    The gradient costs a product of the same size for the inputs and one for the weights of every map. Only matrix
    products and convolutions are counted; attention's full square is, as if it were not causal.
    """
    forward = sum(inputs * outputs * places for inputs, outputs, _, places in _maps(workload))
    if workload.family == "gpt":
        forward += LAYERS * 2 * STEPS * STEPS * WIDTH
    return 3 * 2 * workload.batch * forward


Maps = list[tuple[int, int, int, int]]
"""Linear maps as (inputs, outputs, other parameters, places at which it is applied to one row); 0 places: a table."""


def _maps(workload: Workload) -> Maps:
    return _FAMILIES[workload.family](workload)


def _mlp(workload: Workload) -> Maps:
    sizes = (784, *workload.units, CLASSES)
    return [(before, after, after, 1) for before, after in itertools.pairwise(sizes)]


def _cnn(_: Workload) -> Maps:
    return [(9, 32, 32, 28 * 28), (9 * 32, 64, 64, 14 * 14), (7 * 7 * 64, CLASSES, CLASSES, 1)]


def _resnet(_: Workload) -> Maps:
    maps: Maps = [(9 * 3, RESIDUAL_WIDTHS[0], 2 * RESIDUAL_WIDTHS[0], 32 * 32)]
    before = RESIDUAL_WIDTHS[0]
    for stage, width in enumerate(RESIDUAL_WIDTHS):
        places = (32 >> stage) ** 2
        for _block in range(RESIDUAL_BLOCKS):
            maps += [(9 * before, width, 2 * width, places), (9 * width, width, 2 * width, places)]
            if before != width:
                maps.append((before, width, 2 * width, places))
            before = width
    return [*maps, (before, CLASSES, CLASSES, 1)]


def _lstm(_: Workload) -> Maps:
    return [
        (SYMBOLS, EMBEDDING, 0, 0),
        (EMBEDDING + MEMORY, 4 * MEMORY, 4 * MEMORY, STEPS),
        (MEMORY, SYMBOLS, SYMBOLS, STEPS),
    ]


def _gpt(_: Workload) -> Maps:
    block: Maps = [(WIDTH, WIDTH, WIDTH, STEPS)] * 4
    block += [(WIDTH, HIDDEN, HIDDEN + 2 * WIDTH, STEPS), (HIDDEN, WIDTH, WIDTH + 2 * WIDTH, STEPS)]
    tables: Maps = [(SYMBOLS, WIDTH, 0, 0), (STEPS, WIDTH, 0, 0)]
    return [*tables, *(block * LAYERS), (WIDTH, SYMBOLS, SYMBOLS + 2 * WIDTH, STEPS)]


_FAMILIES: dict[str, Callable[[Workload], Maps]] = {
    "mlp": _mlp,
    "cnn": _cnn,
    "resnet": _resnet,
    "lstm": _lstm,
    "gpt": _gpt,
}
