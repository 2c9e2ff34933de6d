"""Examples and labels: what is accepted, what becomes of it, and what each error says."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from brickwork.core.errors import DataError
from brickwork.data import Examples, encode_labels

X = np.arange(12, dtype=np.float64).reshape(6, 2)


def test_numbers_get_their_stored_types():
    for given, stored in [
        (np.float64, np.float32),
        (np.float16, np.float32),
        (np.int64, np.int32),
        (np.uint16, np.int32),
        (np.uint8, np.uint8),
        (bool, np.float32),
    ]:
        assert Examples.of(X.astype(given)).inputs.dtype == stored
    assert Examples.of(X, X[:, 0] > 3).targets.dtype == np.int32


def test_the_same_data_in_every_form():
    y = [0, 1, 0, 1, 1, 0]
    columns = ("a", "b")
    for inputs in (X, X.tolist(), pl.DataFrame(X, schema=columns), pd.DataFrame(X, columns=list(columns))):
        for targets in (y, np.array(y), pl.Series(y), pd.Series(y), pl.DataFrame({"y": y}), pd.DataFrame({"y": y})):
            examples = Examples.of(inputs, targets)
            np.testing.assert_array_equal(examples.inputs, X.astype(np.float32))
            np.testing.assert_array_equal(examples.targets, y)
            assert examples.inputs.dtype == np.float32
            assert examples.targets.dtype == np.int32
            assert examples.columns == (columns if hasattr(inputs, "columns") else None)


def test_jax_arrays_pairs_and_examples():
    import jax.numpy as jnp

    examples = Examples.of(jnp.asarray(X, jnp.bfloat16), jnp.arange(6))
    assert examples.inputs.dtype == np.float32
    pair = Examples.of((X, [1] * 6, [2.0] * 6))
    assert pair.weight is not None
    again = Examples.of(pair)
    np.testing.assert_array_equal(again.inputs, pair.inputs)
    np.testing.assert_array_equal(again.weight, pair.weight)
    inputs, targets = again
    assert inputs.shape == (6, 2)
    assert targets.shape == (6,)


def test_named_inputs_and_heads():
    examples = Examples.of({"left": X, "right": X[:, 0]}, {"class": ["a"] * 6, "number": X[:, 1]})
    assert len(examples) == 6
    part = examples[[1, 3]]
    np.testing.assert_array_equal(part.inputs["right"], [2, 6])
    assert part.targets["class"].tolist() == ["a", "a"]
    with pytest.raises(DataError, match=r"same number of rows.*'left' 6.*'right' 5"):
        Examples.of({"left": X, "right": X[:5]})


def test_slices_keep_what_belongs_together():
    examples = Examples.of(X, range(6), [1, 2, 3, 4, 5, 6], classes=range(6), columns=("a", "b"))
    for rows, want in [
        (slice(1, 3), [1, 2]),
        (np.array([5, 0]), [5, 0]),
        (-1, [5]),
        (np.arange(6) > 3, [4, 5]),
        ([], []),
    ]:
        part = examples[rows]
        assert part.targets.tolist() == want
        assert part.weight.tolist() == [row + 1 for row in want]
        assert part.inputs[:, 0].tolist() == [2 * row for row in want]
        assert part.classes == tuple(range(6))
        assert part.columns == ("a", "b")
    with pytest.raises(IndexError, match="no row 6: there are 6"):
        examples[6]
    assert repr(examples).startswith("Examples(6 rows; inputs float32 (2,); targets int32; classes 0, 1")


def test_tables_of_mixed_numbers_are_floats_and_whole_ones_stay():
    assert Examples.of(pl.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": [True, False]})).inputs.tolist() == [
        [1, 0.5, 1],
        [2, 1.5, 0],
    ]
    assert Examples.of(pd.DataFrame({"a": [1, 2], "b": [3, 4]})).inputs.dtype == np.int32


BAD = X.copy()
BAD[2, 1], BAD[4, 1], BAD[4, 0] = np.nan, np.inf, np.nan


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Examples.of([]), "inputs are empty: there are no rows"),
        (lambda: Examples.of(np.zeros((3, 0))), r"shape \(3, 0\) holds no values"),
        (lambda: Examples.of(3.0), "must have rows along the first axis"),
        (lambda: Examples.of(None), "got None"),
        (lambda: Examples.of({}), "no array among them"),
        (lambda: Examples.of([[1, 2], [3]]), "All rows must have the same shape"),
        (lambda: Examples.of(X, [1, 2]), "same number of rows, got inputs 6, targets 2"),
        (
            lambda: Examples.of(BAD),
            r"in 2 of 6 rows, first in row 2 \(column 1: 2 rows, column 0: 1 row\).*Fill them in",
        ),
        (lambda: Examples.of(pl.DataFrame(BAD, schema=["a", "b"])), "column 'b': 2 rows, column 'a': 1 row"),
        (lambda: Examples.of(pl.DataFrame({"a": [1, None, 3]})), "column 'a': 1 row"),
        (lambda: Examples.of(pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64")})), "column 'a': 1 row"),
        (lambda: Examples.of(X * 1e300), "too large"),
        (lambda: Examples.of(X, BAD[:, 0]), "targets have missing"),
        (
            lambda: Examples.of(X, ["a", None, "b", "c", None, "d"]),
            "targets are missing in 2 of 6 rows, first in row 1",
        ),
        (lambda: Examples.of(pl.DataFrame({"a": [1], "town": ["Ulm"]})), "column 'town' holds text.*'Ulm'"),
        (lambda: Examples.of(pd.DataFrame({"a": [1], "town": ["Ulm"]})), "column 'town' holds text.*'Ulm'"),
        (lambda: Examples.of(pd.DataFrame({"a": ["x"], "b": ["y"]})), "columns 'a', 'b' hold text"),
        (lambda: Examples.of([["x"], ["y"]]), "text or mixed values, such as 'x'"),
        (lambda: Examples.of(pd.DataFrame({"on": pd.to_datetime(["2020-01-01"])})), "column 'on' holds dates"),
        (lambda: Examples.of(np.array(["2020-01-01"], "M8[D]")), "dates or times"),
        (lambda: Examples.of(X + 1j), "complex"),
        (lambda: Examples.of(np.array([[1], [2**40]])), "beyond 32 bits in 1 of 2 rows.*Identifiers"),
        (lambda: Examples.of(pl.LazyFrame({"a": [1]})), "collect"),
        (lambda: Examples.of(X, range(6), [1, -2, 1, 1, 1, 1]), "0 or more; 1 are not, first row 1"),
        (lambda: Examples.of(X, range(6), [1, np.nan, 1, 1, 1, 1]), "finite numbers"),
        (lambda: Examples.of(X, range(6), [0] * 6), "All weights are 0"),
        (lambda: Examples.of(X, range(6), [1, 2]), r"one number for each of 6 rows, got shape \(2,\)"),
        (lambda: Examples.of(X, range(6), ["a"] * 6), "Weights must be numbers"),
        (lambda: Examples.of(X, columns=["a"]), "1 column names for 2 columns"),
    ],
)
def test_errors_say_what_is_wrong(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_labels_become_indices():
    indices, classes = encode_labels(["cat", "ant", "cat", "bee"])
    assert classes == ("ant", "bee", "cat")
    assert indices.tolist() == [2, 0, 2, 1]
    assert indices.dtype == np.int32
    assert encode_labels([30.0, 10.0, 20.0])[1] == (10, 20, 30)
    assert encode_labels([True, False])[0].tolist() == [1, 0]
    assert encode_labels(pd.Series(["b", "a"]))[0].tolist() == [1, 0]
    assert encode_labels(pl.Series(["b", "a"], dtype=pl.Categorical))[0].tolist() == [1, 0]


def test_labels_by_known_classes():
    known = ("setosa", "versicolor", "virginica")
    assert encode_labels(["virginica", "setosa"], known)[0].tolist() == [2, 0]
    assert encode_labels([2, 0], known)[0].tolist() == [2, 0]  # indices already
    with pytest.raises(DataError, match=r"'setossa' is not among the 3 classes. Did you mean 'setosa'\?"):
        encode_labels(["setosa", "setossa"], known)
    with pytest.raises(DataError, match="label 3 is not among"):
        encode_labels([0, 3], known)
    with pytest.raises(DataError, match="1 other labels are not either"):
        encode_labels([12, 11], [1, 2])
    with pytest.raises(DataError, match="twice"):
        encode_labels([1], [1, 1])
    with pytest.raises(DataError, match=r"whole numbers or texts, got 0.5"):
        encode_labels([0.5, 1])
    with pytest.raises(DataError, match="labels are missing in 1 of 2 rows"):
        encode_labels(["a", None])
