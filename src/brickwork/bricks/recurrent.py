"""What recurrent layers share: whole sequences and single steps, memory, dropout that lasts, starts of gates."""

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, UInt

from brickwork.bricks.checks import check_sequences
from brickwork.bricks.dropout import keep_mask
from brickwork.bricks.initializers import Blocks, Initializer, initializer
from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError, unwritten
from brickwork.core.scope import Scope
from brickwork.ops.precision import wide_type
from brickwork.ops.products import matmul

State = tuple[Array, ...]


class RecurrentMemory(NamedTuple):
    """What a recurrent layer carries from step to step: its output h (rows, units).

    `seed` is there for layers with dropout alone: masks are drawn from it, so that all steps have the same; 0 until
    the first step in training draws it.
    """

    h: Float[Array, "rows units"]
    seed: UInt[Array, ""] | None = None


class Recurrent:
    """What recurrent layers have in common, mixed into a brick that has these settings and a `_sweep`."""

    memory_type: ClassVar[Any] = RecurrentMemory
    wide: ClassVar[tuple[str, ...]] = ()
    """What of the memory adds up over many steps, and so keeps a wide type."""

    units: int
    return_sequence: bool
    weights: str
    memory_weights: str
    dropout: float
    memory_dropout: float

    def _sweep(
        self, scope: Scope, x: Array, state: State, memory_scale: Array | None, lengths: Array | None
    ) -> tuple[Array, State]:
        """Return the h of every step and the last state; `memory_scale` is what h is multiplied with before U."""
        del scope, x, state, memory_scale, lengths
        raise unwritten(self, "_sweep(self, scope, x, state, memory_scale, lengths)")

    def validate(self) -> None:
        """Check the number of units, the names and the rates."""
        layer: Any = self
        layer.require(self.units >= 1, "units", "at least 1")
        initializer(self.weights)
        initializer(self.memory_weights)
        for name in ("dropout", "memory_dropout"):
            layer.require(0 <= getattr(self, name) < 1, name, "a probability of dropping, 0 <= rate < 1")

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> Any:
        """Return the memory before the first step: zeros. `length` is for bricks that keep every step."""
        del length
        return self._zeros(rows, dtype, wide_type(dtype))

    def __call__(
        self,
        scope: Scope,
        x: Float[Array, "rows time features"] | Padded,
        memory: Any = None,
        return_memory: bool = False,
    ) -> Any:
        """Run over whole sequences, from zeros or from `memory`; with `return_memory` return (y, memory)."""
        values, lengths = (x.finite, x.lengths) if isinstance(x, Padded) else (x, None)
        check_sequences(values)
        hs, h, memory = self._run(scope, values, memory, lengths, again=True)
        y = h if not self.return_sequence else x.with_values(hs) if isinstance(x, Padded) else hs
        return (y, memory) if return_memory else y

    def step(self, scope: Scope, x: Float[Array, "rows features"], memory: Any) -> tuple[Array, Any]:
        """Run one step: return its h (rows, units), and the memory after it."""
        if x.ndim != 2:
            raise ShapeError(f"a step wants (rows, features), got {x.shape}; call the brick itself for sequences.")
        _, h, memory = self._run(scope, x[:, None], memory, None, again=False)
        return h, memory

    def _run(self, scope: Scope, x: Array, memory: Any, lengths: Array | None, again: bool) -> tuple[Array, Array, Any]:
        """Return the h of every step, the last h, and the memory; masks of dropout are drawn `again`, or kept."""
        wide = wide_type(scope.dtype)
        before = self._zeros(x.shape[0], scope.dtype, wide) if memory is None else self._checked(memory, x.shape[0])
        *arrays, seed = before
        names = self.memory_type._fields
        state = tuple(a.astype(wide if n in self.wide else scope.dtype) for n, a in zip(names, arrays, strict=False))
        x, memory_scale, seed = self._dropped(scope, scope.cast(x), seed, again)
        hs, state = self._sweep(scope, x, state, memory_scale, lengths)
        after = (new.astype(old.dtype) for new, old in zip(state, arrays, strict=True))
        return hs, state[0].astype(scope.dtype), self.memory_type(*after, seed)

    def _dropped(
        self, scope: Scope, x: Array, seed: Array | None, again: bool
    ) -> tuple[Array, Array | None, Array | None]:
        """Return x after dropout, what h is multiplied with before U, and the seed of both masks."""
        rates = [_rate(scope, name, getattr(self, name)) for name in ("dropout", "memory_dropout")]
        if not scope.training or all(rate is None for rate in rates):
            return x, None, seed
        if seed is None and not again:
            raise SettingError(
                "its memory has no place for the seed of dropout, which all steps share. To vary a rate by settings=, "
                "give the brick itself one above 0."
            )
        drawn = jax.random.bits(scope.key(), (), "uint32") | 1  # never 0, which stands for none
        current = drawn if seed is None or again else jnp.where(seed == 0, drawn, seed)
        keys = jax.random.split(jax.random.key(current))
        scale, memory_scale = (
            None
            if rate is None
            else scope.tap(name, keep_mask(key, (x.shape[0], width), rate)).astype(x.dtype)
            * jnp.asarray(1 / (1 - rate), x.dtype)
            for name, key, width, rate in zip(
                ("mask", "memory_mask"), keys, (x.shape[-1], self.units), rates, strict=True
            )
        )
        return x if scale is None else x * scale[:, None], memory_scale, None if seed is None else current

    def _products(self, scope: Scope, x: Array, blocks: int, bias: Initializer) -> tuple[Array, Array]:
        """Declare W, U and b, each of several blocks side by side; return x W + b, and U."""
        width = blocks * self.units
        w = scope.param("input_weight", (x.shape[-1], width), Blocks(initializer(self.weights), blocks))
        u = scope.param("memory_weight", (self.units, width), Blocks(initializer(self.memory_weights), blocks))
        return matmul(x, w, scope.param("bias", (width,), bias)), u

    def _zeros(self, rows: int, dtype: DTypeLike, wide: DTypeLike) -> Any:
        kinds = (wide if name in self.wide else dtype for name in self.memory_type._fields[:-1])
        seed = jnp.zeros((), "uint32") if self.dropout or self.memory_dropout else None
        return self.memory_type(*(jnp.zeros((rows, self.units), kind) for kind in kinds), seed)

    def _checked(self, memory: Any, rows: int) -> Any:
        for name, array in zip(self.memory_type._fields[:-1], memory, strict=False):
            if array.shape != (rows, self.units):
                raise ShapeError(f"its memory's {name} must be {(rows, self.units)}, got {array.shape}.")
        return self.memory_type(*memory)


def _rate(scope: Scope, name: str, own: float) -> Any:
    """Return a rate of dropout, which may be a traced number; None for no dropout."""
    rate = scope.setting(name, own)
    if not isinstance(rate, int | float):
        return rate
    if not 0 <= rate < 1:
        raise SettingError(f"A rate of {name} must be 0 <= rate < 1, got {rate!r}.")
    return rate or None
