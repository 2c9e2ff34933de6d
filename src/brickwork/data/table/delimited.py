"""Delimited text as a frame of texts: which separator, which names, and what is wrong with it."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from brickwork.core.errors import DataError
from brickwork.data.table.textfile import read_text

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
ALONE = "\x1f"
"""Stands between the fields of a table of one column: nothing that a person writes."""

SAMPLE = 200
"""How many lines are looked at to guess what divides them."""

NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Delimited:
    """A table of texts and how it was written: what was guessed is said, so that a wrong guess is seen.

    `frame` has the fields as they were written, null or blank where nothing was.
    """

    frame: pl.DataFrame
    encoding: str
    separator: str


def read_delimited(path: Path, separator: str | None = None, encoding: str | None = None) -> Delimited:
    """Return a table of texts from a file of delimited text.

    The separator is the one that divides the first lines most evenly, or what a first line `sep=;` says. Lines that
    are blank, or hold separators only, are left out. A separator at the end of every line, and a first column
    without a name (R and pandas write the names of the rows there), are understood.

    Raises:
        DataError: no text, no rows, no names or names used twice, a quote that is never closed, lines of different
            lengths (naming the first).
    """
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise DataError(f"A separator is one character, such as ',' or '\\t'; got {separator!r}.")
    data, encoding = read_text(path, encoding)
    start, told = _begin(data)
    separator = separator or told
    with _long_fields():
        lines = _lines(data[start:])
        _require_table(path, lines)
        separator = separator or _separator(path, lines)
        names = _names(path, lines, separator)
        plain = data[start:].strip(b"\r\n")
        if _is_plain(plain, separator, len(names)):
            frame = _parsed(path, plain, separator)
        else:
            frame = _parsed(path, _rewritten(path, data, start, separator, names), ",")
    frame = _without_blank_rows(frame.slice(1))
    if frame.height == 0:
        raise DataError(f"{path} has a line of names and no rows below it.")
    columns = [
        column.alias(name or f"column {number}")
        for number, (name, column) in enumerate(zip(names, frame.get_columns(), strict=True), 1)
        if name or not _blank(column).all()
    ]
    return Delimited(pl.DataFrame(columns), encoding, separator)


def _without_blank_rows(frame: pl.DataFrame) -> pl.DataFrame:
    maybe = _blank(frame.to_series(0))  # few rows, as a rule, that are then looked at whole
    if not maybe.any():
        return frame
    rows = frame.filter(maybe).select(pl.all_horizontal(_blank(pl.all()))).to_series()
    blank = np.flatnonzero(maybe.to_numpy())[rows.to_numpy()]
    keep = np.ones(frame.height, bool)
    keep[blank] = False
    return frame.filter(keep)


def _blank(texts: Any) -> Any:
    return texts.str.strip_chars().fill_null("") == ""


def _begin(data: bytes) -> tuple[int, str | None]:
    """Return where the first line that says something begins, and the separator if Excel's `sep=;` stands before."""
    found = re.match(rb"(?:[ \t]*\r?\n)*(?:\"?sep=([,;\t|:^~ ])\"?[ \t]*\r?\n(?:[ \t]*\r?\n)*)?", data)
    return (found.end(), found[1].decode() if found[1] else None) if found else (0, None)


def _lines(data: bytes) -> list[str]:
    """Return the first lines that are not blank."""
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8", errors="replace", newline="")
    found: list[str] = []
    for line in text:
        if line.strip():
            found.append(line)
        if len(found) == SAMPLE:
            break
    return found


def _require_table(path: Path, lines: list[str]) -> None:
    if not lines:
        raise DataError(f"{path} is empty: there is no line of text in it.")
    first = lines[0].lstrip().lower()
    if first.startswith(("<!doctype", "<html", "<?xml")):
        what = "an XML file" if first.startswith("<?xml") else "a web page"
        raise DataError(f"{path} is {what}, not a table of text: was a page saved in place of the file it links to?")
    if re.match(r'(\[\s*)?\{\s*("|$)|\[\s*$', first):
        raise DataError(f"{path} looks like JSON: give it a name that ends in .json or .jsonl.")


def _fields(lines: list[str], separator: str) -> list[list[str]]:
    return [row for row in csv.reader(lines, delimiter=separator, skipinitialspace=True) if row]


def _separator(path: Path, lines: list[str]) -> str:
    """Return what divides the lines most evenly, the names as the rows; `ALONE` for a table of one column."""

    def evenness(separator: str) -> tuple[float, int]:
        head, *body = _fields(lines, separator)
        width, times = Counter(map(len, body)).most_common(1)[0] if body else (len(head), 1)
        even = times / max(1, len(body)) if width in (len(head), len(head) + 1) else 0.0
        return (even, len(head)) if len(head) > 1 else (0.0, 1)

    best = max(SEPARATORS, key=evenness)
    if evenness(best)[1] > 1:
        return best
    for separator, word in SEPARATORS.items():
        body = _fields(lines[1:], separator)
        width, times = Counter(map(len, body)).most_common(1)[0] if body else (1, 0)
        decimals = separator == "," and all(re.fullmatch(r"\s*[-+]?\d*,\d+\s*", line) for line in lines[1:])
        if width > 1 and times >= 0.9 * len(body) and len(body) > 1 and not decimals:
            raise DataError(
                f"The first line of {path} has one field ({lines[0].strip()[:60]!r}) where the next have {width}, "
                f"divided by {word}. Begin the file with the columns' names, or quote texts that hold {word}."
            )
    return ALONE


def _names(path: Path, lines: list[str], separator: str) -> list[str]:
    """Return the names of the columns from the first line, "" for an unnamed one."""
    head, *body = _fields(lines, separator)
    if not body:
        raise DataError(f"{path} has a line of names and no rows below it.")
    width = Counter(map(len, body)).most_common(1)[0][0]
    if width == len(head) + 1 and width > 2:
        ended = all(not row[-1].strip() for row in body if len(row) == width)
        head = [*head, ""] if ended else ["", *head]
    names = [" ".join(name.split()) for name in head]
    if _are_values(names):
        numbers = [name for name in names if NUMBER.fullmatch(name)]
        raise DataError(
            f"The first line of {path} holds numbers ({' '.join(numbers[:3])}), where the names of the columns should "
            "stand. Add a line of names on top."
        )
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        places = ", ".join(str(number) for number, name in enumerate(names, 1) if name == twice[0])
        raise DataError(f"{path} has several columns named {twice[0]!r} ({places}): rename all but one.")
    return names


def _are_values(names: list[str]) -> bool:
    """Tell whether names are a row of values: numbers that are neither counted (0, 1, 2...) nor years."""
    numbers = [name for name in names if NUMBER.fullmatch(name)]
    if not numbers:
        return False
    if all(name.isdecimal() for name in numbers):
        whole = [int(name) for name in numbers]
        counted = whole == list(range(whole[0], whole[0] + len(whole))) and (len(whole) > 1 or len(names) > 1)
        years = len(set(whole)) == len(whole) and 1900 <= min(whole) <= max(whole) <= 2100
        return not counted and not years and 3 * len(whole) > len(names)
    return True


def _is_plain(data: bytes, separator: str, width: int) -> bool:
    """Tell whether text is of the plainest form, which the fast reader and the exact one read alike.

    That is: lines that end in a line feed, all of the same number of fields, and quotes only around whole fields and
    doubled inside.
    """
    if data.count(b"\r") != data.count(b"\r\n") or not separator.isascii():
        return False
    if not data.partition(b"\n")[0].decode(errors="replace").strip():  # the names come later
        return False
    codes = np.frombuffer(b"\n" + data + b"\n", np.uint8)
    between = codes == ord(separator)
    ends = codes == 10
    quotes = codes == 34
    if quotes.any():
        inside = np.logical_xor.accumulate(quotes)
        places = np.flatnonzero(quotes)
        if inside[-1] or inside[0]:
            return False
        before, after = codes[places[::2] - 1], codes[places[1::2] + 1]
        edge = (10, 34, ord(separator))
        if not (np.isin(before, edge).all() and np.isin(after, (*edge, 13)).all()):
            return False
        between &= ~inside
        ends &= ~inside
    counts = np.searchsorted(np.flatnonzero(between), np.flatnonzero(ends))
    return bool((np.diff(counts) == width - 1).all())


def _rewritten(path: Path, data: bytes, start: int, separator: str, names: list[str]) -> bytes:
    """Return text in the plainest form; raise `DataError` naming the first line that is not like the others."""
    end = "\0"  # in no text: if it is not read as a row of its own, a quote was still open there
    text = chain(io.StringIO(data[start:].decode(), newline=""), [end])
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True)
    before = data[:start].count(b"\n")
    width, begun = len(names), 0

    def rows() -> Iterator[list[str]]:
        nonlocal begun
        yield ["name"] * width
        head, row = True, []
        for row in reader:
            if not any(field.strip() for field in row):
                pass
            elif head:
                head = False
            elif len(row) == width and row[-1][-1:] != end:
                yield row
            elif row != [end]:
                raise DataError(f"{path}, line {before + begun + 1}: {_what_is_wrong(row, width, separator)}")
            begun = reader.line_num

    target = io.StringIO(newline="")
    csv.writer(target, lineterminator="\r\n").writerows(rows())
    return target.getvalue().encode()


def _what_is_wrong(row: list[str], width: int, separator: str) -> str:
    if row[-1].endswith("\0"):
        return "a quote is opened and never closed. Quotes stand around the whole field; one inside is doubled."
    fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
    return (
        f"{fields} where the first line has {width}, divided by {SEPARATORS.get(separator, repr(separator))}. "
        "Look for a stray separator, or quote the text."
    )


def _parsed(path: Path, data: bytes, separator: str) -> pl.DataFrame:
    try:
        return pl.read_csv(io.BytesIO(data), separator=separator, has_header=False, infer_schema=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(f"{path} cannot be read as a table: {str(error).splitlines()[0]}.") from error


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let `csv` read fields of any length, for the time being."""
    before = csv.field_size_limit(1 << 30)
    try:
        yield
    finally:
        csv.field_size_limit(before)
