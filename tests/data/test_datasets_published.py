"""Published data sets: read from made-up files in the published formats, whole and damaged, and downloaded."""

import gzip
import hashlib
import io
import struct
import tarfile
import threading
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from brickwork.core.errors import DataError, StorageError
from brickwork.data import datasets
from brickwork.data.download import Published, download
from brickwork.data.published import CIFAR, FILES, IDX, read_idx


def idx(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def pictures():
    random = np.random.default_rng(0)
    return [
        (random.integers(0, 256, (rows, 28, 28), np.uint8), (np.arange(rows) % 10).astype(np.uint8))
        for rows in (60, 20)
    ]


@pytest.fixture
def folder(tmp_path, pictures):
    for names, arrays in zip(IDX, pictures, strict=True):
        for name, array in zip(names, arrays, strict=True):
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    return tmp_path


def rewrite(folder, name, content):
    path = folder / f"{name}.gz"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_mnist_from_a_folder(folder, pictures, name):
    data = datasets.load(name, folder=folder)
    np.testing.assert_array_equal(data.test.inputs[..., 0], pictures[1][0])  # the rows to test on are kept, in order
    np.testing.assert_array_equal(data.test.targets, pictures[1][1])
    assert data.train.inputs.shape == (54, 28, 28, 1)
    assert data.train.inputs.dtype == np.uint8
    both = np.concatenate([data.train.inputs, data.valid.inputs])[..., 0]
    assert sorted(map(bytes, both)) == sorted(map(bytes, pictures[0][0]))
    assert data.card.rows == 80
    assert data.train.classes == data.card.classes
    assert len(datasets.load_all(name, folder=folder)) == 80


def test_unpacked_files_and_the_places_where_others_keep_them(folder, pictures):
    inside = folder / "MNIST" / "raw"
    inside.mkdir(parents=True)
    for name in (name for pair in IDX for name in pair):
        (inside / name.replace("-idx", ".idx")).write_bytes(gzip.decompress((folder / f"{name}.gz").read_bytes()))
        (folder / f"{name}.gz").unlink()
    np.testing.assert_array_equal(datasets.load("mnist", folder=folder).test.targets, pictures[1][1])


def damaged(kind, content):
    """Return the bytes of a file of pictures with something wrong."""
    plain = gzip.decompress(content)
    return {
        "cut packed": content[: len(content) // 2],
        "cut": gzip.compress(plain[:-1]),
        "longer": gzip.compress(plain + b"\0"),
        "magic": gzip.compress(b"\0\0\x0d" + plain[3:]),
        "size": gzip.compress(plain[:8] + struct.pack(">II", 32, 32) + plain[16:]),
        "bits": content[:200] + bytes([content[200] ^ 255]) + content[201:],
        "text": b"<!DOCTYPE html>" + b" " * 100,
        "empty": b"",
    }[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("cut packed", "damaged or cut short"),
        ("cut", "60 rows, 47,040 bytes, but holds 47,039. It is damaged"),
        ("longer", "but holds more than 47,040"),
        ("magic", "is no IDX file of pictures: it begins with 00 00 0d 03, not with 00 00 08 03"),
        ("size", "holds pictures of 32 x 32 pixels, not of 28 x 28"),
        ("bits", "damaged or cut short|but holds"),
        ("text", "is no IDX file of pictures"),
        ("empty", "is no IDX file of pictures"),
    ],
)
def test_a_file_that_is_not_what_it_should_be(folder, kind, message):
    path = rewrite(folder, IDX[0][0], damaged(kind, (folder / f"{IDX[0][0]}.gz").read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        datasets.load("mnist", folder=folder)
    assert str(path) in str(caught.value)


def test_files_that_do_not_belong_together(folder):
    rewrite(folder, IDX[0][1], gzip.compress(idx(np.zeros(59, np.uint8))))
    with pytest.raises(DataError, match=r"holds 60 pictures, .* 59 labels: they do not belong together"):
        datasets.load("mnist", folder=folder)
    rewrite(folder, IDX[0][1], gzip.compress(idx(np.full(60, 12, np.uint8))))
    with pytest.raises(DataError, match="60 labels that are not 0 to 9, such as 12"):
        datasets.load("mnist", folder=folder)
    (folder / f"{IDX[0][1]}.gz").unlink()
    with pytest.raises(DataError, match="lacks 1 of the 4 files of mnist: train-labels-idx1-ubyte "):
        datasets.load("mnist", folder=folder)
    with pytest.raises(DataError, match="There is no folder 'nowhere'"):
        datasets.load("mnist", folder="nowhere")


@pytest.mark.parametrize("rows", [2**32 - 1, 900_000])
def test_claims_take_no_memory(tmp_path, rows):
    path = tmp_path / "claims"
    path.write_bytes(b"\0\0\x08\x03" + struct.pack(">III", rows, 28, 28) + b"\0" * 100)
    tracemalloc.start()
    with pytest.raises(DataError, match="says that it has"):
        read_idx(path, (28, 28))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6


# ------------------------------------------------------------------------------------------------------------- CIFAR-10


def record(label, red, green, blue):
    planes = np.zeros((3, 32, 32), np.uint8)
    planes[:] = np.array([red, green, blue], np.uint8)[:, None, None]
    planes[0, 0, 1] = 77  # red, first row, second column
    return bytes([label]) + planes.tobytes()


@pytest.fixture
def cifar():
    return {
        name: b"".join(record(label, 10 * number, 1, label) for label in range(10))
        for number, name in enumerate(name for part in CIFAR for name in part)
    }


def archive(files, prefix="cifar-10-batches-bin/"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(prefix + name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("packed", [True, False])
def test_cifar_from_a_folder(tmp_path, cifar, packed):
    if packed:
        (tmp_path / "cifar-10-binary.tar.gz").write_bytes(archive({"readme.html": b"hello", **cifar}))
    else:
        for name, content in cifar.items():
            (tmp_path / name).write_bytes(content)
    data = datasets.load("cifar10", folder=tmp_path)
    assert data.train.inputs.shape == (45, 32, 32, 3)
    assert data.test.inputs[3, 0, 0].tolist() == [50, 1, 3]
    assert data.test.inputs[3, 0, 1].tolist() == [77, 1, 3]
    assert data.test.targets.tolist() == list(range(10))
    assert data.card.classes[3] == "cat"
    assert not list(tmp_path.glob("*/*"))  # nothing was unpacked


def test_cifar_that_is_damaged_or_another(tmp_path, cifar):
    path = tmp_path / "cifar-10-binary.tar.gz"
    for content, message in (
        (archive(cifar)[:300], "damaged or cut short|damaged or no tar"),
        (
            archive({**cifar, "test_batch.bin": cifar["test_batch.bin"][:-1]}),
            "30,729 bytes, which is not a whole number",
        ),
        (archive({name: c for name, c in cifar.items() if "3" not in name}), "lacks data_batch_3.bin"),
        (archive({**cifar, "test_batch.bin": b"\x0b" * 3073}), "labels that are not 0 to 9, such as 11"),
        (gzip.compress(b"no tar at all" * 1000), "damaged or no tar file"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            datasets.load("cifar10", folder=tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"holds neither cifar-10-binary.tar.gz nor"):
        datasets.load("cifar10", folder=tmp_path)
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x04}.")
    with pytest.raises(DataError, match=r"holds the Python version of CIFAR-10.*Get the binary version: https"):
        datasets.load("cifar10", folder=tmp_path)


def test_an_archive_that_unpacks_to_too_much(tmp_path, cifar, monkeypatch):
    monkeypatch.setattr("brickwork.data.published.CIFAR_UNPACKED", 4 << 20)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(archive({"more": bytes(5 << 20), **cifar}))
    with pytest.raises(DataError, match="unpacks to far more than was published"):
        datasets.load("cifar10", folder=tmp_path)


# ---------------------------------------------------------------------------------------------------------- downloading

CONTENT = b"the published file" * 5000


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/good":
            self.answer(CONTENT)
        elif self.path == "/other":
            self.answer(CONTENT[::-1])
        elif self.path == "/long":
            self.answer(CONTENT * 50)
        elif self.path == "/short":
            self.answer(CONTENT[:1000], claimed=len(CONTENT))
        elif self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/good")
            self.end_headers()
        else:
            self.send_error(404)

    def answer(self, content, claimed=None):
        self.send_response(200)
        self.send_header("Content-Length", str(claimed or len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):  # quiet
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        running.handle_error = lambda *_: None  # who has seen enough hangs up
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def published(server, *pages):
    digest = hashlib.sha256(CONTENT).hexdigest()
    return Published("file.gz", len(CONTENT), digest, tuple(server + page for page in pages))


def test_a_file_is_downloaded_once_from_the_first_address_that_gives_it(server, tmp_path):
    heard = []
    file = published(server, "missing", "other", "good")
    path = download(file, tmp_path / "new", tell=heard.append, schemes=("http",))
    assert path.read_bytes() == CONTENT
    assert len(heard) == 3
    assert "Downloading file.gz (0.1 MB) from 127.0.0.1" in heard[0]
    assert [entry.name for entry in path.parent.iterdir()] == ["file.gz"]
    assert download(file, tmp_path / "new", tell=heard.append, schemes=("http",)) == path
    assert len(heard) == 3
    path.write_bytes(CONTENT[:-1] + b"x")  # the right size, but another file: downloaded again
    assert download(file, tmp_path / "new", schemes=("http",)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("other", "its SHA-256 is another"),
        ("long", "more than the 90,000 bytes"),
        ("short", "gives 1,000 of the 90,000 bytes|connection broke"),
        ("missing", "answers 404"),
        ("elsewhere", r"leads to an address that is not http \(ftp\)"),
    ],
)
def test_what_is_not_the_published_file_is_refused_and_nothing_is_left(server, tmp_path, page, message):
    with pytest.raises(DataError, match=message):
        download(published(server, page), tmp_path, schemes=("http",))
    assert not list(tmp_path.iterdir())


def test_https_only(server, tmp_path):
    with pytest.raises(DataError, match=r"not https \(http\)"):
        download(published(server, "good"), tmp_path)
    for files in FILES.values():
        for file in files:
            assert len(file.sha256) == 64
            assert len(file.addresses) >= 2
            assert all(address.startswith("https://") for address in file.addresses)


def test_a_cache_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="BRICKWORK_DATA may name another folder"):
        download(published(server, "good"), tmp_path / "file" / "inside", schemes=("http",))


def test_without_a_connection_both_ways_are_said(tmp_path, monkeypatch):
    monkeypatch.setenv("BRICKWORK_DATA", str(tmp_path))
    dead = tuple(Published(f.name, f.size, f.sha256, ("https://127.0.0.1:9/x",)) for f in FILES["mnist"])
    monkeypatch.setitem(FILES, "mnist", dead)
    begun = time.monotonic()
    with pytest.raises(DataError) as caught:
        datasets.load("mnist")
    assert time.monotonic() - begun < 5
    for part in ("cannot be reached", 'datasets.load("mnist", folder="...")', "by hand (12 MB)", IDX[1][1], "https://"):
        assert part in str(caught.value)


def test_what_is_in_the_cache_is_read_without_a_connection(folder, monkeypatch):
    monkeypatch.setenv("BRICKWORK_DATA", str(folder / "cache"))
    (folder / "cache" / "mnist").mkdir(parents=True)
    files = []
    for name in (f"{name}.gz" for pair in IDX for name in pair):
        content = (folder / name).read_bytes()
        (folder / "cache" / "mnist" / name).write_bytes(content)
        files.append(Published(name, len(content), hashlib.sha256(content).hexdigest(), ()))
    monkeypatch.setitem(FILES, "mnist", tuple(files))
    assert len(datasets.load("mnist").test) == 20
