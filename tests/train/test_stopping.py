"""Early stopping: the lecture's numbers, and the weights that are kept."""

import numpy as np
import pytest

from brickwork.core.errors import SettingError
from brickwork.train import Model, Recipe, Run, Stopping
from train.small import LEARNER, NET, Reporting, blobs

# Accuracy in training and validation by epoch, from the lecture on overfitting: the best epoch is 17.
LECTURE = {15: (85, 80), 16: (87, 82), 17: (90, 85), 18: (95, 83), 19: (97, 78), 20: (98, 75)}


def test_the_best_epoch_of_the_lecture():
    stopping = Stopping("max", patience=3)
    for epoch, (_, valid) in LECTURE.items():
        assert not stopping.done
        stopping = stopping.after(epoch, valid)
    assert stopping.best_epoch == 17
    assert stopping.best == 85
    assert stopping.stale == 3
    assert stopping.done


def test_training_accuracy_alone_would_never_stop():
    stopping = Stopping("max", patience=1)
    for epoch, (train, _) in LECTURE.items():
        stopping = stopping.after(epoch, train)
    assert stopping.best_epoch == 20
    assert not stopping.done


@pytest.mark.parametrize(("patience", "last", "reason"), [(2, 19, "stopped early"), (None, 20, "finished")])
def test_a_run_with_the_lectures_numbers_keeps_epoch_17(patience, last, reason):
    learner = Reporting(tuple(float(valid) for _, valid in LECTURE.values()))
    recipe = Recipe(epochs=6, batch_size=8, patience=patience)
    outcome = Run(learner, recipe, blobs(8), blobs(8), first_epoch=14).go()
    assert outcome.best_epoch == 17
    assert (outcome.reason, outcome.epochs_done) == (reason, last)
    assert int(outcome.best["epoch"]) == 3  # 15, 16, 17
    assert [record["epoch"] for record in outcome.history] == list(range(15, last + 1))
    assert f"after {last} epochs" in repr(outcome)
    assert "kept the weights of epoch 17" in repr(outcome)


def test_less_is_better_and_what_is_no_number_never_improves():
    stopping = Stopping("min", patience=2, min_delta=0.1)
    for epoch, value, best in ((1, float("nan"), None), (2, 1.0, 2), (3, 0.95, 2), (4, 0.8, 4), (5, float("nan"), 4)):
        stopping = stopping.after(epoch, value)
        assert stopping.best_epoch == best
    assert stopping.stale == 1
    assert stopping.after(6, 0.75).done


def test_the_weights_of_the_best_epoch_come_back():
    data, valid = blobs(96), blobs(40, 1)
    model = Model(NET, "cross_entropy", ["accuracy"])
    recipe = Recipe(epochs=60, batch_size=10, patience=5).changed(rate=0.2)
    outcome = model.fit(data, valid=valid, recipe=recipe, progress=False)
    assert outcome.reason == "stopped early"
    losses = [record["valid/loss"] for record in outcome.history]
    assert outcome.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 5
    assert model.evaluate(valid)["loss"] == pytest.approx(min(losses), rel=1e-6)
    assert losses[-1] > min(losses)


def test_a_second_fit_never_ends_in_worse_weights():
    data, valid = blobs(96), blobs(40, 1)
    model = Model(NET, "cross_entropy", ["accuracy"])
    model.fit(data, valid=valid, recipe=Recipe(epochs=15, batch_size=10).changed(rate=0.02), progress=False)
    before = model.evaluate(valid)["loss"]
    outcome = model.fit(data, valid=valid, epochs=2, rate=1.0, progress=False)
    assert min(record["valid/loss"] for record in outcome.history) > before
    assert model.evaluate(valid)["loss"] == pytest.approx(before, rel=1e-6)


def test_without_held_out_data_the_last_weights_are_kept():
    outcome = Run(LEARNER, Recipe(epochs=2, batch_size=10), blobs()).go()
    assert outcome.best_epoch is None
    assert outcome.best is outcome.last
    assert "kept the last weights" in repr(outcome)


def test_what_is_monitored_may_be_chosen():
    recipe = Recipe(epochs=4, batch_size=10, monitor="valid/accuracy")
    outcome = Run(LEARNER, recipe, blobs(), blobs(40, 1)).go()
    values = [record["valid/accuracy"] for record in outcome.history]
    assert outcome.best_epoch == int(np.argmax(values)) + 1
    outcome = Run(LEARNER, recipe.replace(monitor="train/loss"), blobs()).go()
    assert outcome.best_epoch == int(np.argmin([record["train/loss"] for record in outcome.history])) + 1


def test_a_metric_says_itself_what_is_better():
    def surprise(outputs, targets):
        return -outputs[:, 0]

    surprise.higher_is_better = False
    model = Model(NET, "cross_entropy", [surprise])
    recipe = Recipe(epochs=5, batch_size=10, monitor="valid/surprise")
    outcome = model.fit(blobs(), valid=blobs(40, 1), recipe=recipe, progress=False)
    values = [record["valid/surprise"] for record in outcome.history]
    assert outcome.best_epoch == int(np.argmin(values)) + 1


@pytest.mark.parametrize("settings", [{"monitor": "valid/acuracy"}, {"patience": 3}])
def test_monitoring_what_is_not_measured(settings):
    valid = blobs(40) if "monitor" in settings else None
    with pytest.raises(SettingError, match="is to be monitored, but is not measured") as caught:
        Run(LEARNER, Recipe(epochs=2, batch_size=10).changed(**settings), blobs(), valid).go()
    if "monitor" in settings:
        assert "Did you mean 'valid/accuracy'?" in str(caught.value)
