"""Maps of pixels as pictures that a person can read."""

import io
from pathlib import Path

import numpy as np

from brickwork.core.errors import StorageError
from brickwork.storage.files import write_atomic

FOR, AGAINST = np.array([217.0, 95.0, 2.0]), np.array([32.0, 100.0, 190.0])
SIDE = 448
"""Pixels a side that small pictures are enlarged to."""


def over_grey(picture: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return a picture (height, width, channels) in grey with its map (height, width) laid over it, as bytes in colour.

    What speaks for the answer is orange, what speaks against it blue; the strongest pixel is opaque.
    """
    grey = picture.astype(np.float64).reshape(*picture.shape[:2], -1).mean(-1)
    grey = 255 * (grey - grey.min()) / max(float(np.ptp(grey)), 1e-9)
    strength = np.abs(found) / max(float(np.abs(found).max()), 1e-12)
    colour = np.where(found[..., None] > 0, FOR, AGAINST)
    mixed = (1 - strength[..., None]) * (64 + 0.75 * grey[..., None]) + strength[..., None] * colour
    return np.round(mixed).clip(0, 255).astype(np.uint8)


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write bytes in colour as a PNG, enlarged so that single pixels can be seen."""
    from PIL import Image  # noqa: PLC0415  (imported when a picture is written)

    times = max(1, SIDE // max(pixels.shape[:2]))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The folder {path.parent} cannot be made: {error.strerror or error}.") from error
    buffer = io.BytesIO()
    Image.fromarray(pixels.repeat(times, 0).repeat(times, 1)).save(buffer, "PNG")
    write_atomic(path, buffer.getvalue())
