"""Pictures in files: which there are, how large they are, and which of them cannot be read."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Int

from brickwork.core.errors import DataError
from brickwork.data.pictures import quiet, read_header

SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
)  # fmt: skip
"""What files of pictures are recognised by."""

SYSTEM = ("thumbs.db", "desktop.ini", "__macosx")
"""What systems leave in folders, besides hidden files."""

THREADS = min(8, 2 * (os.cpu_count() or 1))

DEEPEST = 50
"""Levels of folders that are looked through."""

T = TypeVar("T")
Skipped = tuple[str, str]
"""A file and why it is left out."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Files of pictures and what is known of them before they are read.

    `labels` are their classes, by the folders that they are in, and `parts` ("train", "valid", "test") those that were
    given; none where folders do not say. `sizes` are (height, width) as shown; `colored` tells which may have colours.
    `rows` are the rows of the table that the paths are from. `skipped` are files that cannot be read, with the reason.
    """

    source: str
    paths: tuple[Path, ...]
    sizes: Int[np.ndarray, "pictures 2"]
    colored: Bool[np.ndarray, " pictures"]
    labels: tuple[str, ...] | None = None
    parts: tuple[str, ...] | None = None
    rows: Int[np.ndarray, " pictures"] | None = None
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes: in the order of their numbers where all are whole numbers, else of the alphabet."""
        found = set(self.labels or ())
        return tuple(sorted(found, key=int if all(name.isdecimal() for name in found) else str))

    def keep(self, places: Int[np.ndarray, " kept"], skipped: Iterable[Skipped] = ()) -> "Pictures":
        """Return the pictures at some places; what else is left out is listed."""

        def at(values: tuple[T, ...] | None) -> tuple[T, ...] | None:
            return None if values is None else tuple(values[place] for place in places)

        return replace(
            self,
            paths=tuple(self.paths[place] for place in places),
            sizes=self.sizes[places],
            colored=self.colored[places],
            labels=at(self.labels),
            parts=at(self.parts),
            rows=None if self.rows is None else self.rows[places],
            skipped=(*self.skipped, *skipped),
        )

    @property
    def left_out(self) -> tuple[str, ...]:
        """How many files were skipped, and the first of them with the reasons, in words; empty where none was."""
        if not self.skipped:
            return ()
        return (skipped_note(self.skipped, len(self) + len(self.skipped)),)


def skipped_note(skipped: Sequence[Skipped], total: int) -> str:
    """Say how many of the pictures were skipped, and the first of them with the reasons."""
    shown = "; ".join(f"{path}: {reason}" for path, reason in skipped[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    are = "is" if len(skipped) == 1 else "are"
    return f"{len(skipped):,} of {total:,} pictures {are} left out: {shown}{more}."


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is one of a picture, by its name."""
    return os.fspath(path).lower().endswith(SUFFIXES)


@dataclass(frozen=True)
class Contents:
    """What lies below a folder: its pictures, other files that may have been meant, and what could not be entered."""

    pictures: tuple[Path, ...]
    others: tuple[Path, ...]
    closed: tuple[Skipped, ...]


def below(folder: Path) -> Contents:
    """Return what lies anywhere below a folder, sorted; hidden files and what systems leave are not seen.

    Links to folders are followed, but not back into a folder that is being looked through, or that it lies in.
    """
    pictures: list[Path] = []
    others: list[Path] = []
    closed: list[Skipped] = []

    def look(place: Path, inside: tuple[str, ...]) -> None:
        try:
            real = os.path.realpath(place)
            if real in inside:
                closed.append((str(place), "it is a link that leads back into itself"))
                return
            if len(inside) > DEEPEST + len(around):
                closed.append((str(place), f"it lies more than {DEEPEST} folders deep"))
                return
            entries = sorted(entries_of(place))
        except OSError as error:
            closed.append((str(place), f"the folder cannot be opened: {error.strerror or error}"))
            return
        for entry in entries:
            if entry.is_dir():
                look(entry, (*inside, real))
            else:
                (pictures if is_picture(entry) else others).append(entry)

    around = tuple(map(str, Path(os.path.realpath(folder)).parents))
    look(folder, around)
    return Contents(tuple(pictures), tuple(others), tuple(closed))


def entries_of(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder, but for hidden files and what systems leave."""
    for entry in folder.iterdir():
        if not entry.name.startswith(".") and entry.name.lower() not in SYSTEM:
            yield entry


def with_headers(source: str, paths: Sequence[Path]) -> tuple[Pictures, Int[np.ndarray, " kept"]]:
    """Return pictures with their sizes, and the places of those whose headers can be read; the others are skipped."""
    headers, kept, skipped = each(read_header, paths)
    sizes = np.array([(header.height, header.width) for header in headers], np.int64).reshape(-1, 2)
    colored = np.array([header.colored for header in headers], bool)
    return Pictures(source, tuple(paths[place] for place in kept), sizes, colored, skipped=skipped), kept


def each(
    read: Callable[[Path], T], paths: Sequence[Path]
) -> tuple[list[T], Int[np.ndarray, " kept"], tuple[Skipped, ...]]:
    """Read every file, several at once; return what was read, the places of those, and the others with the reasons."""

    def one(path: Path) -> Any:
        try:
            return read(path)
        except DataError as error:
            return error

    with quiet(), ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(one, paths))
    kept = [place for place, result in enumerate(found) if not isinstance(result, DataError)]
    skipped = [(str(p), reason(p, e)) for p, e in zip(paths, found, strict=True) if isinstance(e, DataError)]
    return [found[place] for place in kept], np.array(kept, np.int64), tuple(skipped)


def reason(path: Path, error: DataError) -> str:
    """Return what an error says of a file, without the file's name before it."""
    text = str(error).removeprefix(f"{path} ").rstrip(".")
    return "there is no such file" if text.startswith("There is no file") else text
