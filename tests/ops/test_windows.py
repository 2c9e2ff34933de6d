"""Sequences of different lengths laid out for windows: each sees what it would see alone."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError
from brickwork.ops.windows import check_padding, laid_out, padded_edges

LENGTHS = np.arange(8)
ROWS = np.arange(1, 57, dtype=np.float32).reshape(8, 7, 1)


def seen(row, window, stride, dilation, edges):
    """Return the numbers under each window of one sequence, padding as 0."""
    low, high = edges
    row = np.concatenate([np.zeros(low), row, np.zeros(high)])
    reach = (window - 1) * dilation + 1
    starts = range(0, len(row) - reach + 1, stride)
    return [[row[start + i * dilation] for i in range(window)] for start in starts]


@pytest.mark.parametrize("padding", ["same", "valid", "causal", ((1, 2),)])
def test_windows_of_padded_sequences_are_those_of_each_alone(padding):
    x = Padded(jnp.asarray(ROWS), jnp.asarray(LENGTHS, jnp.int32))
    geometries = [(1, 2, 1), *itertools.product((2, 3), (1, 2, 3), (1, 2))]
    laid = jax.jit(lambda x: [laid_out(x, *geometry, padding) for geometry in geometries])(x)
    for (window, stride, dilation), steps in zip(geometries, laid, strict=True):
        values = np.asarray(steps.values)[..., 0]
        np.testing.assert_array_equal(values[np.asarray(~steps.mask)], 0)
        for row, n in enumerate(LENGTHS):
            edges = padded_edges((n,), (window,), (stride,), (dilation,), padding)[0] if n else (0, 0)
            wanted = seen(ROWS[row, :n, 0], window, stride, dilation, edges) if n else []
            found = seen(values[row], window, stride, dilation, map(int, steps.padding[0]))
            assert steps.lengths[row] == len(wanted)
            np.testing.assert_array_equal(found[: len(wanted)], wanted)


@pytest.mark.slow
def test_nothing_of_the_padding_is_left():
    x = Padded(jnp.asarray(ROWS).at[2, 2:].set(jnp.nan), jnp.asarray(LENGTHS, jnp.int32))
    for stride in (1, 2):
        assert not jnp.any(jnp.isnan(laid_out(x, 3, stride, 1, "same").values[2]))
        assert jnp.all(laid_out(x, 3, stride, 1, "same", -jnp.inf).values[2, -1] == -jnp.inf)


@pytest.mark.parametrize(
    ("padding", "axes", "words"),
    [
        ("causal", 2, "for sequences only: a picture has no before and after"),
        ("casual", 1, "Did you mean 'causal'"),
        (((1, 1),), 3, r"\(front, back\), \(top, bottom\), \(left, right\)"),
        (((1, True),), 1, "whole numbers of at least 0"),
    ],
)
def test_padding_for_other_axes_is_refused(padding, axes, words):
    check_padding("same", axes)
    with pytest.raises(SettingError, match=words):
        check_padding(padding, axes)
