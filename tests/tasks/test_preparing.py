"""From a file and a question to a problem: what is split, encoded, warned of; and what is refused, in which words."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from brickwork.core.errors import DataError, SettingError
from brickwork.tasks import Asked, prepare

ROWS = 120


def columns() -> dict[str, list]:
    """Return a small table of shop visits: who buys is decided by minutes and city."""
    drawn = np.random.default_rng(0)
    minutes = drawn.integers(1, 60, ROWS)
    city = drawn.choice(["Oslo", "Rome", "Lima"], ROWS)
    bought = (minutes > 30) ^ (city == "Rome") ^ (drawn.random(ROWS) < 0.1)
    return {
        "visitor": [f"v{n // 3:02}" for n in range(ROWS)],
        "day": [f"2024-0{1 + n // 30}-{1 + n % 28:02}" for n in range(ROWS)],
        "minutes": minutes.tolist(),
        "city": city.tolist(),
        "bought": np.where(bought, "yes", "no").tolist(),
    }


def written(path: Path, separator: str = ",", encoding: str = "utf-8", **changes) -> Path:
    """Write the table, with some columns changed or added, as text."""
    table = {**columns(), **changes}
    lines = [separator.join(table), *(separator.join(map(str, row)) for row in zip(*table.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def asked(**settings) -> Asked:
    return Asked(**{"source": "", "target": ("bought",), **settings})


@pytest.fixture
def visits(tmp_path) -> Path:
    return written(tmp_path / "visits.csv")


def test_a_table_of_all_kinds(visits):
    problem = prepare(visits, asked())
    assert (problem.kind, problem.labels, problem.targets) == ("classes", ("no", "yes"), ("bought",))
    assert "one of 2 words" in problem.why
    assert [len(part) for part in (problem.train, problem.valid, problem.test)] == [84, 18, 18]
    kinds = {column.name: column.kind for column in problem.columns}
    assert kinds == {"visitor": "category", "day": "date", "minutes": "number", "city": "category"}
    assert problem.split == "at random, classes in proportion"
    assert problem.notes == ()
    assert problem.warnings == ("Only 18 rows are tested on: scores are rough guesses.",)
    rows = np.concatenate([problem.rows[part] for part in ("train", "valid", "test")])
    assert sorted(rows.tolist()) == list(range(ROWS))
    truth = [problem.labels[int(answer)] for answer in problem.test.targets]
    assert truth == [columns()["bought"][row] for row in problem.rows["test"]]


def test_what_the_encoder_knows_comes_from_the_training_rows(visits):
    problem = prepare(visits, asked())
    minutes = np.array(columns()["minutes"], float)[problem.rows["train"]]
    (column,) = [column for column in problem.encoder.columns if column.name == "minutes"]
    assert column.median == np.median(minutes)
    words = {columns()["visitor"][row] for row in problem.rows["train"]}
    (column,) = [column for column in problem.encoder.columns if column.name == "visitor"]
    assert set(column.values) <= words


def test_every_format_gives_the_same_problem(tmp_path, visits):
    frame = pl.DataFrame(columns())
    frame.write_csv(tmp_path / "v.tsv", separator="\t")
    frame.write_parquet(tmp_path / "v.parquet")
    frame.write_ndjson(tmp_path / "v.jsonl")
    frame.write_ipc(tmp_path / "v.arrow")
    wanted = prepare(visits, asked())
    for source in (*(tmp_path / f"v.{kind}" for kind in ("tsv", "parquet", "jsonl", "arrow")), frame):
        problem = prepare(source, asked())
        for name, values in wanted.train.inputs.items():
            np.testing.assert_array_equal(problem.train.inputs[name], values)
        np.testing.assert_array_equal(problem.test.targets, wanted.test.targets)


def test_groups_stay_together_and_are_not_learnt_from(visits):
    problem = prepare(visits, asked(group="visitor"))
    visitor = np.array(columns()["visitor"])
    parts = [set(visitor[problem.rows[part]]) for part in ("train", "valid", "test")]
    assert len(set.union(*parts)) == sum(map(len, parts))
    assert "visitor" not in [column.name for column in problem.columns]
    assert "groups of 'visitor'" in problem.split
    assert any("intervals of scores are made of whole groups" in note for note in problem.notes)
    alone = [name if n % 6 else "" for n, name in enumerate(columns()["visitor"])]
    problem = prepare(written(visits.parent / "alone.csv", visitor=alone), asked(group="visitor"))
    assert any("20 rows have none: each is taken as one by itself." in note for note in problem.notes)
    assert len(problem.train) < 90


def test_later_rows_are_tested(visits):
    problem = prepare(visits, asked(time="day"))
    day = np.array(columns()["day"])
    assert max(day[problem.rows["train"]]) < min(day[problem.rows["valid"]])
    assert max(day[problem.rows["valid"]]) < min(day[problem.rows["test"]])
    with pytest.raises(DataError, match=r"'city' holds '.*': rows are split by a date or a number"):
        prepare(visits, asked(time="city"))


def test_columns_that_are_left_out(visits):
    problem = prepare(visits, asked(leave_out=("day", "visitor")))
    assert [column.name for column in problem.columns] == ["minutes", "city"]


def test_rows_without_an_answer_and_columns_that_say_nothing(tmp_path):
    bought = [word if n % 10 else "" for n, word in enumerate(columns()["bought"])]
    path = written(tmp_path / "v.csv", bought=bought, same=["x"] * ROWS, none=[""] * ROWS, copy=columns()["minutes"])
    problem = prepare(path, asked())
    assert len(problem) == ROWS * 9 // 10
    assert "12 of 120 rows have no 'bought' and are left out." in problem.notes
    assert "The columns 'minutes' and 'copy' hold the same." in problem.notes
    why = {column.name: column.why for column in problem.columns if column.kind == "none"}
    assert why == {"same": "every row has the same value ('x')", "none": "it has no values"}


def test_a_column_that_gives_the_answer_away_is_warned_of(tmp_path):
    paid = [f"{7 * n % 50 + 1}.50" if word == "yes" else "" for n, word in enumerate(columns()["bought"])]
    problem = prepare(written(tmp_path / "v.csv", paid=paid), asked())
    _, warning = problem.warnings
    assert "The column 'paid' alone tells the target" in warning
    assert "--leave-out paid" in warning
    assert prepare(tmp_path / "v.csv", asked(leave_out=("paid",))).warnings[1:] == ()


def test_test_rows_that_were_learnt_are_warned_of(tmp_path):
    frame = pl.DataFrame(columns()).head(30)
    problem = prepare(pl.concat([frame] * 4), asked())
    assert any("of the test rows equal a row that was learnt from" in warning for warning in problem.warnings)


def test_mixed_types_separators_and_encodings(tmp_path):
    minutes = [str(n % 37) if n else "unknown" for n in range(ROWS)]
    problem = prepare(
        written(tmp_path / "v.csv", ";", "latin-1", minutes=minutes, city=["Århus", "Köln"] * 60), asked()
    )
    assert {c.name: c.kind for c in problem.columns}["minutes"] == "number"
    assert any("semicolons" in note for note in problem.notes)
    assert any("1 of 120 values" in note and "'minutes'" in note for note in problem.notes), problem.notes
    assert next(c for c in problem.encoder.columns if c.name == "city").values[0] in ("Köln", "Århus")


@pytest.mark.parametrize(
    ("changes", "settings", "text"),
    [
        ({}, {"target": ()}, "Say which column to learn.*'visitor', 'day', 'minutes', 'city', 'bought'"),
        ({}, {"target": ("bougt",)}, "has no column 'bougt'. Did you mean 'bought'"),
        ({}, {"leave_out": ("citi",)}, "has no column 'citi'. Did you mean 'city'"),
        ({}, {"by": ("cty",)}, "has no column 'cty'. Did you mean 'city'"),
        ({}, {"group": "visitr"}, "has no column 'visitr'. Did you mean 'visitor'"),
        ({}, {"leave_out": ("bought",)}, "'bought' is the target and is to be left out"),
        ({}, {"group": "bought"}, "'bought' is the target and is to be the group"),
        ({}, {"target": ("bought", "bought")}, "names a column twice"),
        ({"bought": [f"name {n}" for n in range(ROWS)]}, {}, "120 different values in 120 rows: what names"),
        ({"bought": [f"{n}e30" for n in range(ROWS)]}, {}, "values that are not finite, or beyond 1e.15"),
        ({"bought": ["yes"] * ROWS}, {}, "Every row of .* has the same bought .'yes'.: one class"),
        ({"bought": [""] * ROWS}, {}, "The target 'bought' of .* has no values"),
        ({}, {"leave_out": ("visitor", "day", "minutes", "city")}, "has no column to learn from besides the target"),
        ({}, {"target": ("city",), "question": "number"}, "'city' of .* holds '.*', which is no number"),
        ({"shop": ["one"] * ROWS}, {"group": "shop"}, "There are 1 groups for 3 parts"),
    ],
)
def test_tables_that_cannot_be_learnt(tmp_path, changes, settings, text):
    with pytest.raises((DataError, SettingError), match=text):
        prepare(written(tmp_path / "v.csv", **changes), asked(**settings))


def test_files_that_cannot_be_read(tmp_path, visits, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("a,b\n")
    (tmp_path / "twice.csv").write_text("a,b,a\n1,2,3\n")
    (tmp_path / "few.csv").write_text("a,bought\n1,yes\n2,no\n")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("text")
    for source, text in (
        ("visit.csv", "There is no file 'visit.csv'. Did you mean 'visits.csv'"),
        ("digit", "There is no data set and no file named 'digit'. Did you mean 'digits'"),
        ("empty.csv", "empty: the file has 0 bytes"),
        ("header.csv", "has a line of names and no rows"),
        ("twice.csv", "has several columns named 'a'"),
        ("few.csv", "2 rows are too few to be split"),
        ("torn.parquet", "cannot be read as parquet"),
    ):
        with pytest.raises((DataError, SettingError), match=text):
            prepare(source, asked())
    with pytest.raises(DataError, match="has no pictures"):
        prepare("notes", Asked(source="notes"))
    with pytest.raises(SettingError, match="whose sub-folders are the classes: there is no column 'bought'"):
        prepare("notes", asked())
    with pytest.raises(DataError, match="A table is a file, or a data frame"):
        prepare(3, asked())
    with pytest.raises(DataError, match="is no name of a file"):
        prepare("a" * 5000, asked())


def shapes(folder: Path, count: int = 24) -> Path:
    """Write pictures of bright and dark squares, a folder for each."""
    for label, level in (("bright", 200), ("dark", 40)):
        (folder / label).mkdir(parents=True)
        for n in range(count):
            pixels = np.full((12, 12, 3), level + n, np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{n:02}.png")
    return folder


def test_a_folder_of_pictures(tmp_path):
    folder = shapes(tmp_path / "squares")
    (folder / "dark" / "07.png").write_bytes((folder / "dark" / "07.png").read_bytes()[:45])
    (folder / "dark" / "notes.txt").write_text("no picture")
    problem = prepare(folder, Asked(source="squares"))
    assert (problem.kind, problem.labels, problem.inputs) == ("classes", ("bright", "dark"), "pictures")
    assert len(problem) == 47
    assert problem.train.inputs.shape[1:3] == (12, 12)
    assert any("1 of 48" in note and "07.png" in note for note in problem.notes), problem.notes
    for part in ("train", "valid", "test"):
        examples = getattr(problem, part)
        dark = examples.inputs.reshape(len(examples), -1).mean(1) < 100
        np.testing.assert_array_equal(np.asarray(examples.targets) == 1, dark)
        names = [problem.pictures[row].parent.name for row in problem.rows[part]]
        assert names == [problem.labels[int(target)] for target in examples.targets]
    with pytest.raises(SettingError, match="A folder of pictures has no columns: by= does not fit it"):
        prepare(folder, Asked(source="squares", by=("city",)))


def test_a_table_of_pictures(tmp_path):
    folder = shapes(tmp_path)
    rows = [
        {"file": f"{label}/{n:02}.png", "level": n + (label == "bright") * 160}
        for label in ("bright", "dark")
        for n in range(24)
    ]
    rows.append({"file": "dark/99.png", "level": 3})
    (folder / "levels.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    problem = prepare(folder / "levels.jsonl", Asked(source="", target=("level",), question="number"))
    assert (problem.kind, problem.targets, problem.inputs) == ("number", ("level",), "pictures")
    assert len(problem) == 48
    assert any("dark/99.png" in note for note in problem.notes)
    for part in ("train", "test"):
        examples = getattr(problem, part)
        level = examples.inputs.reshape(len(examples), -1).mean(1)
        np.testing.assert_allclose(np.asarray(examples.targets)[:, 0] + 40, level)
    with pytest.raises(SettingError, match="Say which column to learn"):
        prepare(folder / "levels.jsonl", Asked(source=""))


def test_data_sets_are_tables_and_pictures():
    iris = prepare("iris", Asked(source="iris"))
    assert (iris.inputs, iris.labels) == ("table", ("setosa", "versicolor", "virginica"))
    other = prepare("iris", Asked(source="iris", target=("petal width (cm)",)))
    assert other.kind == "number"
    digits = prepare("digits", Asked(source="digits"))
    assert digits.train.inputs.shape == (1258, 8, 8, 1)
    with pytest.raises(SettingError, match="'digits' holds pictures and their classes, no columns: target="):
        prepare("digits", Asked(source="digits", target=("x",)))
