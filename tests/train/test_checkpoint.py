"""Checkpoints within one process: whole states, clear errors, nothing lost. Real kills are in test_killed.py."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import BundleError, SettingError, StorageError
from brickwork.data import Examples
from brickwork.optim import Cosine
from brickwork.storage import files
from brickwork.train import Checkpointed, EpochEnded, Model, Progress, Recipe, Run, engine, feed
from brickwork.train.checkpoint import load_checkpoint, read_progress, save_checkpoint
from train.small import LEARNER, NET, Log, Walk, blobs, same
from train.test_proving import MIXED, Resampling

RECIPE = Recipe(epochs=3, batch_size=10)
CHECKPOINT = Path("checkpoint") / "state.safetensors"


def stop_after(steps: int) -> Any:
    """Return a listener that stops a run in mid-epoch."""

    def listener(event: Any) -> str | None:
        if isinstance(event, Progress) and (event.epoch - 1) * event.steps_per_epoch + event.step_in_epoch >= steps:
            return "enough for now"
        return None

    return listener


@pytest.fixture
def small_segments(monkeypatch):
    monkeypatch.setattr(feed, "SEGMENT_STEPS", 4)


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("steps", [4, 14, 20])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, steps):
    data, valid = blobs(), blobs(40, 1)
    whole = Run(LEARNER, RECIPE, data, valid).go()
    first = Run(LEARNER, RECIPE, data, valid, tmp_path, [stop_after(steps)]).go()
    assert first.reason == "enough for now"
    second = Run(LEARNER, RECIPE, data, valid, tmp_path).go(resume=True)
    assert second.reason == "finished"
    same(second.last, whole.last)
    same(second.best, whole.best)
    assert second.best_epoch == whole.best_epoch
    records = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert records == list(second.history)
    for a, b in zip(second.history, whole.history, strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
    again = Run(LEARNER, RECIPE, data, valid, tmp_path).go(resume=True)  # nothing is left to do
    assert again.steps_done == 30
    same(again.last, whole.last)


def test_resuming_what_was_never_begun_begins(tmp_path):
    outcome = Run(LEARNER, RECIPE, blobs(), blobs(40, 1), tmp_path).go(resume=True)
    same(outcome.last, Run(LEARNER, RECIPE, blobs(), blobs(40, 1)).go().last)


def test_a_state_with_keys_flags_and_plain_numbers(tmp_path):
    recipe = Recipe(epochs=3, steps_per_epoch=5)
    whole = Run(Walk(), recipe, None).go()

    def wish(event: Any) -> str | None:
        return "enough" if isinstance(event, EpochEnded) and event.epoch == 2 else None

    Run(Walk(), recipe, None, folder=tmp_path, listeners=[wish]).go()
    resumed = Run(Walk(), recipe, None, folder=tmp_path).go(resume=True)
    same(resumed.last, whole.last)
    assert resumed.history[-1]["train/distance"] == whole.history[-1]["train/distance"]


def test_every_type_of_array_comes_back(tmp_path):
    tree = {
        "state": {
            "half": jnp.arange(3, dtype=jnp.bfloat16),
            "flags": jnp.array([True, False]),
            "bytes": jnp.arange(4, dtype=jnp.uint8),
            "empty": jnp.zeros((0, 3)),
            "scalar": jnp.float32(2.5),
            "keys": jax.random.split(jax.random.key(7, impl="rbg"), 3),
            "pair": (jnp.int32(1), [jnp.int16(2)]),
        }
    }
    save_checkpoint(tmp_path / "deep" / "state", tree, {"note": "é"})
    assert read_progress(tmp_path / "deep" / "state")["note"] == "é"
    loaded = load_checkpoint(tmp_path / "deep" / "state", tree)
    same(loaded, tree)
    assert jax.random.key_impl(loaded["state"]["keys"]) == jax.random.key_impl(tree["state"]["keys"])


@pytest.mark.usefixtures("small_segments")
def test_checkpoints_come_when_they_are_due(tmp_path):
    log = Log()
    Run(LEARNER, RECIPE.replace(checkpoint_seconds=0), blobs(), folder=tmp_path, listeners=[log]).go()
    steps = [event.step for event in log.of(Checkpointed)]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 30)
    assert len(set(steps)) >= 1 + 3 * 3  # after every segment of at most 4 steps
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["state.safetensors"]


# ------------------------------------------------------------------------------------------------- what differs


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"recipe": RECIPE.replace(batch_size=12)}, "another recipe"),
        ({"recipe": RECIPE.replace(seed=1)}, "another recipe"),
        ({"data": blobs(96, 5)}, "another training data"),
        ({"valid": blobs(40, 6)}, "another validation data"),
        ({"valid": None}, "another validation data"),
        ({"learner": LEARNER.__class__(NET, LEARNER.loss)}, "another learner"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_resuming_with_something_else_is_refused(tmp_path_factory, changed, words):
    folder = tmp_path_factory.getbasetemp() / "one_run"
    given = {"learner": LEARNER, "recipe": RECIPE, "data": blobs(), "valid": blobs(40, 1)}
    if not folder.exists():
        Run(**given, folder=folder).go()
    with pytest.raises(SettingError, match=f"cannot go on with {words}") as caught:
        Run(**{**given, **changed}, folder=folder).go(resume=True)
    assert "start a new run" in str(caught.value)


def test_how_to_look_at_a_run_may_differ_when_it_goes_on(tmp_path):
    Run(LEARNER, RECIPE, blobs(), None, tmp_path, [stop_after(10)]).go()
    other = RECIPE.replace(segment_seconds=0.1, checkpoint_seconds=5.0, max_bad_steps=3)
    assert Run(LEARNER, other, blobs(), None, tmp_path).go(resume=True).epochs_done == 3


def test_more_epochs_where_no_schedule_depends_on_their_number(tmp_path):
    data, valid = blobs(), blobs(40, 1)
    Run(LEARNER, RECIPE, data, valid, tmp_path).go()
    longer = RECIPE.replace(epochs=4)
    outcome = Run(LEARNER, longer, data, valid, tmp_path).go(resume=True)
    assert outcome.epochs_done == 4
    same(outcome.last.trained, Run(LEARNER, longer, data, valid).go().last.trained)
    scheduled = RECIPE.replace(schedule=Cosine())
    Run(LEARNER, scheduled, data, valid, tmp_path).go()
    with pytest.raises(SettingError, match="another recipe"):
        Run(LEARNER, scheduled.replace(epochs=4), data, valid, tmp_path).go(resume=True)


def test_an_unfinished_run_is_not_thrown_away(tmp_path):
    Run(LEARNER, RECIPE, blobs(), None, tmp_path, [stop_after(10)]).go()
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(SettingError, match=r"holds an unfinished run, at epoch 1. Say resume=True"):
        Run(LEARNER, RECIPE, blobs(), folder=tmp_path).go()
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    Run(LEARNER, RECIPE, blobs(), folder=tmp_path).go(resume=True)
    Run(LEARNER, RECIPE, blobs(), folder=tmp_path).go()  # a finished one gives way


def test_resuming_needs_a_folder():
    with pytest.raises(SettingError, match="in which folder"):
        Run(LEARNER, RECIPE, blobs()).go(resume=True)


@pytest.mark.parametrize("size", [0, 7, 300, -1])
def test_a_checkpoint_that_is_truncated(tmp_path, size):
    Run(LEARNER, RECIPE.replace(epochs=1), blobs(), folder=tmp_path).go()
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(BundleError, match="cannot be read as a checkpoint"):
        Run(LEARNER, RECIPE, blobs(), folder=tmp_path).go(resume=True)


def test_a_checkpoint_whose_bytes_changed(tmp_path):
    Run(LEARNER, RECIPE.replace(epochs=1), blobs(), folder=tmp_path).go()
    path = tmp_path / CHECKPOINT
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BundleError, match="is damaged"):
        Run(LEARNER, RECIPE.replace(epochs=1), blobs(), folder=tmp_path).go(resume=True)


def test_a_file_that_is_no_checkpoint(tmp_path):
    with pytest.raises(BundleError, match="cannot be read as a checkpoint"):
        read_progress(tmp_path / "missing")
    save_checkpoint(tmp_path / "newer", {"a": jnp.ones(2)}, {"format": 99})
    with pytest.raises(BundleError, match="another version"):
        read_progress(tmp_path / "newer")
    save_checkpoint(tmp_path / "other", {"a": jnp.ones(2)}, {})
    with pytest.raises(BundleError, match=r"another network or learner: .*'b'"):
        load_checkpoint(tmp_path / "other", {"a": jnp.ones(2), "b": jnp.ones(2)})
    with pytest.raises(BundleError, match=r"has \(2,\) float32, not \(3,\) float32"):
        load_checkpoint(tmp_path / "other", {"a": jnp.ones(3)})


# ---------------------------------------------------------------------------------------------------- full disks


@pytest.fixture
def full_disk(monkeypatch):
    """Return a function after which nothing more can be written."""

    def fill() -> None:
        def refuse(*_: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(files.os, "fsync", refuse)

    return fill


def test_a_disk_that_fills_up_while_training(tmp_path, full_disk):
    log = Log()

    def fill(event: Any) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            full_disk()

    model = Model(NET, "cross_entropy", ["accuracy"])
    recipe = RECIPE.replace(checkpoint_seconds=0)
    with pytest.raises(StorageError, match="the disk is full"):
        model.fit(blobs(), recipe=recipe, folder=tmp_path, listeners=[fill, log], progress=False)
    assert log.events[-1].reason == "failed"
    assert len(model.history) == 2
    expected = Model(NET, "cross_entropy", ["accuracy"])
    expected.fit(blobs(), recipe=recipe.replace(epochs=2), progress=False)
    assert model.variables is not None
    assert expected.variables is not None
    same(model.variables, expected.variables)  # what was learned is still here
    assert read_progress(tmp_path / CHECKPOINT)["position"] == 10  # and the last whole checkpoint
    assert len(list((tmp_path / "checkpoint").iterdir())) == 1


def test_a_disk_that_is_full_when_saving(tmp_path, full_disk):
    model = Model(NET, "cross_entropy", ["accuracy"])
    model.fit(blobs(), recipe=RECIPE, progress=False)
    answers = model.predict(blobs().inputs)
    model.save(tmp_path / "m.brickwork")
    before = (tmp_path / "m.brickwork").read_bytes()
    model.fit(blobs(), progress=False)
    full_disk()
    with pytest.raises(StorageError, match=r"m\.brickwork' could not be written: the disk is full"):
        model.save(tmp_path / "m.brickwork")
    assert (tmp_path / "m.brickwork").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m.brickwork"]
    assert model.predict(blobs().inputs).shape == answers.shape
    assert np.array_equal(Model.load(tmp_path / "m.brickwork").predict(blobs().inputs), answers)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    model = Model(NET, "cross_entropy", ["accuracy"])
    with pytest.raises(StorageError, match="could not be"):
        model.fit(blobs(), recipe=RECIPE, folder=tmp_path / "file" / "run", progress=False)
    assert model.variables is None


# ------------------------------------------------------------------------------------------------- several fits


@pytest.mark.usefixtures("small_segments")
def test_a_second_fit_goes_on_with_other_rows_and_can_be_resumed(tmp_path):
    def fitted(folder: Path | None, stop: int | None) -> Model:
        model = Model(NET, "cross_entropy", ["accuracy"])
        model.fit(blobs(), recipe=RECIPE.replace(epochs=2), folder=folder, progress=False)
        listeners = [] if stop is None else [stop_after(stop)]
        model.fit(blobs(), epochs=3, folder=folder, listeners=listeners, progress=False)
        return model

    whole, stopped = fitted(None, None), fitted(tmp_path, 14)
    assert [record["epoch"] for record in whole.history] == [1, 2, 3, 4, 5]
    assert whole.history[2]["train/loss"] < whole.history[0]["train/loss"]
    assert stopped.variables is not None
    fresh = Model(NET, "cross_entropy", ["accuracy"])  # as after a crash: nothing but the folder is left
    outcome = fresh.fit(blobs(), recipe=RECIPE, folder=tmp_path, resume=True, progress=False)
    assert (outcome.epochs_done, outcome.steps_done) == (5, 50)
    same(fresh.variables, whole.variables)
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("small_segments")
def test_a_new_run_in_an_old_folder_does_not_resume_the_old_one(tmp_path):
    class Crash(Exception):  # noqa: N818 - stands for a kill
        pass

    def crash(event: Any) -> None:
        if isinstance(event, Progress):
            raise Crash

    Run(LEARNER, RECIPE, blobs(), folder=tmp_path).go()
    with pytest.raises(Crash):
        Run(LEARNER, RECIPE, blobs(), folder=tmp_path, listeners=[crash]).go()
    assert read_progress(tmp_path / CHECKPOINT)["epoch"] == 0
    log = Log()
    Run(LEARNER, RECIPE, blobs(), folder=tmp_path, listeners=[log]).go(resume=True)
    assert len(log.of(EpochEnded)) == 3


def test_the_second_fit_sees_the_rows_in_another_order(monkeypatch):
    seen = []
    real = feed.epoch_rows

    def spy(*args: Any, **kwargs: Any) -> Any:
        rows, weight = real(*args, **kwargs)
        seen.append(rows.tobytes())
        return rows, weight

    monkeypatch.setattr(feed, "epoch_rows", spy)
    model = Model(NET, "cross_entropy", ["accuracy"])
    for _ in range(2):
        model.fit(Examples.of(blobs()), recipe=RECIPE.replace(epochs=2), progress=False)
    assert len(set(seen)) == 4


def test_a_run_that_resamples_may_stop_twice_in_one_epoch(tmp_path, small_segments, monkeypatch):
    monkeypatch.setattr(engine, "FIRST_STEPS", 1)
    recipe = Recipe(epochs=2, batch_size=10, checkpoint_seconds=0)
    whole = Run(Resampling(), recipe, MIXED).go()
    for steps in (1, 3):
        stopped = Run(Resampling(), recipe, MIXED, folder=tmp_path, listeners=[stop_after(steps)]).go(resume=steps > 1)
        assert stopped.reason == "enough for now"
    resumed = Run(Resampling(), recipe, MIXED, folder=tmp_path).go(resume=True)
    same(resumed.last, whole.last)
