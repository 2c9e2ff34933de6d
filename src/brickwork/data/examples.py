"""Examples: rows to learn from, with their answers, as checked NumPy arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32

from brickwork.core.errors import DataError, nearest
from brickwork.data.arrays import Columns, is_padded, read_inputs, read_padded, read_targets, read_weight

Label = str | int
Arrays = Any
"""An array, `Padded` sequences, or a dict of them."""


@dataclass(frozen=True, eq=False, repr=False)
class Examples:
    """Rows with their answers: what a network is trained, validated or tested on.

    `inputs` and `targets` are arrays with the rows along axis 0, `Padded` sequences of different lengths, or dicts of
    these (named inputs and heads); `weight` (rows,) says how much each row counts. `classes` are the labels in the
    order of their indices, when the targets are indices of classes; `columns` are the names of the input columns.

    Build them with `Examples.of`, which converts and checks; the constructor takes arrays as they are. Slices and
    arrays of row numbers select rows: `examples[:100]`, `examples[rows]`; one number gives one row. Unpacking gives
    the pair: `inputs, targets = examples`.
    """

    inputs: Any
    targets: Any = None
    weight: Float32[np.ndarray, " rows"] | None = None
    classes: tuple[Label, ...] | None = None
    columns: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        inputs: Any,
        targets: Any = None,
        weight: Any = None,
        *,
        classes: Sequence[Label] | None = None,
        columns: Sequence[str] | None = None,
    ) -> "Examples":
        """Return checked examples from arrays, lists, data frames, a pair (inputs, targets), or other examples.

        Args:
            inputs: NumPy or JAX arrays, nested lists, polars or pandas data frames and series; `Padded`
                sequences; a dict of them; a tuple (inputs, targets) or (inputs, targets, weight); or `Examples`.
            targets: the same kinds; texts are kept for `encode_labels`. A data frame of one column is a 1-D array.
            weight: one number a row, 0 or more.
            classes: labels in index order.
            columns: names of the input columns, where the inputs are no data frame.

        Floats become float32; bytes (pictures) stay uint8, other whole numbers become int32; flags become
        float32 in inputs and int32 in targets.

        Padding becomes zeros. A sequence may be empty; for rows without an answer give weight 0.

        Raises `DataError` for data that are empty, of different lengths, missing (NaN), infinite, text where
        numbers are needed, for lengths beyond the time axis, and for negative weights; it says which column
        and how many rows.
        """
        found: Examples | None = None
        if isinstance(inputs, Examples):
            found = inputs
            inputs = found.inputs
        elif isinstance(inputs, tuple) and len(inputs) in (2, 3) and targets is None:
            inputs, targets, *rest = inputs
            weight = rest[0] if rest and weight is None else weight
        if found is not None:
            targets = found.targets if targets is None else targets
            weight = found.weight if weight is None else weight
            classes = found.classes if classes is None else classes
            columns = found.columns if columns is None else columns
        names = None if columns is None else tuple(columns)
        if isinstance(inputs, Mapping):
            read: Arrays = {str(key): _inputs(value, f"inputs {key!r}")[0] for key, value in inputs.items()}
        else:
            read, framed = _inputs(inputs, "inputs")
            names = names or framed
            shape = (read.values if is_padded(read) else read).shape
            if names is not None and len(shape) >= 2 and len(names) != shape[-1]:
                raise DataError(f"There are {len(names)} column names for {shape[-1]} columns.")
        answers = None if targets is None else _targets(targets)
        rows = _same_rows(read, answers)
        checked = None if weight is None else read_weight(weight, rows)
        return cls(read, answers, checked, None if classes is None else tuple(classes), names)

    def replace(self, **changes: Any) -> "Examples":
        """Return a copy with some fields changed, unchecked."""
        return replace(self, **changes)

    def __len__(self) -> int:
        first = next(iter(self.inputs.values())) if isinstance(self.inputs, dict) else self.inputs
        return len(first)

    def __getitem__(self, rows: Any) -> "Examples":
        if isinstance(rows, int | np.integer):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"There is no row {rows}: there are {len(self)}.")
            start = int(rows) % len(self)
            rows = slice(start, start + 1)
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            rows = rows.astype(np.int64) if rows.size == 0 else rows
        weight = None if self.weight is None else self.weight[rows]
        return Examples(_select(self.inputs, rows), _select(self.targets, rows), weight, self.classes, self.columns)

    def __iter__(self) -> Iterator[Any]:
        yield self.inputs
        yield self.targets

    def __repr__(self) -> str:
        parts = [f"{len(self)} rows", f"inputs {_described(self.inputs)}"]
        if self.targets is not None:
            parts.append(f"targets {_described(self.targets)}")
        if self.classes is not None:
            shown = ", ".join(str(label) for label in self.classes[:10])
            parts.append(f"classes {shown}" + (", ..." if len(self.classes) > 10 else ""))
        if self.weight is not None:
            parts.append("weighted")
        return f"Examples({'; '.join(parts)})"


def encode_labels(targets: Any, classes: Sequence[Label] | None = None) -> tuple[Any, tuple[Label, ...]]:
    """Return labels as indices of classes, and the classes in index order.

    Without `classes` they are the distinct labels, sorted: numbers by value, texts by alphabet. With text
    classes, whole numbers from 0 to classes - 1 are taken as indices already. Of `Padded` labels those in the padding
    become 0.

    Raises `DataError` for a label that is not among the classes (naming the nearest one), for missing labels and
    for numbers that are not whole.
    """
    if is_padded(targets):
        read = read_padded(targets, "labels", read_targets)
        real = np.arange(read.values.shape[1]) < np.asarray(read.lengths)[:, None]
        indices: Any = np.zeros(read.values.shape, np.int32)
        indices[real], known = encode_labels(np.asarray(read.values)[real], classes)
        return read.with_values(indices), known
    array = read_targets(targets, "labels")
    if array.dtype.kind == "f" and (array != np.round(array)).any():
        bad = array[array != np.round(array)].ravel()[0]
        raise DataError(
            f"Labels must be whole numbers or texts, got {bad:g}. For numbers to predict, use a regression."
        )
    flat = array.ravel().astype(np.int64) if array.dtype.kind in "fiub" else array.ravel()
    labels = [_label(item) for item in flat.tolist()]
    distinct = set(labels)
    if classes is None:
        known = tuple(sorted(distinct, key=lambda label: (isinstance(label, str), label)))
    else:
        known = tuple(_label(item) for item in classes)
        if len(set(known)) != len(known):
            raise DataError(f"The classes have a label twice: {known}.")
    index: dict[Label, int] = {label: number for number, label in enumerate(known)}
    if classes is not None and all(isinstance(c, str) for c in known) and all(isinstance(x, int) for x in distinct):
        index = {number: number for number in range(len(known))}
    unseen = sorted((label for label in distinct if label not in index), key=str)
    if unseen:
        others = f" ({len(unseen) - 1} other labels are not either.)" if len(unseen) > 1 else ""
        raise DataError(
            f"The label {unseen[0]!r} is not among the {len(known)} classes. "
            f"{nearest(str(unseen[0]), [str(label) for label in index])}{others}"
        )
    return np.array([index[label] for label in labels], np.int32).reshape(array.shape), known


def _label(item: Any) -> Label:
    if isinstance(item, bytes):
        return item.decode(errors="replace")
    if isinstance(item, bool | np.bool_):
        return int(item)
    if isinstance(item, float | np.floating) and float(item).is_integer():
        return int(item)
    if isinstance(item, int | np.integer):
        return int(item)
    return str(item)


def _inputs(inputs: Any, where: str) -> tuple[Any, Columns]:
    if is_padded(inputs):
        return read_padded(inputs, where, lambda values, where: read_inputs(values, where)[0]), None
    return read_inputs(inputs, where)


def _targets(targets: Any, where: str = "targets") -> Arrays:
    if isinstance(targets, Mapping):
        return {str(key): _targets(value, f"targets {key!r}") for key, value in targets.items()}
    return read_padded(targets, where, read_targets) if is_padded(targets) else read_targets(targets, where)


def _same_rows(inputs: Arrays, targets: Arrays | None) -> int:
    """Return the number of rows; raises `DataError` when the parts differ."""
    sizes: dict[str, int] = {}
    for part, arrays in (("inputs", inputs), ("targets", targets)):
        if isinstance(arrays, dict):
            sizes.update({f"{part} {key!r}": len(array) for key, array in arrays.items()})
        elif arrays is not None:
            sizes[part] = len(arrays)
    if not sizes:
        raise DataError("The inputs are empty: there is no array among them.")
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise DataError(f"Inputs and targets must have the same number of rows, got {listed}.")
    return next(iter(sizes.values()))


def _select(arrays: Any, rows: Any) -> Any:
    if arrays is None:
        return None
    if isinstance(arrays, dict):
        return {key: array[rows] for key, array in arrays.items()}
    return arrays[rows]


def _described(arrays: Any) -> str:
    if isinstance(arrays, dict):
        return "{" + ", ".join(f"{key}: {_described(array)}" for key, array in arrays.items()) + "}"
    if is_padded(arrays):
        return f"sequences of {_described(arrays.values)}"
    shape = tuple(arrays.shape[1:])
    return f"{arrays.dtype}" + (f" {shape}" if shape else "")
