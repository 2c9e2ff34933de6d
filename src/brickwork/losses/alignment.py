"""Losses of sequences whose targets are sequences of other lengths."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from brickwork.core.batch import Padded
from brickwork.core.errors import DataError, ShapeError
from brickwork.losses.base import Loss, loss
from brickwork.losses.targets import first, host_mask, in_words, numbers
from brickwork.ops.precision import accumulated


@loss
class CTC(Loss):
    """A text for a recording, when nobody says which moment is which letter: every way to say it counts together.

        loss = -log sum over paths a with B(a) = y of product over t of softmax(z_t)[a_t]

    A path names one label, or blank, for each time step; B drops repetitions, then blanks: B(-aa-b-) = ab. Computed by
    optax, by the recursion over prefixes. A row with fewer steps than its labels need (one each, and one more between
    two equal ones) has no path: its loss is about 1e5, and finite. Rows are not divided by their lengths.

    Shapes: outputs are `Padded` logits z (rows, time, K), or an array where all steps are real; targets are `Padded`
    labels y (rows, labels), whole numbers 0 to K - 1 without the blank, or an array where all are real; the result is
    (rows,). `answers` decodes greedily: the best label of each step, repetitions and blanks dropped, as `Padded`.

    Args:
        blank: the number of the output that stands for "no label here".

    Raises:
        SettingError: a blank below 0.
        ShapeError: outputs or targets that are no sequences, a blank that is no output.
        DataError: on the host, labels out of range, or more of them than time steps.

    Source: Graves et al. 2006, "Connectionist Temporal Classification: Labelling Unsegmented Sequence Data with
    Recurrent Neural Networks", sections 3.1 and 4.1; greedy decoding: section 3.2, "best path".

    >>> import jax.numpy as jnp
    >>> z = jnp.log(jnp.array([[[0.6, 0.4], [0.3, 0.7]]]))    # two steps of (blank, a)
    >>> round(float(jnp.exp(-CTC()(z, jnp.array([[1]])))[0]), 2)    # of -a, a- and aa: 0.42 + 0.12 + 0.28
    0.82
    """

    aliases = ("ctc_loss",)
    sequences = "unaligned"

    blank: int = 0

    def validate(self) -> None:
        """Check the blank."""
        self.require(self.blank >= 0, "blank", "the number of an output, 0 or more")

    def __call__(self, outputs: Any, targets: Any) -> Float[Array, " rows"]:
        """Return the loss of each row."""
        logits, steps = _sequence(outputs)
        labels, known = _sequence(targets)
        logits = accumulated(logits)
        self._require_shapes(logits.shape, labels.shape)
        if jnp.issubdtype(labels.dtype, jnp.floating):
            raise ShapeError(f"{self.name}: labels are whole numbers, got {labels.dtype}: use fit_targets.")
        missing = (~steps).astype(logits.dtype), (~known).astype(logits.dtype)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes types
            losses = optax.ctc_loss(logits, missing[0], labels.astype(jnp.int32), missing[1], blank_id=self.blank)
        return losses.astype(logits.dtype)

    def answers(self, outputs: Any) -> Padded:
        """Return the labels by greedy decoding, as `Padded` of integers (rows, time) with lengths of their own."""
        logits, steps = _sequence(outputs)
        best = jnp.argmax(logits, axis=-1).astype(jnp.int32)
        before = jnp.pad(best, ((0, 0), (1, 0)), constant_values=self.blank)[:, :-1]
        kept = (best != self.blank) & (best != before) & steps
        time = best.shape[1]
        place = jnp.where(kept, jnp.cumsum(kept, axis=1, dtype=jnp.int32) - 1, time)

        def packed(labels: Array, places: Array) -> Array:
            return jnp.zeros(time, jnp.int32).at[places].set(labels, mode="drop")

        return Padded(jax.vmap(packed)(best, place), jnp.sum(kept, axis=1, dtype=jnp.int32))

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return labels as int32 (rows, labels), in the container they came in."""
        if isinstance(targets, Padded):
            values, mask = np.asarray(targets.values), host_mask(targets)
            fitted: Any = self._fitted(output_shape, np.where(mask, values, np.zeros((), values.dtype)))
            return targets.with_values(fitted)
        return self._fitted(output_shape, numbers(targets))

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise for labels out of range, and rows whose labels need more steps than there are."""
        fitted = self.fit_targets(output_shape, targets)
        labels = np.asarray(fitted.values if isinstance(fitted, Padded) else fitted)
        mask = host_mask(fitted) if isinstance(fitted, Padded) else np.ones(labels.shape, bool)
        if labels.shape[0] == 0:
            raise DataError("There are no targets to learn from.")
        wrong = ((labels < 0) | (labels >= output_shape[-1]) | (labels == self.blank)) & mask
        if np.any(wrong):
            row, label = first(labels, wrong)
            why = "it is the blank" if label == self.blank else f"labels are 0 to {output_shape[-1] - 1}"
            raise DataError(f"Row {row} of the targets has the label {label}: {why}.")
        repeated = (labels[:, 1:] == labels[:, :-1]) & mask[:, 1:]
        needed = mask.sum(axis=1) + repeated.sum(axis=1)
        if needed.max() > output_shape[1]:
            row = int(needed.argmax())
            raise DataError(
                f"Row {row} of the targets needs {needed[row]} steps, one for each label and one between equal ones, "
                f"but the network gives {output_shape[1]}: use shorter targets or fewer strides."
            )

    def _fitted(self, output_shape: tuple[int, ...], targets: np.ndarray) -> np.ndarray:
        self._require_shapes(output_shape, targets.shape)
        if targets.dtype.kind == "f" and not np.all(np.isfinite(targets) & (targets == np.round(targets))):
            row, value = first(targets, ~(targets == np.round(targets)))
            raise DataError(f"Labels must be whole numbers; row {row} of the targets has {value}.")
        return np.clip(targets.astype(np.int64), -(2**31), 2**31 - 1).astype(np.int32)

    def _require_shapes(self, outputs: tuple[int, ...], targets: tuple[int, ...]) -> None:
        if len(outputs) != 3:
            raise ShapeError(
                f"{self.name} needs logits (rows, time, labels), but the network gives {in_words(outputs)}: end it in "
                "bricks that work on each position, such as Dense."
            )
        if len(targets) != 2 or 0 in targets[1:]:
            raise ShapeError(f"{self.name}: targets are labels (rows, labels), got the shape {targets}.")
        if self.blank >= outputs[-1]:
            raise ShapeError(f"{self.name}: the blank {self.blank} is none of the {outputs[-1]} outputs.")


def _sequence(values: Any) -> tuple[Array, Array]:
    """Return an array and which of its positions (rows, time) are real."""
    if isinstance(values, Padded):
        return jnp.asarray(values.values), values.mask
    values = jnp.asarray(values)
    return values, jnp.ones(values.shape[:2], bool)
