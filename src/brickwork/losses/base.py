"""What a loss is, and the loss made of a user's own function."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from brickwork.core.errors import SettingError, ShapeError, unwritten
from brickwork.core.spec import Spec, registered, resolve, snake_case
from brickwork.ops.precision import accumulated

loss = registered

Question = Literal["class", "flags", "number", "other"]
"""What a target answers: which one of several classes, one or more yes-or-no questions, numbers, something else."""

Sequences = Literal["positions", "whole", "unaligned"]
"""What a loss makes of `Padded` outputs: every position is an example; a row is one, and the loss gets the `Padded`
itself; the same, and the targets are sequences with lengths of their own."""


class Loss(Spec):
    """How wrong outputs are: frozen settings and `loss(outputs, targets) -> one number per example`.

    Write `@loss` above a subclass. `question` says what kind of answer it is about, `sequences` what an example is
    where outputs are `Padded`.
    """

    kind: ClassVar[str] = "loss"
    question: ClassVar[Question] = "other"
    sequences: ClassVar[Sequences] = "positions"

    @property
    def name(self) -> str:
        """The name to report it by."""
        return snake_case(type(self).__name__)

    def __call__(self, outputs: Any, targets: Any) -> Float[Array, "..."]:
        """Return the loss of each example: pure, in float32 at least.

        The result has the leading axes of the outputs: (rows,), or (rows, time) for sequences.

        Raises `ShapeError` when targets do not fit; nothing is broadcast.
        """
        del outputs, targets
        raise unwritten(self, "__call__(self, outputs, targets)")

    def of_batch(self, outputs: Any, targets: Any, weight: Any = None) -> Float[Array, "..."]:
        """Return the loss of each example, as `__call__` does.

        Losses that compare rows with each other say here that rows of weight 0 are no company.
        """
        del weight
        return self(outputs, targets)

    def probabilities(self, outputs: Any) -> Any:
        """Return the outputs as probabilities, or None when they are none."""
        del outputs

    def answers(self, outputs: Any) -> Any:
        """Return what a person wants to know: a class number, 0 or 1, or a number."""
        return outputs

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return targets as the loss takes them for outputs of this shape, or raise what is wrong. On the host.

        `output_shape` begins with the rows, whose count is not compared; targets are NumPy arrays or `Padded`.
        """
        del output_shape
        return targets

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise `ShapeError` or `DataError` when these targets cannot be learnt with outputs of this shape."""
        self.fit_targets(output_shape, targets)


@dataclasses.dataclass(frozen=True)
class FunctionLoss(Loss):
    """A loss made of a function `(outputs, targets) -> one number per example`; it has the function's name.

    A function is no data: a model with it trains, but storing it raises `SettingError`.
    """

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise SettingError(f"A loss function is called with (outputs, targets), got {self.function!r}.")

    @property
    def name(self) -> str:
        """The name of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, outputs: Any, targets: Any) -> Float[Array, "..."]:
        """Return what the function returns, when its shape is that of the first axes of the outputs."""
        values = jnp.asarray(self.function(outputs, targets))
        rows = [np.shape(leaf)[0] for leaf in jax.tree.leaves(outputs) if np.ndim(leaf)]
        if values.ndim == 0:
            raise ShapeError(
                f"The loss {self.name!r} returned a single number: leave the mean or sum over the rows out and return "
                "one number per row; weights and padding rows need them apart."
            )
        if isinstance(outputs, np.ndarray | jax.Array):
            fits = values.shape == outputs.shape[: values.ndim]
        else:
            fits = bool(rows) and values.shape[0] == rows[0]
        if not fits:
            given = tuple(jax.tree.map(np.shape, part) for part in (outputs, targets))
            raise ShapeError(
                f"The loss {self.name!r} returned shape {values.shape} for outputs {given[0]} and targets {given[1]}: "
                "it must return one number per row. If the two shapes differ, one was broadcast against the other: "
                "write targets[..., None] or outputs[..., 0]."
            )
        return accumulated(values) if jnp.issubdtype(values.dtype, jnp.floating) else values.astype(jnp.float32)


def resolve_loss(value: Any) -> Loss:
    """Return a loss from its name, a loss as it is, or the user's own function as a `FunctionLoss`.

    Raises `SettingError` for anything else; a mistyped name suggests the nearest.
    """
    if callable(value) and not isinstance(value, Loss | type):
        return FunctionLoss(value)
    if isinstance(value, type) and issubclass(value, Loss):
        return value()
    return resolve(Loss, value)
