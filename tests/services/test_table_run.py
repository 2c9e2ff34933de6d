"""From one's own file to a run folder, and from the saved model to answers: what a person does on a first day."""

import json
import sys

import numpy as np
import polars as pl
import pytest

from brickwork.core.errors import BundleError, DataError, SettingError, StorageError
from brickwork.services import evaluate, explain_rows, learn, predict, resume, write_frame
from brickwork.services.runs import read_start
from brickwork.train import EpochEnded, Model
from services.visits import visits, write_visits

OTHERS = ("price", "weight", "tags")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def learned(folder):
    """Return a model of who buys, with an audit and rows for a person."""
    source = write_visits(folder / "visits.csv")
    return learn(
        source,
        "bought",
        runs=folder,
        leave_out=OTHERS,
        by="city",
        unsure_below=0.9,
        members=2,
        epochs=60,
    )


def test_the_run_folder(learned, folder):
    assert learned.folder == folder / "visits-1"
    files = {path.name for path in learned.folder.iterdir()}
    assert files == {"checkpoint", "history.jsonl", "model.brickwork", "report.html", "run.json", "unsure.csv"}
    assert learned.scores["accuracy"] > 0.75 > learned.baseline["accuracy"]
    asked, recipe = read_start(learned.folder)
    assert asked.target == ("bought",)
    assert recipe.epochs == 60


def test_the_report_tells_it_all(learned):
    page = learned.report.read_text()
    for text in ("bought", "minutes", "Oslo", f"{100 * learned.scores['accuracy']:.1f}%", "accuracy", "city"):
        assert text in page, text
    assert "://" not in page.replace("http://www.w3.org", "")  # it opens without a network
    assert len(page) < 700_000


def test_rows_for_a_person(learned):
    unsure = pl.read_csv(learned.folder / "unsure.csv")
    assert unsure.columns[: len(visits().columns)] == visits().columns
    assert (unsure["probability"] < 0.9).all()
    assert unsure["probability"].is_sorted()
    sure = learned.judgement.test.given.max(1)
    assert unsure.height == (sure < 0.9).sum() == len(learned.judgement.unsure)


def test_answers_for_new_rows(learned, tmp_path):
    new = write_visits(tmp_path / "new.csv", 60, seed=1, without=("bought", *OTHERS))
    answers = predict(learned.path, new, below=0.8)
    assert len(answers) == 60
    truth = visits(60, 1)["bought"]
    frame = answers.frame()
    assert frame.columns == ["minutes", "city", "member", "answer", "probability", "p(no)", "p(yes)", "unsure"]
    assert (frame["answer"] == truth).mean() > 0.75
    np.testing.assert_allclose(frame["p(no)"] + frame["p(yes)"], 1, rtol=1e-6)
    assert frame["unsure"].to_list() == [p < 0.8 for p in frame["probability"]]
    first = answers[0]
    assert first.answer == first.ranking[0][0] == frame["answer"][0]
    path = write_frame(tmp_path / "answers.parquet", frame)
    assert pl.read_parquet(path).equals(frame)
    with pytest.raises(SettingError, match=r"give a name that ends in .csv"):
        write_frame(tmp_path / "answers.doc", frame)


def test_columns_in_another_order_more_of_them_words_never_seen(learned, tmp_path):
    new = visits(20, 1)
    wanted = predict(learned.path, new.drop("bought", *OTHERS)).given
    other = new.select("member", "weight", "city", "minutes").with_columns(more=pl.lit("x"))
    np.testing.assert_array_equal(predict(learned.path, other).given, wanted)
    strange = new.with_columns(city=pl.lit("Paris"), minutes=pl.lit("soon"))
    answers = predict(learned.path, strange)
    assert np.isfinite(answers.given).all()
    assert answers.notes == (
        "'minutes' has values that the model did not learn: 'soon'. They count as unknown.",
        "'city' has values that the model did not learn: 'Paris'. They count as unknown.",
    )
    assert predict(learned.path, {"minutes": 50, "city": "Oslo", "member": True})[0].answer == "yes"
    with pytest.raises(DataError, match=r"lacks 1 of the 3 columns .* trained on: 'minutes'. Did you mean 'minute'"):
        predict(learned.path, new.rename({"minutes": "minute"}))
    with pytest.raises(DataError, match="There is no file"):
        predict(learned.path, tmp_path / "none.csv")


def test_testing_it_again_later(learned, tmp_path):
    found = evaluate(learned.path, write_visits(tmp_path / "later.csv", 200, seed=2), by="city")
    assert found.scores[0].name == "accuracy"
    right = predict(learned.path, tmp_path / "later.csv").frame(given_too=False)["answer"] == visits(200, 2)["bought"]
    assert found.scores[0].interval.value == pytest.approx(right.mean())
    assert {group.group for group in found.groups["city"]} == {"Oslo", "Rome", "Lima"}
    assert sum(group.rows for group in found.groups["city"]) == 200
    one_class = visits(200, 2).filter(pl.col("bought") == "yes")
    assert 0 <= evaluate(learned.path, one_class).scores[0].interval.value <= 1
    new = visits(50).with_columns(bought=pl.lit("maybe"))
    with pytest.raises(DataError, match="'bought' of the data frame has 'maybe', which the model has not learnt"):
        evaluate(learned.path, new)
    with pytest.raises(DataError, match="has no column 'bought'"):
        evaluate(learned.path, visits(50).drop("bought"))


def test_row_by_row(learned):
    rows = visits(12, 3)
    found = explain_rows(learned.path, rows, rows=[0, 5])
    answers = predict(learned.path, rows)
    for one, row in zip(found, (0, 5), strict=True):
        assert one.number == pytest.approx(answers[row].probability, abs=1e-6)
        assert one.target == answers[row].answer
        assert sum(part.effect for part in one.contributions) == pytest.approx(one.number - one.typical, abs=1e-5)
        assert {part.column for part in one.contributions} == {"minutes", "city", "member"}
    (no,) = explain_rows(learned.path, rows, rows=[0], output="no")
    assert no.number == pytest.approx(answers.given[0, 0], abs=1e-6)
    with pytest.raises(DataError, match="There is no row 13: the data frame has 12"):
        explain_rows(learned.path, rows, rows=[12])
    with pytest.raises(DataError, match="The model has no answer 'perhaps': it has no, yes"):
        explain_rows(learned.path, rows, output="perhaps")


def test_the_saved_model_gives_the_same_probabilities(learned):
    model = Model.load(learned.path)
    np.testing.assert_array_equal(model.predict_proba(learned.problem.test.inputs), learned.judgement.test.given)
    assert model.extra["calibration"]["temperature"] > 0


def test_numbers_with_intervals(folder, tmp_path):
    learned = learn(visits(), ["price", "weight"], runs=folder, leave_out=("tags",), members=2, epochs=60)
    assert learned.folder == folder / "data-1"
    assert learned.scores["R2"] > 0.7
    answers = predict(learned.path, visits(60, 1))
    frame = answers.frame(given_too=False)
    assert frame.columns == [f"{what} ({name})" for name in ("price", "weight") for what in ("answer", "low", "high")]
    held = (frame["low (price)"] <= visits(60, 1)["price"]) & (visits(60, 1)["price"] <= frame["high (price)"])
    assert held.mean() > 0.7
    assert answers[0].low[0] == pytest.approx(frame["low (price)"][0])
    with pytest.raises(SettingError, match="below= is for probabilities"):
        predict(learned.path, visits(9), below=0.5)


@pytest.mark.slow
def test_labels_at_once(folder):
    learned = learn(visits(), "tags", runs=folder, leave_out=("price", "weight", "bought"), members=2, epochs=60)
    assert learned.problem.kind == "labels"
    answers = predict(learned.path, visits(40, 1))
    assert answers.names == ("far", "long", "short")
    given = answers.frame(given_too=False)["answer"]
    assert (
        given == visits(40, 1)["tags"].map_elements(lambda t: "|".join(sorted(t.split("|"))), pl.String)
    ).mean() > 0.6
    assert isinstance(answers[0].answer, tuple)


def test_resuming(folder, tmp_path):
    settings = {"leave_out": OTHERS, "members": 2, "epochs": 4, "checkpoint_seconds": 0.0}
    source = write_visits(tmp_path / "visits.csv", 120)
    whole = learn(source, "bought", runs=tmp_path, name="whole", **settings)

    class Cut(Exception):  # noqa: N818 - stands for a kill
        pass

    def cut(event):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            raise Cut

    with pytest.raises(Cut):
        learn(source, "bought", runs=tmp_path, name="cut", listeners=[cut], **settings)
    assert not (tmp_path / "cut" / "model.brickwork").exists()
    resumed = resume(tmp_path / "cut")
    assert resumed.scores == whole.scores
    for path, value in whole.model.variables.params.items():
        np.testing.assert_array_equal(resumed.model.variables.params[path], value)
    with pytest.raises(SettingError, match=r"is not the folder of a run: it has no readable run.json"):
        resume(tmp_path)
    with pytest.raises(SettingError, match="learns from a data frame: give it again"):
        resume(folder / "data-1")
    source.unlink()
    with pytest.raises(DataError, match="There is no file"):
        resume(tmp_path / "cut")


def test_wrong_settings_write_nothing(learned, tmp_path):
    with pytest.raises(SettingError, match="unsure_below is for probabilities"):
        learn(visits(60), "price", runs=tmp_path / "runs", unsure_below=0.5)
    with pytest.raises(SettingError, match="below a probability from 0 to 1, got 7"):
        predict(learned.path, visits(5), below=7)
    for settings, text in (
        ({"epoch": 3}, "Did you mean 'epochs'"),
        ({"unsure_below": 2.0}, "unsure_below"),
        ({"members": 0}, "members"),
        ({"time": "minutes", "group": "city"}, "rows are split in one way"),
    ):
        with pytest.raises(SettingError, match=text):
            learn(visits(60), "bought", runs=tmp_path / "runs", **settings)
    assert not (tmp_path / "runs").exists()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be made"):
        learn(visits(60), "bought", runs=tmp_path / "file")


def test_what_was_learnt_is_kept_when_the_report_fails(tmp_path, monkeypatch):
    def fail(*given):
        raise StorageError("the disk is full")

    monkeypatch.setattr(sys.modules["brickwork.services.learn"], "write_run_report", fail)
    learned = learn(visits(90), "bought", runs=tmp_path, leave_out=OTHERS, members=1, epochs=2, group="city")
    assert learned.failed == "The report could not be written: the disk is full"
    assert "accuracy" in learned.scores
    assert len(predict(learned.path, visits(5))) == 5


def test_models_with_other_documents(learned, tmp_path):
    for name, document in (
        ("typical", {"numbers": [0.0]}),
        ("typical", "none"),
        ("task", {**learned.model.extra["task"], "names": ["a", "a"]}),
        ("scores", {"test": "good"}),
        ("calibration", 3),
    ):
        model = Model.load(learned.path)
        model.extra = {**model.extra, name: document}
        model.save(tmp_path / "other.brickwork")
        with pytest.raises(BundleError):
            explain_rows(tmp_path / "other.brickwork", visits(3))


def test_models_that_cannot_be_asked(tmp_path, learned):
    with pytest.raises(BundleError):
        predict(tmp_path / "none.brickwork", visits(5))
    with pytest.raises(BundleError):
        predict(learned.folder / "history.jsonl", visits(5))
    bare = Model(learned.model.net, "cross_entropy", variables=learned.model.variables)
    bare.example = learned.model.example
    bare.save(tmp_path / "bare.brickwork")
    with pytest.raises(SettingError, match="holds a network without an encoder"):
        predict(tmp_path / "bare.brickwork", visits(5))
    json.dumps(learned.model.extra)
