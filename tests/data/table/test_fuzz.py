"""Any bytes are a table or a `DataError`; what was written is read; whatever is in known columns is encoded."""

import csv
import io
import re
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from brickwork.core.errors import DataError
from brickwork.core.spec import from_json, to_json
from brickwork.data.table import TableEncoder, delimited, read_table

FEW = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
MANY = settings(FEW, max_examples=1500)

BITS = (
    b"a,b\n", b"1", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b'"', b'""', b" ", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\xe4", b"\xc3\xa4", b"sep=;\n", b"1,5", b"2020-01-31", b"\0", b"x", b"NA", b"1e999", b"{", b"[",
)  # fmt: skip
FILES = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(BITS), max_size=30).map(b"".join))

CONTROL = "\0\x1c\x1d\x1e\x1f"  # blanks to Python, but not to Unicode
NAME = (st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8) | st.just("^a$")).map(
    lambda text: " ".join(text.split())
)
CELL = st.text(st.characters(codec="utf-8", exclude_characters=CONTROL), max_size=8) | st.sampled_from(
    ['"', ",", "\n", "\r\n", "a;b", " x ", "1,5", "ü", "x\ty", '"a",b']
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.tuples(
        st.lists(NAME.filter(str.strip), min_size=width, max_size=width, unique=True),
        st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=6),
    )
)
VALUES = st.one_of(
    st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=5),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5),
    st.lists(st.none() | st.floats(), min_size=1, max_size=5),
    st.lists(st.none() | st.booleans(), min_size=1, max_size=5),
    st.lists(st.none() | st.dates(), min_size=1, max_size=5),
    st.lists(st.none() | st.datetimes(), min_size=1, max_size=5),
    st.lists(st.none() | st.times(), min_size=1, max_size=5),
    st.lists(st.none() | st.timedeltas(), min_size=1, max_size=5),
    st.lists(st.none() | st.decimals(-(10**9), 10**9, places=3), min_size=1, max_size=5),
)


def written(data: bytes, name: str = "x.csv") -> Path:
    path = Path(tempfile.gettempdir()) / f"brickwork-fuzz-{name}"
    path.write_bytes(data)
    return path


def any_bytes(data, suffix):
    path = written(data, f"x{suffix}")
    try:
        table = read_table(path)
    except DataError as error:
        assert "brickwork-fuzz" in str(error)  # noqa: PT017
    else:
        assert len(table) > 0
        assert table.columns
        assert all(name == " ".join(name.split()) != "" for name in table.columns)
    finally:
        path.unlink()


def round_trip(table, separator, end, quoting):
    """What Python's csv wrote comes back, less the blanks around; "text" keeps a cell from being a number."""
    names, rows = table
    if end != "\r\n":
        quoting = csv.QUOTE_ALL  # for Python quotes no line end but its own
    assume("key" not in names and not delimited._are_values(["key", *names]))
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows([["key", *names], *(["word", *(f"text {cell}" for cell in row)] for row in rows)])
    path = written(file.getvalue().encode())
    found = read_table(path, separator=separator).frame
    assert found.columns == ["key", *(f"({name})" if re.fullmatch(r"\*|\^.*\$", name) else name for name in names)]
    assert found.rows() == [("word", *(f"text {cell}".strip() for cell in row)) for row in rows]


def exact_as_fast(table, separator):
    """The two ways to read delimited text give the same frame, and refuse the same."""
    names, rows = table
    text = "\n".join(separator.join(row) for row in [names, *rows])
    path = written(text.encode())
    plain = delimited._is_plain
    found = []
    for way in (plain, lambda *_: False):
        delimited._is_plain = way
        try:
            found.append(
                delimited.read_delimited(path, separator).frame.select(pl.all().str.strip_chars().fill_null(""))
            )
        except DataError as error:
            found.append(str(error))
        finally:
            delimited._is_plain = plain
    assert type(found[0]) is type(found[1])
    assert found[0].equals(found[1]) if isinstance(found[0], pl.DataFrame) else found[0] == found[1]


TRAINED = read_table(
    pl.DataFrame(
        {
            "number": ["1,5", "2,25", "3,0", None] * 5,
            "word": ["a", "b", "3", None] * 5,
            "flag": ["true", "false", None, "true"] * 5,
            "date": ["01/02/2020", "31/12/2020", "05/06/2021", None] * 5,
            "time": ["2020-01-01 12:00", "2020-01-02T13:00Z", None, "2021-01-01 00:00+02:00"] * 5,
            "clock": ["12:30", "1:05", None, "23:59"] * 5,
            "text": [f"some words {n} or {n + 1}" for n in range(20)],
        }
    )
)
ENCODER = TableEncoder.fit(TRAINED, TRAINED.columns)[0]


def any_values(values):
    """Whatever is in the columns, and each row alone as among the others."""
    frame = pl.DataFrame({column.name: pl.Series(values, strict=False) for column in ENCODER.columns})
    whole = ENCODER(read_table(frame))
    assert np.isfinite(whole["numbers"]).all()
    assert (np.abs(whole["numbers"]) <= 3).all()
    assert ((whole["categories"] >= 0) & (whole["categories"] < ENCODER.sizes)).all()
    alone = ENCODER(read_table(frame.slice(len(values) - 1)))
    for name, array in alone.items():
        np.testing.assert_array_equal(array[0], whole[name][-1])


def any_training(columns):
    """Whatever is learnt from can be stored, and encodes its own rows."""
    size = min(map(len, columns))
    table = read_table(pl.DataFrame({f"c{n}": values[:size] * 3 for n, values in enumerate(columns)}, strict=False))
    try:
        fitted, judged = TableEncoder.fit(table, table.columns)
    except DataError:
        return
    assert len(judged) == len(columns)
    again = from_json(to_json(fitted))
    for name, array in fitted(table).items():
        assert np.isfinite(array).all()
        np.testing.assert_array_equal(again(table)[name], array)


SUFFIX = st.sampled_from([".csv", ".csv", ".csv", ".jsonl", ".json", ".parquet", ".arrow", ".csv.gz"])
SEPARATOR = st.sampled_from(",;\t|")
END = st.sampled_from(["\n", "\r\n", "\r"])
QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
CHECKS = [
    (any_bytes, FILES, SUFFIX),
    (round_trip, TABLES, SEPARATOR, END, QUOTING),
    (exact_as_fast, TABLES, SEPARATOR),
    (any_values, VALUES),
    (any_training, st.lists(VALUES, min_size=1, max_size=3)),
]


@pytest.mark.parametrize(("check", "strategies"), [(check, strategies) for check, *strategies in CHECKS])
def test_a_few(check, strategies):
    FEW(given(*strategies)(check))()


@pytest.mark.slow
@pytest.mark.parametrize(("check", "strategies"), [(check, strategies) for check, *strategies in CHECKS])
def test_many(check, strategies):
    MANY(given(*strategies)(check))()
