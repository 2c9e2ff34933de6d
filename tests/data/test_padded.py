"""Sequences of different lengths among the data: how they are made, checked, chosen and described."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.batch import Padded
from brickwork.core.errors import DataError
from brickwork.data import Examples, encode_labels

ROWS = [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]], [[9.0, 10.0], [11.0, 12.0]]]


def padded(lengths=(1, 3, 2), time=3, dtype=np.float64) -> Padded:
    return Padded(np.arange(len(lengths) * time * 2).reshape(len(lengths), time, 2).astype(dtype), np.array(lengths))


# ------------------------------------------------------------------------------------------------- making them


def test_of_fills_up_to_the_longest():
    made = Padded.of(ROWS, fill=-1)
    assert made.values.shape == (3, 3, 2)
    assert isinstance(made.values, np.ndarray)
    assert made.lengths.tolist() == [1, 3, 2]
    assert made.lengths.dtype == np.int32
    assert made.values[0].tolist() == [[1, 2], [-1, -1], [-1, -1]]
    assert made.values[1].tolist() == ROWS[1]
    np.testing.assert_array_equal(made.mask, [[True, False, False], [True] * 3, [True, True, False]])


@pytest.mark.parametrize(
    ("rows", "values", "dtype"),
    [
        ([[3, 1, 4], [1, 5]], [[3, 1, 4], [1, 5, 0]], np.int64),
        ([[3, 1], []], [[3, 1], [0, 0]], np.int64),  # an empty list has no say in the type
        ([np.zeros((0, 2), np.float32), np.ones((1, 2), np.float32)], [[[0, 0]], [[1, 1]]], np.float32),
        ([[[], []][0], [[1, 2]]], [[[0, 0]], [[1, 2]]], np.int64),
        ([[1], [0.5, 2]], [[1, 0], [0.5, 2]], np.float64),
        ((np.arange(n, dtype=np.uint8) for n in (1, 2)), [[0, 0], [0, 1]], np.uint8),
        ([jnp.ones(2), jnp.ones(1)], [[1, 1], [1, 0]], np.float32),
    ],
)
def test_of_keeps_types(rows, values, dtype):
    made = Padded.of(rows)
    assert made.values.tolist() == values
    assert made.values.dtype == dtype


def test_of_texts():
    made = Padded.of([["the", "dog"], ["runs"]], fill="")
    assert made.values.tolist() == [["the", "dog"], ["runs", ""]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "There are no sequences"),
        ([[], []], "all of them are empty"),
        ([1.0, 2.0], "must be one array"),
        ([[1, 2], 3], "must be one array"),
        ([[[1, 2], [3]]], "must be one array"),
        ([[[1, 2]], [[1, 2, 3]]], r"a step of row 1 has the shape \(3,\), one of the first \(2,\)"),
        ([[1, 2], [[1, 2]]], r"row 1 has the shape \(2,\), one of the first \(\)"),
    ],
)
def test_of_says_what_is_wrong(rows, message):
    with pytest.raises(DataError, match=message):
        Padded.of(rows)


@pytest.mark.parametrize("library", [np.asarray, jnp.asarray])
def test_rows_are_chosen_as_of_an_array(library):
    made = Padded(library(padded().values), library([1, 3, 2]))
    assert len(made) == 3
    for rows, lengths in [
        (slice(1, None), [3, 2]),
        (np.array([2, 0]), [2, 1]),
        (np.array([False, True, False]), [3]),
        (slice(0, 0), []),
    ]:
        part = made[rows]
        assert part.lengths.tolist() == lengths
        np.testing.assert_array_equal(part.values, np.asarray(made.values)[rows])
    assert [np.asarray(row).tolist() for row in made] == [[[0, 1]], padded().values[1].tolist(), [[12, 13], [14, 15]]]
    assert made[-1].shape == (2, 2)
    with pytest.raises(IndexError, match="no row 3: there are 3"):
        made[3]


def test_a_loop_gives_back_what_of_was_given():
    assert [row.tolist() for row in Padded.of(ROWS)] == ROWS


# -------------------------------------------------------------------------------------------------- in examples


def test_inputs_and_targets_get_their_stored_types():
    for given, stored in [(np.float64, np.float32), (np.int64, np.int32), (np.uint8, np.uint8), (bool, np.float32)]:
        examples = Examples.of(padded(dtype=given), padded(dtype=given))
        assert examples.inputs.values.dtype == stored
        assert examples.inputs.lengths.dtype == np.int32
        assert examples.targets.values.dtype == (np.int32 if given is bool else stored)
    on_device = Examples.of(Padded(jnp.ones((2, 3), jnp.bfloat16), jnp.asarray([1, 3])))
    assert type(on_device.inputs.values) is np.ndarray
    assert on_device.inputs.values.dtype == np.float32
    assert Examples.of(Padded([[1.0, 2.0], [3.0, 0.0]], [2.0, 1.0])).inputs.lengths.tolist() == [2, 1]


@pytest.mark.parametrize("junk", [np.nan, np.inf, -1, 1e300])
def test_what_stands_in_the_padding_becomes_zero(junk):
    given = Padded.of(ROWS, fill=junk)
    examples = Examples.of(given, given)
    for part in (examples.inputs, examples.targets):
        np.testing.assert_array_equal(part.values, Padded.of(ROWS).values)
    assert (given.values[0, 1:] == junk).all() or np.isnan(junk)  # what was given stays as it was


def test_rows_of_examples():
    examples = Examples.of(
        {"words": padded(), "length": [1, 3, 2]}, Padded.of([[0], [1, 1, 0], [1, 0]]), [1.0, 2.0, 3.0]
    )
    assert len(examples) == 3
    part = examples[[2, 0]]
    assert part.inputs["words"].lengths.tolist() == [2, 1]
    np.testing.assert_array_equal(part.inputs["words"].values, examples.inputs["words"].values[[2, 0]])
    assert part.inputs["length"].tolist() == part.targets.lengths.tolist() == [2, 1]
    assert part.targets.values.tolist() == [[1, 0, 0], [0, 0, 0]]
    assert part.weight.tolist() == [3, 1]
    assert examples[1].targets.values.tolist() == [[1, 1, 0]]
    again = Examples.of(examples)
    np.testing.assert_array_equal(again.inputs["words"].values, examples.inputs["words"].values)
    assert repr(examples) == (
        "Examples(3 rows; inputs {words: sequences of float32 (3, 2), length: int32}; "
        "targets sequences of int32 (3,); weighted)"
    )
    named = Examples.of(padded(), {"tag": padded()[:3]}, columns=["x", "y"])
    assert named.columns == ("x", "y")
    assert named[:2].targets["tag"].lengths.tolist() == [1, 3]
    empty = Examples.of(padded((0, 3, 2)))  # one sequence without steps is a sequence
    assert empty.inputs.values[0].tolist() == [[0, 0]] * 3


HOLE = padded((1, 2, 3))
HOLE.values[1, 0, 1] = np.nan


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Examples.of(padded((1, 4, 2))), "0 and 3, the size of the time axis; 1 are not, first row 1 with 4"),
        (lambda: Examples.of(padded((1, 2, -2))), "first row 2 with -2"),
        (lambda: Examples.of(padded((0, 0, 0))), "inputs are empty: all lengths are 0"),
        (lambda: Examples.of(padded((1, 2.5, 2))), r"of the inputs must be whole numbers, got float64 \[1.0, 2.5"),
        (lambda: Examples.of(padded((1, np.nan, 2))), "whole numbers"),
        (lambda: Examples.of(padded((1, np.inf, 2))), "between 0 and 3"),
        (lambda: Examples.of(Padded(padded().values, ["1", "2", "3"])), "whole numbers, got <U1"),
        (lambda: Examples.of(Padded(padded().values, [1, 2])), r"one length for each of 3 rows, got .* shape \(2,\)"),
        (lambda: Examples.of(Padded(padded().values, [[1], [2], [3]])), r"lengths of shape \(3, 1\)"),
        (lambda: Examples.of(Padded(padded().values, 3)), r"lengths of shape \(\)"),
        (lambda: Examples.of(Padded([1.0, 2.0], [1, 1])), r"must be \(rows, time, ...\), got \(2,\)"),
        (lambda: Examples.of(Padded([[1, 2], [3]], [2, 1])), "All rows must have the same shape. .* Padded.of"),
        (lambda: Examples.of([[1, 2], [3]]), "become one by Padded.of"),
        (lambda: Examples.of(Padded(np.zeros((0, 3)), [])), "inputs are empty: there are no rows"),
        (lambda: Examples.of(HOLE), r"missing \(NaN\), infinite or too large values in 1 of 3 rows, first in row 1"),
        (lambda: Examples.of(Padded.of([["a"], ["b", "c"]])), "text or mixed values, such as 'a'"),
        (lambda: Examples.of({"a": padded(), "b": padded((1, 2, 9))}), "lengths of the inputs 'b' must be between"),
        (lambda: Examples.of(padded(), padded((1, 3, 7))), "lengths of the targets must be between"),
        (lambda: Examples.of(padded(), {"tag": HOLE}), "targets 'tag' have missing"),
        (lambda: Examples.of(padded(), [1, 2]), "same number of rows, got inputs 3, targets 2"),
        (lambda: Examples.of(padded(), columns=["a"]), "1 column names for 2 columns"),
    ],
)  # fmt: skip
def test_errors_say_what_is_wrong(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_labels_of_steps():
    given = Padded.of([["noun", "verb"], ["adverb"], ["verb", "noun", "noun"]], fill="")
    indices, classes = encode_labels(given)
    assert classes == ("adverb", "noun", "verb")  # the padding is no class
    assert indices.values.tolist() == [[1, 2, 0], [0, 0, 0], [2, 1, 1]]
    assert indices.lengths.tolist() == [2, 1, 3]
    assert indices.values.dtype == np.int32
    assert encode_labels(given, ("verb", "noun", "adverb"))[0].values.tolist() == [[1, 0, 0], [2, 0, 0], [0, 1, 1]]
    with pytest.raises(DataError, match="'adverb' is not among the 2 classes"):
        encode_labels(given, ("verb", "noun"))
    holes = Padded(np.array([["a", None], ["b", "c"]], object), [1, 2])
    assert encode_labels(holes)[0].values.tolist() == [[0, 0], [1, 2]]
    with pytest.raises(DataError, match="missing"):
        encode_labels(Padded(holes.values, [2, 2]))


def test_reading_data_needs_no_jax():
    code = (
        "import sys; from brickwork.data import Examples; "
        "Examples.of([[1.0], [2.0]], [0, 1])[:1]; print('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
