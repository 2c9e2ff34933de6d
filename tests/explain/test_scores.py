"""Scores against scikit-learn, their intervals against formulas and numbers made by hand."""

import math

import numpy as np
import pytest
from sklearn import metrics

from brickwork.core.errors import DataError, SettingError
from brickwork.explain import Answered, Interval, difference, scores
from brickwork.explain.answers import checked
from brickwork.explain.resampling import bootstrap, mean_of_shares, wilson
from brickwork.explain.statistics import mean, statistics

draw = np.random.default_rng(0)


def classes(rows, count):
    given = np.round(draw.dirichlet(np.ones(count), rows), 2) + 1e-3  # with many equal ones
    given /= given.sum(axis=1, keepdims=True)
    chance = 0.5 * given + 0.5 / count
    truth = np.array([draw.choice(count, p=p) for p in chance])
    return Answered("classes", truth, given, tuple("abcdefghijklmnop"[:count]))


def labels(rows, count):
    truth = (draw.random((rows, count)) < 0.3).astype(np.int32)
    given = np.round(np.clip(0.3 * truth + 0.7 * draw.random((rows, count)), 0, 1), 1)
    return Answered("labels", truth, given, tuple(range(count)))


def numbers(rows, count):
    truth = draw.normal(size=(rows, count)) * 10 ** np.arange(count) + 1000
    return Answered("number", truth, truth + draw.normal(size=truth.shape), tuple("uvw"[:count]))


def by_sklearn(a, weight=None):
    truth, given = a.truth, a.given
    settings = {"sample_weight": weight}
    if a.question == "classes":
        answers = given.argmax(axis=1)
        count = given.shape[1]
        found = {
            "accuracy": metrics.accuracy_score(truth, answers, **settings),
            "balanced accuracy": metrics.balanced_accuracy_score(truth, answers, **settings),
            "log loss": metrics.log_loss(truth, given, labels=range(count), **settings),
        }
        if count == 2:
            found["ROC AUC"] = metrics.roc_auc_score(truth, given[:, 1], **settings)
        return found
    if a.question == "labels":
        answers = given > 0.5
        return {
            "macro F1": metrics.f1_score(truth, answers, average="macro", zero_division=np.nan, **settings),
            "exact match": metrics.accuracy_score(truth, answers, **settings),
            "average precision": metrics.average_precision_score(truth, given, **settings),
        }
    each = {"multioutput": "raw_values", **settings}
    found = {}
    for name, values in {
        "R2": metrics.r2_score(truth, given, **each),
        "RMSE": metrics.root_mean_squared_error(truth, given, **each),
        "MAE": metrics.mean_absolute_error(truth, given, **each),
    }.items():
        several = len(values) > 1
        found |= {"R2": values.mean()} if name == "R2" and several else {}
        found |= {f"{name} of {k}" if several else name: v for k, v in zip(a.labels, values, strict=True)}
    return found


@pytest.mark.parametrize("a", [classes(90, 2), classes(90, 3), labels(80, 4), numbers(50, 1), numbers(60, 2)])
def test_scores_are_those_of_scikit_learn_of_plain_and_of_weighted_rows(a):
    expected = by_sklearn(a)
    assert {s.name: s.interval.value for s in scores(a)} == pytest.approx(expected, abs=1e-9)
    assert [s.name for s in scores(a)] == list(expected)
    weight = np.bincount(draw.integers(0, len(a), len(a)), minlength=len(a)).astype(float)
    measured = statistics(checked(a))
    assert {n: m.statistic(weight[None])[0] for n, m in measured.items()} == pytest.approx(by_sklearn(a, weight))


def test_five_guesses():
    given = np.tile(np.linspace(0.2, 0.0, 10), (10, 1))
    found = {s.name: s.interval.value for s in scores(Answered("classes", np.arange(10), given, tuple(range(10))))}
    assert found["top-5 accuracy"] == 0.5


def test_wilson_by_hand():
    one = wilson(8, 10)  # (0.8 + 0.192073) / 1.384146 +- sqrt(0.384146 * 0.16 + 0.036892) / 1.384146
    assert (one.low, one.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    assert (wilson(10, 10).low, wilson(10, 10).high) == pytest.approx((1 / 1.3841459, 1.0))
    both = mean_of_shares([wilson(10, 10), wilson(10, 10)])
    assert (both.low, both.high) == pytest.approx((1 - (1 - 1 / 1.3841459) / math.sqrt(2), 1.0))


@pytest.mark.parametrize("rows", [400, 100_000])  # of the latter only some are drawn from
def test_the_bootstrap_of_a_mean_has_its_standard_error(rows):
    values = draw.exponential(size=rows)
    (found,) = bootstrap(lambda some: [mean(values[some])], rows, seed=1, cost=2)
    half = 1.96 * values.std() / math.sqrt(rows)
    assert found.value == pytest.approx(values.mean())
    assert (found.value - found.low, found.high - found.value) == pytest.approx((half, half), rel=0.2)


def test_what_cannot_be_known_is_nan():
    one = {s.name: s.interval for s in scores(Answered("classes", np.zeros(9, int), np.full((9, 2), 0.5), (0, 1)))}
    assert one["accuracy"].value == 1
    assert math.isnan(one["ROC AUC"].value)
    same = {s.name: s.interval for s in scores(Answered("number", np.full((9, 1), 0.1), draw.random((9, 1)), ("y",)))}
    assert math.isnan(same["R2"].value)
    assert same["MAE"].low < same["MAE"].value < same["MAE"].high
    none = scores(Answered("labels", np.zeros((0, 2)), np.zeros((0, 2)), ("a", "b")))
    assert all(math.isnan(s.interval.value) and math.isnan(s.interval.low) for s in none)
    (single, *_) = scores(Answered("number", np.ones((1, 1)), np.ones((1, 1)), ("y",)))
    assert math.isnan(single.interval.low)


def test_differences_are_paired():
    ours = numbers(300, 1)
    shift = draw.normal(size=(300, 1)) * 20
    hard = Answered("number", ours.truth + shift, ours.given, ours.labels)  # some rows are hard for both
    theirs = Answered("number", hard.truth, ours.given + 0.01 * np.sign(ours.given - hard.truth), ours.labels)
    found = difference(hard, theirs, "mae")
    assert (found.value, found.low, found.high) == pytest.approx((-0.01, -0.01, -0.01))
    (alone,) = (s.interval for s in scores(hard) if s.name == "MAE")
    assert alone.high - alone.low > 1
    assert difference(ours, ours, "RMSE") == Interval(0, 0, 0)


def test_differences_say_what_is_wrong():
    a = classes(20, 2)
    with pytest.raises(SettingError, match="'log loss'"):
        difference(a, a, "log_los")
    with pytest.raises(DataError, match="same rows"):
        difference(a, Answered("classes", 1 - a.truth, a.given, a.labels), "accuracy")
    with pytest.raises(DataError, match="not finite"):
        scores(Answered("classes", a.truth, np.where(a.given > 0.5, np.nan, a.given), a.labels))
    with pytest.raises(DataError, match="rows, 3"):
        scores(Answered("classes", a.truth, a.given, ("a", "b", "c")))
