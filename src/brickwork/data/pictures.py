"""Reading pictures: any common file becomes an array of bytes, or an error that says what is wrong with it."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from brickwork.core.errors import DataError, nearest

MAX_PIXELS = 40_000_000
"""Largest picture that is read: a small file may claim to be one of billions of pixels."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


def read_picture(path: str | os.PathLike[str]) -> UInt8[np.ndarray, "height width *channels"]:
    """Return a picture as bytes: (height, width) when grey, (height, width, 3) when coloured.

    PNG, JPEG, GIF (the first frame), BMP, WebP, TIFF and PPM are read, of any colour mode and depth. It is
    turned as its EXIF tag says. Transparent pixels are laid on white, or on black where what is drawn is light.

    Raises `DataError` for a file that is missing (naming the nearest one there), not a picture, damaged or cut
    short, or of more than 40 million pixels.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415  (imported when a picture is read)

    path = Path(path)
    _check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    raise DataError(
                        f"{path} has {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} million are read. "
                        "Make it smaller first."
                    )
                picture.load()
                return _bytes(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path} is not a picture that can be read. Known formats: {', '.join(FORMATS)}. "
            "If it is one, it may be damaged at its beginning."
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path} has far too many pixels; at most {MAX_PIXELS // 1_000_000} million are read."
        ) from error
    except MemoryError as error:
        raise DataError(f"{path} does not fit in memory. Make it smaller first.") from error
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds for damaged files (struct.error, IndexError...)
        raise DataError(f"{path} is damaged or cut short: {error}. Save or download it again.") from error


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a picture: name a file in it.")
    if path.exists():
        if not os.access(path, os.R_OK):
            raise DataError(f"{path} may not be read: its permissions forbid it.")
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty: the file has 0 bytes.")
        return
    folder = path.parent
    if not folder.is_dir():
        raise DataError(f"There is no file {path}: the folder {folder} does not exist.")
    others = [entry.name for entry in folder.iterdir() if entry.is_file()]
    hint = nearest(path.name, others)
    close = hint.startswith("Did you mean")
    place = "this folder" if folder == Path() else str(folder)
    raise DataError(f"There is no file {path.name!r} in {place}." + (f" {hint}" if close else ""))


def _bytes(picture: Any) -> np.ndarray:
    mode = picture.mode
    if mode.startswith("I") or mode == "F":
        return _deep(np.asarray(picture).astype(np.float64))
    if "transparency" in picture.info or mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        return _flattened(np.asarray(picture.convert("RGBA")))
    if mode in ("1", "L"):
        return np.array(picture.convert("L"), np.uint8)
    colours = np.array(picture.convert("RGB"), np.uint8)
    return _grey_if_same(colours)


def _deep(values: np.ndarray) -> np.ndarray:
    """Bring 16-bit, 32-bit and float greys to bytes: what fits in a byte stays, 16 bits are divided by 257."""
    if not np.isfinite(values).all():
        raise DataError("The picture has values that are not finite.")
    low, high = values.min(), values.max()
    if low >= 0 and high <= 1 and (values != np.round(values)).any():
        return np.round(values * 255).astype(np.uint8)
    if low >= 0 and high <= 255:
        return np.round(values).astype(np.uint8)
    if low >= 0 and high <= 65535:
        return np.round(values / 257).astype(np.uint8)
    return np.round((values - low) / (high - low) * 255).astype(np.uint8)


def _flattened(pixels: np.ndarray) -> np.ndarray:
    """Lay transparent pixels on white, or on black where the visible ones are light."""
    colours, alpha = pixels[..., :3].astype(np.float64), pixels[..., 3:].astype(np.float64) / 255
    seen = alpha.sum()
    light = seen > 0 and (colours.mean(-1, keepdims=True) * alpha).sum() / seen > 160
    paper = 0.0 if light and alpha.min() < 1 else 255.0
    return _grey_if_same(np.round(colours * alpha + paper * (1 - alpha)).astype(np.uint8))


def _grey_if_same(colours: np.ndarray) -> np.ndarray:
    same = (colours[..., 0] == colours[..., 1]).all() and (colours[..., 0] == colours[..., 2]).all()
    return np.ascontiguousarray(colours[..., 0]) if same else colours
