"""The engine against plain Python loops: the same numbers, however it cuts a run into segments."""

import json
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.bricks import Dense
from brickwork.core.batch import Batch
from brickwork.core.errors import DataError, SettingError
from brickwork.data import Examples, epoch_rows
from brickwork.losses import MeanSquaredError
from brickwork.optim import SGD, Adam
from brickwork.train import (
    Checkpointed,
    Ended,
    EpochEnded,
    Learner,
    Logs,
    Progress,
    Recipe,
    Run,
    Started,
    Supervised,
    Update,
    compile_counts,
    engine,
    feed,
)
from brickwork.train.segments import MEASURE_KEY, Measuring
from train.small import LEARNER, Log, Reporting, Walk, blobs, line, same

RECIPE = Recipe(epochs=3, batch_size=10)


def python_loop(learner: Learner, recipe: Recipe, data: Examples) -> tuple[Any, list[dict[str, float]]]:
    """Train with nothing but a for loop."""
    root = jax.random.key(recipe.seed)
    steps = -(-len(data) // recipe.batch_size)
    first = Batch(*(jnp.asarray(part[: recipe.batch_size]) for part in data), jnp.ones(recipe.batch_size))
    state = learner.init(jax.random.fold_in(root, engine.INIT_KEY), first, steps * recipe.epochs)
    step, records = jax.jit(learner.step), []
    for epoch in range(recipe.epochs):
        rows, weight = epoch_rows(len(data), recipe.batch_size, seed=recipe.seed, epoch=epoch)
        all_sums = []
        for index in range(steps):
            chosen = data[rows[index]]
            batch = Batch(jnp.asarray(chosen.inputs), jnp.asarray(chosen.targets), jnp.asarray(weight[index]))
            state, logs = step(state, batch, jax.random.fold_in(root, epoch * steps + index))
            all_sums.append(jax.device_get(logs.sums))
        records.append(learner.summarize(jax.tree.map(lambda *parts: np.sum(parts, 0), *all_sums)))
    return state, records


def test_a_run_equals_a_python_loop():
    data = blobs(96)  # 10 steps, of which the last has 6 rows
    outcome = Run(LEARNER, RECIPE, data).go()
    state, records = python_loop(LEARNER, RECIPE, data)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), outcome.last, state)
    assert (outcome.reason, outcome.epochs_done, outcome.steps_done) == ("finished", 3, 30)
    for record, expected in zip(outcome.history, records, strict=True):
        assert record["train/loss"] == pytest.approx(expected["loss"], rel=1e-5)
        assert record["train/accuracy"] == expected["accuracy"]


def test_other_segments_change_no_bit(monkeypatch):
    data, valid, log, fine = blobs(96), blobs(40, 1), Log(), Log()
    whole = Run(LEARNER, RECIPE, data, valid, listeners=[log]).go()
    assert [event.step_in_epoch for event in log.of(Progress)][-2:] == [10, 10]
    tiny = Run(LEARNER, RECIPE.replace(segment_seconds=1e-9), data, valid, listeners=[fine]).go()
    assert [event.step_in_epoch for event in fine.of(Progress)][-10:] == [*range(1, 11)]
    monkeypatch.setattr(feed, "SEGMENT_STEPS", 4)
    cut = Log()
    parts = Run(LEARNER, RECIPE, data, valid, listeners=[cut]).go()
    assert [event.step_in_epoch for event in cut.of(Progress)][-6:] == [4, 8, 10, 4, 8, 10]
    for other in (tiny, parts):
        same(other.last, whole.last)
        same(other.best, whole.best)
        for a, b in zip(other.history, whole.history, strict=True):
            assert {**a, "seconds": 0} == {**b, "seconds": 0}


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    data = blobs()
    first, again, other = (Run(LEARNER, RECIPE.replace(seed=seed), data).go().last for seed in (0, 0, 1))
    same(first, again)
    assert not np.array_equal(first.trained["0_dense/weight"], other.trained["0_dense/weight"])


def test_one_compile_per_shape():
    learner = Supervised(Dense(3), LEARNER.loss, LEARNER.metrics)
    Run(learner, RECIPE, blobs(96), blobs(40)).go()
    before = dict(compile_counts)
    Run(learner, RECIPE.replace(epochs=5, seed=3), blobs(96), blobs(40)).go()
    Run(learner, RECIPE.replace(patience=2), blobs(91, 2), blobs(39)).go()  # close sizes fall into the same bucket
    equal = Supervised(Dense(3), type(LEARNER.loss)(), LEARNER.metrics)
    Run(equal, RECIPE, blobs(96), blobs(40)).go()  # an equal learner shares its programs
    assert dict(compile_counts) == before
    Run(learner, RECIPE.replace(batch_size=11), blobs(96), blobs(40)).go()
    assert compile_counts["train"] == before["train"] + 1
    assert compile_counts["measure"] == before["measure"]


def test_measuring_many_batches_gives_exact_sums(monkeypatch):
    data = blobs(1000)
    state = LEARNER.init(jax.random.key(0), Batch(jnp.zeros((1, 4))), 1)
    view = LEARNER.view(state)
    whole = Measuring(LEARNER, view, data, batch_size=1000)(view, jax.random.key(0))
    monkeypatch.setattr("brickwork.train.segments.MEASURE_BATCHES", 3)
    parts = Measuring(LEARNER, view, data, batch_size=64)(view, jax.random.key(0))
    np.testing.assert_allclose(parts.sums["loss"]["total"], whole.sums["loss"]["total"], rtol=1e-5)
    assert parts.sums["loss"]["weight"] == 1000
    assert LEARNER.summarize(parts.sums)["accuracy"] == LEARNER.summarize(whole.sums)["accuracy"]
    with pytest.raises(DataError, match="no rows"):
        Measuring(LEARNER, view, data[:0])


def test_events_come_in_order(tmp_path):
    log = Log()
    run = Run(LEARNER, RECIPE.replace(epochs=2), blobs(), blobs(40, 1), tmp_path, [log])
    outcome = run.go()
    kinds = [kind for kind, _ in groupby(log.events, type)]
    assert kinds == [Started, Checkpointed, Progress, EpochEnded, Progress, EpochEnded, Checkpointed, Ended]
    assert log.events[0] == Started(epochs=2, steps_per_epoch=10, step=0)
    progress = log.of(Progress)[-1]
    assert (progress.epoch, progress.epochs, progress.step_in_epoch, progress.steps_per_epoch) == (2, 2, 10, 10)
    assert set(progress.logs) == {"train/loss", "train/accuracy"}
    assert [event.step for event in log.of(Checkpointed)] == [0, 20]
    ended = log.events[-1]
    assert (ended.reason, ended.epoch, ended.best_epoch) == ("finished", 2, outcome.best_epoch)
    assert [event.record for event in log.of(EpochEnded)] == list(outcome.history)


def test_the_history_is_written_line_by_line(tmp_path):
    seen = []

    def listener(event: Any) -> None:
        if isinstance(event, EpochEnded):
            seen.append(len((tmp_path / "history.jsonl").read_text().splitlines()))

    outcome = Run(LEARNER, RECIPE, blobs(), blobs(40, 1), tmp_path, [listener]).go()
    assert seen == [1, 2, 3]
    records = [json.loads(text) for text in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert records == list(outcome.history)
    assert set(records[0]) == {"epoch", "seconds"} | {
        f"{part}/{name}" for part in ("train", "valid") for name in ("loss", "accuracy")
    }
    # a new run in the same folder begins a new history
    Run(LEARNER, RECIPE.replace(epochs=1), blobs(), folder=tmp_path).go()
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 1


def test_a_number_that_is_none_is_standard_json_in_the_history(tmp_path):
    @dataclass(frozen=True)
    class Silent(Walk):
        def summarize(self, sums: Any, rows: Any = None) -> dict[str, float]:
            return {"nothing": float("nan")}

    Run(Silent(), Recipe(epochs=1, steps_per_epoch=2), None, folder=tmp_path).go()

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    json.loads((tmp_path / "history.jsonl").read_text(), parse_constant=refuse)


@pytest.mark.parametrize(("kind", "epochs"), [(Started, 0), (Progress, 0), (EpochEnded, 1)])
def test_a_listener_may_ask_to_stop(kind, epochs, monkeypatch):
    log = Log()

    def wish(event: Any) -> str | None:
        return "I have seen enough" if isinstance(event, kind) else None

    monkeypatch.setattr(feed, "SEGMENT_STEPS", 4)
    outcome = Run(LEARNER, RECIPE, blobs(), listeners=[wish, log]).go()
    assert outcome.reason == "I have seen enough"
    assert outcome.epochs_done == epochs
    assert log.events[-1].reason == "I have seen enough"
    assert outcome.steps_done in {Started: [0], Progress: [1, 2, 3, 4], EpochEnded: [10]}[kind]


def test_an_error_in_a_listener_ends_the_run_and_tells_the_others():
    log = Log()

    def broken(event: Any) -> None:
        if isinstance(event, EpochEnded):
            raise OSError("a listener of the user's is broken")

    with pytest.raises(OSError, match="is broken"):
        Run(LEARNER, RECIPE, blobs(), listeners=[log, broken]).go()
    assert log.events[-1].reason == "failed"


def test_a_learner_without_data():
    recipe = Recipe(epochs=2, steps_per_epoch=5)
    outcome = Run(Walk(), recipe, None).go()
    root = jax.random.key(0)
    state = Walk().init(jax.random.fold_in(root, engine.INIT_KEY), None, 10)
    for number in range(10):
        state, _ = Walk().step(state, None, jax.random.fold_in(root, number))
    assert outcome.steps_done == 10
    assert int(outcome.last["count"]) == 10
    np.testing.assert_allclose(outcome.last["x"], state["x"], rtol=1e-5)
    assert np.array_equal(jax.random.key_data(outcome.last["key"]), jax.random.key_data(state["key"]))
    assert set(outcome.history[0]) == {"epoch", "train/distance", "seconds"}
    with pytest.raises(SettingError, match="steps_per_epoch"):
        Run(Walk(), Recipe(), None)


def test_the_best_state_may_hold_keys():
    @dataclass(frozen=True)
    class Keyed(Reporting):
        def init(self, key: Any, batch: Any, steps: Any) -> Any:
            return {"epoch": jnp.int32(0), "key": key}

        def step(self, state: Any, batch: Any, key: Any) -> tuple[Any, Logs]:
            return {"epoch": state["epoch"] + 1, "key": jax.random.split(state["key"])[0]}, Logs()

    recipe = Recipe(epochs=4, batch_size=64)
    outcome = Run(Keyed((0.5, 0.9, 0.1, 0.2)), recipe, blobs(64), blobs(8)).go()
    assert int(outcome.best["epoch"]) == 2
    assert jax.random.key_data(outcome.best["key"]).shape == (2,)  # not given away with the last state


def test_keys_of_first_weights_steps_and_measuring_differ():
    seen = []

    @dataclass(frozen=True)
    class Telling(Reporting):
        def init(self, key: Any, batch: Any, steps: Any) -> Any:
            jax.debug.callback(lambda data: seen.append(tuple(data.tolist())), jax.random.key_data(key))
            return {"epoch": jnp.int32(0)}

        def step(self, state: Any, batch: Any, key: Any) -> tuple[Any, Logs]:
            jax.debug.callback(lambda data: seen.append(tuple(data.tolist())), jax.random.key_data(key))
            return {"epoch": state["epoch"] + 1}, Logs()

    run = Run(Telling((0.5, 0.9, 0.1, 0.2)), Recipe(epochs=3, batch_size=32), blobs(64), blobs(8))
    run.go()
    jax.effects_barrier()
    measuring = jax.random.fold_in(run.key, MEASURE_KEY)
    measured = {tuple(jax.random.key_data(jax.random.fold_in(measuring, n)).tolist()) for n in (1, 2, 3)}
    assert len(seen) == 1 + 6
    assert len(set(seen) | measured) == 1 + 6 + 3


def test_rows_of_weight_0_count_as_if_they_were_not_there():
    data, learner = line(24), Supervised(Dense(1), MeanSquaredError(), (), Update(SGD(0.1)))
    weight = (np.arange(24) % 3 > 0).astype(np.float32)
    recipe = Recipe(epochs=5, batch_size=24, shuffle=False)
    spoiled = np.where(weight[:, None] > 0, data.targets, 1e6).astype(np.float32)
    weighted = Run(learner, recipe, Examples(data.inputs, spoiled, weight), Examples(data.inputs, spoiled, weight))
    chosen = data[np.flatnonzero(weight)]
    fewer = Run(learner, recipe.replace(batch_size=16), chosen, chosen)
    a, b = weighted.go(), fewer.go()
    np.testing.assert_allclose(a.last.trained["weight"], b.last.trained["weight"], rtol=1e-5)
    np.testing.assert_allclose(a.last.trained["bias"], b.last.trained["bias"], rtol=1e-5)
    for name in ("train/loss", "valid/loss"):
        assert a.history[-1][name] == pytest.approx(b.history[-1][name], rel=1e-5)


def test_a_weight_of_2_counts_like_two_rows():
    data, learner = line(8), Supervised(Dense(1), MeanSquaredError(), (), Update(SGD(0.1)))
    weight = np.array([2, 1, 1, 1, 1, 1, 1, 1], np.float32)
    twice = data[np.array([0, 0, 1, 2, 3, 4, 5, 6, 7])]
    recipe = Recipe(epochs=3, shuffle=False)
    a = Run(learner, recipe.replace(batch_size=8), data.replace(weight=weight)).go()
    b = Run(learner, recipe.replace(batch_size=9), twice).go()
    np.testing.assert_allclose(a.last.trained["weight"], b.last.trained["weight"], rtol=1e-5)
    assert a.history[-1]["train/loss"] == pytest.approx(b.history[-1]["train/loss"], rel=1e-5)


def test_what_cannot_be_run():
    with pytest.raises(DataError, match="no rows to train on"):
        Run(LEARNER, RECIPE, blobs(4)[:0])
    with pytest.raises(SettingError, match="steps_per_epoch is for runs without data"):
        Run(LEARNER, RECIPE.replace(steps_per_epoch=3), blobs())

    class Changing(Walk):
        __hash__ = None

    with pytest.raises(SettingError, match=r"Changing is not hashable: write @dataclass\(frozen=True\)"):
        Run(Changing(), Recipe(steps_per_epoch=2), None)


def test_a_listener_may_look_inside():
    views = []

    def listener(event: Any) -> None:
        if isinstance(event, EpochEnded):
            views.append(event.view())

    last = Run(LEARNER, RECIPE, blobs(), listeners=[listener]).go().last
    same(views[-1].params, last.trained)
    assert len({np.asarray(view.params["0_dense/weight"]).tobytes() for view in views}) == 3  # copies, still whole


def test_another_rate_is_not_another_program():
    before = dict(compile_counts)
    outcomes = [
        Run(replace(LEARNER, update=Update(Adam(rate))), RECIPE, blobs(), blobs(40, 1)).go() for rate in (0.01, 0.1)
    ]
    assert dict(compile_counts) == before or compile_counts["train"] <= before.get("train", 0) + 1
    assert not np.array_equal(*(outcome.last.trained["0_dense/weight"] for outcome in outcomes))
