"""Cases of the bricks that everything else is built on."""

from typing import Any

import numpy as np

from bricks.cases.draws import Draws
from bricks.contract import Case
from brickwork.bricks import (
    LSTM,
    Activation,
    Attention,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalPool,
    LayerNorm,
    MaxPool,
    RandomAffine,
    Rescale,
    Residual,
    Sequential,
    Stack,
)

draws = Draws(8)
numbers = draws.numbers

# ------------------------------------------------------------------------------------- equations in NumPy


def dropped(variables: Any, inputs: Any, taps: Any, rate: float = 0.3) -> np.ndarray:
    """Srivastava et al. 2014, section 4, with the division of section 10."""
    return inputs[0] * taps["mask"] / (1 - rate)


def dense_of_pixels(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return inputs[0].astype("float64").reshape(2, 4) @ v["1_dense/weight"] + v["1_dense/bias"]


def dropped_between(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    hidden = np.tanh(inputs[0] @ v["0_dense/weight"] + v["0_dense/bias"])
    return hidden * taps["1_dropout/mask"] / 0.5 @ v["2_dense/weight"] + v["2_dense/bias"]


def attended_with_dropout(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Vaswani et al. 2017, section 3.2.1, one head, with weights dropped after the softmax."""
    q, k, u = (inputs[0] @ v[f"{n}/weight"] + v[f"{n}/bias"] for n in ("query", "key", "value"))
    scores = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]))
    weights = scores / scores.sum(-1, keepdims=True) * taps["dropout/mask"][:, 0] / (1 - 0.4)
    return weights @ u @ v["output/weight"] + v["output/bias"]


def stacked_with_dropout(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    x = inputs[0]
    for i in range(3):
        x = x @ v["brick/0_dense/weight"][i] + v["brick/0_dense/bias"][i]
        x = x * taps["brick/1_dropout/mask"][i] / 0.5
    return x


def rescaled(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return inputs[0] * np.array([0.5, 2.0, -1.0], inputs[0].dtype) + inputs[0].dtype.type(0.25)


def distorted(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Simard et al. 2003, section 2: every pixel read between the four around where it comes from."""
    x, out = inputs[0], np.zeros(inputs[0].shape)
    height, width = x.shape[1:3]
    for n, (turn, wide, high, slant, down, right) in enumerate(taps["draws"].T.astype("float64")):
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = rotation @ np.diag([1 + high, 1 + wide]) @ np.array([[1, 0], [slant, 1]])
        centre = np.array([height - 1, width - 1]) / 2
        for p, q in np.ndindex(height, width):
            place = matrix @ (np.array([p, q]) - centre) + centre + [down, right]
            for i, j in np.ndindex(height, width):
                out[n, p, q] += x[n, i, j] * np.prod(np.maximum(1 - np.abs(place - [i, j]), 0))
    return out


PIXELS = np.asarray(draws.rng.integers(0, 255, (2, 2, 2, 1)), np.uint8)
EDGES = ((1, 1), (1, 1))

CASES: dict[str, Case] = {
    "dense/relu": Case(Dense(3, "relu"), golden="dense/relu", quick="all"),
    "dense/sequence": Case(Dense(3, "gelu", bias=False), golden="dense/sequence"),
    "activation/silu": Case(Activation("silu"), golden="activation/silu"),
    "embedding/ids": Case(Embedding(7, 3), golden="embedding/ids", quick="all"),
    "embedding/attend": Case(Embedding(7, 3), golden="embedding/attend", method="attend"),
    "conv/same": Case(Conv(4, 3, activation="relu"), golden="conv/same"),
    "conv/strided": Case(Conv(3, (3, 2), (2, 1), "valid", bias=False), golden="conv/strided"),
    "conv/groups": Case(Conv(4, dilation=2, groups=2), golden="conv/groups", quick="all"),
    "max_pool/plain": Case(MaxPool(), golden="max_pool/plain", quick="nothing"),
    "max_pool/overlap": Case(MaxPool(3, 2, EDGES), golden="max_pool/overlap"),
    "average_pool/plain": Case(AveragePool((2, 3)), golden="average_pool/plain"),
    "average_pool/zeros": Case(AveragePool(3, 2, EDGES, count_padding=True), golden="average_pool/zeros"),
    "average_pool/real": Case(AveragePool(3, 2, "same"), golden="average_pool/real"),
    "global_pool/average": Case(GlobalPool(), golden="global_pool/average"),
    "global_pool/max": Case(GlobalPool("max"), golden="global_pool/max"),
    "global_pool/padded_average": Case(GlobalPool(), golden="global_pool/padded_average"),
    "global_pool/padded_max": Case(GlobalPool("max"), golden="global_pool/padded_max"),
    "flatten/pictures": Case(Flatten(), golden="flatten/pictures"),
    "batch_norm/rows": Case(BatchNorm(), golden="batch_norm/rows", training=True, quick="nothing"),
    "batch_norm/pictures": Case(BatchNorm(), golden="batch_norm/pictures", training=True),
    "batch_norm/evaluation": Case(BatchNorm(), golden="batch_norm/evaluation"),
    "batch_norm/weights": Case(
        BatchNorm(), golden="batch_norm/weights", training=True, weight=np.array([1.0, 1.0, 0.0, 1.0]), quick="all"
    ),
    "batch_norm/padded": Case(BatchNorm(), golden="batch_norm/padded", training=True),
    "layer_norm/sequence": Case(LayerNorm(), golden="layer_norm/sequence"),
    "dropout/training": Case(Dropout(0.3), (numbers(4, 5),), oracle=dropped, training=True),
    "lstm/last": Case(LSTM(4), golden="lstm/last"),
    "lstm/sequence": Case(LSTM(4, return_sequence=True), golden="lstm/sequence", quick="nothing"),
    "lstm/padded_last": Case(LSTM(3), golden="lstm/padded_last", quick="nothing"),
    "lstm/padded_sequence": Case(LSTM(3, return_sequence=True), golden="lstm/padded_sequence", quick="all"),
    "attention/self": Case(Attention(2), golden="attention/self", quick="nothing"),
    "attention/causal": Case(Attention(2, causal=True), golden="attention/causal"),
    "attention/cross": Case(Attention(2), golden="attention/cross"),
    "attention/padded": Case(Attention(2), golden="attention/padded", quick="all"),
    "attention/grouped": Case(
        Attention(4, features=8, causal=True, kv_heads=2, bias=False), golden="attention/grouped"
    ),
    "attention/dropout": Case(
        Attention(1, dropout=0.4), (numbers(2, 3, 4),), oracle=attended_with_dropout, training=True
    ),
    "sequential/perceptrons": Case(Sequential(Flatten(), Dense(5, "tanh"), Dense(3)), golden="sequential/perceptrons"),
    "sequential/pixels": Case(Sequential(Flatten(), Dense(3)), (PIXELS,), oracle=dense_of_pixels),
    "sequential/dropout": Case(
        Sequential(Dense(5, "tanh"), Dropout(), Dense(2)),
        (numbers(3, 4),),
        oracle=dropped_between,
        training=True,
        quick="all",
    ),
    "residual/identity": Case(Residual(Dense(4, "tanh")), golden="residual/identity"),
    "residual/shortcut": Case(Residual(Dense(3, "tanh"), Dense(3, bias=False)), golden="residual/shortcut"),
    "rescale/features": Case(Rescale((0.5, 2.0, -1.0), 0.25), (numbers(2, 3),), oracle=rescaled),
    "random_affine/all": Case(
        RandomAffine(rotate=20.0, scale=0.2, shear=0.3, shift=1.5),
        (numbers(3, 5, 4, 2),),
        oracle=distorted,
        training=True,
        linear_in_masks=False,
        quick="all",
    ),
    "stack/tanh": Case(Stack(Dense(4, "tanh"), 3), golden="stack/tanh"),
    "stack/remat": Case(Stack(Dense(4, "tanh"), 3, remat=True), golden="stack/tanh", quick="nothing"),
    "stack/dropout": Case(
        Stack(Sequential(Dense(4), Dropout()), 3),
        (numbers(2, 4),),
        oracle=stacked_with_dropout,
        training=True,
        quick="all",
    ),
}
