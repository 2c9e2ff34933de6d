"""The command line: what it prints, its exit codes, and what it says about bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from brickwork.cli.main import run
from brickwork.cli.output import print_json, print_table
from brickwork.data import datasets

DRAWN = Path(__file__).parent.parent / "data" / "drawn"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def model(runs) -> Path:
    """Return a digits model, trained for a few epochs."""
    assert run(["learn", "digits", "--runs", str(runs), "--name", "digits", "--epochs", "3", "--quiet"]) == 0
    return runs / "digits" / "model.brickwork"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "brickwork.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def table(runs) -> Path:
    """Return a small table of flights."""
    path = runs / "flights.csv"
    datasets.table("flights").frame.head(300).write_csv(path)
    return path


QUICK = ["--members", "1", "--epochs", "3"]


def test_learn_prints_the_network_the_scores_and_what_to_do_next(runs, table, capsys):
    tokens = ["learn", str(table), "--target", "delayed", "--by", "airline", "--unsure-below", "0.8"]
    assert run([*tokens, "--runs", str(runs), "--name", "first", *QUICK]) == 0
    output = capsys.readouterr().out
    for text in (
        "flights: 300 rows. To learn: 'delayed'.",
        "this is a question of classes",
        "Columns: 1 date, 3 categories, 5 numbers.",
        "Rows: 210 to train, 45 to validate, 45 to test, split at random, classes in proportion.",
        "parameters",
        "Dense",
        "epoch   1  train/loss",
        "network",
        "most frequent",
        "accuracy",
        "By airline",
        f"test rows are for a person: {runs}/first/unsure.csv",
        f"brickwork show {runs}/first/model.brickwork",
    ):
        assert text in output.replace("\n", "") or text in output, text


def test_answers_for_a_table(runs, table, tmp_path, capsys):
    model = str(runs / "first" / "model.brickwork")
    assert run(["predict", model, str(table), "--unsure-below", "0.6"]) == 0
    output = capsys.readouterr().out
    assert "... and 280 more. Say --out answers.csv" in output
    assert "of 300 answers are less than 60.0% sure" in output
    assert run(["predict", model, str(table), "--out", str(tmp_path / "a.csv")]) == 0
    assert "300 answers are in" in capsys.readouterr().out
    assert (tmp_path / "a.csv").read_text().splitlines()[0].endswith("delayed,answer,probability,p(no),p(yes)")
    assert run(["explain", model, str(table), "--row", "7"]) == 0
    output = capsys.readouterr().out
    assert "row 7: " in output
    assert "a typical row" in output
    assert run(["explain", model, str(table), "--row", "7", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert sum(one["effects"].values()) == pytest.approx(one["number"] - one["typical"], abs=1e-5)
    assert run(["evaluate", model, str(table), "--by", "airline"]) == 0
    output = capsys.readouterr().out
    assert "Tested on 300 rows" in output
    assert "Dragonfly" in output
    assert run(["evaluate", model, str(table), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 300


def test_learn_as_json_and_resume(runs, table, capsys):
    tokens = ["learn", str(table), "-t", "delayed", "--runs", str(runs), "--name", "short", *QUICK, "--json"]
    assert run(tokens) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["task"] == "classes"
    assert document["epochs"] == 3
    assert document["stopped"] == "finished"
    assert "accuracy" in document["test"]
    assert Path(document["model"]).is_file()
    assert Path(document["report"]).is_file()
    assert captured.err == ""
    (runs / "short" / "model.brickwork").unlink()
    assert run(["resume", str(runs / "short"), "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(runs / "short" / "model.brickwork")
    assert (runs / "short" / "model.brickwork").is_file()
    assert len((runs / "short" / "history.jsonl").read_text().splitlines()) == 3


def test_show(model, capsys):
    assert run(["show", str(model)]) == 0
    output = capsys.readouterr().out
    for text in ("Conv", "24", "licence", "tested", "baseline", "written by", "operations to predict one row"):
        assert text in output
    assert run(["show", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["name"] == "digits"
    assert run(["show", str(model), "--quiet"]) == 0
    assert "licence" not in capsys.readouterr().out


def test_brackets_in_data_are_no_markup(capsys):
    print_table("[/b]", ("[red]a", "b"), [("[/yes]", "[bold]x")])
    output = capsys.readouterr().out
    for text in ("[/b]", "[red]a", "[/yes]", "[bold]x"):
        assert text in output
    print_json({"a": [float("nan"), {"b": float("inf")}]})
    assert json.loads(capsys.readouterr().out) == {"a": [None, {"b": None}]}


def test_listing_data_sets(capsys):
    assert run(["datasets"]) == 0
    output = capsys.readouterr().out
    names = {card.name for card in datasets.cards()}
    assert {"digits", "iris", "passes", "flights", "mnist"} <= names
    assert all(name in output.replace("\n", "") for name in names)
    assert run(["datasets", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert {card["name"] for card in cards} == names
    assert all(card["rows"] and card["origin"] and card["licence"] for card in cards)
    assert run(["datasets", "--quiet"]) == 0
    assert set(capsys.readouterr().out.split()) == names


def test_predict_reads_pictures(model, capsys):
    pictures = [str(path) for path in sorted(DRAWN.glob("*.png"))[:3]]
    assert run(["predict", str(model), *pictures]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == pictures
    assert all("% sure" in line for line in lines)
    assert run(["predict", str(model), *pictures, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["source"] for answer in answers] == pictures
    assert all(len(answer["probabilities"]) == 10 for answer in answers)
    assert run(["predict", str(model), pictures[0], "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(answers[0]["answer"])


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["learn", "digit"], "Did you mean 'digits'?"),
        (["learn", "iris", "--epochs", "0"], "'epochs' must be 1 or more, got 0"),
        (["learn", "iris", "--optimizer", "adamm"], "Did you mean 'adam'?"),
        (["learn", "iris", "--group", "petal"], "has no column 'petal'"),
        (["learn", "flights.csv"], "There is no file 'flights.csv'"),
        (["resume", "nowhere"], "not the folder of a run"),
        (["evaluate", "missing.brickwork", "a.csv"], "missing.brickwork"),
        (["explain", "missing.brickwork", "a.csv"], "missing.brickwork"),
        (["show", "missing.brickwork"], "missing.brickwork"),
        (["predict", "missing.brickwork", "a.png"], "missing.brickwork"),
    ],
)
def test_what_cannot_be_done_exits_with_1_and_says_why(tokens, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(tokens) == 1
    captured = capsys.readouterr()
    assert text in captured.err
    assert captured.err.startswith("brickwork: ")
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_bad_pictures(model, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    for path in ("missing.png", "broken.png"):
        assert run(["predict", str(model), str(tmp_path / path)]) == 1
        assert path in capsys.readouterr().err
    assert run(["predict", str(model)]) == 1
    assert "name at least one picture" in capsys.readouterr().err


def test_a_damaged_model(model, tmp_path, capsys):
    (tmp_path / "half.brickwork").write_bytes(model.read_bytes()[:5000])
    for tokens in (["show"], ["predict"]):
        assert run([*tokens, str(tmp_path / "half.brickwork")]) == 1
        assert "half.brickwork" in capsys.readouterr().err


@pytest.mark.parametrize(
    "tokens",
    [["lern", "digits"], ["learn"], ["learn", "iris", "--epoks", "3"], ["learn", "iris", "--epochs", "many"]],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(tokens, capsys):
    assert run(tokens) == 2
    captured = capsys.readouterr()
    assert captured.out + captured.err


@pytest.mark.parametrize("name", ["", "learn", "predict", "evaluate", "explain", "resume", "show", "datasets"])
def test_help_teaches(name, capsys):
    assert run([name, "--help"] if name else ["--help"]) == 0
    output = capsys.readouterr().out
    assert "brickwork" in output
    if name == "learn":
        assert "--batch-size" in output
        assert "--unsure-below" in output
        assert "brickwork learn digits" in output.replace("\n", " ")


@pytest.mark.slow
def test_real_commands(model, tmp_path):
    learned = command("learn", "iris", "--runs", str(tmp_path), "--epochs", "2", "--json")
    assert learned.returncode == 0, learned.stderr
    assert learned.stderr == ""
    path = json.loads(learned.stdout)["model"]
    shown = command("show", path)
    assert shown.returncode == 0, shown.stderr
    assert "Dense" in shown.stdout
    assert command("show", "nowhere").returncode == 1
    assert command("learn", "iris", "--epoks", "3").returncode == 2
    version = command("--version")
    assert version.returncode == 0
    assert version.stdout.strip()[0].isdigit()
