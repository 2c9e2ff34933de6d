"""Cases of embeddings for the columns of tables."""

from typing import Any

import numpy as np

from bricks.cases.draws import Draws
from bricks.contract import Case
from brickwork.bricks import CategoryEmbedding, NumberEmbedding

draws = Draws(31)
INDICES = np.array([[2, 0], [1, 4], [0, 1]], np.int32)


def in_waves(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Gorishniy et al. 2022, equations 2 and 3, one feature after the other, with phases and the number itself."""
    parts = []
    for feature in range(3):
        x = inputs[0][:, feature, None]
        waves = np.cos(2 * np.pi * x * v["frequency"][feature] + v["phase"][feature])
        parts += [x, waves @ v["weight"][feature] + v["bias"][feature]]
    return np.concatenate(parts, 1)


def looked_up(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Guo & Berkhahn 2016, equation 5: one-hot rows times a matrix for each column."""
    tables = np.split(v["table"], [3])
    return np.concatenate([np.eye(len(t))[inputs[0][:, n]] @ t for n, t in enumerate(tables)], 1)


CASES: dict[str, Case] = {
    "number_embedding/waves": Case(NumberEmbedding(2, 4, 0.5), (draws.numbers(4, 3),), oracle=in_waves),
    "category_embedding/two": Case(CategoryEmbedding((3, 5), 4), (INDICES,), oracle=looked_up),
}
