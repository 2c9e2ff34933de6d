"""Small bricks that the tests of the core build networks from, and initialisers that are easy to predict."""

from typing import Any

import jax
import jax.numpy as jnp

from brickwork.core.brick import Brick, brick
from brickwork.core.scope import Scope


def zeros(_key, shape, dtype):
    return jnp.zeros(shape, dtype)


def ones(_key, shape, dtype):
    return jnp.ones(shape, dtype)


def normal(key, shape, dtype):
    return jax.random.normal(key, shape, dtype)


@brick
class SampleLinear(Brick):
    """x @ weight + bias, with a tap."""

    padded = "pointwise"

    units: int

    def __call__(self, scope: Scope, x: Any) -> Any:
        w = scope.param("weight", (x.shape[-1], self.units), normal)
        b = scope.param("bias", (self.units,), zeros)
        return scope.tap("z", x @ w + b)


@brick
class SampleDrop(Brick):
    """Dropout that shows its mask."""

    rate: float = 0.5

    def validate(self) -> None:
        self.require(0 <= self.rate < 1, "rate", "at least 0 and below 1")

    def __call__(self, scope: Scope, x: Any) -> Any:
        rate = scope.setting("rate", self.rate)
        if not scope.training:
            return x
        keep = jax.random.bernoulli(scope.key(), 1 - rate, x.shape)
        return scope.tap("out", jnp.where(keep, x / (1 - rate), 0))


@brick
class SampleCount(Brick):
    """Counts how often it ran and remembers the mean of what it saw last."""

    def __call__(self, scope: Scope, x: Any) -> Any:
        runs = scope.stat("runs", (), zeros)
        scope.stat("last", (x.shape[-1],), zeros)
        if scope.training:
            scope.write("runs", runs + 1)
            scope.write("last", x.mean(0))
        return x


@brick
class SampleChain(Brick):
    """Bricks one after the other."""

    bricks: tuple[Brick, ...]

    def __call__(self, scope: Scope, x: Any) -> Any:
        for index, part in enumerate(self.bricks):
            x = scope(str(index), part, x)
        return x


@brick
class SampleTwice(Brick):
    """One brick, run twice on the same weights."""

    inner: Brick

    def __call__(self, scope: Scope, x: Any) -> Any:
        return scope("inner", self.inner, scope("inner", self.inner, x))


@brick
class SampleStack(Brick):
    """n copies with their own weights."""

    inner: Brick
    n: int
    remat: bool = False

    def __call__(self, scope: Scope, x: Any) -> Any:
        return scope.stack("copies", self.inner, self.n, x, remat=self.remat)


def chain(*bricks: Brick) -> SampleChain:
    return SampleChain(bricks)
