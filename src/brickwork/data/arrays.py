"""Reading arrays: whatever people bring (lists, data frames, JAX arrays) becomes checked NumPy arrays."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from brickwork.core.errors import DataError

if TYPE_CHECKING:
    from brickwork.core.batch import Padded

Columns = tuple[str, ...] | None


def read_inputs(value: Any, where: str = "inputs") -> tuple[np.ndarray, Columns]:
    """Return numbers with the rows along axis 0, and the column names of a data frame.

    float64 and the small floats become float32, flags 0.0 and 1.0; bytes (pictures) stay uint8, other whole
    numbers become int32. Raises `DataError` for what is empty, no number, missing or infinite.
    """
    array, columns = _raw(value, where)
    if array.dtype.kind in "OSUT":
        raise DataError(
            f"{_start(where)} hold text or mixed values, such as {_example(array)!r}. "
            "Turn them into numbers first: categories into whole numbers or one column each."
        )
    array = _numbers(array, where, columns)
    return (array.astype(np.float32) if array.dtype == bool else array), columns


def is_ready(value: Any) -> bool:
    """Tell whether a value is what `read_inputs` would return for it: an array of finite float32 with rows.

    It takes a tenth of the time: for one row, reading takes as long as a small network's answer.
    """
    is_array = type(value) is np.ndarray and value.dtype == np.float32 and value.ndim > 1 and value.size > 0
    return is_array and bool(np.logical_and.reduce(np.isfinite(value), axis=None))


def read_targets(value: Any, where: str = "targets") -> np.ndarray:
    """Return answers with the rows along axis 0: numbers as in `read_inputs`, flags as 0 and 1, texts as they are.

    A data frame of one column gives a 1-D array. Raises `DataError` for what is empty, missing or infinite.
    """
    array, columns = _raw(value, where)
    if columns is not None and array.ndim == 2 and array.shape[1] == 1:
        array, columns = array[:, 0], None
    if array.dtype.kind in "OSUT":
        missing = np.array(
            [item is None or (isinstance(item, float) and np.isnan(item)) for item in array.ravel().tolist()]
        )
        if missing.any():
            raise DataError(
                f"{_start(where)} are missing in {int(missing.sum())} of {len(array)} rows, "
                f"first in row {_first_row(missing, array)}. Leave those rows out: they cannot be learned from."
            )
        return array
    array = _numbers(array, where, columns)
    return array.astype(np.int32) if array.dtype == bool else array


def read_weight(value: Any, rows: int) -> np.ndarray:
    """Return one float32 number a row; raises `DataError` for negative, missing, infinite or all zero weights."""
    array, _ = _raw(value, "weight")
    if array.dtype.kind not in "fiub":
        raise DataError(f"Weights must be numbers, got values such as {_example(array)!r}.")
    if array.shape == (rows, 1):
        array = array[:, 0]
    if array.shape != (rows,):
        raise DataError(f"The weight must be one number for each of {rows} rows, got shape {array.shape}.")
    weight = array.astype(np.float32)
    for bad, word in ((~np.isfinite(weight), "finite numbers"), (weight < 0, "0 or more")):
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise DataError(f"Weights must be {word}; {int(bad.sum())} are not, first row {row} with {weight[row]}.")
    if not weight.any():
        raise DataError("All weights are 0: no row would count. Give at least one row a weight above 0.")
    return weight


def is_padded(value: Any) -> "TypeGuard[Padded]":
    """Tell whether a value is `Padded`, whose module imports JAX: where nothing has imported it, nothing is one."""
    module = sys.modules.get("brickwork.core.batch")
    return module is not None and isinstance(value, module.Padded)


def read_padded(padded: "Padded", where: str, read: Callable[[Any, str], np.ndarray]) -> "Padded":
    """Return sequences with their values as `read` gives them, zeros in the padding, and int32 lengths.

    A sequence may be empty, but not all of them. Raises `DataError` for lengths that are no whole numbers between 0
    and the size of the time axis, one a row.
    """
    values, _ = _raw(padded.values, where)
    if values.ndim < 2:
        raise DataError(f"{_start(where)} are Padded: their values must be (rows, time, ...), got {values.shape}.")
    rows, time = values.shape[:2]
    given = np.asarray(padded.lengths)
    if given.shape != (rows,):
        raise DataError(f"{_start(where)} need one length for each of {rows} rows, got lengths of shape {given.shape}.")
    if given.dtype.kind not in "fiu" or (given != np.round(given)).any():
        raise DataError(f"The lengths of the {where} must be whole numbers, got {given.dtype} {given[:5].tolist()}.")
    wrong = (given < 0) | (given > time)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"The lengths of the {where} must be between 0 and {time}, the size of the time axis; "
            f"{int(wrong.sum())} are not, first row {row} with {given[row]:g}."
        )
    if not given.any():
        raise DataError(f"{_start(where)} are empty: all lengths are 0.")
    lengths = given.astype(np.int32)
    padding = np.arange(time) >= lengths[:, None]
    if padding.any():
        values = values.copy()
        values[padding] = np.zeros((), values.dtype)  # nan there would reach gradients, -1 is no id of an embedding
    read_values: Any = read(values, where)
    return replace(padded, values=read_values, lengths=lengths)


def _raw(value: Any, where: str) -> tuple[np.ndarray, Columns]:
    library = type(value).__module__.split(".")[0]
    name = type(value).__name__
    columns: Columns = None
    if library in ("polars", "pandas") and name == "LazyFrame":
        raise DataError(f"{_start(where)} are a lazy frame: call .collect() first.")
    if library in ("polars", "pandas") and name in ("DataFrame", "Series"):
        array, columns = _frame(value, where)
    else:
        if value is None:
            raise DataError(f"{_start(where)} are missing: got None.")
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise DataError(
                f"{_start(where)} cannot be read as one array: {error}. All rows must have the same shape. "
                "Sequences of different lengths become one by Padded.of(rows)."
            ) from error
    if array.ndim == 0:
        raise DataError(f"{_start(where)} must have rows along the first axis, got the single value {value!r}.")
    if len(array) == 0:
        raise DataError(f"{_start(where)} are empty: there are no rows.")
    if array.size == 0:
        raise DataError(f"{_start(where)} are empty: shape {array.shape} holds no values.")
    return array, columns


def _frame(frame: Any, where: str) -> tuple[np.ndarray, Columns]:
    """Read a polars or pandas data frame (or series, as one column) without importing either library."""
    series = type(frame).__name__ == "Series"
    names = (str(frame.name or ""),) if series else tuple(str(name) for name in frame.columns)
    read = (
        [frame]
        if series
        else [frame.iloc[:, i] if hasattr(frame, "iloc") else frame.to_series(i) for i in range(len(names))]
    )
    if not read:
        raise DataError(f"{_start(where)} are empty: the data frame has no columns.")
    arrays = [_column(column) for column in read]
    if series:
        return arrays[0], None
    text = [name for name, array in zip(names, arrays, strict=True) if array.dtype.kind in "OSUT"]
    if text and where == "inputs":
        raise DataError(
            f"{_start(where)}: {_listed(text)} {'holds' if len(text) == 1 else 'hold'} text or mixed values, such as "
            f"{_example(arrays[names.index(text[0])])!r}. Turn them into numbers first, or leave the column out."
        )
    moments = [name for name, array in zip(names, arrays, strict=True) if array.dtype.kind in "mM"]
    if moments:
        raise DataError(f"{_start(where)}: {_listed(moments)} holds dates or times. Turn them into numbers first.")
    if len({array.dtype for array in arrays}) > 1 and not text:
        arrays = [array.astype(np.float64) for array in arrays]
    return np.stack(arrays, axis=1), names


def _column(column: Any) -> np.ndarray:
    """Return a column as an array; missing numbers as NaN, missing texts as None."""
    array = np.asarray(column.to_numpy())
    if array.dtype.kind != "O":
        return array
    missing = np.asarray(column.is_null() if hasattr(column, "is_null") else column.isna())
    items = array.tolist()
    known = [item for item, gone in zip(items, missing, strict=True) if not gone]
    if known and all(isinstance(item, bool | int | float) or type(item).__name__ == "Decimal" for item in known):
        return np.array([np.nan if gone else float(item) for item, gone in zip(items, missing, strict=True)])
    return np.array([None if gone else item for item, gone in zip(items, missing, strict=True)], dtype=object)


def _numbers(array: np.ndarray, where: str, columns: Columns) -> np.ndarray:
    kind = array.dtype.kind
    if kind in "mM":
        raise DataError(
            f"{_start(where)} hold dates or times. Turn them into numbers first, such as days since a date."
        )
    if kind == "c":
        raise DataError(f"{_start(where)} hold complex numbers. Give their real and imaginary parts as two columns.")
    if array.dtype in (bool, np.uint8):
        return array
    if kind in "iu":
        if array.dtype.itemsize >= 4:
            limits = np.iinfo(np.int32)
            beyond = (array > limits.max) | (array < limits.min) if kind == "i" else array > limits.max
            if beyond.any():
                raise DataError(
                    f"{_start(where)} hold whole numbers beyond 32 bits {_places(beyond, columns)}. "
                    "Identifiers say nothing about a row: leave them out. Turn large amounts into floats."
                )
        return array.astype(np.int32, copy=False)
    with np.errstate(over="ignore"):
        small = array.astype(np.float32, copy=False)
    bad = ~np.isfinite(small)
    if bad.any():
        raise DataError(
            f"{_start(where)} have missing (NaN), infinite or too large values {_places(bad, columns)}. "
            "Fill them in, or leave those rows out."
        )
    return small


def _places(bad: np.ndarray, columns: Columns) -> str:
    """Say where: 'in 3 of 150 rows, first in row 7 (column 'age': 2 rows, column 'bmi': 1 row)'."""
    by_row = bad.reshape(len(bad), -1)
    rows = by_row.any(1)
    text = f"in {int(rows.sum())} of {len(bad)} rows, first in row {int(np.flatnonzero(rows)[0])}"
    if bad.ndim != 2:
        return text
    counts = by_row.sum(0)
    worst = np.argsort(-counts, kind="stable")[:5]
    parts = []
    for index in worst[counts[worst] > 0]:
        name = repr(columns[index]) if columns else str(int(index))
        parts.append(f"column {name}: {int(counts[index])} row" + ("s" if counts[index] != 1 else ""))
    more = int((counts > 0).sum()) - len(parts)
    return f"{text} ({', '.join(parts)}{f' and {more} columns more' if more else ''})"


def _start(where: str) -> str:
    return "The " + where


def _listed(names: list[str]) -> str:
    return ("columns " if len(names) > 1 else "column ") + ", ".join(repr(name) for name in names[:5])


def _example(array: np.ndarray) -> Any:
    return next((item for item in array.ravel().tolist() if isinstance(item, str | bytes)), array.ravel().tolist()[0])


def _first_row(missing: np.ndarray, array: np.ndarray) -> int:
    return int(np.flatnonzero(missing.reshape(len(array), -1).any(1))[0])
