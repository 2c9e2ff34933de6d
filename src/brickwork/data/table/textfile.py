"""Text from files: unpacked, in UTF-8 whatever it was written in; what is no text is named for what it is."""

import gzip
import io
import zlib
from pathlib import Path

from brickwork.core.errors import DataError

MAX_TEXT = 4_000_000_000
"""Most bytes of a text, after unpacking."""

OTHER = (
    (b"\x89PNG", "a picture", "Give a table."),
    (b"\xff\xd8\xff", "a picture", "Give a table."),
    (b"GIF8", "a picture", "Give a table."),
    (b"%PDF", "a PDF document", "Copy its table into a spreadsheet and save that as CSV."),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "Unpack the archive, or save the spreadsheet as CSV."),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or document", "Save it as CSV."),
    (b"PAR1", "a Parquet file", "Give it a name that ends in .parquet."),
    (b"ARROW1", "an Arrow file", "Give it a name that ends in .arrow."),
    (b"SQLite format 3", "a database", "Export the table as CSV."),
    (b"\x89HDF", "an HDF5 file", "Save its table as CSV or Parquet."),
    (b"BZh", "packed with bzip2", "Unpack it first (bunzip2)."),
    (b"\xfd7zXZ", "packed with xz", "Unpack it first (unxz)."),
    (b"(\xb5/\xfd", "packed with zstd", "Unpack it first (unzstd)."),
)
"""How files that are no text begin, what they are, and what to do."""

MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
         (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))  # fmt: skip


def read_text(path: Path, encoding: str | None = None) -> tuple[bytes, str]:
    """Return the text of a file as UTF-8 without a mark, and the name of the encoding it was in.

    Without a name it is that of the mark at the beginning, else UTF-16 where every other byte is zero, else UTF-8,
    else Windows-1252, which cannot fail: a person should be told.

    Raises:
        DataError: a file that cannot be opened, is packed and damaged, or is no text in this encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(path, data)
    for start, what, mend in OTHER:
        if data.startswith(start):
            raise DataError(f"{path} is {what}, not a table of text. {mend}")
    data, name = _decoded(path, data, encoding)
    if b"\0" in data:
        raise DataError(f"{path} is not a table of text: it has zero bytes. A spreadsheet must be saved as CSV first.")
    return data, name


def _unpacked(path: Path, data: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            text = packed.read(MAX_TEXT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is packed, but damaged or cut short: {error}.") from error
    if len(text) > MAX_TEXT:
        raise DataError(f"{path} unpacks to more than {MAX_TEXT:,} bytes.")
    return text


def _decoded(path: Path, data: bytes, encoding: str | None) -> tuple[bytes, str]:
    if encoding is not None:
        return _as_utf8(path, data, encoding, f"is not text in {encoding}"), encoding
    for mark, name in MARKS:
        if data.startswith(mark):
            return _as_utf8(path, data, name, f"begins as {name.upper()} text, but is not"), name.upper()
    head = data[:2000]
    for name, zeros, letters in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if zeros.count(0) > 0.5 * len(zeros) and letters.count(0) == 0:
            return _as_utf8(path, data, name, "looks like UTF-16 text, but is not"), "UTF-16"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
        wrong = text.count("\ufffd")
        if sum(not c.isascii() for c in text) > 10 * wrong:
            return text.encode(), f"UTF-8, of which {wrong} characters are damaged"
        return data.decode("cp1252", errors="replace").encode(), "Windows-1252"
    return data, "UTF-8"


def _as_utf8(path: Path, data: bytes, encoding: str, complaint: str) -> bytes:
    try:
        return data.decode(encoding).removeprefix("\ufeff").encode()
    except LookupError as error:
        raise DataError(f"There is no text encoding {encoding!r}; such as 'utf-8', 'cp1252', 'shift_jis'.") from error
    except UnicodeError as error:
        raise DataError(f"{path} {complaint}: {getattr(error, 'reason', error)}.") from error
