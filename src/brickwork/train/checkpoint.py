"""Checkpoints: the whole state of a run in one file, written atomically and read back bit for bit."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from brickwork.core.errors import BundleError
from brickwork.storage.documents import encode_json
from brickwork.storage.files import write_atomic

FORMAT = 1


def save_checkpoint(path: Path, arrays: Mapping[str, Any], progress: Mapping[str, Any]) -> None:
    """Write named pytrees of arrays and a JSON document into one file.

    The file is written beside its place and then renamed: a run killed at any moment leaves a whole checkpoint.
    """
    flat = {name: _to_numpy(leaf) for name, leaf in _named(arrays)}
    with suppress(OSError):  # then the file cannot be written either, and that says why
        path.parent.mkdir(parents=True, exist_ok=True)
    document = {"format": FORMAT, "sha256": _digest(flat), **progress}
    write_atomic(path, save(flat, {"progress": json.dumps(document)}))


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
    digest = read_progress(path)["sha256"]
    with safe_open(path, "numpy") as file:
        flat = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    wanted = dict(_named(like))
    if flat.keys() != wanted.keys():
        differing = sorted(flat.keys() ^ wanted.keys())[:5]
        raise BundleError(f"{path} belongs to another network or learner: {differing} differ.")
    if _digest(flat) != digest:
        raise BundleError(f"{path} is damaged: its numbers are not those that were written. Start a new run.")
    leaves = [_from_numpy(path, name, flat[name], leaf) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(dict(like)), leaves)


def rewrite_history(path: Path, first_epoch: int, history: Sequence[Mapping[str, Any]]) -> None:
    """Drop the epochs after the checkpoint; they will be run again. Those of earlier runs stay."""
    lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
    earlier = [record for record in map(_record, lines) if 0 < record.get("epoch", 0) <= first_epoch]
    write_atomic(path, b"".join(encode_json(record) + b"\n" for record in [*earlier, *history]))


def _record(line: str) -> dict[str, Any]:
    with suppress(ValueError):
        record = json.loads(line)
        return record if isinstance(record, dict) else {}
    return {}


def _named(tree: Any) -> list[tuple[str, Any]]:
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(dict(tree))]


def _digest(flat: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(flat):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(flat[name]).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


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
