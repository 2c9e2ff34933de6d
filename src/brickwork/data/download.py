"""Downloading published files into a cache: over https, of known size and SHA-256, whole or not at all."""

import contextlib
import hashlib
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from brickwork.core.errors import DataError, StorageError

SILENCE = 30.0
"""Seconds without a byte after which a server is given up."""

LONGEST = 3600.0
"""Seconds that one file may take in all."""

PART = 1 << 16


@dataclass(frozen=True)
class Published:
    """A file as it was published: where it is to be had, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str
    addresses: tuple[str, ...]


def cache_folder(name: str) -> Path:
    """Return where downloaded files of a data set are kept: under BRICKWORK_DATA, else in the user's cache folder."""
    chosen = os.environ.get("BRICKWORK_DATA")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(chosen) if chosen else home / "brickwork" / "data") / name


def is_whole(path: Path, file: Published) -> bool:
    """Tell whether a file is there and is, byte by byte, the published one."""
    try:
        if path.stat().st_size != file.size:
            return False
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def download(
    file: Published,
    folder: Path,
    *,
    tell: Callable[[str], None] | None = None,
    schemes: Sequence[str] = ("https",),
) -> Path:
    """Return the path of a published file in a folder, downloading it if it is not there yet, or not whole.

    Each address is tried in turn. What arrives goes to a file of another name, is cut off beyond the published size,
    and takes its name only if size and SHA-256 are right; otherwise nothing is left behind.

    Args:
        file: what to get.
        folder: where to; it is made if it is not there.
        tell: told in words what is being downloaded.
        schemes: what addresses, and those that they lead on to, may begin with.

    Raises:
        DataError: no address gives the file, with what each of them said.
        StorageError: the file cannot be written.
    """
    path = folder / file.name
    if is_whole(path, file):
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritten(path, error) from error
    failures: list[str] = []
    for address in file.addresses:
        host = urlsplit(address).netloc
        if tell is not None:
            tell(f"Downloading {file.name} ({file.size / 1e6:.1f} MB) from {host} to {folder}")
        try:
            _fetch(address, path, file, schemes)
        except _RefusedError as refused:
            failures.append(f"{host}: {refused}")
        else:
            return path
    raise DataError("; ".join(failures))


class _RefusedError(Exception):
    """Why an address does not give the file."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to addresses that begin alike only: https may not lead on to http."""

    def __init__(self, schemes: Sequence[str]):
        self.schemes = schemes

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check(newurl, self.schemes)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check(address: str, schemes: Sequence[str]) -> None:
    scheme = urlsplit(address).scheme
    if scheme not in schemes:
        raise _RefusedError(f"it leads to an address that is not {' or '.join(schemes)} ({scheme or address[:40]})")


def _fetch(address: str, path: Path, file: Published, schemes: Sequence[str]) -> None:
    _check(address, schemes)
    opener = urllib.request.build_opener(_Redirects(schemes))
    request = urllib.request.Request(address, headers={"User-Agent": "brickwork", "Accept-Encoding": "identity"})
    begun = time.monotonic()
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with opener.open(request, timeout=SILENCE) as answer, _new(part, path) as target:
            size, digest = 0, hashlib.sha256()
            while data := answer.read(PART):
                size += len(data)
                if size > file.size:
                    raise _RefusedError(f"it gives more than the {file.size:,} bytes that were published")
                if time.monotonic() - begun > LONGEST:
                    raise _RefusedError(f"it took longer than {LONGEST / 60:.0f} minutes")
                digest.update(data)
                _write(target, data, path)
            if size != file.size:
                raise _RefusedError(f"it gives {size:,} of the {file.size:,} bytes that were published")
            if digest.hexdigest() != file.sha256:
                raise _RefusedError("what it gives is not the published file: its SHA-256 is another")
            with contextlib.suppress(OSError):
                os.fsync(target.fileno())
        try:
            part.replace(path)
        except OSError as error:
            raise _unwritten(path, error) from error
    except urllib.error.HTTPError as error:
        raise _RefusedError(f"it answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _RefusedError(
            f"it cannot be reached ({getattr(error.reason, 'strerror', None) or error.reason})"
        ) from error
    except StorageError:
        raise
    except (OSError, HTTPException, ValueError) as error:
        raise _RefusedError(f"the connection broke ({error or type(error).__name__})") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _new(part: Path, path: Path) -> Any:
    try:
        return part.open("xb")
    except OSError as error:
        raise _unwritten(path, error) from error


def _write(target: Any, data: bytes, path: Path) -> None:
    try:
        target.write(data)
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{str(path)!r} could not be written: {error.strerror or error}. BRICKWORK_DATA may name another folder."
    )
