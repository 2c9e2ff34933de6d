"""Lowering the rate when held-out data stop improving: by PyTorch's rule, recorded, and the same after a kill."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import SettingError
from brickwork.optim import ReduceOnPlateau
from brickwork.train import EpochEnded, Model, RateReduced, Recipe, Run
from brickwork.train.stopping import Reducing
from brickwork.train.supervised import RATE
from train.small import LEARNER, NET, Log, Reporting, Walk, blobs, line, same

ORACLE = Path(__file__).parent.parent / "oracles" / "optim_torch.npz"


@dataclass(frozen=True)
class Slowing(Reporting):
    """Reports given numbers, and notes the rate."""

    def init(self, key: Any, batch: Any, steps: Any) -> Any:
        return {"epoch": jnp.int32(0), "rate": jnp.float32(1)}

    def step(self, state: Any, batch: Any, key: Any) -> Any:
        new, logs = super().step(state, batch, key)
        return {**state, **new}, logs

    def slowed(self, state: Any, factor: float) -> Any:
        return {**state, "rate": jnp.float32(factor)}


@pytest.mark.parametrize(
    ("name", "rule", "mode"),
    [
        ("plain", ReduceOnPlateau(0.1, patience=2), "min"),
        ("cooldown", ReduceOnPlateau(0.3, patience=3, cooldown=2, min_factor=0.01), "min"),
        ("highest", ReduceOnPlateau(0.5, patience=3, min_delta=0.2), "max"),
    ],
)
def test_it_reduces_when_pytorch_does(name, rule, mode):
    """PyTorch waits for one more epoch than its patience."""
    with np.load(ORACLE) as torch:
        watched, expected = torch["plateau/watched"], torch[f"plateau/{name}"]
    state, seen = Reducing.start(rule, mode), []
    for epoch, value in enumerate(watched):
        state = state.after(epoch + 1, float(value))
        state = Reducing.start(rule, mode).restored(state.progress())
        seen.append(state.total)
    np.testing.assert_allclose(seen, expected, rtol=1e-12)


def test_the_history_and_listeners_are_told():
    accuracy = (0.5, 0.6, 0.6, 0.6, 0.6, 0.7, 0.6, 0.6)
    log, data = Log(), line(8)
    recipe = Recipe(epochs=8, batch_size=8, plateau=ReduceOnPlateau(0.5, patience=2))
    outcome = Run(Slowing(accuracy), recipe, data, data, listeners=[log]).go()
    assert [record["rate_factor"] for record in outcome.history] == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]
    assert log.of(RateReduced) == [RateReduced(4, 0.5), RateReduced(8, 0.25)]
    assert outcome.last["rate"] == 0.25
    assert outcome.best["rate"] == 0.5  # the state of epoch 6


def model_of(**settings: Any) -> Any:
    model = Model(NET, "cross_entropy", ["accuracy"])
    model.fit(blobs(60), valid=blobs(40, 1), batch_size=10, progress=False, **settings)
    return model


def test_a_reduced_rate_is_another_rate_in_the_same_program():
    """From the reduction on the run is what it would be with the smaller rate."""
    nothing_is_good_enough = ReduceOnPlateau(0.1, patience=1, min_delta=100.0)
    slow = Run(LEARNER, Recipe(epochs=3, batch_size=10, plateau=nothing_is_good_enough), blobs(60), blobs(40, 1)).go()
    assert [record["rate_factor"] for record in slow.history] == [1.0, 1.0, 0.1]
    assert slow.last.settings[RATE] == np.float32(0.01 * (0.1 * 0.1))  # the third epoch was not good enough either
    plain = Run(LEARNER, Recipe(epochs=3, batch_size=10), blobs(60), blobs(40, 1)).go()
    assert slow.history[1]["train/loss"] == plain.history[1]["train/loss"]
    assert slow.history[2]["train/loss"] != plain.history[2]["train/loss"]


@pytest.mark.parametrize("stop", [2, 3, 4])
def test_a_resumed_run_reduces_at_the_same_epochs_to_the_same_bits(tmp_path, stop):
    recipe = Recipe(epochs=6, batch_size=10, plateau=ReduceOnPlateau(0.3, patience=1, min_delta=0.2, cooldown=1))

    def run(folder: Any, **options: Any) -> Any:
        return Run(LEARNER, recipe, blobs(60), blobs(40, 1), folder=folder, **options)

    def stopping(event: Any) -> str | None:
        return "enough" if isinstance(event, EpochEnded) and event.epoch == stop else None

    whole = run(tmp_path / "whole").go()
    assert len({record["rate_factor"] for record in whole.history}) > 1
    run(tmp_path / "cut", listeners=[stopping]).go()
    again = run(tmp_path / "cut").go(resume=True)
    same(again.last, whole.last)
    same(again.best, whole.best)
    assert [r["rate_factor"] for r in again.history] == [r["rate_factor"] for r in whole.history]


def test_a_further_run_begins_at_the_full_rate():
    model = model_of(epochs=3, plateau=ReduceOnPlateau(0.1, patience=1, min_delta=100.0))
    assert model.history[-1]["rate_factor"] == 0.1
    model.fit(blobs(60), valid=blobs(40, 1), epochs=1, progress=False)
    assert model.history[-1]["rate_factor"] == 1.0


def test_mistakes():
    with pytest.raises(SettingError, match="is to be monitored, but is not measured"):
        Run(LEARNER, Recipe(epochs=1, plateau=ReduceOnPlateau()), blobs(20)).go()
    with pytest.raises(SettingError, match=r"Walk has no slowed\(self, state, factor\)"):
        Run(Walk(), Recipe(steps_per_epoch=2, plateau=ReduceOnPlateau()), None)
    with pytest.raises(SettingError, match=r"say plateau=, not schedule="):
        Recipe().changed(schedule="reduce_on_plateau")
    assert Recipe().changed(plateau="reduce_on_plateau").plateau == ReduceOnPlateau()
    assert Recipe().changed(plateau=ReduceOnPlateau(0.2)).changed(plateau=None).plateau is None
