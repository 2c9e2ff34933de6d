"""The encoder of pictures: a file of any size and mode becomes an array of bytes of one size."""

import math
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from brickwork.core.errors import DataError
from brickwork.core.spec import registered
from brickwork.data.encoders import Encoder
from brickwork.data.picture_files import Pictures, each
from brickwork.data.pictures import as_bytes, from_numbers, read_picture

LARGEST = 64
"""Pixels of the longer side that larger pictures are brought to, unless a size is asked for."""

MANY = 20_000
FEWER = 48
"""With this many pictures and more they are brought to this size, so that training keeps to minutes."""

LEAST = 8
LIMIT = 1024

KEPT = 0.75
"""How much of a picture must be left when its edges are cut off; where less is, pictures are padded instead."""

ALIKE = 1.15
"""Shapes that differ by less than this factor count as one."""

PEEK = 48
"""How many pictures with channels for colours are read to see whether there are any colours in them."""


@registered
class PictureEncoder(Encoder):
    """Turns a picture of any size, mode and format into bytes (height, width, channels).

    A picture that is larger is shrunk by averaging the pixels that fall into one (Pillow's HAMMING), a smaller one is
    enlarged between its pixels (BILINEAR). Where its shape is not that of the result, `fit` says what is done: "crop"
    fills the result and cuts off what sticks out on two sides, "pad" keeps all of the picture and adds edges in the
    mean colour of its border.

    Attributes:
        height: pixels down.
        width: pixels across.
        channels: 1 for grey, 3 for colours; others are converted.
        fit: what to do with pictures of another shape.
    """

    height: int
    width: int
    channels: int = 3
    fit: Literal["crop", "pad"] = "crop"

    def validate(self) -> None:
        """Check the sizes."""
        for name in ("height", "width"):
            self.require(1 <= getattr(self, name) <= LIMIT, name, f"from 1 to {LIMIT} pixels")
        self.require(self.channels in (1, 3), "channels", "1 (grey) or 3 (colours)")

    def __call__(self, source: Any) -> UInt8[np.ndarray, "height width channels"]:
        """Return the bytes of a file, a picture of Pillow's, or an array (height, width) or (height, width, channels).

        Arrays are bytes, or numbers from 0 to 1 or to 255. Raises `DataError` for what is no picture.
        """
        if isinstance(source, str | os.PathLike):
            # Twice the result's size is enough of a JPEG: the rest of the shrinking still averages.
            pixels = read_picture(source, least=2 * max(self.height, self.width))
        elif hasattr(source, "getexif"):
            from PIL import ImageOps  # noqa: PLC0415  (imported when a picture is given)

            pixels = as_bytes(ImageOps.exif_transpose(source))
        else:
            pixels = from_numbers(source)
        return self._sized(pixels)

    def _sized(self, pixels: UInt8[np.ndarray, "..."]) -> UInt8[np.ndarray, "height width channels"]:
        from PIL import Image  # noqa: PLC0415

        picture = Image.fromarray(pixels).convert("L" if self.channels == 1 else "RGB")
        width, height = picture.size
        down, across = self.height / height, self.width / width
        if self.fit == "crop":
            scale = max(down, across)
            left, top = (width - self.width / scale) / 2, (height - self.height / scale) / 2
            box = (left, top, width - left, height - top)
            return self._array(_resized(picture, self.width, self.height, box))
        scale = min(down, across)
        small = _resized(picture, _whole(width * scale, self.width), _whole(height * scale, self.height))
        pasted = Image.new(picture.mode, (self.width, self.height), _border(small))
        pasted.paste(small, ((self.width - small.width) // 2, (self.height - small.height) // 2))
        return self._array(pasted)

    def _array(self, picture: Any) -> UInt8[np.ndarray, "height width channels"]:
        return np.asarray(picture, np.uint8).reshape(self.height, self.width, self.channels)


def fit_picture_encoder(
    pictures: Pictures, size: int | None = None, rows: Int[np.ndarray, " rows"] | None = None
) -> PictureEncoder:
    """Return the encoder that suits some pictures, by their headers and a look at a few of them.

    Small pictures keep their size; larger ones get at most 64 pixels along their longer side, 48 where there are
    20,000 and more. Where (nearly) all have one shape the result has it too; else it is a square, to which pictures are
    cropped, or padded where cropping would cut off more than a quarter of many. Grey is enough where all are grey.

    Args:
        pictures: the pictures.
        size: pixels along the longer side, in place of what would be chosen.
        rows: which of the pictures to go by, those to be trained with.
    """
    sizes = pictures.sizes if rows is None else pictures.sizes[rows]
    shape = sizes[:, 1] / sizes[:, 0]  # width / height
    low, middle, high = np.quantile(shape, (0.05, 0.5, 0.95))
    longer = float(np.median(sizes.max(axis=1)))
    most = FEWER if len(pictures) >= MANY else LARGEST
    side = size if size is not None else int(min(max(round(longer), LEAST), most))
    if max(middle / low, high / middle) <= ALIKE:
        height, width, fit = *_rectangle(side, float(middle)), "crop"
    else:
        mostly_left = np.mean(np.minimum(shape, 1 / shape) >= KEPT) >= 0.9
        height, width, fit = side, side, "crop" if mostly_left else "pad"
    return PictureEncoder(height, width, 3 if _any_colors(pictures, rows) else 1, fit)


def read_pictures(
    encoder: Encoder, paths: Any
) -> tuple[UInt8[np.ndarray, "kept ..."], Int[np.ndarray, " kept"], tuple[tuple[str, str], ...]]:
    """Read files of pictures, several at once, as one array.

    Args:
        encoder: what makes an array of a file.
        paths: the files.

    Returns:
        The pictures that could be read, their places among the paths, and the other files with the reasons.

    Raises:
        DataError: they would not fit in memory (which is reckoned before they are read), or none of them can be read.
    """
    paths = tuple(paths)
    if isinstance(encoder, PictureEncoder):
        check_memory(len(paths), encoder)
    arrays, kept, skipped = each(encoder, paths)
    if not arrays:
        listed = "; ".join(f"{path}: {why}" for path, why in skipped[:3])
        raise DataError(f"None of {len(paths):,} pictures can be read ({listed}{'; ...' if len(skipped) > 3 else ''}).")
    return np.stack(arrays), kept, skipped


def check_memory(count: int, encoder: PictureEncoder) -> None:
    """Raise `DataError` when so many pictures take more than half of the memory that is free."""
    needed, free = count * encoder.height * encoder.width * encoder.channels, free_memory()
    # Half, for the arrays exist twice while they are put together, and on a CPU again in training.
    if free is not None and 2 * needed > free:
        smaller = int(max(encoder.height, encoder.width) * math.sqrt(free / (2 * needed)))
        raise DataError(
            f"{count:,} pictures of {encoder.height} x {encoder.width} pixels take {needed / 1e9:.1f} GB, and as much "
            f"again for training; {free / 1e9:.1f} GB are free. Take size={max(LEAST, smaller)} or fewer pictures."
        )


def free_memory() -> int | None:
    """Return how many bytes of memory are free for this process, as Linux tells; None where it is not known."""
    free = []
    try:
        free.append(_amount(Path("/proc/meminfo"), "MemAvailable:") * 1024)
        group = Path("/sys/fs/cgroup")  # the limit of a container; what files are cached there can be given up
        free.append(int((group / "memory.max").read_text()) - _amount(group / "memory.stat", "anon"))
    except (OSError, ValueError, StopIteration):  # another system, or no limit ("max")
        pass
    return min(free) if free else None


def _amount(path: Path, name: str) -> int:
    """Return the number beside a name in one of the system's files."""
    return int(next(line.split()[1] for line in path.read_text().splitlines() if line.split()[0] == name))


def _rectangle(side: int, shape: float) -> tuple[int, int]:
    """Return height and width of a picture with a longer side and a shape (width / height)."""
    height, width = (side / shape, side) if shape >= 1 else (side, side * shape)
    return max(1, round(height)), max(1, round(width))


def _resized(picture: Any, width: int, height: int, box: tuple[float, float, float, float] | None = None) -> Any:
    from PIL import Image  # noqa: PLC0415

    box = (0, 0, picture.width, picture.height) if box is None else box
    if (width, height) == picture.size and box == (0, 0, width, height):
        return picture
    shrinks = width < box[2] - box[0] or height < box[3] - box[1]
    return picture.resize((width, height), Image.Resampling.HAMMING if shrinks else Image.Resampling.BILINEAR, box)


def _whole(length: float, most: int) -> int:
    return min(max(round(length), 1), most)


def _border(picture: Any) -> tuple[int, ...]:
    """Return the mean colour along the edges."""
    pixels: Float[np.ndarray, "height width channels"] = np.atleast_3d(np.asarray(picture, np.float64))
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(round(value) for value in edges.mean(axis=0).tolist())


def _any_colors(pictures: Pictures, rows: Int[np.ndarray, " rows"] | None) -> bool:
    """Tell whether there are colours: grey pictures are often stored with three equal channels."""
    places = np.arange(len(pictures)) if rows is None else np.sort(rows)
    may = places[pictures.colored[places]]
    some = may[np.linspace(0, len(may) - 1, min(len(may), PEEK)).astype(np.int64)]
    found, _, skipped = each(_is_colored, [pictures.paths[place] for place in some])
    return any(found) or (len(some) > 0 and len(skipped) == len(some))


def _is_colored(path: Path) -> bool:
    return read_picture(path, least=LARGEST).ndim == 3
