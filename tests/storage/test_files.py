"""Files are whole or not there; folders that others could write in are refused."""

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from brickwork.core.errors import SettingError, StorageError
from brickwork.storage.documents import decode_json, encode_json
from brickwork.storage.files import append_line, private_folder, write_atomic, write_json

as_root = pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")


def test_bytes_and_functions_are_written(tmp_path):
    write_atomic(tmp_path / "a", b"one")
    assert (tmp_path / "a").read_bytes() == b"one"

    def seek_back(file):
        file.write(b"xx, there")
        file.seek(0)
        file.write(b"Hi")

    write_atomic(str(tmp_path / "a"), seek_back)
    assert (tmp_path / "a").read_bytes() == b"Hi, there"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_new_files_follow_the_umask_and_old_ones_keep_their_mode(tmp_path):
    old = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a", b"")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    (tmp_path / "a").chmod(0o604)
    write_atomic(tmp_path / "a", b"more")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604


def test_links_are_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomic(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"x"


def fails_with(number):
    def write(file):
        file.write(b"half of it")
        file.flush()
        raise OSError(number, os.strerror(number))

    return write


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full.*Free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "only be read"),
        (errno.EACCES, "permission"),
        (errno.EIO, "error"),
    ],
)
def test_a_failure_leaves_what_was_there(tmp_path, number, words):
    path = tmp_path / "a"
    write_atomic(path, b"old")
    with pytest.raises(StorageError, match=f"(?i){words}.*untouched") as caught:
        write_atomic(path, fails_with(number))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_at_the_last_moment_leaves_what_was_there(tmp_path, monkeypatch, step):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    write_atomic(tmp_path / "a", b"old")
    monkeypatch.setattr(*((os, "fsync", fail) if step == "fsync" else (Path, "replace", fail)))
    with pytest.raises(StorageError, match="disk is full"):
        write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_other_exceptions_pass_and_leave_nothing(tmp_path, error):
    def write(file):
        file.write(b"half")
        raise error("stop")

    with pytest.raises(error, match="stop"):
        write_atomic(tmp_path / "a", write)
    assert not list(tmp_path.iterdir())


def test_the_file_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    seen = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (seen.append(stat.S_ISDIR(os.fstat(fd).st_mode)), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (seen.append("replace"), replace(self, to))[1])
    write_atomic(tmp_path / "a", b"x")
    assert seen == [False, "replace", True]


def test_missing_folder_and_folder_of_the_name(tmp_path):
    with pytest.raises(StorageError, match=r"does not exist\. Make it first"):
        write_atomic(tmp_path / "no" / "a", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="is a folder of this name"):
        write_atomic(tmp_path / "folder", b"")
    write_atomic(tmp_path / "file", b"")
    with pytest.raises(StorageError, match="is a file, where a folder is needed"):
        write_atomic(tmp_path / "file" / "a", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@as_root
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="permission"):
        write_atomic(tmp_path / "a", b"")


def test_a_really_full_disk():
    """`/dev/full` answers every write as a full disk does."""
    with pytest.raises(StorageError, match="disk is full"):
        append_line("/dev/full", 1)


def test_readers_see_the_old_or_the_new_file(tmp_path):
    contents = {bytes([n]) * 300_000 for n in range(20)}
    write_atomic(tmp_path / "a", bytes(300_000))
    stop, torn = threading.Event(), []

    def read():
        while not stop.is_set():
            if (tmp_path / "a").read_bytes() not in contents:
                torn.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    for content in sorted(contents):
        write_atomic(tmp_path / "a", content)
    stop.set()
    reader.join()
    assert not torn


def test_killed_while_writing(tmp_path):
    code = """
import os, signal, sys
from brickwork.storage.files import write_atomic
def write(file):
    file.write(b"half"); file.flush(); os.kill(os.getpid(), signal.SIGKILL)
write_atomic(sys.argv[1], write)
"""
    write_atomic(tmp_path / "a", b"old")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=False)
    assert done.returncode == -9
    assert (tmp_path / "a").read_bytes() == b"old"


def test_lines(tmp_path):
    path = tmp_path / "history.jsonl"
    append_line(path, {"epoch": 1, "loss": 0.5})
    append_line(path, {"epoch": 2, "loss": np.float32("nan"), "name": "Zeile\n2 ü"}, fsync=True)
    lines = path.read_bytes().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"epoch": 1, "loss": 0.5},
        {"epoch": 2, "loss": {"number": "nan"}, "name": "Zeile\n2 ü"},
    ]


def test_a_line_after_half_a_line_starts_anew(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b'{"a": 1}\n{"b"')
    append_line(path, 3)
    assert path.read_bytes() == b'{"a": 1}\n{"b"\n3\n'


def test_a_line_that_cannot_be_written_is_taken_back(tmp_path):
    code = """
import resource, signal, sys
from brickwork.storage.files import append_line
from brickwork.core.errors import StorageError
append_line(sys.argv[1], "short")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
try:
    append_line(sys.argv[1], "long" * 50)
except StorageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=True, capture_output=True, text=True)
    assert "could not be written" in done.stdout
    assert (tmp_path / "a").read_bytes() == b'"short"\n'


def test_json_files(tmp_path):
    value = {"b": [1, 2.5, None, True, "ü"], "a": {"x": float("-inf"), "y": np.int64(3)}}
    write_json(tmp_path / "a", value)
    assert decode_json((tmp_path / "a").read_bytes()) == value
    assert list(decode_json((tmp_path / "a").read_bytes())) == ["b", "a"]
    assert json.loads((tmp_path / "a").read_text(), parse_constant=pytest.fail)["a"]["x"] == {"number": "-inf"}
    with pytest.raises(SettingError, match=r"value\.a\[1\].*function"):
        encode_json({"a": [1, lambda: 0]})
    with pytest.raises(SettingError, match="value"):
        encode_json({1: 2})


def test_private_folders(tmp_path):
    folder = private_folder(tmp_path / "cache" / "programs")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert private_folder(folder) == folder
    folder.chmod(0o755)
    private_folder(folder)
    for mode in (0o777, 0o770, 0o702):
        folder.chmod(mode)
        with pytest.raises(StorageError, match=r"Others may write.*chmod go-w"):
            private_folder(folder)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        private_folder(tmp_path / "file")
    with pytest.raises(StorageError):
        private_folder(tmp_path / "file" / "below")


def test_private_folders_of_others(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(StorageError, match="belongs to someone else"):
        private_folder(tmp_path)
