"""The network for tables: numbers in several lights, categories as learned vectors, curves beside straight lines."""

import numpy as np

from brickwork.bricks import Add, CategoryEmbedding, Concat, Dense, Dropout, Graph, NumberEmbedding, Sequential
from brickwork.core.brick import Brick
from brickwork.core.errors import SettingError
from brickwork.zoo.perceptron import unstandardise

PLENTY = 64
"""Columns of numbers from which on each gets fewer waves, so that the network does not grow with their square."""


def table_network(
    numbers: int,
    sizes: tuple[int, ...],
    outputs: int,
    *,
    hidden: tuple[int, ...] = (64, 64),
    width: int = 8,
    deviation: float = 0.2,
    hide: float = 0.1,
    dropout: float = 0.3,
    activation: str = "silu",
    targets: np.ndarray | None = None,
) -> Brick:
    """Return a network for the columns of a table: a straight line, and what bends away from it.

        y = W [x, e] + b + curves([waves(x), e])

    with x the numbers, e the learned vectors of the categories, and `curves` dense layers. The line alone is a linear
    or logistic regression and starts at zero; so on few rows, where dropout and decay keep the curves small, the
    network is about as good as one, and on many rows it learns steps, bumps and what columns do together.

    Inputs are `{"numbers": (rows, numbers), "categories": (rows, columns)}`, without what is empty; numbers should be
    about -3 to 3, as `TableEncoder` makes them. Outputs are (rows, outputs): logits, or numbers.

    Args:
        numbers: columns of numbers; 0 for none.
        sizes: how many values each category has; () for none.
        outputs: how many numbers come out.
        hidden: units of each hidden layer.
        width: numbers for each value of a category.
        deviation: of the waves' frequencies; larger ones make rougher functions.
        hide: rate at which what the hidden layers see of the columns is hidden while training.
        dropout: rate after each hidden layer.
        activation: of the hidden layers.
        targets: (rows,) or (rows, outputs) the numbers to be learnt, whose means and deviations become part of the
            network; None for logits.

    Raises:
        SettingError: neither numbers nor categories, or settings outside the ranges of the bricks.

    Source: waves: Gorishniy, Rubachev & Babenko 2022, "On Embeddings for Numerical Features in Tabular Deep Learning",
    section 3.3, as in Holzmüller, Grinsztajn & Steinwart 2024, "Better by Default", section 3; vectors of categories:
    Guo & Berkhahn 2016, "Entity Embeddings of Categorical Variables"; the line beside the layers: Cheng et al. 2016,
    "Wide & Deep Learning for Recommender Systems", section 3; dropout as the main remedy: Kadra et al. 2021,
    "Well-tuned Simple Nets Excel on Tabular Datasets".
    """
    if not numbers and not sizes:
        raise SettingError("A network for tables needs columns: numbers, or the sizes of categories.")
    waves = max(4, min(16, 16 * PLENTY // max(1, numbers)))
    embeddings: list[tuple[str, Brick, tuple[str, ...]]] = []
    if numbers:
        embeddings.append(("waves", NumberEmbedding(waves=waves, deviation=deviation), ("numbers",)))
    if sizes:
        embeddings.append(("words", CategoryEmbedding(tuple(sizes), width=width), ("categories",)))
    bent = tuple(name for name, _, _ in embeddings)  # what the hidden layers see
    straight = tuple("numbers" if name == "waves" else name for name in bent)  # what the line sees
    nodes = [
        *embeddings,
        ("seen", Concat(), bent),  # (rows, 4 numbers + width categories)
        ("curves", Sequential(**_layers(hidden, hide, dropout, activation), head=Dense(outputs)), ("seen",)),
        ("plain", Concat(), straight),
        ("line", Dense(outputs, bias=False, weights="zeros"), ("plain",)),
        ("answer", Add(), ("curves", "line")),
    ]
    if targets is not None:
        nodes.append(("units", unstandardise(targets), ("answer",)))
    return Graph(nodes, inputs=tuple(source for _, _, (source,) in embeddings))


def _layers(hidden: tuple[int, ...], hide: float, dropout: float, activation: str) -> dict[str, Brick]:
    layers: dict[str, Brick] = {"hide": Dropout(hide)} if hide else {}
    for number, units in enumerate(hidden, start=1):
        layers[f"hidden{number}"] = Dense(units, activation, weights="he_normal")
        if dropout:
            layers[f"dropout{number}"] = Dropout(dropout)
    return layers
