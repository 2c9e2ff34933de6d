"""Files that are whole or not there: atomic writing, lines of JSON, private folders."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from brickwork.core.errors import StorageError
from brickwork.storage.documents import encode_json

_ADVICE = {
    errno.ENOSPC: "the disk is full. Free some space, or choose another folder",
    errno.EDQUOT: "your quota on this disk is used up. Free some space, or choose another folder",
    errno.EFBIG: "the file would be larger than this system allows. Choose another disk, or save less",
    errno.ENOENT: "the folder does not exist. Make it first",
    errno.ENOTDIR: "a part of the path is a file, where a folder is needed. Choose another path",
    errno.EISDIR: "there is a folder of this name. Choose another name",
    errno.EROFS: "the disk can only be read. Choose another folder",
    errno.EACCES: "you have no permission to write there. Choose another folder, or change its permissions",
    errno.EPERM: "you have no permission to write there. Choose another folder, or change its permissions",
}


def write_atomic(path: str | os.PathLike[str], data: bytes | Callable[[BinaryIO], None]) -> None:
    """Write a file so that it is, at any moment and after any crash, either the old one or the whole new one.

    `data` is the content, or a function that writes it to an open file (seekable). It goes to a new file in the
    same folder, to the disk, and only then takes the name. A link is followed; the mode of an old file is kept.

    Raises:
        StorageError: it could not be written; what was there is untouched and nothing is left behind.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            with os.fdopen(handle, "wb") as file:
                if callable(data):
                    data(file)
                else:
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            part.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        raise _storage_error(path, error) from error
    # The new file is in place; some file systems cannot sync a folder, and that loses nothing.
    with contextlib.suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a value as a JSON file, atomically; see `encode_json`."""
    write_atomic(path, encode_json(value, indent=2) + b"\n")


def append_line(path: str | os.PathLike[str], value: Any, *, fsync: bool = False) -> None:
    """Append a value as one line of JSON; a line that cannot be written whole is taken back.

    If the file ends in half a line, as after a killed process, the new one starts on a line of its own.
    """
    line = encode_json(value) + b"\n"
    try:
        with open(path, "ab+", buffering=0) as file:  # noqa: PTH123 (unbuffered: one line is one write)
            size = file.seek(0, os.SEEK_END)
            if size and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                line = b"\n" + line
            try:
                written = file.write(line)
                if written != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if fsync:
                    os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise
    except OSError as error:
        raise _storage_error(path, error) from error


def private_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder that only its owner may enter, or check that an existing one is safe to trust.

    Raises:
        StorageError: it cannot be made, belongs to someone else, or others may write in it: compiled programs in
            it would be run as they are.
    """
    folder = Path(path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        states = [folder.lstat(), folder.stat()]
    except OSError as error:
        raise _storage_error(path, error) from error
    if hasattr(os, "getuid"):
        for state in states:
            if state.st_uid != os.getuid():
                raise StorageError(f"The folder {str(path)!r} belongs to someone else. Choose a folder of your own.")
        if states[1].st_mode & 0o022:
            raise StorageError(f"Others may write in the folder {str(path)!r}. Say: chmod go-w {str(path)!r}")
    return folder


def _storage_error(path: str | os.PathLike[str], error: OSError) -> StorageError:
    advice = _ADVICE.get(error.errno or 0, f"{error.strerror or error}. Choose another folder")
    return StorageError(f"{os.fspath(path)!r} could not be written: {advice}. What was there before is untouched.")
