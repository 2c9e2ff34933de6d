"""Learn, describe and predict, as Python calls."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import brickwork as bw
from brickwork.core.errors import BundleError, DataError, DivergenceError, SettingError
from brickwork.core.spec import fields_of
from brickwork.services import describe_model, learn, predict
from brickwork.services.learn import settings_help
from brickwork.tasks import Asked, infer_task, prepare
from brickwork.tasks.answers import baseline
from brickwork.train import Model, Recipe

DRAWN = Path(__file__).parent.parent / "data" / "drawn"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def digits(runs):
    return learn("digits", runs=runs, epochs=4)


def test_learning_pictures(digits, runs):
    assert digits.folder == runs / "digits-1"
    assert digits.task.kind == "classes"
    assert "one of 10 classes" in digits.problem.why
    assert digits.scores["accuracy"] > 0.9 > digits.baseline["accuracy"]
    assert digits.baseline["accuracy"] == pytest.approx(0.1, abs=0.02)
    assert digits.test_rows == len(bw.datasets.load("digits").test)
    files = {path.name for path in digits.folder.iterdir()}
    assert files == {"checkpoint", "history.jsonl", "model.brickwork", "report.html", "run.json"}
    assert len((digits.folder / "history.jsonl").read_text().splitlines()) == 4
    loaded = Model.load(digits.path)
    test = bw.datasets.load("digits").test
    assert loaded.evaluate(test)["accuracy"] == digits.scores["accuracy"]
    with pytest.raises(SettingError, match="exists already"):
        learn("digits", runs=runs, name="digits-1")


def test_describing_a_model(digits):
    card = describe_model(digits.path)
    assert card["parameters"] == sum(row["parameters"] for row in card["layers"])
    assert card["layers"][-1]["shape"] == [10]
    assert card["input"] == [8, 8, 1]
    assert card["output"] == [10]
    assert card["data"]["licence"]
    assert card["scores"]["test"] == dict(digits.scores)
    assert card["training"]["epochs"] == 4
    assert "brickwork" in card["written_by"]
    json.dumps(card)
    with pytest.raises(BundleError):
        describe_model(digits.folder / "history.jsonl")


def test_reading_drawn_digits(digits):
    pictures = sorted(DRAWN.glob("*.png"))
    assert pictures
    answers = predict(digits.path, pictures)
    assert [answer.source for answer in answers] == [str(path) for path in pictures]
    for answer in answers:
        assert answer.answer == answer.ranking[0][0]
        assert answer.probability == pytest.approx(answer.ranking[0][1])
        assert sum(p for _, p in answer.ranking) == pytest.approx(1, rel=1e-5)
        assert [p for _, p in answer.ranking] == sorted((p for _, p in answer.ranking), reverse=True)


def test_a_test_picture_saved_as_a_file(digits, tmp_path):
    test = bw.datasets.load("digits").test
    row = int(np.flatnonzero(Model.load(digits.path).predict(test.inputs) == test.targets)[0])
    picture = Image.fromarray((255 - test.inputs[row, :, :, 0] * 15.9).astype(np.uint8)).resize((80, 80))
    picture.save(tmp_path / "digit.png")
    (answer,) = predict(digits.path, [tmp_path / "digit.png"])
    assert answer.answer == test.targets[row]


def test_things_that_cannot_be_predicted(digits, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for source, text in ((tmp_path / "missing.png", "missing.png"), (tmp_path / "text.png", "text.png")):
        with pytest.raises(DataError, match=text):
            predict(digits.path, [source])
    with pytest.raises(DataError, match="nothing to predict"):
        predict(digits.path, [])
    with pytest.raises(BundleError):
        predict(tmp_path / "missing.brickwork", [])


@pytest.mark.slow
def test_a_run_that_diverges_saves_its_best_model(tmp_path):
    with pytest.raises(DivergenceError, match="try a tenth"):
        learn("digits", runs=tmp_path, epochs=5, optimizer="sgd", rate=1e30)
    assert Model.load(tmp_path / "digits-1" / "model.brickwork").variables is not None


def test_tasks_are_inferred():
    for name, kind in (
        ("digits", "classes"),
        ("wine", "classes"),
        ("passes", "classes"),
        ("diabetes", "number"),
        ("flights", "classes"),
    ):
        problem = prepare(name, Asked(source=name))
        task = infer_task(problem)
        assert task.kind == problem.kind == kind
        assert task.net.plan(problem.train[:2].inputs).output.shape == (2, len(problem.names))
        assert task.headline in {metric.name for metric in task.metrics}
        trivial = baseline(problem)
        assert trivial.given.shape == (len(problem.test), len(problem.names))
    with pytest.raises(DataError, match="The training part of 'flights' is empty"):
        infer_task(replace(problem, train=problem.train[:0]))


def test_every_setting_has_a_help_text():
    for spec in (Recipe, Asked):
        texts = settings_help(spec)
        assert set(texts) == {field.name for field in fields_of(spec)}
        assert all(len(text) > 10 for text in texts.values())
