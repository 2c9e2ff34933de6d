"""Finding, loading and calling the libraries of kernels."""

import ctypes
import logging
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from jax import Array

from brickwork.core.errors import SettingError, nearest

Target = Literal["portable", "avx2", "avx512"]

Setting = int | float | Sequence[int] | Sequence[float]

TARGETS: tuple[Target, ...] = ("portable", "avx2", "avx512")
"""What kernels are compiled for, each of which runs on processors of the later ones too."""

HANDLERS = (
    "adam",
    "attention",
    "attention_backward",
    "batch_normalization",
    "batch_normalization_backward",
    "convolution",
    "convolution_to_inputs",
    "convolution_to_kernel",
    "gelu",
    "gelu_with_slope",
    "gru",
    "gru_backward",
    "layer_normalization",
    "layer_normalization_backward",
    "lstm",
    "lstm_backward",
    "max_pool",
    "pool_put",
    "pool_take",
    "product",
    "product_of_few",
    "product_of_some",
    "product_of_some_to_inputs",
    "product_of_some_to_weights",
    "product_to_inputs",
    "sum_of_squares",
    "sum_over_steps",
    "take_rows",
)
"""The kernels by name: `brickwork_NAME` in a library, and what XLA calls them."""

FUNCTIONS = ("inference_free", "inference_new", "inference_python", "inference_run")
"""What else is in a library, called from Python: see `brickwork.inference`."""

VERSION = 2
"""Goes up when a kernel of the same name takes other arguments or computes something else: programs kept on disk name
the kernels they call."""


@lru_cache(maxsize=1)
def _load() -> tuple[Target | None, str, Any]:
    """Load the best library for this processor and tell XLA of its kernels.

    Return its target, or why there is none, and the library.
    """
    asked = os.environ.get("BRICKWORK_NATIVE", "")
    if asked in ("off", "0"):
        return None, "BRICKWORK_NATIVE=off says so", None
    if asked and asked not in TARGETS:
        raise SettingError(f"BRICKWORK_NATIVE={asked!r}: {nearest(asked, ('off', *TARGETS))}")
    reason = ""
    try:
        first = ctypes.CDLL(str(_path("portable")))
        best = int(first.brickwork_best_target())
        if asked and TARGETS.index(asked) > best:
            raise SettingError(f"BRICKWORK_NATIVE={asked}: this processor runs {', '.join(TARGETS[: best + 1])} only.")
        runs: list[Target] = [one for one in reversed(TARGETS[: best + 1]) if asked in ("", one)]
        target: Target = next(one for one in runs if _path(one).exists())
        library = first if target == "portable" else ctypes.CDLL(str(_path(target)))
        for name in HANDLERS:
            capsule = jax.ffi.pycapsule(getattr(library, f"brickwork_{name}"))
            jax.ffi.register_ffi_target(_name(name), capsule, platform="cpu")
        for name in FUNCTIONS:
            getattr(library, f"brickwork_{name}")
    except (OSError, AttributeError, StopIteration) as error:
        reason = str(error) or f"there is no library for {asked}"
    else:
        return target, "", library
    logging.getLogger("brickwork").warning(
        "Brickwork's kernels for CPUs are not there (%s). Everything works, convolutions and recurrent networks more "
        "slowly. Install a C++ compiler and Brickwork again to have them; BRICKWORK_NATIVE=off hides this note.",
        reason,
    )
    return None, reason, None


def folder() -> Path:
    """Return where the libraries lie: beside the sources if they were built there, else where they were installed."""
    if chosen := os.environ.get("BRICKWORK_NATIVE_FOLDER"):
        return Path(chosen)
    places = [Path(place) / "lib" for place in reversed(import_module("brickwork.native").__path__)]
    return next((place for place in places if (place / "libbrickwork_portable.so").exists()), places[0])


def _path(target: str) -> Path:
    return folder() / f"libbrickwork_{target}.so"


def _name(kernel: str) -> str:
    return f"brickwork.{kernel}.{VERSION}"


def available() -> bool:
    """Tell whether the kernels are there and can run on this processor; loads them the first time."""
    return _load()[0] is not None


def loaded_target() -> Target | None:
    """Return which of `TARGETS` runs, None without kernels."""
    return _load()[0]


def library() -> Any:
    """Return the library that is loaded, for functions in it that are no kernels of XLA's; None without kernels."""
    return _load()[2]


def why_not() -> str:
    """Return why the kernels are not there, in words; nothing if they are."""
    return _load()[1]


def call(
    kernel: str,
    results: Any,
    *arrays: Array,
    in_place: dict[int, int] | None = None,
    **settings: Setting,
) -> Any:
    """Call a kernel from a program that is traced.

    Args:
        kernel: one of `HANDLERS`.
        results: the shape and type of the result, or of each of several.
        arrays: its arguments.
        in_place: for arguments by number, the number of the result that takes their memory.
        settings: its numbers, fixed in the program.

    Raises:
        SettingError: the kernels are not there.
    """
    if not available():
        raise SettingError(f"There is no kernel {kernel!r} here: {why_not()}.")
    given = {name: _attribute(value) for name, value in settings.items()}
    return jax.ffi.ffi_call(_name(kernel), results, input_output_aliases=in_place)(*arrays, **given)


def _attribute(value: Setting) -> Any:
    """Return a number, or several, in the type in which kernels take it."""
    numbers = np.asarray(value)
    return numbers.astype(np.float32 if numbers.dtype.kind == "f" else np.int64)[()]
