"""Bricks made of bricks."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, Self, overload, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from brickwork.bricks.checks import check_parts
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError, nearest
from brickwork.core.precision import cast_floats
from brickwork.core.scope import Scope
from brickwork.core.spec import snake_case


@runtime_checkable
class Remembering(Protocol):
    """A brick that can run one step at a time, carrying a memory from step to step."""

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> Any:
        """Return the memory before the first step; `length` is the most steps, where that matters."""

    def step(self, scope: Scope, x: Any, memory: Any) -> tuple[Any, Any]:
        """Run one step; return its output and the memory after it."""
        ...


@brick
class Sequential(Brick):
    """One brick after the other: y = last(... second(first(x))).

        Sequential(Flatten(), Dense(128, "relu"), Dense(10))      names 0_flatten, 1_dense, 2_dense
        Sequential(body=Conv(8), head=Dense(10))                  names of your own

    Names are those of the variables' paths (`1_dense/weight`). Parts are found by number or name (`net[1]`,
    `net["1_dense"]`); a slice is a Sequential whose parts keep their names, so that it runs on the same variables.

    Step by step, for networks with parts that remember: `y, memory = net.step(scope, x, memory)` runs parts that
    have a `step` by it and the others as they are, from `memory = net.memory(rows)`.

    Shapes: those of the parts, checked when planned.

    Args:
        parts: bricks one by one, or by name.

    Raises:
        SettingError: a part that is no brick, or a name that is used twice or has other signs than letters, digits, _.

    Source: layers in a row are as old as Rosenblatt 1961, "Principles of Neurodynamics", part III.

    >>> import jax, jax.numpy as jnp
    >>> from brickwork.bricks import Dense, Flatten
    >>> net, x = Sequential(Flatten(), Dense(10)), jnp.ones((2, 4, 4))
    >>> sorted(net.init(jax.random.key(0), x).params)
    ['1_dense/bias', '1_dense/weight']
    """

    padded = "aware"

    parts: tuple[tuple[str, Brick], ...]

    def __init__(self, *bricks: Brick, **named: Brick) -> None:
        numbered = [(f"{index}_{snake_case(type(part).__name__)}", part) for index, part in enumerate(bricks)]
        object.__setattr__(self, "parts", (*numbered, *named.items()))
        self.__post_init__()

    def __post_init__(self) -> None:
        check_parts("Sequential", self.parts)
        super().__post_init__()

    def items(self) -> tuple[tuple[str, Brick], ...]:
        """Return the parts with their names."""
        return self.parts

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Brick]:
        return (part for _, part in self.parts)

    @overload
    def __getitem__(self, which: int | str) -> Brick: ...
    @overload
    def __getitem__(self, which: slice) -> Self: ...
    def __getitem__(self, which: int | str | slice) -> "Brick | Sequential":
        if isinstance(which, slice):
            return self.from_settings({"parts": self.parts[which]})
        if isinstance(which, str):
            found = dict(self.parts)
            if which not in found:
                raise SettingError(f"Sequential has no part named {which!r}. {nearest(which, found)}")
            return found[which]
        if not -len(self) <= which < len(self):
            raise IndexError(f"Sequential has {len(self)} parts, there is none at {which}.")
        return self.parts[which][1]

    def __repr__(self) -> str:
        auto = [f"{i}_{snake_case(type(part).__name__)}" for i, (_, part) in enumerate(self.parts)]
        shown = [
            repr(part) if name == given else f"{name}={part!r}"
            for (name, part), given in zip(self.parts, auto, strict=True)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __call__(self, scope: Scope, x: Any) -> Any:
        """Run the parts in order."""
        for name, part in self.parts:
            x = scope(name, part, x)
        return x

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> dict[str, Any]:
        """Return the memories of the parts that have any, by name."""
        return memories(self.parts, rows, dtype, length)

    def step(self, scope: Scope, x: Array, memory: dict[str, Any]) -> tuple[Array, dict[str, Any]]:
        """Run one step through all parts."""
        after: dict[str, Any] = {}
        for name, part in self.parts:
            x = step_part(scope, name, part, (x,), memory, after)
        return x, after


@brick
class Residual(Brick):
    """Adds what its body computes to what came in: y = x + body(x), or y = shortcut(x) + body(x).

    The identity lets gradients pass unchanged, so that very deep networks train.

    Shapes: body and shortcut (or x) must agree in shape. A body that remembers can be run by `step`.

    Args:
        body: the brick whose output is added.
        shortcut: what x goes through instead of nothing, when shapes change.

    Raises:
        ShapeError: the shapes of the two do not agree.

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 3.2, equations 1 and 2.

    >>> import jax, jax.numpy as jnp
    >>> from brickwork.bricks import Dense
    >>> net, x = Residual(Dense(4, weights="zeros")), jnp.ones((1, 4))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    """

    padded = "aware"

    body: Brick
    shortcut: Brick | None = None

    def __call__(self, scope: Scope, x: Any) -> Any:
        """Add body and shortcut."""
        added = scope("body", self.body, x)
        return self._add(scope, x if self.shortcut is None else scope("shortcut", self.shortcut, x), added)

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> Any:
        """Return the memories of body and shortcut, by name; none of one that has none."""
        return memories(self._parts(), rows, dtype, length)

    def step(self, scope: Scope, x: Array, memory: Any) -> tuple[Array, Any]:
        """Run one step of body and shortcut and add them."""
        after: dict[str, Any] = {}
        found = {name: step_part(scope, name, part, (x,), memory, after) for name, part in self._parts()}
        return self._add(scope, found.get("shortcut", x), found["body"]), after

    def _parts(self) -> list[tuple[str, Brick]]:
        return [("body", self.body), *([] if self.shortcut is None else [("shortcut", self.shortcut)])]

    def _add(self, scope: Scope, base: Any, added: Any) -> Any:
        one, two = (a.values if isinstance(a, Padded) else a for a in (base, added))
        if isinstance(base, Padded) != isinstance(added, Padded) or one.shape != two.shape:
            what = "shortcut" if self.shortcut else "input"
            raise ShapeError(
                f"its body gives {_words(added)}, its {what} is {_words(base)}: they cannot be added. "
                "Give shortcut= a brick that maps the input to the body's shape (Dense, or Conv with kernel=1)."
            )
        total = scope.cast(one) + scope.cast(two)
        return base.with_values(total) if isinstance(base, Padded) else total


@brick
class Stack(Brick):
    """n copies of a brick one after the other, each with its own weights, compiled once: y = fn(... f2(f1(x))).

    Parameters are stored below `brick/` with a leading axis of copies. Against n bricks in a Sequential it
    compiles n times faster and computes the same.

    Step by step, where the brick remembers: `y, memory = stack.step(scope, x, memory)`, from `stack.memory(rows)`. If
    it looks at a context, as decoders do, `_, memory = stack.start(scope, context, memory)` comes before the steps.

    Shapes: the brick must return the shape and type that it gets. Further inputs go to every copy.

    Args:
        brick: the brick to copy.
        n: how many copies.
        remat: whether inner values are computed again for the gradient instead of kept: less memory, more time.

    Raises:
        SettingError: n below 1.
        ShapeError: the brick changes the shape or type of its input.

    Source: computing again, Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", section 3.

    >>> import jax, jax.numpy as jnp
    >>> from brickwork.bricks import Dense
    >>> net, x = Stack(Dense(4), n=3), jnp.ones((2, 4))
    >>> net.init(jax.random.key(0), x).params["brick/weight"].shape
    (3, 4, 4)
    """

    padded = "aware"

    brick: Brick
    n: int
    remat: bool = False

    def validate(self) -> None:
        """Check the number of copies."""
        self.require(self.n >= 1, "n", "at least 1")

    def __call__(self, scope: Scope, x: Any, *shared: Any) -> Any:
        """Run the copies in order."""
        return scope.stack("brick", self.brick, self.n, x, *shared, remat=self.remat)

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> Any:
        """Return the memories of all copies, along a leading axis."""
        if not isinstance(self.brick, Remembering):
            return {}
        one = self.brick.memory(rows, dtype, length=length)
        return jax.tree.map(lambda leaf: jnp.repeat(leaf[None], self.n, axis=0), one)

    def start(self, scope: Scope, context: Any, memory: Any) -> tuple[Any, Any]:
        """Return the context as it is, and the memory with what every copy keeps of it."""
        return scope.stack("brick", self.brick, self.n, context, each=memory, method="start")

    def step(self, scope: Scope, x: Array, memory: Any) -> tuple[Array, Any]:
        """Run one step through all copies."""
        x = cast_floats(x, scope.dtype)
        if not isinstance(self.brick, Remembering):
            return self(scope, x), memory
        return scope.stack("brick", self.brick, self.n, x, each=memory, method="step")


def memories(parts: Iterable[tuple[str, Brick]], rows: int, dtype: DTypeLike, length: int | None) -> dict[str, Any]:
    """Return the memories of the parts that have any, by name."""
    return {name: part.memory(rows, dtype, length=length) for name, part in parts if isinstance(part, Remembering)}


def step_part(
    scope: Scope, name: str, part: Brick, inputs: tuple[Any, ...], memory: dict[str, Any], after: dict[str, Any]
) -> Any:
    """Run one step of a part that remembers, keeping its memory in `after`; run any other as it is."""
    if isinstance(part, Remembering):
        if len(inputs) > 1:
            raise SettingError(
                f"{name!r} remembers and reads {len(inputs)} things: here only bricks that read one run step by step."
            )
        output, after[name] = scope(name, part, *inputs, memory[name], method="step")
        return output
    if part.over_time:
        raise SettingError(
            f"{name!r}, {type(part).__name__}, looks at all steps of a sequence at once, so the network cannot run "
            "step by step. Leave it out, or call the network on whole sequences."
        )
    return scope(name, part, *inputs)


def _words(x: Any) -> str:
    return f"padded sequences {x.values.shape}" if isinstance(x, Padded) else f"{x.shape}"
