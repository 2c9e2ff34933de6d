"""Checkpoints: the whole state of a run in one file, written atomically and read back bit for bit."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from brickwork.core.errors import BundleError
from brickwork.core.files import write_atomic

FORMAT = 1


def save_checkpoint(path: Path, arrays: Mapping[str, Any], progress: Mapping[str, Any]) -> None:
    """Write named pytrees of arrays and a JSON document into one file.

    The file is written beside its place and then renamed: a run killed at any moment leaves a whole checkpoint.
    """
    flat = {name: _to_numpy(leaf) for name, leaf in _named(arrays)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, save(flat, {"progress": json.dumps({"format": FORMAT, **progress})}))


def read_progress(path: Path) -> dict[str, Any]:
    """Return the JSON document of a checkpoint; raises `BundleError` when it is no checkpoint."""
    try:
        with safe_open(path, "numpy") as file:
            progress = json.loads((file.metadata() or {}).get("progress", "null"))
    except (SafetensorError, ValueError, OSError) as error:
        raise BundleError(f"{path} cannot be read as a checkpoint: {error}") from error
    if not isinstance(progress, dict) or progress.get("format") != FORMAT:
        raise BundleError(f"{path} is a checkpoint of another version; train again, or use the version that wrote it.")
    return progress


def load_checkpoint(path: Path, like: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pytrees of a checkpoint, in the structure, shapes and types of `like` (arrays or shapes)."""
    with safe_open(path, "numpy") as file:
        stored = set(file.keys())
        wanted = dict(_named(like))
        if stored != wanted.keys():
            differing = sorted(stored ^ wanted.keys())[:5]
            raise BundleError(f"{path} belongs to another network or learner: {differing} differ.")
        leaves = [_from_numpy(path, name, file.get_tensor(name), leaf) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(dict(like)), leaves)


def _named(tree: Any) -> list[tuple[str, Any]]:
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(dict(tree))]


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _to_numpy(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _from_numpy(path: Path, name: str, value: np.ndarray, like: Any) -> Any:
    if _is_key(like):
        return jax.random.wrap_key_data(jnp.asarray(value), impl=jax.random.key_impl(like))
    if value.shape != like.shape or value.dtype != like.dtype:
        raise BundleError(
            f"{path} belongs to another network or learner: {name} has {value.shape} {value.dtype}, "
            f"not {like.shape} {like.dtype}."
        )
    return jnp.asarray(value)
