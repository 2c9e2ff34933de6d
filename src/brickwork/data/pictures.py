"""Reading pictures: any common file becomes an array of bytes, or an error that says what is wrong with it."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from brickwork.core.errors import DataError, nearest

MAX_PIXELS = 40_000_000
"""Largest picture that is read: a small file may claim to be one of billions of pixels."""

BLOCK = 1_000_000
"""Pixels that are computed with at once in floats, which take many times the memory of bytes."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")

EXIF_TURNED = (5, 6, 7, 8)
"""Values of the EXIF tag Orientation (0x0112) that say that height and width are to be exchanged."""


@dataclass(frozen=True)
class Header:
    """What a picture's file says of it before its pixels: its size as shown, and whether it has colours."""

    height: int
    width: int
    colored: bool


def read_picture(path: str | os.PathLike[str], least: int | None = None) -> UInt8[np.ndarray, "height width *channels"]:
    """Return a picture as bytes: (height, width) when grey, (height, width, 3) when coloured.

    PNG, JPEG, GIF (the first frame), BMP, WebP, TIFF and PPM are read, of any colour mode and depth. It is
    turned as its EXIF tag says. Transparent pixels are laid on white, or on black where what is drawn is light.

    Args:
        path: the file.
        least: pixels a side that are enough: a large JPEG may come at a half, a quarter or an eighth of its size, no
            smaller than this, which is as many times faster.

    Raises:
        DataError: a file that is missing (naming the nearest one there), not a picture, damaged or cut short, or of
            more than 40 million pixels.
    """
    from PIL import ImageOps  # noqa: PLC0415  (imported when a picture is read)

    with quiet(), _opened(Path(path)) as picture:
        if least is not None and picture.format == "JPEG":
            picture.draft(None, (least, least))
        picture.load()
        return as_bytes(ImageOps.exif_transpose(picture))


def read_header(path: str | os.PathLike[str]) -> Header:
    """Return what a picture's file says of it, without reading its pixels; raises as `read_picture` does."""
    with quiet(), _opened(Path(path)) as picture:
        width, height = picture.size
        # Of a PNG without a tag before its pixels Pillow would read all of them to look for one behind.
        tagged = picture.format != "PNG" or "exif" in picture.info
        if tagged and picture.getexif().get(0x0112) in EXIF_TURNED:
            width, height = height, width
        return Header(height, width, _colored(picture))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Pillow's warnings from being shown.

    Which warnings are shown is one setting of the whole process, so that only the main thread may change it and put it
    back: threads that read pictures are started inside of this.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a picture; whatever goes wrong with it in the meantime becomes an error for people."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    _check_file(path)
    try:
        with Image.open(path, formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise DataError(
                    f"{path} has {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} million are read. "
                    "Make it smaller first."
                )
            yield picture
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


def _colored(picture: Any) -> bool:
    """Tell whether a picture that is not decoded yet may have colours: by its mode, and of a palette by its entries."""
    if picture.mode == "P" and picture.palette is not None:
        colours = np.frombuffer(bytes(picture.palette.palette), np.uint8)
        wide = len(picture.palette.mode)
        entries = colours[: len(colours) // wide * wide].reshape(-1, wide)[:, :3]
        return wide < 3 or bool((entries != entries[:, :1]).any())
    return picture.mode not in ("1", "L", "LA", "La", "F") and not picture.mode.startswith("I")


def as_bytes(picture: Any) -> UInt8[np.ndarray, "height width *channels"]:
    """Return a picture of Pillow's, of any mode, as `read_picture` does."""
    mode = picture.mode
    if mode.startswith("I") or mode == "F":
        return _deep(np.asarray(picture).astype(np.float64))
    if "transparency" in picture.info or mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        return _flattened(np.asarray(picture.convert("RGBA")))
    if mode in ("1", "L"):
        return np.array(picture.convert("L"), np.uint8)
    colours = np.array(picture.convert("RGB"), np.uint8)
    return _grey_if_same(colours)


def from_numbers(array: Any) -> UInt8[np.ndarray, "height width *channels"]:
    """Return an array as bytes, as `read_picture` does: (height, width), or with 1, 3 or 4 (transparent) channels.

    Whole numbers from 0 to 255 are kept, floats from 0 to 1 are multiplied by 255. Raises `DataError` for others.
    """
    values = np.asarray(array)
    if values.dtype.kind not in "uifb" or values.ndim not in (2, 3) or 0 in values.shape:
        raise DataError(
            "A picture is a file, or an array (height, width) or (height, width, channels) of numbers; got "
            + (f"{values.dtype} {values.shape}." if values.dtype != object else f"{type(array).__name__}.")
        )
    if values.ndim == 3 and values.shape[-1] not in (1, 3, 4):
        raise DataError(f"A picture has 1, 3 or 4 (transparent) channels, along its last axis; got {values.shape}.")
    if values.dtype != np.uint8:
        values = values.astype(np.uint8) * 255 if values.dtype == bool else _deep(values.astype(np.float64))
    if values.ndim == 2 or values.shape[-1] == 1:
        return values.reshape(values.shape[:2])
    return _flattened(values) if values.shape[-1] == 4 else values


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


def _flattened(pixels: UInt8[np.ndarray, "height width 4"]) -> np.ndarray:
    """Lay transparent pixels on white, or on black where the visible ones are light."""
    step = max(1, BLOCK // max(1, pixels.shape[1]))
    blocks = [pixels[top : top + step] for top in range(0, len(pixels), step)]
    seen = sum(float(block[..., 3].sum(dtype=np.float64)) for block in blocks)
    light = sum(float((block[..., :3].mean(-1) * block[..., 3]).sum()) for block in blocks)
    paper = 0.0 if seen > 0 and light / seen > 160 and pixels[..., 3].min() < 255 else 255.0
    colours = np.empty((*pixels.shape[:2], 3), np.uint8)
    for number, block in enumerate(blocks):
        alpha = block[..., 3:] / 255
        colours[number * step : (number + 1) * step] = np.round(block[..., :3] * alpha + paper * (1 - alpha))
    return _grey_if_same(colours)


def _grey_if_same(colours: np.ndarray) -> np.ndarray:
    same = (colours[..., 0] == colours[..., 1]).all() and (colours[..., 0] == colours[..., 2]).all()
    return np.ascontiguousarray(colours[..., 0]) if same else colours
