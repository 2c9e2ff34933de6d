"""Tables are read as people write them: the truth is pandas, Python's csv and datetime, or plainly written here."""

import csv
import datetime as dt
import decimal
import gzip
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from brickwork.core.errors import DataError
from brickwork.data.table import delimited, is_table, read_table

day, moment, clock = dt.date, dt.datetime, dt.time


def columns_of(source, **options):
    table = read_table(source, **options)
    return {name: table.frame[name].to_list() for name in table.columns}


def written(tmp_path: Path, data: str | bytes, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


TWO = {"a": [1, 3], "b": [2, 4]}
LAYOUTS = {
    "plain": ("a,b\n1,2\n3,4\n", TWO),
    "no end of line at the end": ("a,b\n1,2\n3,4", TWO),
    "byte order mark": ("\ufeffa,b\n1,2\n3,4\n", TWO),
    "Windows line ends": ("a,b\r\n1,2\r\n3,4\r\n", TWO),
    "old Macintosh line ends": ("a,b\r1,2\r3,4\r", TWO),
    "mixed line ends": ("a,b\r\n1,2\n3,4\r", TWO),
    "semicolons": ("a;b\n1;2\n3;4\n", TWO),
    "tabs": ("a\tb\n1\t2\n3\t4\n", TWO),
    "bars": ("a|b\n1|2\n3|4\n", TWO),
    "Excel's hint": ("sep=;\r\na;b\r\n1;2\r\n3;4\r\n", TWO),
    "UTF-16": ("a,b\n1,2\n3,4\n".encode("utf-16"), TWO),
    "UTF-16 without a mark": ("a,b\n1,2\n3,4\n".encode("utf-16-be"), TWO),
    "UTF-32": ("a,b\n1,2\n3,4\n".encode("utf-32"), TWO),
    "spaces around": (" a , b \n 1 , 2 \n3,  4\n", TWO),
    "blank lines, and rows of separators": ("\n  \na,b\n\n1,2\n,\n \n3,4\n , \n\n", TWO),
    "a separator after each row": ("a,b\n1,2,\n3,4,\n", TWO),
    "a separator after each line": ("a,b,\n1,2,\n3,4,\n", TWO),
    "all in quotes": ('"a","b"\n"1","2"\n"3","4"\n', TWO),
    "spaces around quotes": ('"a" , "b"\n"1" , "2" \n "3","4"\n', TWO),
    "the index of pandas": (",a\n0,5\n1,6\n", {"column 1": [0, 1], "a": [5, 6]}),
    "row names of R": ("a,b\nx,1,2\ny,3,4\n", {"column 1": ["x", "y"], **TWO}),
    "names that are counted": ("0,1\n1,2\n3,4\n", {"0": [1, 3], "1": [2, 4]}),
    "names that are years": ("k,2019,2020\nx,1,2\n", {"k": ["x"], "2019": [1], "2020": [2]}),
    "names of several lines": ('"a\n b",c\n1,2\n', {"a b": [1], "c": [2]}),
    "a form feed before": ("\f\na\n1\n2\n", {"a": [1, 2]}),
    "names that are patterns to polars": ("*,^b$\n1,x\n2,y\n", {"(*)": [1, 2], "(^b$)": ["x", "y"]}),
    "one column": ("a\n1\n2\n", {"a": [1, 2]}),
    "one column of texts with commas": ("a\nx, y\nz\n", {"a": ["x, y", "z"]}),
    "one column with decimal commas": ("a\n1,5\n2,25\n", {"a": [1.5, 2.25]}),
    "lines, separators and quotes in quotes": ('a,b\n1,"x\n""y"", z"\n', {"a": [1], "b": ['x\n"y", z']}),
    "a quote amidst": ('a,b\n1,5" pipe\n2,x\n', {"a": [1, 2], "b": ['5" pipe', "x"]}),
    "semicolons in quotes": ('a,b\n1,"p;q;r"\n2,"s;t;u"\n', {"a": [1, 2], "b": ["p;q;r", "s;t;u"]}),
}


@pytest.mark.parametrize("label", LAYOUTS)
def test_every_layout_gives_the_same_columns(tmp_path, label):
    data, expected = LAYOUTS[label]
    assert columns_of(written(tmp_path, data)) == expected


VALUES = {
    "whole numbers": (["1", "+2", "-3"], [1, 2, -3]),
    "exact beyond floats": (["9007199254740993", "1", "2"], [2**53 + 1, 1, 2]),
    "fractions": (["1.5", ".5", "1e-3"], [1.5, 0.5, 0.001]),
    "whole fractions": (["1.0", "2.0", "3"], [1, 2, 3]),
    "thousands": (["1,234.50", "12", "1,234,567"], [1234.5, 12, 1234567]),
    "thousands with spaces and apostrophes": (["1 234", "1\u202f234", "1'234.5"], [1234, 1234, 1234.5]),
    "decimal commas": (["1.234,50", "2,5", "1.000"], [1234.5, 2.5, 1000]),
    "percent": (["12%", "1.5 %", "-3%"], [0.12, 0.015, -0.03]),
    "one currency": (["$1,234.50", "-$5", "$ 7"], [1234.5, -5, 7]),
    "a currency behind": (["12,50 €", "3 €", "1.000,00 €"], [12.5, 3, 1000]),
    "two currencies": (["$5", "€5", "$6"], ["$5", "€5", "$6"]),
    "a real minus sign": (["−5", "3", "4"], [-5, 3, 4]),
    "infinite": (["inf", "1e400", "2"], [None, None, 2]),
    "zip codes": (["01234", "12345", "99999"], ["01234", "12345", "99999"]),
    "identifiers": (["1234567890123456789", "2234567890123456789", "1"],) * 2,
    "words among numbers": (["1", "x", "2.50"], ["1", "x", "2.50"]),
    "units": (["5 kg", "6 kg", "7 kg"], ["5 kg", "6 kg", "7 kg"]),
    "addresses": (["1.2.3.4", "5.6.7.8", "9.9.9.9"], ["1.2.3.4", "5.6.7.8", "9.9.9.9"]),
    "true and false": (["TRUE", "False", "true"], [True, False, True]),
    "yes and no": (["Y", "N", "Y"], ["Y", "N", "Y"]),
    "missing": (["NA", " ", "?", "1", "#N/A", "null", "<NA>"], [None, None, None, 1, None, None, None]),
    "dates": (["2020-01-31", "2020-2-1"], [day(2020, 1, 31), day(2020, 2, 1)]),
    "dates with points": (["31.12.2020", "1.2.2020"], [day(2020, 12, 31), day(2020, 2, 1)]),
    "month first": (["12/31/2020", "1/2/2020"], [day(2020, 12, 31), day(2020, 1, 2)]),
    "day first": (["1/2/2020", "31/12/2020"], [day(2020, 2, 1), day(2020, 12, 31)]),
    "years of two digits": (["12/31/99", "1/2/20"], [day(1999, 12, 31), day(2020, 1, 2)]),
    "months as words": (["5 Jan 2020", "06 February 2020"], [day(2020, 1, 5), day(2020, 2, 6)]),
    "American words": (["Jan 5, 2020", "February 6, 2020"], [day(2020, 1, 5), day(2020, 2, 6)]),
    "days of eight digits": (
        ["20200131", "20200201", "19991231"],
        [day(2020, 1, 31), day(2020, 2, 1), day(1999, 12, 31)],
    ),
    "eight digits that are no days": (["20200131", "20201301", "19991231"], [20200131, 20201301, 19991231]),
    "times": (["2020-01-02 03:04", "2020-01-02 13:05"], [moment(2020, 1, 2, 3, 4), moment(2020, 1, 2, 13, 5)]),
    "time zones": (
        ["2020-01-02T03:04:05Z", "2020-01-02T03:04:05.5+02:00", "2020-01-02T03:04:05-0530"],
        [moment(2020, 1, 2, 3, 4, 5), moment(2020, 1, 2, 1, 4, 5, 500_000), moment(2020, 1, 2, 8, 34, 5)],
    ),
    "afternoons": (["1/13/2020 1:04 PM", "1/2/2020 12:04 am"], [moment(2020, 1, 13, 13, 4), moment(2020, 1, 2, 0, 4)]),
    "times of day": (["12:30", "1:05"], [clock(12, 30), clock(1, 5)]),
    "versions": (["1.2.3", "1.2.4"], ["1.2.3", "1.2.4"]),
}


@pytest.mark.parametrize("label", VALUES)
def test_values_are_read_as_what_they_are(tmp_path, label):
    texts, expected = VALUES[label]
    file = io.StringIO()
    csv.writer(file).writerows([["k", "v"], *([str(row % 7), text] for row, text in enumerate(texts))])
    assert columns_of(written(tmp_path, file.getvalue()))["v"] == expected
    if all(isinstance(value, str) for value in texts):  # texts in a frame are read no other way
        assert columns_of(pl.DataFrame({"v": texts}))["v"] == expected


def test_what_was_guessed_is_said(tmp_path):
    path = written(tmp_path, "Größe;am\n1,5;01/02/2020\n2,25;03/04/2020\n".encode("cp1252"))
    table = read_table(path)
    assert table.frame["Größe"].to_list() == [1.5, 2.25]
    assert table.frame["am"].to_list() == [day(2020, 2, 1), day(2020, 4, 3)]
    said = " ".join(table.notes)
    for part in ("Windows-1252", "semicolons", "decimal commas", "day first"):
        assert part in said
    assert not read_table(written(tmp_path, "a,b\n1,2\n")).notes


def test_a_few_words_among_many_numbers_are_missing_and_named(tmp_path):
    rows = [*map(str, range(99)), "broken"]
    table = read_table(written(tmp_path, "\n".join(["a", *rows])))
    assert table.frame["a"].to_list() == [*range(99), None]
    assert "'broken'" in table.notes[0]
    assert "1 of 100" in table.notes[0]
    for too_many in (rows[-40:], [*rows, "also", "not"]):
        assert read_table(written(tmp_path, "\n".join(["a", *too_many]))).frame["a"].dtype == pl.String


def test_one_file_has_one_decimal_sign(tmp_path):
    path = written(tmp_path, "a;b;c\n1,5;1.234;0.5\n2,5;5.678;0.25\n")
    assert columns_of(path) == {"a": [1.5, 2.5], "b": [1234, 5678], "c": [0.5, 0.25]}


def test_damaged_utf8_stays_utf8(tmp_path):
    data = ("a\n" + "äöü" * 20 + "\n").encode() + b"\xff\n"
    table = read_table(written(tmp_path, data))
    assert table.frame["a"].to_list() == ["äöü" * 20, "\ufffd"]
    assert "1 characters are damaged" in table.notes[0]


def test_encoding_and_separator_can_be_given(tmp_path):
    path = written(tmp_path, "名 前\n日本 1\n".encode("shift_jis"))
    assert columns_of(path, encoding="shift_jis", separator=" ") == {"名": ["日本"], "前": [1]}


WRONG = {
    "0 bytes": (b"", "has 0 bytes"),
    "no line of text": (b" \n\n", "no line of text"),
    "no rows": (b"a,b\n", "names and no rows"),
    "blank rows": (b"a,b\n,\n", "names and no rows"),
    "a name twice": (b"a,b, a\n1,2,3\n", "several columns named 'a' (1, 3)"),
    "no names": (b"5.1,3.5,setosa\n4.9,3.0,setosa\n", "holds numbers (5.1 3.5)"),
    "no names, whole numbers": (b"39,State,77516,13\n50,Self,83311,13\n", "Add a line of names on top"),
    "a short line": (b"a,b\n1,2\n\n3\n", "line 4: 1 field where the first line has 2"),
    "a long line": (b"\na,b\n1,2\n3,4,5\n6,7\n", "line 4: 3 fields where the first line has 2"),
    "a title": (b"Report\na;b;c\n1;2;3\n", "('Report') where the next have 3"),
    "an open quote": (b'a,b\n1,2\n3,"x\n4,5\n', "line 3: a quote is opened and never closed"),
    "zero bytes": (b"a,b\n1,\0\n", "zero bytes"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0", "is a picture"),
    "a spreadsheet": (b"PK\x03\x04\0\0", "save the spreadsheet as CSV"),
    "a document": (b"%PDF-1.4\n", "PDF"),
    "a Parquet file": (b"PAR1\0\0", ".parquet"),
    "a web page": (b"\n<!DOCTYPE html><html>\n<body>\n", "web page"),
    "JSON": (b'[\n {"a": 1}]', ".jsonl"),
    "cut UTF-16": (b"\xff\xfea\0b", "begins as UTF-16 text, but is not"),
    "damaged gzip": (gzip.compress(b"a,b\n1,2\n" * 50)[:-9], "damaged or cut short"),
    "a name far too long": (b"x" * 2000 + b",b\n1,2\n", "has 2,000 characters"),
}


@pytest.mark.parametrize("label", WRONG)
def test_wrong_files_are_told_what_is_wrong(tmp_path, label):
    data, message = WRONG[label]
    path = written(tmp_path, data)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_table(path)
    assert "x.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.parquet", b"no", "cannot be read as parquet"),
        ("x.arrow", b"no", "cannot be read as arrow"),
        ("x.jsonl", b'{"a": 1}\n{"a": }\n', "line 2 cannot be read as JSON"),
        ("x.jsonl", b"1\n2\n", "no records"),
        ("x.json", b'{"a": [1, 2]}', "no column to use"),
        ("x.json", b"[" * 100_000, "cannot be read as JSON"),
        ("x.jsonl", b"{}\n", "is empty"),
        ("x.xlsx", b"PK", "save it as CSV"),
    ],
)
def test_wrong_files_of_other_kinds(tmp_path, name, data, message):
    with pytest.raises(DataError, match=message):
        read_table(written(tmp_path, data, name))


def test_what_is_no_table(tmp_path):
    for source, message in [
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "x.csv", "folder .* does not exist"),
        ("https://example.org/x.csv", "download"),
        ("/dev/null", "not a file"),
        ("x" * 5000 + ".csv", "cannot be read"),
        (pl.LazyFrame({"a": [1]}), "collect"),
        (pd.Series([1]), "to_frame"),
        ({"a": [1]}, "got dict"),
        (None, "got NoneType"),
        (pl.DataFrame(), "is empty"),
        (pl.DataFrame({"a": []}), "is empty"),
        (pl.DataFrame({"a": [[1]]}), "no column to use"),
        (pl.DataFrame({"a": [1], "a ": [2]}), "several columns named 'a'"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "several columns named 'a'"),
    ]:
        with pytest.raises(DataError, match=message):
            read_table(source)
    written(tmp_path, "a\n1\n", "flights.csv")
    with pytest.raises(DataError, match=r"Did you mean 'flights\.csv'"):
        read_table(tmp_path / "flihgts.csv")
    for options in ({"separator": "||"}, {"encoding": "none-such"}, {"encoding": "hex"}, {"encoding": "utf-16"}):
        with pytest.raises(DataError):
            read_table(tmp_path / "flights.csv", **options)


def test_a_column_is_found_or_the_nearest_is_named(tmp_path):
    table = read_table(pl.DataFrame({"age": [1, 2], "lists": [[1], [2]]}))
    assert table.column("age").to_list() == [1, 2]
    assert "'lists' is left out" in table.notes[0]
    with pytest.raises(DataError, match="Did you mean 'age'"):
        table.column("aeg")
    with pytest.raises(DataError, match="several values in a cell"):
        table.column("lists")


def test_all_sources_of_a_table_are_the_same_table(tmp_path):
    frame = pl.DataFrame(
        {
            "number": [1.5, None, -2.0],
            "whole": [1, None, 3],
            "word": ["a", "z", "b c"],
            "flag": [True, None, False],
            "date": [day(2020, 1, 31), None, day(2021, 2, 1)],
            "time": [moment(2020, 1, 31, 1, 2, 3), None, moment(2021, 1, 1)],
        }
    )
    frame.write_csv(tmp_path / "x.csv")
    frame.write_csv(tmp_path / "x.tsv", separator="\t")
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress((tmp_path / "x.csv").read_bytes()))
    frame.write_parquet(tmp_path / "x.parquet")
    frame.write_ipc(tmp_path / "x.arrow")
    frame.write_ndjson(tmp_path / "x.jsonl")
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress((tmp_path / "x.jsonl").read_bytes()))
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + frame.write_json().encode())
    theirs = pd.DataFrame(frame.to_dict(as_series=False))
    expected = {name: values.to_list() for name, values in frame.to_dict().items()}
    for source in (frame, theirs, *tmp_path.iterdir()):
        assert isinstance(source, Path) is False or is_table(source)
        assert columns_of(source) == expected, source


def test_frames_of_pandas(tmp_path):
    theirs = pd.DataFrame(
        {
            "category": pd.Categorical([1, 2, None]),  # its owner says that it is one: no number
            "nullable": pd.array([1, None, 3], "Int64"),
            "text": pd.array(["a", None, "1"], "string"),
            "mixed": [1, "x", None],
            "zone": pd.to_datetime(["2020-01-01", "2020-07-01", None]).tz_localize("Europe/Berlin"),
            "span": pd.to_timedelta([1.5, 2, None], "s"),
            "days": [day(2020, 1, 1), None, day(2020, 1, 2)],
            "decimal": [decimal.Decimal("1.5"), None, decimal.Decimal("NaN")],
            "half": np.array([1, 2, np.inf], np.float16),
            "unsigned": np.array([2**64 - 1, 1, 2], np.uint64),
            "huge": [2**70, 1, 2],
            "nothing": [None, None, None],
            "sparse": pd.arrays.SparseArray([0, 0, 1]),
        }
    )
    assert columns_of(theirs) == {
        "category": ["1", "2", None],
        "nullable": [1, None, 3],
        "text": ["a", None, "1"],
        "mixed": ["1", "x", None],
        "zone": [moment(2019, 12, 31, 23), moment(2020, 6, 30, 22), None],
        "span": [1.5, 2.0, None],
        "days": theirs["days"].tolist(),
        "decimal": [1.5, None, None],
        "half": [1.0, 2.0, None],
        "unsigned": [float(2**64), 1.0, 2.0],
        "huge": [str(2**70), "1", "2"],
        "nothing": [None, None, None],
        "sparse": [0, 0, 1],
    }


def test_frames_of_polars():
    frame = pl.DataFrame(
        {
            "decimal": pl.Series([1.5, None]).cast(pl.Decimal(10, 2)),
            "enum": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
            "category": pl.Series(["1", "2"], dtype=pl.Categorical),
            "span": [dt.timedelta(seconds=1.5), None],
            "clock": [clock(1, 2), None],
            "bytes": [b"a", b"b"],
            "struct": [{"a": 1}, None],
            "large": pl.Series([2**100, 1], dtype=pl.Int128),
            "zone": pl.Series([0, 1]).cast(pl.Datetime("ms", "Asia/Tokyo")),
            "nan": [float("nan"), 1.0],
        }
    )
    table = read_table(frame)
    assert {name: table.frame[name].to_list() for name in table.columns} == {
        "decimal": [1.5, None],
        "enum": ["a", "b"],
        "category": ["1", "2"],
        "span": [1.5, None],
        "clock": [clock(1, 2), None],
        "large": [float(2**100), 1.0],
        "zone": [moment(1970, 1, 1), moment(1970, 1, 1, 0, 0, 0, 1000)],
        "nan": [None, 1.0],
    }
    assert set(table.left_out) == {"bytes", "struct"}


def test_records_that_polars_refuses_are_read_by_python(tmp_path):
    path = written(tmp_path, '{"a": 1, "b": true}\n\n{"a": NaN, "c": "x"}\n{"a": 1e400, "b": 2}\n', "x.jsonl")
    assert columns_of(path) == {"a": [1.0, None, None], "b": [1, None, 2], "c": [None, "x", None]}


def test_the_same_numbers_as_pandas(tmp_path):
    draw = np.random.default_rng(0)
    theirs = pd.DataFrame(
        {
            "normal": np.where(draw.random(300) < 0.1, np.nan, draw.normal(size=300)),
            "whole": draw.integers(-(2**62), 2**62, 300),
            "small": 10.0 ** draw.integers(-300, 300, 300),
            "word": draw.choice(["a b", 'say "x"', "line\nbreak", "é,ü"], 300),
        }
    )
    for options in ({}, {"sep": ";", "decimal": ","}, {"quoting": csv.QUOTE_ALL}):
        theirs.to_csv(tmp_path / "x.csv", index=False, **options)
        again = pd.read_csv(tmp_path / "x.csv", **{k: v for k, v in options.items() if k != "quoting"})
        ours = read_table(tmp_path / "x.csv").frame
        for name in ("normal", "whole", "small"):
            np.testing.assert_array_equal(ours[name].to_numpy(), again[name].to_numpy())
        assert ours["word"].to_list() == again["word"].to_list()


def test_the_fast_reader_and_the_exact_one_agree(tmp_path, monkeypatch):
    paths = [written(tmp_path, data, f"{number}.csv") for number, (data, _) in enumerate(LAYOUTS.values())]
    fast = [columns_of(path) for path in paths]
    taken: list[bool] = []
    plain = delimited._is_plain
    monkeypatch.setattr(delimited, "_is_plain", lambda *given: taken.append(plain(*given)))
    assert [columns_of(path) for path in paths] == fast
    assert 10 <= sum(taken) < len(paths)


def test_wide_tables_and_long_fields(tmp_path):
    wide = ",".join(f"c{n}" for n in range(5000)) + "\n" + ",".join(map(str, range(5000))) + "\n"
    table = read_table(written(tmp_path, wide))
    assert table.frame.row(0) == tuple(range(5000))
    limit = csv.field_size_limit()
    long = "x" * 200_000
    assert columns_of(written(tmp_path, f'a,b\n1, "{long}"\n')) == {"a": [1], "b": [long]}
    assert csv.field_size_limit() == limit


def test_rows_of_a_table_keep_what_was_written(tmp_path):
    table = read_table(written(tmp_path, "a;b;c\n1,5;x;01/02/2020\n2,5;y;31/12/2020\n3;z;\n"))
    part = table.rows(np.array([2, 0]))
    assert part.frame.rows() == [(3.0, "z", None), (1.5, "x", day(2020, 2, 1))]
    assert part.written("c").to_list() == [None, "01/02/2020"]
    assert part.written("b").to_list() == ["z", "x"]
    assert part.forms == {"a": ",", "b": ",", "c": "%d/%m/%Y"}
