"""Numbers that stop being finite: skipped, counted, explained; the weights from before are kept."""

import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.bricks import Dense
from brickwork.core.errors import DivergenceError
from brickwork.data import Examples
from brickwork.optim import SGD
from brickwork.train import EpochEnded, Model, Recipe, Run, Skipped, Supervised, Update
from train.small import NET, Log, blobs, line

RECIPE = Recipe(epochs=4, batch_size=10)


def explosive(outputs, targets):
    """A squared error that is infinite for targets above 100."""
    error = jnp.square(outputs - targets)[:, 0]
    return jnp.where(targets[:, 0] > 100, jnp.inf, error)


def test_a_huge_rate_stops_the_run_and_says_what_to_do():
    model = Model(Dense(1), "mse")
    with pytest.raises(DivergenceError) as caught:
        model.fit(line(96), recipe=RECIPE.replace(optimizer=SGD(1e20)), progress=False)
    text = str(caught.value)
    assert "from step 1 on, 19 steps in a row" in text
    assert "the learning rate is 1e+20: try a tenth of it, or clip_norm=1" in text
    assert model.variables is not None
    assert all(np.isfinite(value).all() for value in model.variables.params.values())


def test_parameters_that_overflow_are_not_kept():
    # At this rate one step of a finite gradient takes the weights past the largest float.
    model = Model(Dense(1), "mse")
    with pytest.raises(DivergenceError, match="from step 0 on"):
        model.fit(line(96), recipe=RECIPE.replace(optimizer=SGD(3e38)), progress=False)
    assert model.variables is not None
    assert all(np.isfinite(value).all() for value in model.variables.params.values())


def test_large_inputs_are_named_as_the_cause():
    data = line(96)
    with pytest.raises(DivergenceError, match=r"the inputs go up to \d.*e\+25: scale them"):
        Model(Dense(1), "mse").fit(data.inputs * 1e25, data.targets, recipe=RECIPE, progress=False)


def test_the_best_weights_from_before_are_kept():
    # The third epoch is poisoned by a listener-free trick: the schedule's factor becomes infinite at step 20.
    def schedule(step):
        return jnp.where(step >= 20, jnp.inf, 1.0)

    data, valid = blobs(96), blobs(40, 1)
    model = Model(NET, "cross_entropy", ["accuracy"])
    with pytest.raises(DivergenceError, match="from step 20 on"):
        model.fit(data, valid=valid, recipe=RECIPE, schedule=schedule, rate=0.01, progress=False)
    reached = [record["valid/loss"] for record in model.history]
    assert len(reached) >= 2
    assert model.evaluate(valid)["loss"] == pytest.approx(min(reached), rel=1e-6)


def test_single_bad_steps_are_skipped_counted_and_told():
    data, log = line(96), Log()
    targets = data.targets.copy()
    targets[37] = 1000.0  # sequential rows: in step 3 of every epoch
    learner = Supervised(Dense(1), Model(Dense(1), explosive).loss, (), Update(SGD(0.1)))
    recipe = RECIPE.replace(epochs=2, shuffle=False)
    outcome = Run(learner, recipe, Examples(data.inputs, targets), listeners=[log]).go()
    assert outcome.reason == "finished"
    assert [(event.step, event.count) for event in log.of(Skipped)] == [(3, 1), (13, 1)]
    assert all(np.isfinite(value).all() for value in outcome.last.trained.values())
    assert int(outcome.last.step) == 18  # the schedule does not count skipped steps
    for event in log.of(EpochEnded):
        assert np.isfinite(event.record["train/loss"])
    # The same as never having seen these two batches.
    left_out = data[np.r_[0:30, 40:96]]
    expected = Run(learner, recipe, left_out).go()
    np.testing.assert_allclose(outcome.last.trained["weight"], expected.last.trained["weight"], rtol=1e-5)


def test_how_many_bad_steps_in_a_row_may_be_chosen():
    data = line(96)
    targets = data.targets.copy()
    targets[10:40] = 1000.0  # steps 1, 2 and 3
    learner = Supervised(Dense(1), Model(Dense(1), explosive).loss, (), Update(SGD(0.1)))
    recipe = RECIPE.replace(shuffle=False, epochs=1)
    examples = Examples(data.inputs, targets)
    assert Run(learner, recipe.replace(max_bad_steps=4), examples).go().error is None
    many = Run(learner, recipe.replace(max_bad_steps=4, epochs=3), examples).go()
    assert many.error is None


def test_bad_steps_in_a_row_are_noticed_within_a_segment():
    data = line(96)
    targets = np.full_like(data.targets, 1000.0)
    learner = Supervised(Dense(1), Model(Dense(1), explosive).loss, (), Update(SGD(0.1)))
    outcome = Run(learner, RECIPE.replace(max_bad_steps=3), Examples(data.inputs, targets)).go()
    assert outcome.reason == "diverged"
    assert outcome.steps_done <= 10
    assert isinstance(outcome.error, DivergenceError)
