"""Learn, describe and predict, as Python calls."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import brickwork as bw
from brickwork.core.errors import BundleError, DataError, DivergenceError, SettingError, StorageError
from brickwork.data.datasets import Dataset
from brickwork.services import describe_model, learn, predict
from brickwork.services.learn import recipe_help
from brickwork.tasks import infer_task
from brickwork.train import EpochEnded, Model, Recipe

DRAWN = Path(__file__).parent.parent / "data" / "drawn"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def iris(runs):
    return learn("iris", runs=runs, epochs=100)


@pytest.fixture(scope="module")
def digits(runs):
    return learn("digits", runs=runs, epochs=4)


def test_learning_a_table(iris, runs):
    assert iris.folder == runs / "iris-1"
    assert iris.task.kind == "classes"
    assert "3 classes" in iris.task.why
    assert iris.scores["accuracy"] > 0.85 > iris.baseline["accuracy"]
    assert iris.baseline["accuracy"] == pytest.approx(1 / 3, abs=0.1)
    assert iris.test_rows == len(bw.datasets.load("iris").test)
    assert sorted(path.name for path in iris.folder.iterdir()) == [
        "checkpoint",
        "history.jsonl",
        "model.brickwork",
        "run.json",
    ]
    assert len((iris.folder / "history.jsonl").read_text().splitlines()) == 100
    loaded = Model.load(iris.path)
    test = bw.datasets.load("iris").test
    assert loaded.evaluate(test) == iris.scores
    assert set(loaded.predict(test.inputs)) <= set(test.classes)


def test_learning_numbers(runs):
    learned = learn("diabetes", runs=runs, name="my run", epochs=30)
    assert learned.folder == runs / "my run"
    assert learned.task.kind == "number"
    assert learned.baseline["r2"] <= 0.01
    assert set(learned.scores) == {"loss", "rmse", "mae", "r2"}
    data = bw.datasets.load("diabetes")
    assert learned.baseline["rmse"] == pytest.approx(
        np.sqrt(np.mean((data.test.targets - data.train.targets.mean()) ** 2)), rel=1e-5
    )
    with pytest.raises(SettingError, match="exists already"):
        learn("diabetes", runs=runs, name="my run")


def test_every_run_gets_its_own_folder(runs, iris):
    again = learn("iris", runs=runs, epochs=1)
    assert again.folder == runs / "iris-2"


def test_describing_a_model(iris):
    card = describe_model(iris.path)
    assert card["parameters"] == sum(row["parameters"] for row in card["layers"])
    assert card["layers"][-1]["shape"] == [3]
    assert card["input"] == [4]
    assert card["output"] == [3]
    assert card["data"]["licence"]
    assert card["scores"]["test"] == dict(iris.scores)
    assert card["training"]["epochs"] == 100
    assert "brickwork" in card["written_by"]
    json.dumps(card)
    with pytest.raises(BundleError):
        describe_model(iris.folder / "history.jsonl")


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


def test_things_that_cannot_be_predicted(digits, iris, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for source, text in ((tmp_path / "missing.png", "missing.png"), (tmp_path / "text.png", "text.png")):
        with pytest.raises(DataError, match=text):
            predict(digits.path, [source])
    with pytest.raises(DataError, match="nothing to predict"):
        predict(digits.path, [])
    with pytest.raises(SettingError, match="takes rows of numbers, as in 'iris', not files"):
        predict(iris.path, [tmp_path / "text.png"])
    with pytest.raises(BundleError):
        predict(tmp_path / "missing.brickwork", [])


def test_resuming_a_run_that_was_cut_off(tmp_path):
    whole = learn("iris", runs=tmp_path, name="whole", epochs=6)

    class Cut(Exception):  # noqa: N818 - stands for a kill
        pass

    def cut(event: Any) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 3:
            raise Cut

    with pytest.raises(Cut):
        learn("iris", runs=tmp_path, name="cut", epochs=6, checkpoint_seconds=0.0, listeners=[cut])
    assert not (tmp_path / "cut" / "model.brickwork").exists()
    resumed = learn("iris", resume=tmp_path / "cut")
    assert resumed.folder == tmp_path / "cut"
    assert resumed.scores == whole.scores
    for path, value in whole.model.variables.params.items():
        assert np.array_equal(resumed.model.variables.params[path], value)
    with pytest.raises(SettingError, match="learns 'iris', not 'wine'"):
        learn("wine", resume=tmp_path / "cut")
    with pytest.raises(SettingError, match="cannot go on with another recipe"):
        learn("iris", resume=tmp_path / "cut", batch_size=4)
    with pytest.raises(SettingError, match="not the folder of a run"):
        learn("iris", resume=tmp_path)


@pytest.mark.slow
def test_a_run_that_diverges_saves_its_best_model(tmp_path):
    with pytest.raises(DivergenceError, match="try a tenth"):
        learn("iris", runs=tmp_path, epochs=5, optimizer="sgd", rate=1e30)
    assert Model.load(tmp_path / "iris-1" / "model.brickwork").variables is not None


def test_wrong_names_and_places(tmp_path):
    with pytest.raises(SettingError, match="Did you mean 'iris'"):
        learn("irsi", runs=tmp_path)
    with pytest.raises(SettingError, match="Did you mean 'epochs'"):
        learn("iris", runs=tmp_path, epoch=3)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be made"):
        learn("iris", runs=tmp_path / "file")


def test_tasks_are_inferred():
    for name, kind in (
        ("digits", "classes"),
        ("wine", "classes"),
        ("breast_cancer", "classes"),
        ("diabetes", "number"),
    ):
        data = bw.datasets.load(name)
        task = infer_task(data)
        assert task.kind == kind
        assert task.net.plan(data.train.inputs[:2]).output.shape == (2, len(data.card.classes or [0]))
        assert set(task.baseline(data.train, data.test)) <= {metric.name for metric in task.metrics}
        assert task.headline in {metric.name for metric in task.metrics}
    empty = bw.datasets.load("iris")
    with pytest.raises(DataError, match="is empty"):
        infer_task(Dataset(empty.train[:0], empty.valid, empty.test, empty.card))


def test_every_setting_has_a_help_text():
    assert set(recipe_help()) == set(Recipe().settings())
    assert all(len(text) > 10 for text in recipe_help().values())
