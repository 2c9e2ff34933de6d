"""Weights: the variables of a network as a file in the safetensors format, written and read array by array.

The format (github.com/huggingface/safetensors): the length of the header in 8 bytes, the header in JSON
(`{name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}`), then the numbers, little-endian, in one
piece. It is read here rather than by its own library because everything in the header is checked against the size
of the file before memory is taken, and because no copy of the whole is made.
"""

import json
from collections.abc import Mapping
from math import prod
from typing import Any, BinaryIO, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.core.errors import BundleError, SettingError
from brickwork.core.frame import Shape
from brickwork.core.variables import Variables

MAX_NAME = 1_000
TYPES: dict[str, np.dtype[Any]] = {
    **{"F64": np.dtype("f8"), "F32": np.dtype("f4"), "F16": np.dtype("f2"), "BF16": np.dtype(jnp.bfloat16)},
    **{"I64": np.dtype("i8"), "I32": np.dtype("i4"), "I16": np.dtype("i2"), "I8": np.dtype("i1")},
    **{"U64": np.dtype("u8"), "U32": np.dtype("u4"), "U16": np.dtype("u2"), "U8": np.dtype("u1")},
    "BOOL": np.dtype(bool),
}
_names = {dtype: name for name, dtype in TYPES.items()}


class Tensor(NamedTuple):
    """An array in a file: its shape and type, and where its bytes begin and end."""

    shape: Shape
    dtype: np.dtype[Any]
    begin: int
    end: int


def named(variables: Variables) -> dict[str, Any]:
    """Return the arrays as they are named in a file, in the order of the file: wide types first, then by name."""
    arrays: dict[str, Any] = {f"params/{path}": array for path, array in variables.params.items()}
    arrays |= {f"stats/{path}": array for path, array in variables.stats.items()}
    for name, array in arrays.items():
        if array.dtype not in _names:
            raise SettingError(
                f"{name!r} has the type {array.dtype}, which cannot be saved. Known: {', '.join(TYPES)}."
            )
        if len(name) > MAX_NAME:
            raise SettingError(f"The name {name[:60]!r}... has {len(name)} letters; at most {MAX_NAME} can be saved.")
    return dict(sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])))


def header_of(arrays: Mapping[str, Any]) -> tuple[bytes, int]:
    """Return the first bytes of a file for these arrays, and how many bytes of numbers follow."""
    entries, end = {}, 0
    for name, array in arrays.items():
        begin, end = end, end + array.size * array.dtype.itemsize
        entries[name] = {"dtype": _names[array.dtype], "shape": list(array.shape), "data_offsets": [begin, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header, end


def bytes_of(array: Any) -> memoryview:
    """Return the bytes of one array."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def tensors_of(entries: Any, size: int) -> dict[str, Tensor]:
    """Check the header of a file, and that its arrays fill `size` bytes exactly; return them in their order."""
    if not isinstance(entries, dict):
        raise BundleError("The header of the weights is not a table.")
    tensors = {name: _tensor(name, entry) for name, entry in entries.items()}
    tensors = dict(sorted(tensors.items(), key=lambda item: item[1][2:]))
    end = 0
    for name, tensor in tensors.items():
        if tensor.begin != end:
            raise BundleError(f"The bytes of {name!r} do not follow those of the array before it.")
        end = tensor.end
    if end != size:
        raise BundleError(f"There are {size} bytes of weights, but the arrays in them need {end}.")
    return tensors


def read(file: BinaryIO, tensor: Tensor, digest: Any) -> jax.Array:
    """Read the next array from a file and add its bytes to a digest."""
    if jax.dtypes.canonicalize_dtype(tensor.dtype) != tensor.dtype:
        raise BundleError(f"It holds {tensor.dtype} numbers. Start Python with JAX_ENABLE_X64=1 to use it.")
    data = np.empty(tensor.end - tensor.begin, np.uint8)
    if file.readinto(data.data) != data.size:  # pyright: ignore[reportAttributeAccessIssue]
        raise BundleError("It is truncated.")
    digest.update(data.data)
    if tensor.dtype == np.bool_ and data.size and data.max() > 1:
        raise BundleError("It holds flags that are neither true nor false.")
    return jnp.asarray(data.view(tensor.dtype).reshape(tensor.shape))


def whole_numbers(value: Any) -> tuple[int, ...]:
    """Return a list from JSON as a shape, or raise `BundleError`."""
    if not isinstance(value, list) or len(value) > 32 or not all(type(n) is int and 0 <= n < 1 << 48 for n in value):
        raise BundleError("A shape or a place in it is not a short list of whole numbers.")
    return tuple(value)


def _tensor(name: str, entry: Any) -> Tensor:
    if len(name) > MAX_NAME or not name.startswith(("params/", "stats/")):
        raise BundleError(f"{name[:100]!r} is not the name of a variable.")
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise BundleError(f"The header of the weights does not describe {name!r}.")
    shape, offsets = whole_numbers(entry["shape"]), whole_numbers(entry["data_offsets"])
    dtype = TYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None or len(offsets) != 2 or offsets[1] - offsets[0] != prod(shape) * dtype.itemsize:
        raise BundleError(f"The type, the shape and the place of {name!r} do not agree.")
    return Tensor(shape, dtype, *offsets)
