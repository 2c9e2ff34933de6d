"""Ensembles: several networks that answer as one."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array

from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.scope import Scope
from brickwork.ops.precision import accumulated

Combine = Literal["classes", "flags", "mean"]
"""What members' outputs are: logits of one class of several, logits of yes-or-no questions, numbers."""

MEMBER = "member"
"""The name below which the variables of all members are stored, with a leading axis of members."""

MEMBERS = "members"
"""The tap with what each member thinks: probabilities or numbers."""


@brick
class Ensemble(Brick):
    """Asks several networks of one kind, each with its own weights, and answers with the mean of what they think.

        classes:  y = log(mean_i softmax(z_i))             the mean of probabilities, again as logits
        flags:    y = log(p / (1 - p)),  p = mean_i sigmoid(z_i)
        mean:     y = mean_i z_i

    Networks that start from other weights make other mistakes, and the mean has fewer. Where they differ they are
    unsure: their spread tells what is unlike anything that was learnt from.

    Shapes: those of the brick; its variables are stored below `member`, with a leading axis of members. The tap
    `members` (members, rows, ...) has each one's probabilities or numbers. A body that gives `Padded` sequences gives
    them here too; a dict of outputs is combined part by part.

    Args:
        brick: the network that all members are made of; several for members of different shapes.
        members: how many there are; of each brick, where there are several.
        combine: what the outputs are.

    Raises:
        SettingError: a count below 1, or not one count for each brick.

    Source: Lakshminarayanan, Pritzel & Blundell 2017, "Simple and Scalable Predictive Uncertainty Estimation using
    Deep Ensembles", section 2.4 (without its adversarial examples); for numbers the mean of the means.

    >>> import jax, jax.numpy as jnp
    >>> from brickwork.bricks import Dense
    >>> net, x = Ensemble(Dense(3), members=5), jnp.ones((2, 4))
    >>> net.init(jax.random.key(0), x).params["member/weight"].shape
    (5, 4, 3)
    """

    padded = "aware"

    brick: Brick | tuple[Brick, ...]
    members: int | tuple[int, ...] = 8
    combine: Combine = "classes"

    def validate(self) -> None:
        """Check the counts."""
        counts = self.members if isinstance(self.members, tuple) else (self.members,)
        bricks = self.brick if isinstance(self.brick, tuple) else (self.brick,)
        self.require(bool(counts) and min(counts) >= 1, "members", "1 or more")
        self.require(
            isinstance(self.brick, tuple) == isinstance(self.members, tuple) and len(bricks) == len(counts),
            "members",
            f"one number for each of {len(bricks)} bricks" if isinstance(self.brick, tuple) else "a whole number",
        )

    @property
    def groups(self) -> tuple[tuple[str, Brick, int], ...]:
        """The name, the brick and the number of members of every group of one shape."""
        if isinstance(self.brick, Brick):
            return ((MEMBER, self.brick, self.count),)
        counts = self.members if isinstance(self.members, tuple) else ()
        return tuple(
            (f"{index}_{MEMBER}", one, count) for index, (one, count) in enumerate(zip(self.brick, counts, strict=True))
        )

    @property
    def count(self) -> int:
        """How many members there are in all."""
        return sum(self.members) if isinstance(self.members, tuple) else self.members

    def __call__(self, scope: Scope, *inputs: Any) -> Any:
        """Run every member and combine what they say."""

        def answers(name: str, one: Brick, count: int) -> Any:
            place = Ensemble(one, count, self.combine)
            return scope.stack(name, place, count, inputs, each=jnp.arange(count), method="member")[1]

        parts = [answers(*group) for group in self.groups]
        all_of = jax.tree.map(lambda *some: some[0] if len(some) == 1 else jnp.concatenate(some), *parts)
        thoughts = each_value(lambda z: thought(z, self.combine), all_of)
        for index, leaf in enumerate(jax.tree.leaves(each_value(lambda z: z, thoughts, bare=True))):
            scope.tap(MEMBERS if index == 0 else f"{MEMBERS}_{index}", leaf)
        return each_value(lambda z: combined(z, self.combine), all_of, first=True)

    def member(self, scope: Scope, inputs: tuple[Any, ...], index: Array) -> tuple[Any, Any]:
        """Run one member; what it was given goes on to the next."""
        del index
        ((_, one, _),) = self.groups
        return inputs, scope.run(one, *inputs)


def thought(outputs: Array, combine: Combine) -> Array:
    """Return outputs as a person reads them: probabilities of classes, of a yes, or the numbers themselves."""
    if combine == "classes":
        return jax.nn.softmax(accumulated(outputs), -1)
    return jax.nn.sigmoid(accumulated(outputs)) if combine == "flags" else outputs


def combined(outputs: Array, combine: Combine, axis: int = 0) -> Array:
    """Return the outputs of members, along an axis, as those of their ensemble.

    Everything stays a logarithm, so that probabilities too small for a float do not become infinite logits.
    """
    if combine == "mean":
        return outputs.mean(axis)
    outputs = accumulated(outputs)
    if combine == "classes":
        return _log_mean(jax.nn.log_softmax(outputs, -1), axis)
    return _log_mean(jax.nn.log_sigmoid(outputs), axis) - _log_mean(jax.nn.log_sigmoid(-outputs), axis)


def each_value(function: Callable[[Array], Array], tree: Any, *, first: bool = False, bare: bool = False) -> Any:
    """Return the function of every array in a tree; of `Padded` sequences, of their values.

    Lengths have an axis of members: `first` takes those of the first one; `bare` leaves lengths out.
    """

    def one(leaf: Any) -> Any:
        if not isinstance(leaf, Padded):
            return function(leaf)
        values = function(leaf.values)
        return values if bare else Padded(values, leaf.lengths[0] if first else leaf.lengths)

    return jax.tree.map(one, tree, is_leaf=lambda leaf: isinstance(leaf, Padded))


def _log_mean(logs: Array, axis: int) -> Array:
    return jax.nn.logsumexp(logs, axis) - jnp.log(jnp.asarray(logs.shape[axis], logs.dtype))
