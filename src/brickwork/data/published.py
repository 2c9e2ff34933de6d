"""Published data sets of pictures, read from their own files: MNIST and Fashion-MNIST (IDX), CIFAR-10 (binary).

Files are read from a folder, or from the cache to which they are downloaded. Sizes that a file claims are compared with
what it really holds before memory is taken for them, and nothing in a file is ever run: the Python version of CIFAR-10,
which is made of pickles, is refused.
"""

import gzip
import io
import os
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from brickwork.core.errors import DataError
from brickwork.data.download import Published, cache_folder, download

Pair = tuple[np.ndarray, np.ndarray]
"""Pictures (rows, height, width, channels) in bytes, and their labels (rows,)."""

MOST_ROWS = 1_000_000
PART = 1 << 20

IDX = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
"""Pictures and labels to train on, and to test on."""

CIFAR = tuple(f"data_batch_{number}.bin" for number in range(1, 6)), ("test_batch.bin",)
CIFAR_ROW = 1 + 3 * 32 * 32
CIFAR_ARCHIVE = "cifar-10-binary.tar.gz"
CIFAR_UNPACKED = 256 << 20

_MNIST = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")
_FASHION = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)


def _published(folders: tuple[str, ...], *files: tuple[str, int, str]) -> tuple[Published, ...]:
    return tuple(
        Published(name, size, sha256, tuple(folder + name for folder in folders)) for name, size, sha256 in files
    )


# The MD5 sums that their authors or torchvision state belong to the same files: f68b3c2d..., d53e105e..., 9fb629c4...,
# ec29112d... of MNIST, 8d4fb7e6..., 25c81989..., bef4ecab..., bb300cfd... of Fashion-MNIST, c32a1d4a... of CIFAR-10.
FILES: dict[str, tuple[Published, ...]] = {
    "mnist": _published(
        _MNIST,
        (f"{IDX[0][0]}.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (f"{IDX[0][1]}.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (f"{IDX[1][0]}.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (f"{IDX[1][1]}.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    "fashion_mnist": _published(
        _FASHION,
        (f"{IDX[0][0]}.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (f"{IDX[0][1]}.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (f"{IDX[1][0]}.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (f"{IDX[1][1]}.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
    "cifar10": (
        Published(
            CIFAR_ARCHIVE,
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            (
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
            ),
        ),
    ),
}

INSIDE = {
    "mnist": ("", "raw", "MNIST/raw"),
    "fashion_mnist": ("", "raw", "FashionMNIST/raw"),
    "cifar10": ("", "cifar-10-batches-bin"),
}
"""Where in a folder the files may be: as they were downloaded, or as torchvision keeps them."""


def read_published(
    name: str, folder: str | os.PathLike[str] | None = None, tell: Callable[[str], None] | None = None
) -> tuple[Pair, Pair]:
    """Return the pictures and labels to train on, and those to test on.

    Args:
        name: mnist, fashion_mnist or cifar10.
        folder: where the files are, as they were published (`.gz` or unpacked); without it they are downloaded, once.
        tell: told in words what is being downloaded.

    Raises:
        DataError: files that are missing, damaged or something else; no way to download them.
        StorageError: the cache cannot be written.
    """
    if folder is None:
        where = cache_folder(name)
        try:
            for file in FILES[name]:
                download(file, where, tell=tell)
        except DataError as error:
            raise DataError(_offline(name, str(error))) from error
    else:
        where = Path(folder)
        if not where.is_dir():
            raise DataError(f"There is no folder {str(where)!r} to read {name} from.")
    return _read_cifar(where) if name == "cifar10" else _read_mnist(name, where)


def _offline(name: str, reason: str) -> str:
    files = FILES[name]
    size = sum(file.size for file in files) / 1e6
    addresses = "\n".join(f"    {file.addresses[0]}" for file in files)
    return (
        f"{name} could not be downloaded ({reason}). There are two ways without a connection from here. If you have "
        f"its files ({', '.join(file.name for file in files)}), say in which folder: "
        f'datasets.load("{name}", folder="..."), or '
        f"brickwork learn {name} --files FOLDER. If not, download them by hand ({size:.0f} MB) and do the same:\n"
        f"{addresses}"
    )


# ----------------------------------------------------------------------------------------------------- MNIST: IDX files


def _read_mnist(name: str, folder: Path) -> tuple[Pair, Pair]:
    found = [_find_idx(name, folder, stem) for pair in IDX for stem in pair]
    missing = [stem for stem, path in zip((stem for pair in IDX for stem in pair), found, strict=True) if path is None]
    if missing:
        raise DataError(
            f"{str(folder)!r} lacks {len(missing)} of the 4 files of {name}: {', '.join(missing)} (packed as .gz or "
            "not)."
        )
    paths: list[Any] = found
    return _read_pair(paths[0], paths[1]), _read_pair(paths[2], paths[3])


def _find_idx(name: str, folder: Path, stem: str) -> Path | None:
    for inside in INSIDE[name]:
        for form in (stem, stem.replace("-idx", ".idx")):
            for end in ("", ".gz"):
                path = folder / inside / (form + end)
                if path.is_file():
                    return path
    return None


def _read_pair(pictures: Path, labels: Path) -> Pair:
    read, answers = read_idx(pictures, (28, 28)), read_idx(labels, ()).astype(np.int32)
    if len(read) != len(answers):
        raise DataError(
            f"{pictures} holds {len(read):,} pictures, {labels} {len(answers):,} labels: they do not belong together."
        )
    _check_labels(answers, labels)
    return read[..., None], answers


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return the array of bytes (rows, *shape) that an IDX file holds, packed with gzip or not.

    The file begins with two zero bytes, the type of its numbers (8: bytes), the count of its axes, and the size of each
    axis in four bytes, the highest first; then come the numbers.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", file formats.

    Raises `DataError` for a file that is another, is cut short, or goes on after its end.
    """
    with _opened(path) as file:
        head = _read(file, 4 + 4 * (1 + len(shape)))
        axes = struct.unpack(f">{1 + len(shape)}I", head[4:]) if len(head) == 4 + 4 * (1 + len(shape)) else ()
        if head[:3] != b"\0\0\x08" or head[3:4] != bytes([1 + len(shape)]) or not axes:
            raise DataError(
                f"{path} is no IDX file of {'pictures' if shape else 'labels'}: it begins with {head[:4].hex(' ')}, "
                f"not with 00 00 08 {1 + len(shape):02x}. It may be damaged, or something else."
            )
        rows = axes[0]
        if axes[1:] != shape:
            size = " x ".join(map(str, axes[1:]))
            raise DataError(f"{path} holds pictures of {size} pixels, not of {' x '.join(map(str, shape))}.")
        if not 0 < rows <= MOST_ROWS:
            raise DataError(f"{path} says that it has {rows:,} rows; 1 to {MOST_ROWS:,} are read.")
        wanted = rows * int(np.prod(shape, dtype=np.int64))
        data = _read(file, wanted + 1)
    if len(data) != wanted:
        have = f"{len(data):,}" if len(data) < wanted else f"more than {wanted:,}"
        raise DataError(
            f"{path} says that it has {rows:,} rows, {wanted:,} bytes, but holds {have}. It is damaged: get it again."
        )
    return np.frombuffer(data, np.uint8).reshape(rows, *shape)


# ------------------------------------------------------------------------------------------- CIFAR-10: the binary files


def _read_cifar(folder: Path) -> tuple[Pair, Pair]:
    wanted = [name for part in CIFAR for name in part]
    for inside in INSIDE["cifar10"]:
        if any((folder / inside / name).is_file() for name in wanted):
            missing = [name for name in wanted if not (folder / inside / name).is_file()]
            if missing:
                raise DataError(f"{str(folder / inside)!r} lacks {', '.join(missing)} of CIFAR-10.")
            found = {}
            for name in wanted:
                with _opened(folder / inside / name) as file:
                    found[name] = _records(_read(file, MOST_ROWS * 100), folder / inside / name)
            return _joined(found)
    archive = folder / CIFAR_ARCHIVE
    if archive.is_file():
        return _joined(_unpacked(archive, set(wanted)))
    if any((folder / name).exists() for name in ("data_batch_1", "cifar-10-batches-py", "cifar-10-python.tar.gz")):
        raise DataError(
            f"{str(folder)!r} holds the Python version of CIFAR-10, whose files (pickles) can run programs when they "
            f"are read. Get the binary version: {FILES['cifar10'][0].addresses[0]}"
        )
    raise DataError(
        f"{str(folder)!r} holds neither {CIFAR_ARCHIVE} nor what it unpacks to ({', '.join(wanted)}): the binary "
        "version of CIFAR-10."
    )


def _unpacked(archive: Path, wanted: set[str]) -> dict[str, Pair]:
    """Return the records of the members of an archive; nothing is written to the disk."""
    found: dict[str, Pair] = {}
    try:
        # The whole stream is bounded, so that neither members nor their headers can claim more than there may be.
        with _opened(archive) as file, tarfile.open(fileobj=_Bounded(file, CIFAR_UNPACKED), mode="r|") as members:  # pyright: ignore[reportArgumentType, reportCallIssue]
            for member in members:
                name = member.name.rsplit("/", 1)[-1]
                opened = members.extractfile(member) if member.isreg() and name in wanted else None
                if opened is not None:
                    found[name] = _records(_read(opened, CIFAR_UNPACKED), archive / name)
    except tarfile.TarError as error:
        raise DataError(f"{archive} is damaged or no tar file ({error}): get it again.") from error
    missing = sorted(wanted - found.keys())
    if missing:
        raise DataError(f"{archive} lacks {', '.join(missing)}: get it again.")
    return found


class _Bounded(io.RawIOBase):
    """A stream that ends in an error after so many bytes."""

    def __init__(self, file: Any, most: int):
        self.file, self.left = file, most

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(min(size, PART) if size >= 0 else PART)
        self.left -= len(data)
        if self.left < 0:
            raise DataError(f"{CIFAR_ARCHIVE} unpacks to far more than was published: it is another file.")
        return data


def _records(data: bytes | bytearray, path: Path) -> Pair:
    """Return the pictures and labels of a file: for each a byte for the label, then planes of red, green and blue."""
    if not data or len(data) % CIFAR_ROW:
        raise DataError(
            f"{path} has {len(data):,} bytes, which is not a whole number of pictures of {CIFAR_ROW:,} bytes. It is "
            "damaged or another file: get it again."
        )
    table = np.frombuffer(data, np.uint8).reshape(-1, CIFAR_ROW)
    labels = table[:, 0].astype(np.int32)
    _check_labels(labels, path)
    return np.ascontiguousarray(table[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels


def _joined(found: dict[str, Pair]) -> tuple[Pair, Pair]:
    train, test = (
        tuple(np.concatenate(parts) for parts in zip(*(found[n] for n in names), strict=True)) for names in CIFAR
    )
    return (train[0], train[1]), (test[0], test[1])


# -------------------------------------------------------------------------------------------------------------- reading


def _check_labels(labels: np.ndarray, path: Path) -> None:
    wrong = labels[labels > 9]
    if len(wrong):
        raise DataError(
            f"{path} has {len(wrong):,} labels that are not 0 to 9, such as {wrong[0]}: it is another file."
        )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, packed with gzip or not; turn what a damaged one causes into `DataError`."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.open(raw, "rb") as file:
                    yield file  # pyright: ignore[reportReturnType]
            else:
                yield raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged or cut short ({error}): get it again.") from error
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read(file: Any, size: int) -> bytearray:
    """Return up to so many bytes; memory is taken for what is there, not for what was claimed."""
    data = bytearray()
    while len(data) < size:
        part = file.read(min(PART, size - len(data)))
        if not part:
            break
        data += part
    return data
