"""A frame is what one pass over a network knows and gathers: a planning pass or an applying pass.

Bricks never see it; they see a `Scope`, which is a frame with a path. Lifted transforms fork a frame, run a
part of the network inside the transform, and take what it gathered back out as ordinary arrays.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import jax
from jax import Array
from jax.extend.core import get_opaque_trace_state
from jax.typing import DTypeLike

from brickwork.core.errors import ScopeError, ShapeError
from brickwork.core.paths import Patterns, below
from brickwork.core.precision import Precision

Shape = tuple[int, ...]
Initializer = Callable[[Array, Shape, DTypeLike], Array]


@dataclass(frozen=True)
class Declared:
    """A parameter or a statistic as a brick declared it."""

    path: str
    shape: Shape
    dtype: Any
    init: Initializer


@dataclass(frozen=True)
class Call:
    """One use of a brick, seen while planning: a row of the network's table."""

    path: str
    address: str
    brick: Any
    inputs: Any
    output: Any
    copies: int


@dataclass
class Frame:
    """The state of one pass. Arrays in it belong to one JAX trace, which `guard` checks."""

    planning: bool
    training: bool
    precision: Precision
    params: dict[str, Array]
    stats: dict[str, Array]
    key: Array | None = None
    weight: Array | None = None
    frozen: Patterns = ()
    capture: Patterns = ()
    offsets: dict[str, Array] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)
    copies: int = 1
    looking: bool = False  # whether to tap all that could be tapped
    # gathered during the pass
    taps: dict[str, Array] = field(default_factory=dict)
    tapped: dict[str, Any] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)
    bound: dict[str, Any] = field(default_factory=dict)
    declared_params: dict[str, Declared] = field(default_factory=dict)
    declared_stats: dict[str, Declared] = field(default_factory=dict)
    declared_settings: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    trace: Any = field(default_factory=get_opaque_trace_state)

    def guard(self, path: str) -> None:
        """Raise `ScopeError` when the scope is used inside a transform that it does not know of."""
        if get_opaque_trace_state() != self.trace:
            raise ScopeError(
                f"The scope at {path or 'the top'!r} was used inside a raw JAX transform (jax.lax.scan, vmap, jit, "
                "grad, checkpoint, cond...), which cannot carry its random keys, statistics and taps. Use the scope's "
                "own: scope.scan, scope.map, scope.remat, scope.cond or scope.stack."
            )

    def use(self, address: str) -> int:
        """Count a use of an address and return how often it was used before."""
        before = self.uses.get(address, 0)
        self.uses[address] = before + 1
        return before

    def draw(self, address: str) -> Array:
        """Return a key that belongs to this address and to how often a key was drawn there."""
        if self.key is None:
            if self.planning:
                return jax.random.key(0)
            raise ScopeError(f"{address!r} draws random numbers: pass key=jax.random.key(seed) to apply.")
        label = f"{address}?{self.use(address + '?')}"
        return jax.random.fold_in(self.key, zlib.crc32(label.encode()))

    def fork(self, **changes: Any) -> "Frame":
        """Return a frame for a part of the pass that runs inside a transform, in the trace of now.

        What is plain Python (bindings, declarations) is shared; what may hold arrays is fresh.
        """
        fresh = {"taps": {}, "tapped": {}, "uses": dict(self.uses), "trace": get_opaque_trace_state()}
        return replace(self, **{"stats": dict(self.stats), **fresh, **changes})

    def absorb(self, inner: "Frame", stats: dict[str, Array], taps: dict[str, Array]) -> None:
        """Take over what a forked frame counted, and the arrays that the transform returned for it."""
        self.uses = {**self.uses, **inner.uses}
        self.tapped.update(inner.tapped)
        self.stats.update(stats)
        self.taps.update(taps)

    def offset(self, address: str, value: Any) -> Any:
        """Add the offset that was given for a tap, if one was."""
        if address not in self.offsets:
            return value
        offset = self.offsets[address]
        if offset.shape != value.shape:
            raise ShapeError(f"The offset for tap {address!r} has shape {offset.shape}; the tap has {value.shape}.")
        return value + offset.astype(value.dtype)

    def stats_below(self, path: str) -> dict[str, Array]:
        """Return the statistics at or below a path."""
        return {name: value for name, value in self.stats.items() if below(path, name)}
