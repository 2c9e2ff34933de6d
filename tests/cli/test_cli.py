"""The command line: what it prints, its exit codes, and what it says about bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from brickwork.cli.main import run

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


def test_learn_prints_the_network_the_scores_and_what_to_do_next(runs, capsys):
    assert run(["learn", "iris", "--runs", str(runs), "--name", "first", "--epochs", "20"]) == 0
    output = capsys.readouterr().out
    for text in (
        "150 rows",
        "this is a question of classes",
        "parameters",
        "Dense",
        "epoch   1  train/loss",
        "network",
        "always the most frequent class",
        "accuracy",
        f"brickwork show {runs}/first/model.brickwork",
    ):
        assert text in output.replace("\n", "") or text in output, text
    assert "brickwork predict" not in output  # it takes no files


def test_learn_as_json(runs, capsys):
    assert run(["learn", "iris", "--runs", str(runs), "--epochs", "3", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["task"] == "classes"
    assert document["epochs"] == 3
    assert document["stopped"] == "finished"
    assert set(document["test"]) == {"loss", "accuracy"}
    assert Path(document["model"]).is_file()
    assert captured.err == ""


def test_learn_quietly_prints_the_path_alone(runs, capsys):
    assert run(["learn", "iris", "--runs", str(runs), "--epochs", "2", "-q", "--optimizer", "momentum"]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()


def test_learn_resumes(runs, capsys):
    assert run(["learn", "iris", "--runs", str(runs), "--name", "short", "--epochs", "2", "--quiet"]) == 0
    (runs / "short" / "model.brickwork").unlink()
    capsys.readouterr()
    assert run(["learn", "iris", "--resume", str(runs / "short"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 2
    assert (runs / "short" / "model.brickwork").is_file()
    assert len((runs / "short" / "history.jsonl").read_text().splitlines()) == 2
    assert run(["learn", "iris", "--resume", str(runs / "short"), "--epochs", "4"]) == 1
    assert "cannot go on with another recipe" in capsys.readouterr().err


def test_show(model, capsys):
    assert run(["show", str(model)]) == 0
    output = capsys.readouterr().out
    for text in ("Conv", "24", "licence", "tested", "baseline", "written by", "operations to predict one row"):
        assert text in output
    assert run(["show", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["name"] == "digits"
    assert run(["show", str(model), "--quiet"]) == 0
    assert "licence" not in capsys.readouterr().out


def test_datasets(capsys):
    assert run(["datasets"]) == 0
    output = capsys.readouterr().out
    names = ["digits", "iris", "wine", "breast_cancer", "diabetes"]
    assert all(name in output.replace("\n", "") for name in names)
    assert run(["datasets", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert {card["name"] for card in cards} == set(names)
    assert all(card["rows"] and card["origin"] and card["licence"] for card in cards)
    assert run(["datasets", "--quiet"]) == 0
    assert set(capsys.readouterr().out.split()) == set(names)


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
        (["learn", "iris", "--resume", "nowhere"], "not the folder of a run"),
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


@pytest.mark.parametrize("name", ["", "learn", "predict", "show", "datasets"])
def test_help_teaches(name, capsys):
    assert run([name, "--help"] if name else ["--help"]) == 0
    output = capsys.readouterr().out
    assert "brickwork" in output
    if name == "learn":
        assert "--batch-size" in output
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
