"""A learner: one training algorithm as pure functions. The engine alone knows how to run one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from brickwork.core.batch import Batch
from brickwork.core.errors import SettingError
from brickwork.metrics import count_of, counted
from brickwork.ops import updates

Sums = dict[str, dict[str, Array]]
"""Exact sums by measure name, such as `{"loss": {"total": ..., "weight": ...}}`; they merge by addition."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Logs:
    """What one step reports: sums to add up over the epoch, and whether its numbers were finite."""

    sums: Sums = field(default_factory=dict)
    finite: Bool[Array, ""] | bool = True


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Measured:
    """What measuring one batch gives: sums, and rows where a measure needs all of them at once."""

    sums: Sums = field(default_factory=dict)
    rows: Any = None


class Learner(ABC):
    """One training algorithm: supervised training, a GAN, a VAE, skip-grams, an agent.

    A learner holds settings only; everything that changes is in the state, any pytree of arrays, including its
    optimizers' states. `init` and `step` are pure and compiled. A learner that is hashable by its settings (a
    frozen dataclass) shares compiled programs with its equals.
    """

    monitor: ClassVar[tuple[str, Literal["min", "max"]] | None] = None
    """What early stopping and the best weights go by, and whether less or more is better; None keeps the last."""

    @property
    def shared(self) -> Any:
        """What stands for this learner in the cache of compiled programs: equal ones share them."""
        return self

    @property
    def measured_by(self) -> Any:
        """What stands for this learner's `measure` in the cache of compiled programs."""
        return self.shared

    @abstractmethod
    def init(self, key: Array, batch: Batch | None, steps: int | Array) -> Any:
        """Return the first state. `batch` is an example; `steps` is how many steps the run may take."""

    @abstractmethod
    def step(self, state: Any, batch: Batch | None, key: Array) -> tuple[Any, Logs]:
        """Return the state after one step and what to log. Without data (reinforcement learning) batch is None."""

    def run_key(self, seed: int) -> Array:
        """Return the random key of a run with this seed."""
        return jax.random.key(seed)

    def fold(self, key: Array, number: Array | int) -> Array:
        """Return the key of a step by its number, from that of the run: another one for every step."""
        return jax.random.fold_in(key, number)

    def segment(self) -> Callable[..., Any] | None:
        """Return what runs many steps, with the arguments of `train_program`, where step after step is not best."""
        return None

    def sampling(self, state: Any, data: Batch) -> Float[Array, " rows"] | None:
        """Return a weight for every row, to draw the next epoch's rows in proportion; None draws each row once."""
        del state, data

    def view(self, state: Any) -> Any:
        """Return what measuring needs of a state; the whole state by default."""
        return state

    def measure(self, view: Any, batch: Batch, key: Array) -> Measured:
        """Return exact sums (and rows) of the measures on a batch of held-out data."""
        del view, batch, key
        return Measured()

    def slowed(self, state: Any, factor: float) -> Any:
        """Return a state whose learning rate is `factor` times the one of the settings, for `Recipe.plateau`."""
        del state, factor
        raise SettingError(f"{type(self).__name__} has no slowed(self, state, factor): write it to use plateau=.")

    def better(self, name: str) -> Literal["min", "max"]:
        """Tell whether less or more of a measure is better, to monitor it: of losses and errors less."""
        return "min" if name.endswith(("loss", "error", "mse", "rmse", "mae")) else "max"

    def summarize(self, sums: Mapping[str, Mapping[str, Any]], rows: Any = None) -> dict[str, float]:
        """Turn sums over an epoch or a data set into numbers to report; by default total / weight."""
        del rows
        return {name: ratio(parts) for name, parts in sums.items()}


def mean_of(value: Array, weight: Array | float = 1.0) -> dict[str, Array]:
    """Return the sums whose ratio is the weighted mean of what is logged this way; their weight counts exactly."""
    weight = jnp.asarray(weight, jnp.float32)
    return {"total": value.astype(jnp.float32) * weight, **counted("weight", weight)}


def ratio(parts: Mapping[str, Any]) -> float:
    """Return total / weight; not a number when nothing was counted."""
    weight = count_of(parts, "weight") if "weight_rest" in parts else float(parts["weight"])
    return float(parts["total"]) / weight if weight else float("nan")


def guarded(finite: Bool[Array, ""], update: Callable[[], Any], old: Any) -> Any:
    """Return `update()` if the numbers it is made from are finite, else the old pytree: a bad step changes nothing.

    Only one of the two is computed; under `vmap` both are, and one is chosen.
    """
    return jax.lax.cond(finite, update, lambda: old)


def squared_norm(tree: Any) -> Array:
    """Return the sum of squares of a gradient: finite if and only if it is fit to be used."""
    return updates.squared_norm(jax.tree.leaves(tree))


def choose(condition: Bool[Array, ""], new: Any, old: Any) -> Any:
    """Return the new pytree where the condition holds, else the old one: how a step with bad numbers is undone."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)


def all_finite(*trees: Any) -> Bool[Array, ""]:
    """Tell whether every floating-point number in the pytrees is finite."""
    leaves = [leaf for leaf in jax.tree.leaves(trees) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves])) if leaves else jnp.asarray(True)
