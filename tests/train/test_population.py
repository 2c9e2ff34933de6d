"""Populations: each network is what a run of its own would have made of it."""

import numpy as np
import pytest

from brickwork.bricks import Dense, Dropout, Ensemble, Sequential
from brickwork.core.errors import DivergenceError, SettingError
from brickwork.train import MemberDropped, Model, ensembles, fit_population
from train.small import NET, Log, blobs, line, same

TRAIN, VALID = blobs(96), blobs(60, 1)
AT_ONCE, ONE_BY_ONE = 1e9, -1.0
"""Least work of a member for which members are run one by one."""

RATES, DROPS = [0.003, 0.03, 0.1], [0.0, 0.3, 0.6]


def one(net=NET, **settings):
    model = Model(net, "cross_entropy", ["accuracy"])
    return model, model.fit(TRAIN, progress=False, **settings)


def many(**settings):
    return fit_population(Model(NET, "cross_entropy", ["accuracy"]), TRAIN, progress=False, **settings)


def losses(history, name="train/loss"):
    return np.array([record[name] for record in history])


@pytest.mark.parametrize("least", [AT_ONCE, pytest.param(ONE_BY_ONE, marks=pytest.mark.slow)])
def test_eight_networks_are_eight_runs(monkeypatch, least):
    """At once, and one after the other: 100 steps, each with its own dropout and its own order of rows."""
    monkeypatch.setattr(ensembles, "LEAST_FLOPS", least)
    population = many(seeds=8, epochs=50, batch_size=48, rate=0.01)
    for seed, individual in enumerate(population.individuals):
        _, alone = one(epochs=50, batch_size=48, rate=0.01, seed=seed)
        np.testing.assert_allclose(losses(individual.outcome.history), losses(alone.history), rtol=0, atol=1e-5)
    assert len({individual.outcome.history[0]["train/loss"] for individual in population.individuals}) == 8


@pytest.mark.parametrize("least", [pytest.param(AT_ONCE, marks=pytest.mark.slow), ONE_BY_ONE])
def test_each_has_its_own_numbers_and_stops_by_its_own_patience(monkeypatch, least):
    monkeypatch.setattr(ensembles, "LEAST_FLOPS", least)
    how = {"valid": VALID, "epochs": 30, "patience": 3}
    population = many(settings={"optimizer/rate": RATES, "1_dropout/rate": DROPS}, **how)
    ended, alone = set(), None
    for seed, (rate, drop) in enumerate(zip(RATES, DROPS, strict=True)):
        net = Sequential(Dense(8, "tanh"), Dropout(drop), Dense(3))
        alone, outcome = one(net, rate=rate, seed=seed, **how)
        row, model = population.table()[seed], population.models[seed]
        assert (row["best_epoch"], row["ended"]) == (outcome.best_epoch, outcome.reason)
        assert (model.net, model.recipe.optimizer.rate, model.recipe.seed) == (net, rate, seed)
        np.testing.assert_allclose(model.logits(VALID.inputs), alone.logits(VALID.inputs), atol=1e-5)
        assert row["valid/loss"] == pytest.approx(alone.evaluate(VALID)["loss"], abs=1e-5)
        ended.add(row["ended"])
    assert ended == {"finished", "stopped early"}
    best = min(population.table(), key=lambda row: row["valid/loss"])
    assert population.best.recipe.seed == best["seed"]
    assert alone is not None
    alone.fit(TRAIN, progress=False, epochs=2, patience=None)  # going on is going on, too
    population.models[2].fit(TRAIN, progress=False, epochs=2, patience=None)
    np.testing.assert_allclose(population.models[2].logits(VALID.inputs), alone.logits(VALID.inputs), atol=1e-4)


@pytest.mark.slow
def test_chunks_change_nothing():
    how = {"valid": VALID, "epochs": 4, "settings": {"optimizer/rate": RATES}}
    whole, parts = many(**how), many(**how, chunk=2)
    for a, b in zip(whole.models, parts.models, strict=True):
        np.testing.assert_allclose(a.logits(VALID.inputs), b.logits(VALID.inputs), atol=1e-6)


def test_a_population_goes_on_from_its_checkpoint_to_the_same_bits(tmp_path):
    how = {"valid": VALID, "epochs": 6, "patience": 2, "seeds": 3, "rate": 0.1}

    def stop(event):
        return "enough" if getattr(event, "step_in_epoch", 0) and event.epoch == 3 else None

    many(**how, folder=tmp_path, listeners=[stop])
    again, whole = many(**how, folder=tmp_path, resume=True), many(**how)
    same([model.variables for model in again.models], [model.variables for model in whole.models])
    assert again.table() == whole.table()


def test_an_ensemble_answers_with_the_mean_of_what_its_members_think():
    population = many(valid=VALID, epochs=3, seeds=3)
    apart = np.stack([model.predict_proba(VALID.inputs) for model in population.models])
    ensemble = population.ensemble()
    np.testing.assert_allclose(ensemble.predict_proba(VALID.inputs), apart.mean(0), atol=1e-6)
    np.testing.assert_allclose(ensemble.spread(VALID.inputs), apart.std(0), atol=1e-6)
    two = population.ensemble([2, 0])
    np.testing.assert_allclose(two.predict_proba(VALID.inputs), apart[[2, 0]].mean(0), atol=1e-6)
    assert population.ensemble(1).evaluate(VALID) == pytest.approx(dict(population.best.evaluate(VALID)), abs=1e-5)
    before = ensemble.evaluate(VALID)["loss"]
    ensemble.fit(TRAIN, valid=VALID, epochs=10, progress=False)
    assert ensemble.evaluate(VALID)["loss"] < before


@pytest.mark.slow
def test_networks_of_several_shapes():
    models = [Model(net, "mse") for net in (Dense(1), Sequential(Dense(4, "relu"), Dense(1)))]
    data = line()
    population = fit_population(models, data, seeds=2, epochs=2, progress=False)
    assert [row["shape"] for row in population.table()] == [0, 0, 1, 1]
    ensemble = population.ensemble()
    apart = [model.predict(data.inputs) for model in population.models]
    np.testing.assert_allclose(ensemble.predict(data.inputs), np.mean(apart, 0), atol=1e-5)
    assert isinstance(ensemble.net, Ensemble)
    assert ensemble.net.members == (2, 2)
    with pytest.raises(SettingError, match="different shapes"):
        ensemble.fit(data, epochs=1, progress=False)


@pytest.mark.parametrize("least", [AT_ONCE, pytest.param(ONE_BY_ONE, marks=pytest.mark.slow)])
def test_one_that_diverges_does_not_stop_the_others(monkeypatch, least):
    monkeypatch.setattr(ensembles, "LEAST_FLOPS", least)
    log = Log()
    with pytest.warns(UserWarning, match=r"1 of 3 networks diverged in epoch \d+ and are left out \(seeds 1\)"):
        population = many(settings={"optimizer/rate": [0.01, 1e38, 0.02]}, epochs=8, listeners=[log])
    assert [row["ended"] for row in population.table()] == ["finished", "diverged", "finished"]
    assert [event.seed for event in log.of(MemberDropped)] == [1]
    assert [model.recipe.seed for model in population.models] == [0, 2]
    _, alone = one(epochs=8, rate=0.02, seed=2)
    np.testing.assert_allclose(losses(population.individuals[2].outcome.history), losses(alone.history), atol=1e-5)
    assert population.ensemble().net == Ensemble(NET, 2)
    with pytest.raises(DivergenceError, match="a tenth"):
        many(seeds=2, rate=1e38, epochs=8)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"settings": {"1_dropot/rate": DROPS}}, "Did you mean '1_dropout/rate'"),
        ({"settings": {"optimizer/rate": RATES, "1_dropout/rate": [0.1]}}, "one length"),
        ({"settings": {"optimizer/rate": 0.1}}, "a list of numbers"),
        ({"settings": {"optimizer/rate": RATES}, "seeds": [1, 2]}, "2 seeds, but settings for 3"),
        ({"seeds": 0}, "1 or more"),
        ({"chunk": -1}, "chunk="),
        ({"plateau": "reduce_on_plateau"}, "use schedule="),
        ({"valid": "folds"}, "for ensembles"),
    ],
)
def test_errors_say_how_to_mend_them(how, message):
    with pytest.raises(SettingError, match=message):
        many(**how, epochs=1)
