"""Cases of what is dropped and what is added at random. The oracles are the equations of the papers in NumPy."""

from typing import Any

import numpy as np

from bricks.cases.draws import Draws
from bricks.contract import Case
from brickwork.bricks import (
    AlphaDropout,
    Embedding,
    EmbeddingDropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
    StochasticDepth,
)

draws = Draws(18)
numbers = draws.numbers


def spatial(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Tompson et al. 2015, section 3.2: a feature map is dropped as a whole, or kept."""
    y = np.zeros(inputs[0].shape)
    for n, h, w, c in np.ndindex(y.shape):
        y[n, h, w, c] = inputs[0][n, h, w, c] / 0.6 if taps["mask"][n, 0, 0, c] else 0
    return y


def depth(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Huang et al. 2016, equation 2, the branch alone, row by row; divided as in Srivastava et al. 2014."""
    return np.stack([x / 0.8 * float(b) for x, b in zip(inputs[0], taps["mask"].ravel(), strict=True)])


def words(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Merity et al. 2018, section 4.3: every occurrence of a dropped word is 0, others are divided by 1 - p."""
    return np.array([[v["table"][i] * taps["mask"][i] / 0.7 for i in row] for row in inputs[0]])


def alpha(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Klambauer et al. 2017, "New Dropout Technique": to alpha' = -lambda alpha, then a x + b."""
    q, prime = 0.8, -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
    a = (q + prime**2 * q * (1 - q)) ** -0.5
    b = -a * (1 - q) * prime
    return a * (inputs[0] * taps["mask"] + prime * (1 - taps["mask"])) + b


def multiplied(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Srivastava et al. 2014, section 10: factors from N(1, (1 - p) / p), where p is the chance to be kept."""
    return inputs[0] * (1 + np.sqrt((1 - 0.6) / 0.6) * taps["noise"])


def added(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Bishop 1995, section 1: x + xi."""
    return inputs[0] + 0.5 * taps["noise"]


IDS = np.array([[0, 3, 3], [1, 0, 4]], np.int32)

CASES: dict[str, Case] = {
    "spatial_dropout/training": Case(SpatialDropout(0.4), (numbers(2, 2, 3, 4),), oracle=spatial, training=True),
    "stochastic_depth/training": Case(StochasticDepth(0.2), (numbers(4, 2, 3),), oracle=depth, training=True),
    "embedding_dropout/training": Case(EmbeddingDropout(Embedding(5, 2), 0.3), (IDS,), oracle=words, training=True),
    "alpha_dropout/training": Case(
        AlphaDropout(0.2), (numbers(3, 4),), oracle=alpha, training=True, linear_in_masks=False
    ),
    "gaussian_dropout/training": Case(GaussianDropout(0.4), (numbers(3, 4),), oracle=multiplied, training=True),
    "gaussian_noise/training": Case(GaussianNoise(0.5), (numbers(3, 4),), oracle=added, training=True),
}
