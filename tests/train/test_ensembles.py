"""Ensembles as models: `members=`, and folds by which every row is learnt from and judged."""

import numpy as np
import pytest

from brickwork.bricks import Ensemble
from brickwork.core.errors import DataError, SettingError
from brickwork.core.variables import Variables
from brickwork.train import Model
from brickwork.train.folds import gathered, held_out_rows, other_rows
from brickwork.train.member_feed import MemberFeed
from brickwork.train.recipe import Recipe
from train.small import NET, blobs, same

TRAIN, VALID = blobs(90), blobs(60, 1)


def ensemble(members=4, **how):
    model = Model(NET, "cross_entropy", ["accuracy"], members=members)
    return model, model.fit(TRAIN, progress=False, **how)


def test_members_are_networks_of_their_own_and_are_saved_as_one(tmp_path):
    model, outcome = ensemble(valid=VALID, epochs=3, rate=0.02)
    assert [member.seed for member in outcome.members] == [0, 1, 2, 3]
    assert "each member's best weights" in repr(outcome)
    alone = Model(NET, "cross_entropy", ["accuracy"])
    alone.fit(TRAIN, valid=VALID, epochs=3, rate=0.02, seed=3, progress=False)
    assert model.variables is not None
    assert alone.variables is not None
    weights = model.variables.params["member/0_dense/weight"][3]
    np.testing.assert_allclose(weights, alone.variables.params["0_dense/weight"], atol=1e-6)
    loaded = Model.load(model.save(tmp_path / "e.brickwork"))
    same(loaded.variables, model.variables)
    assert loaded.net == model.net == Ensemble(NET, 4)
    assert (loaded.logits(VALID.inputs) == model.logits(VALID.inputs)).all()
    assert loaded.evaluate(VALID) == model.evaluate(VALID)
    assert (loaded.spread(VALID.inputs) == model.spread(VALID.inputs)).all()
    loaded.fit(TRAIN, valid=VALID, epochs=2, rate=0.02, progress=False)
    assert loaded.evaluate(VALID)["loss"] < model.evaluate(VALID)["loss"]


@pytest.mark.parametrize(("members", "folds"), [(4, None), (4, 2), (5, 2), (4, np.arange(90) % 3)])
def test_no_row_is_among_those_its_members_learn_from(members, folds):
    left_out = held_out_rows(TRAIN.targets, 90, members, folds, seed=1)
    own = other_rows(90, left_out)
    feed = MemberFeed(TRAIN, Recipe(batch_size=16), range(members), own)
    feed.begin(3, None)
    rows, weight = (np.asarray(array) for array in feed.segment(0, feed.steps))
    for member in range(members):
        learnt = rows[: feed.steps, member][weight[: feed.steps, member] > 0]
        assert not set(learnt) & set(left_out[member])
        assert set(learnt) | set(left_out[member]) == set(range(90))
        assert (weight[: feed.steps, member].sum(1) > 0).all()  # no step without rows
    times = np.bincount(np.concatenate(left_out), minlength=90)
    assert times.min() >= 1
    if not isinstance(folds, np.ndarray):
        counts = [np.bincount(TRAIN.targets[rows], minlength=3) for rows in left_out]
        shares = np.bincount(TRAIN.targets) / (folds or members)
        assert np.abs(np.array(counts) - shares).max() <= 1  # every class in its proportion


def test_held_out_outputs_are_those_of_members_that_never_saw_the_row():
    model, outcome = ensemble(valid="folds", folds=2, epochs=20, patience=3, rate=0.05)
    left_out = held_out_rows(TRAIN.targets, 90, 4, 2, seed=0)
    assert model.variables is not None
    inner = model.variables.child("member")
    probabilities = np.zeros((90, 3))
    for member, rows in enumerate(left_out):
        own = Variables({path: value[member] for path, value in inner.params.items()}, {})
        alone = Model(NET, "cross_entropy", variables=own)
        probabilities[rows] += alone.predict_proba(TRAIN.inputs[rows]) / 2
        judged = alone.evaluate(TRAIN[rows])["loss"]  # each was stopped by the rows that it left out
        best = outcome.members[member]
        record = next(record for record in best.history if record["epoch"] == best.best_epoch)
        assert record["valid/loss"] == pytest.approx(judged, abs=1e-5)
    np.testing.assert_allclose(np.exp(model.held_out), probabilities, atol=1e-5)


def test_outputs_are_gathered_by_row():
    outputs = np.array([[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [0.0]]])  # (rows left out, members, outputs)
    found = gathered(outputs, [np.array([0, 2, 3]), np.array([2, 1])], 5, "mean")
    np.testing.assert_array_equal(found[:, 0], [1.0, 4.0, 2.5, 5.0, np.nan])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"members": 0}, "whole number from 1"),
        ({"members": 1, "valid": "folds"}, "for ensembles"),
        ({"valid": "fold"}, "valid='folds'"),
        ({"folds": 2, "valid": VALID}, "without valid='folds'"),
        ({"valid": "folds", "folds": 5}, "from 2 to the number of members"),
        ({"valid": "folds", "folds": np.zeros(90, int)}, "names 1 folds"),
        ({"valid": "folds", "folds": [0, 1]}, "a whole number for each of 90 rows"),
    ],
)
def test_errors_say_how_to_mend_them(how, message):
    with pytest.raises(SettingError, match=message):
        ensemble(**how, epochs=1)


def test_more_questions_that_cannot_be_answered():
    with pytest.raises(DataError, match="3 rows cannot be dealt"):
        held_out_rows(np.zeros(3), 3, 8, None, 0)
    with pytest.raises(SettingError, match="already"):
        Model(Ensemble(NET, 2), "cross_entropy", members=2)
    with pytest.raises(SettingError, match="cannot be averaged"):
        Model(NET, "ctc", members=2)
    model = Model(NET, "cross_entropy")
    model.fit(TRAIN, epochs=1, progress=False)
    with pytest.raises(SettingError, match="no spread"):
        model.spread(TRAIN.inputs)
