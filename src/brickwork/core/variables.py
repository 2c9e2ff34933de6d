"""Variables: all arrays of a network, by path."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import jax
import numpy as np
from jax import Array

from brickwork.core.errors import SettingError, ShapeError, nearest
from brickwork.core.paths import Patterns, join, require_fits, select

Arrays = dict[str, Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Variables:
    """A network's arrays: `params`, which training changes by gradients, and `stats`, running statistics.

    Both are flat dictionaries from path to array. A network is data twice over: its bricks are settings, its
    variables are arrays; nothing else is needed to run it.
    """

    params: Arrays
    stats: Arrays = field(default_factory=dict)

    def at(self, patterns: Patterns) -> "Variables":
        """Return the variables whose paths fit; no match at all raises `SettingError` with the nearest path."""
        chosen = self._choose(patterns)
        return Variables(
            {k: v for k, v in self.params.items() if k in chosen},
            {k: v for k, v in self.stats.items() if k in chosen},
        )

    def split(self, patterns: Patterns) -> tuple[Arrays, Arrays]:
        """Return the parameters in two: those that fit the patterns, and the rest.

        Differentiate with respect to one part only and the other costs no gradient: this is how parts of a
        network are frozen.
        """
        chosen = self._choose(patterns)
        chosen_params = {k: v for k, v in self.params.items() if k in chosen}
        return chosen_params, {k: v for k, v in self.params.items() if k not in chosen}

    def child(self, path: str) -> "Variables":
        """Return the variables of one child brick under their own names, to run that child alone."""
        cut = len(path) + 1
        found = self.at(f"{path}/**")
        return Variables({k[cut:]: v for k, v in found.params.items()}, {k[cut:]: v for k, v in found.stats.items()})

    def under(self, path: str) -> "Variables":
        """Return the variables with a path put before their names: the inverse of `child`."""
        return Variables(
            {join(path, k): v for k, v in self.params.items()},
            {join(path, k): v for k, v in self.stats.items()},
        )

    def merge(self, other: "Variables") -> "Variables":
        """Return these variables with those of `other` added or put in their place, whatever their shapes."""
        return Variables({**self.params, **other.params}, {**self.stats, **other.stats})

    def load(self, other: "Variables") -> "Variables":
        """Return these variables with the values that `other` has for the same paths.

        Paths must exist here and shapes must agree, or `SettingError` and `ShapeError` say which do not. What
        `other` does not have keeps its value: load a body, keep a new head.
        """

        def take(ours: Arrays, theirs: Mapping[str, Array]) -> Arrays:
            for path, value in theirs.items():
                if path not in ours:
                    raise SettingError(f"There is no variable {path!r} here. {nearest(path, ours)}")
                if np.shape(value) != ours[path].shape:
                    raise ShapeError(
                        f"Variable {path!r} has shape {ours[path].shape}, but the value to load has {np.shape(value)}."
                    )
            return {
                path: jax.numpy.asarray(theirs[path], old.dtype) if path in theirs else old
                for path, old in ours.items()
            }

        return replace(self, params=take(self.params, other.params), stats=take(self.stats, other.stats))

    def count(self, patterns: Patterns = "**") -> int:
        """Return how many numbers the parameters that fit hold."""
        return sum(int(np.prod(self.params[path].shape)) for path in select(patterns, self.params))

    def paths(self) -> list[str]:
        """Return all paths, parameters first."""
        return [*self.params, *self.stats]

    def _choose(self, patterns: Patterns) -> set[str]:
        require_fits(patterns, self.paths(), "variable")
        return set(select(patterns, self.paths()))
