"""Sequences of different lengths between the data, the network's outputs and the loss."""

from collections.abc import Callable
from typing import Any

import numpy as np

from brickwork.core.batch import Padded
from brickwork.core.errors import DataError, ShapeError


def on_values(function: Callable[[Any], Any], outputs: Any) -> Any:
    """Return the function of outputs; of `Padded` ones the same lengths around the function of the values."""
    return outputs.with_values(function(outputs.values)) if isinstance(outputs, Padded) else function(outputs)


def fit_sequences(inputs: Any, output: Any, targets: Any) -> Any:
    """Return targets whose time axis is that of the network's output; anything but `Padded` targets as they are.

    `output` has the shapes of what the network gives for `inputs`, of any number of rows. Where the network keeps the
    time axis of `Padded` inputs, the lengths of inputs and targets must agree, or a target would belong to no step.

    Raises `ShapeError` when the output is no sequence or a shorter one, `DataError` when lengths differ.
    """
    if not isinstance(targets, Padded):
        return targets
    if not isinstance(output, Padded):
        raise ShapeError(
            "Targets are sequences of different lengths (Padded), but the network's output is one array. Give inputs "
            "as Padded too, and keep their lengths: end in a brick that works on each position, such as Dense, after "
            "bricks that return sequences, such as LSTM(units, return_sequence=True)."
        )
    time, ours = output.values.shape[1], np.asarray(targets.lengths)
    if isinstance(inputs, Padded) and inputs.values.shape[1] == time:
        theirs = np.asarray(inputs.lengths)
        differ = np.flatnonzero(ours != theirs)
        if differ.size:
            row = int(differ[0])
            raise DataError(
                f"Each step of a sequence needs one target: the lengths of inputs and targets differ in {differ.size} "
                f"of {len(ours)} rows, first in row {row} with {theirs[row]} steps and {ours[row]} targets."
            )
    if ours.max() > time:
        row = int(ours.argmax())
        raise ShapeError(f"The network gives {time} steps, but row {row} has {ours[row]} targets.")
    values = np.asarray(targets.values)[:, :time]
    missing = [(0, 0), (0, time - values.shape[1]), *[(0, 0)] * (values.ndim - 2)]
    return targets.with_values(np.pad(values, missing))  # pyright: ignore[reportArgumentType]
