"""Small data, networks and learners that many tests train."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.bricks import Dense, Dropout, Sequential
from brickwork.data import Examples
from brickwork.losses import CrossEntropy
from brickwork.metrics import Accuracy
from brickwork.optim import Adam
from brickwork.train import Event, Learner, Logs, Measured, Supervised, Update, mean_of

NET = Sequential(Dense(8, "tanh"), Dropout(0.3), Dense(3))
LEARNER = Supervised(NET, CrossEntropy(), (Accuracy(),), Update(Adam(0.01)))


def blobs(rows: int = 96, seed: int = 0) -> Examples:
    """Return three overlapping groups of points with four columns."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 3, rows).astype(np.int32)
    centres = np.array([[1, 0, 0, 0.5], [0, 1, 0, -0.5], [0, 0, 1, 0]], np.float32)
    return Examples((centres[targets] + 0.5 * random.normal(size=(rows, 4))).astype(np.float32), targets)


def line(rows: int = 64, seed: int = 0) -> Examples:
    """Return points near y = 2 a - b + 1."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 2)).astype(np.float32)
    y = x @ np.array([[2.0], [-1.0]], np.float32) + 1 + 0.01 * random.normal(size=(rows, 1)).astype(np.float32)
    return Examples(x, y.astype(np.float32))


class Log:
    """A listener that keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


@dataclass(frozen=True)
class Walk(Learner):
    """A random walk without data; its state has a typed key, whole numbers, flags and a Python number."""

    stride: float = 0.1

    def init(self, key: Any, batch: Any, steps: Any) -> Any:
        assert batch is None
        return {"x": jnp.zeros(3), "key": key, "count": jnp.int32(0), "flag": jnp.array(True), "plain": 1.0}

    def step(self, state: Any, batch: Any, key: Any) -> tuple[Any, Logs]:
        assert batch is None
        own, used = jax.random.split(state["key"])
        move = self.stride * (jax.random.normal(used, (3,)) + jax.random.normal(key, (3,)))
        new = {**state, "x": state["x"] + move, "key": own, "count": state["count"] + 1, "flag": ~state["flag"]}
        return new, Logs({"distance": mean_of(jnp.linalg.norm(new["x"]))})


@dataclass(frozen=True)
class Reporting(Learner):
    """Learns nothing and reports the numbers it was given, one an epoch (its epochs have one step)."""

    numbers: tuple[float, ...]
    monitor = ("valid/accuracy", "max")

    def init(self, key: Any, batch: Any, steps: Any) -> Any:
        return {"epoch": jnp.int32(0)}

    def step(self, state: Any, batch: Any, key: Any) -> tuple[Any, Logs]:
        return {"epoch": state["epoch"] + 1}, Logs()

    def measure(self, view: Any, batch: Any, key: Any) -> Measured:
        return Measured({"accuracy": mean_of(jnp.asarray(self.numbers)[view["epoch"] - 1], batch.weight.sum())})


def same(a: Any, b: Any) -> None:
    """Assert that two pytrees have the same bits."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert bits(one) == bits(other)


def bits(leaf: Any) -> bytes:
    """Return the bytes of an array or of typed keys."""
    typed = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if typed else leaf).tobytes()
