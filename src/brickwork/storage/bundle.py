"""Bundle: a saved model in one file, which can be read without trusting who wrote it.

The file is a zip whose members are stored as they are, none compressed:

    weights.safetensors   the variables, "params/<path>" and "stats/<path>"
    network.json          the network as a spec, and the shapes of its inputs
    extra/<name>.json     further documents: encoder, task, metrics, card...
    brickwork.json        the format and its version, what wrote it, a SHA-256 of every other member

Reading builds registered specs only and runs nothing from the file. Every size is compared with the real size of
the file and with `Limits` before memory is taken for it, and the network is planned against the stored shapes
before a weight is read. Whatever is wrong with a file, it raises `BundleError`.
"""

import hashlib
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from platform import python_version
from typing import Any, BinaryIO, NamedTuple

import jax

from brickwork.core.brick import Brick
from brickwork.core.errors import BundleError, SettingError, ShapeError
from brickwork.core.spec import from_json, to_json
from brickwork.core.variables import Variables
from brickwork.storage import weights
from brickwork.storage.documents import decode_json, encode_json
from brickwork.storage.files import write_atomic
from brickwork.storage.untrusted import bound_numbers, compare, describe, shapes_from

FORMAT = 1

_ABOUT, _NETWORK, _WEIGHTS = "brickwork.json", "network.json", "weights.safetensors"
_MEMBER = re.compile(r"brickwork\.json|network\.json|weights\.safetensors|extra/[a-z0-9_]{1,64}\.json")


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model as it is saved: the network, its variables, an example of its inputs as shapes, and documents.

    `inputs` is a tuple of what `spec` is called with: arrays or `jax.ShapeDtypeStruct` in dicts, tuples, lists and
    `Padded`. `extra` has JSON values by name (encoder, task, metrics...). Reading fills in `format` and `written_by`.
    """

    spec: Brick
    variables: Variables
    inputs: tuple[Any, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT
    written_by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What a reader is ready to take: bytes of weights, bytes and values of all JSON, members, numbers in an input."""

    weights: int = 8 << 30
    documents: int = 32 << 20
    values: int = 2_000_000
    members: int = 64
    inputs: int = 1 << 28


# ------------------------------------------------------------------------------------------------------ writing


def versions() -> dict[str, str]:
    """Return the versions of what writes a file here."""
    return {"brickwork": version("brickwork"), "jax": version("jax"), "python": python_version()}


def save_bundle(path: str | os.PathLike[str], bundle: Bundle) -> None:
    """Save a model, atomically: an old file at this place stays whole until the new one is. Equal in, equal bytes out.

    Raises:
        ShapeError: the variables are not those that the network declares for these inputs.
        SettingError: something is no data, or has a type that cannot be stored.
        StorageError: the file could not be written.
    """
    arrays = weights.named(bundle.variables)
    inputs = [describe(tree) for tree in bundle.inputs]
    try:
        compare(bundle.spec, tuple(shapes_from(tree, Limits().inputs) for tree in inputs), arrays)
    except BundleError as error:
        raise ShapeError(f"The model cannot be saved. {error}") from error
    documents = {_NETWORK: encode_json({"network": to_json(bundle.spec), "inputs": inputs})}
    for name, document in sorted(bundle.extra.items()):
        member = f"extra/{name}.json"
        if not _MEMBER.fullmatch(member):
            raise SettingError(f"{name!r} cannot name a document: use up to 64 of a-z, 0-9 and _.")
        documents[member] = encode_json(document)

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            head, size = weights.header_of(arrays)
            digest = hashlib.sha256(head)
            with archive.open(_entry(_WEIGHTS, len(head) + size), "w") as member:
                member.write(head)
                for array in arrays.values():
                    part = weights.bytes_of(array)
                    digest.update(part)
                    member.write(part)
            digests = {_WEIGHTS: digest.hexdigest()}
            for name, data in documents.items():
                archive.writestr(_entry(name), data)
                digests[name] = hashlib.sha256(data).hexdigest()
            about = {"format": "brickwork", "version": FORMAT, "written_by": versions(), "sha256": digests}
            archive.writestr(_entry(_ABOUT), encode_json(about))

    write_atomic(path, write)


def _entry(name: str, size: int = 0) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # dated 1980, always
    entry.create_system, entry.external_attr, entry.file_size = 3, 0o644 << 16, size
    return entry


# ------------------------------------------------------------------------------------------------------ reading


def load_bundle(path: str | os.PathLike[str], *, limits: Limits = Limits()) -> Bundle:
    """Read a saved model, weights included; raises `BundleError`, whatever is wrong with the file."""
    with _reading(path) as file:
        return _Reader(file, limits).bundle(whole=True)


def read_header(path: str | os.PathLike[str], *, limits: Limits = Limits()) -> Bundle:
    """Read and check all but the weights: `variables` holds their shapes and types instead of arrays."""
    with _reading(path) as file:
        return _Reader(file, limits).bundle(whole=False)


@contextmanager
def _reading(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file; turn everything that a bad one can cause into `BundleError` with its name."""
    try:
        with open(path, "rb", opener=_open_file) as file:
            yield file
    except FileNotFoundError as error:
        raise BundleError(f"There is no file {os.fspath(path)!r}.") from error
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        reason = reason or str(error) or type(error).__name__
        raise BundleError(f"{os.fspath(path)!r} cannot be read as a model. {reason[:2000]}") from error


def _open_file(path: str, flags: int) -> int:
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BundleError("It is not a file.")
    return handle


class _Narrow:
    """A file for `zipfile` that reads at most a megabyte at once: a huge list of members is refused."""

    def __init__(self, file: BinaryIO):
        self.seek, self.tell, self._read = file.seek, file.tell, file.read

    def read(self, size: int = -1) -> bytes:
        if size > 1 << 20:
            raise BundleError("Its list of members is too long.")
        return self._read(size if size >= 0 else 1 << 20)


class _Span(NamedTuple):
    start: int
    size: int


class _Reader:
    """Reads one open bundle."""

    def __init__(self, file: BinaryIO, limits: Limits):
        self.file, self.limits = file, limits
        self.total = os.fstat(file.fileno()).st_size
        try:
            with zipfile.ZipFile(_Narrow(file)) as archive:  # pyright: ignore[reportArgumentType]
                entries = archive.infolist()
        except zipfile.BadZipFile as error:
            raise BundleError("It is no Brickwork model, or its end is missing: it is not a whole zip file.") from error
        if len(entries) > limits.members:
            raise BundleError(f"It has {len(entries)} members; at most {limits.members} are read.")
        self.spans: dict[str, _Span] = {}
        for entry in entries:
            if entry.orig_filename in self.spans:
                raise BundleError(f"It has two members named {entry.orig_filename[:100]!r}.")
            self.spans[entry.orig_filename] = self._span(entry)
        if _ABOUT not in self.spans:
            raise BundleError(f"It is a zip file, but no Brickwork model: it has no {_ABOUT}.")
        about = self._bytes(_ABOUT)
        if zlib.crc32(about) != archive.NameToInfo[_ABOUT].CRC:
            raise BundleError(f"It is damaged: {_ABOUT} is not what was written.")
        self.about = self._json(about, _ABOUT)

    def bundle(self, whole: bool) -> Bundle:
        self._check_about()
        network = self._document(_NETWORK)
        if not isinstance(network, dict) or network.keys() != {"network", "inputs"}:
            raise BundleError(f"{_NETWORK} does not describe a network.")
        bound_numbers(network)
        spec = from_json(network["network"])
        if not isinstance(spec, Brick):
            raise BundleError(f"{_NETWORK} describes a {getattr(spec, 'kind', 'value')}, not a network.")
        if not isinstance(network["inputs"], list):
            raise BundleError("The inputs of the network are not a list.")
        inputs = tuple(shapes_from(tree, self.limits.inputs) for tree in network["inputs"])
        extra = {name[6:-5]: self._document(name) for name in self.spans if name.startswith("extra/")}
        digest = hashlib.sha256()
        tensors = self._tensors(digest)
        compare(spec, inputs, tensors)
        found: dict[str, dict[str, Any]] = {"params": {}, "stats": {}}
        for name, tensor in tensors.items():
            kind, path = name.split("/", 1)
            found[kind][path] = (
                weights.read(self.file, tensor, digest) if whole else jax.ShapeDtypeStruct(tensor.shape, tensor.dtype)
            )
        if whole and digest.hexdigest() != self.about["sha256"][_WEIGHTS]:
            raise _changed(_WEIGHTS)
        variables = Variables(**{kind: dict(sorted(arrays.items())) for kind, arrays in found.items()})
        return Bundle(spec, variables, inputs, extra, self.about["version"], self.about["written_by"])

    def _span(self, entry: zipfile.ZipInfo) -> _Span:
        """Return where the bytes of a member lie; compressed, encrypted or impossible ones are refused."""
        name, size = entry.orig_filename, entry.file_size
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != size or entry.flag_bits & 1:
            raise BundleError(
                f"Its member {name[:100]!r} is compressed ({entry.compress_size} bytes for {size}) or encrypted. "
                "Brickwork stores all members as they are, and unpacks none: such a file could fill the memory."
            )
        if name.startswith(_WEIGHTS) and size > self.limits.weights:
            raise BundleError(
                f"Its weights have {size:,} bytes; at most {self.limits.weights:,} are read. "
                "Pass limits=Limits(weights=...) to read more."
            )
        if not 0 <= entry.header_offset <= self.total - 30:
            raise BundleError("It is truncated or damaged.")
        self.file.seek(entry.header_offset)
        local = self.file.read(30)
        start = (
            entry.header_offset + 30 + int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
        )
        own_name = self.file.read(int.from_bytes(local[26:28], "little"))
        if local[:4] != b"PK\3\4" or local[8:10] != b"\0\0" or own_name != name.encode() or start + size > self.total:
            raise BundleError("It is truncated or damaged.")
        return _Span(start, size)

    def _check_about(self) -> None:
        about = self.about if isinstance(self.about, dict) else {}
        number, digests, written_by = about.get("version"), about.get("sha256"), about.get("written_by")
        if about.get("format") != "brickwork" or type(number) is not int or number < 1:
            raise BundleError(f"It is no Brickwork model: {_ABOUT} does not say so.")
        if number > FORMAT:
            raise BundleError(
                f"It was saved in version {number} of the format; this Brickwork reads version {FORMAT}. "
                "Update Brickwork: pip install --upgrade brickwork."
            )
        for name in self.spans:
            if not _MEMBER.fullmatch(name):
                raise BundleError(f"It has a member {name[:100]!r}, which does not belong there.")
        if not isinstance(digests, dict) or digests.keys() != self.spans.keys() - {_ABOUT}:
            raise BundleError(f"Its members are not those that {_ABOUT} lists.")
        for name in (_NETWORK, _WEIGHTS):
            if name not in self.spans:
                raise BundleError(f"It has no {name}.")
        if not isinstance(written_by, dict) or not all(isinstance(text, str) for text in written_by.values()):
            raise BundleError(f"{_ABOUT} does not say what wrote the model.")
        size = sum(span.size for name, span in self.spans.items() if name != _WEIGHTS)
        if size > self.limits.documents:
            raise BundleError(
                f"Its documents have {size:,} bytes; at most {self.limits.documents:,} are read. "
                "Pass limits=Limits(documents=...) to read more."
            )

    def _bytes(self, name: str) -> bytes:
        start, size = self.spans[name]
        if size > self.limits.documents:
            raise BundleError(f"{name} has {size:,} bytes; at most {self.limits.documents:,} are read.")
        self.file.seek(start)
        return self.file.read(size)

    def _document(self, name: str) -> Any:
        data = self._bytes(name)
        if hashlib.sha256(data).hexdigest() != self.about["sha256"][name]:
            raise _changed(name)
        return self._json(data, name)

    def _json(self, data: bytes, name: str) -> Any:
        try:
            return decode_json(data, max_values=self.limits.values)
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{name} is not the JSON that Brickwork writes: {error}") from error

    def _tensors(self, digest: Any) -> dict[str, weights.Tensor]:
        start, size = self.spans[_WEIGHTS]
        self.file.seek(start)
        first = self.file.read(8)
        length = int.from_bytes(first, "little")
        if size < 8 or length > min(size - 8, self.limits.documents):
            raise BundleError(f"The header of {_WEIGHTS} is longer than it may be.")
        header = self.file.read(length)
        digest.update(first + header)
        return weights.tensors_of(self._json(header, f"The header of {_WEIGHTS}"), size - 8 - length)


def _changed(name: str) -> BundleError:
    return BundleError(f"It is damaged or was changed after it was saved: {name} is not what was written.")
