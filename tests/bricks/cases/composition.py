"""Cases of bricks that branch and join."""

from typing import Any

import numpy as np

from bricks.cases.draws import Draws
from bricks.contract import Case
from brickwork.bricks import Add, Average, Concat, Dense, Dropout, Graph, Maximum, Multiply, Parallel
from brickwork.core.batch import Padded

draws = Draws(21)
numbers, padded = draws.numbers, draws.padded


def dense(v: Any, name: str, x: np.ndarray) -> np.ndarray:
    return x @ v[f"{name}/weight"] + v[f"{name}/bias"]


def inception(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Szegedy et al. 2015, figure 2: what the branches give, side by side."""
    return np.concatenate([dense(v, "0_dense", inputs[0]), np.tanh(dense(v, "1_dense", inputs[0]))], -1)


def two_heads(v: Any, inputs: Any, taps: Any) -> dict[str, np.ndarray]:
    return {name: dense(v, name, inputs[0]) for name in ("one", "two")}


def diamond(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    stem = np.tanh(dense(v, "stem", inputs[0]))
    left = dense(v, "left", stem)
    return np.concatenate([left + stem, left * stem], -1)


def two_inputs(v: Any, inputs: Any, taps: Any) -> dict[str, np.ndarray]:
    both = np.concatenate([inputs[0]["a"], dense(v, "seen", inputs[0]["b"])], -1)
    return {"seen": dense(v, "seen", inputs[0]["b"]), "answer": dense(v, "answer", both * taps["drop/mask"] / 0.5)}


def beside_in_time(v: Any, inputs: Any, taps: Any) -> Padded:
    one, two = inputs
    return one.with_values(np.concatenate([one.values, two.values], -1))


TWO = numbers(2, 3, 4), numbers(2, 3, 4)
LENGTHS = (3, 1)

CASES: dict[str, Case] = {
    "concat/last": Case(
        Concat(), (numbers(2, 3), numbers(2, 1), numbers(2, 2)), oracle=lambda v, i, t: np.concatenate(i, -1)
    ),
    "concat/rows_of_pictures": Case(
        Concat(1),
        (numbers(2, 3, 2, 1), numbers(2, 1, 2, 1)),
        oracle=lambda v, i, t: np.concatenate(i, 1),
        quick="nothing",
    ),
    "concat/padded": Case(
        Concat(),
        (padded(2, 3, 1, lengths=LENGTHS), padded(2, 3, 2, lengths=LENGTHS)),
        oracle=beside_in_time,
        quick="nothing",
    ),
    "add/three": Case(Add(), (*TWO, numbers(2, 3, 4)), oracle=lambda v, i, t: i[0] + i[1] + i[2]),
    "average/two": Case(Average(), TWO, oracle=lambda v, i, t: (i[0] + i[1]) / 2),
    "maximum/two": Case(Maximum(), TWO, oracle=lambda v, i, t: np.where(i[0] > i[1], i[0], i[1])),
    "multiply/gate": Case(Multiply(), (numbers(2, 3, 4), numbers(2, 1, 4)), oracle=lambda v, i, t: i[0] * i[1]),
    "parallel/concat": Case(Parallel(Dense(3), Dense(2, "tanh")), (numbers(2, 4),), oracle=inception),
    "parallel/heads": Case(
        Parallel(one=Dense(3), two=Dense(1), merge="none"), (numbers(2, 4),), oracle=two_heads, quick="nothing"
    ),
    "graph/diamond": Case(
        Graph(
            stem=(Dense(3, "tanh"), "input"),
            left=(Dense(3), "stem"),
            sum=(Add(), "left", "stem"),
            product=(Multiply(), "left", "stem"),
            join=(Concat(), "sum", "product"),
        ),
        (numbers(2, 4),),
        oracle=diamond,
        quick="nothing",
    ),
    "graph/two_inputs_and_outputs": Case(
        Graph(
            seen=(Dense(3), "b"),
            both=(Concat(), "a", "seen"),
            drop=(Dropout(), "both"),
            answer=(Dense(1), "drop"),
            inputs=("a", "b"),
            outputs=("seen", "answer"),
        ),
        ({"a": numbers(2, 2), "b": numbers(2, 4)},),
        oracle=two_inputs,
        training=True,
    ),
}
