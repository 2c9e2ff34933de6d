import math
from functools import cache
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.spec import from_json, names_of, to_json
from brickwork.metrics import (
    MAE,
    MSE,
    R2,
    RMSE,
    Accuracy,
    Metric,
    RocAuc,
    RowMetric,
    TopK,
    as_rows,
    count_of,
    counted,
    merged,
    resolve_metric,
)

RNG = np.random.default_rng(3)
ROWS = 60
WEIGHT = RNG.uniform(0.2, 3.0, ROWS) * (RNG.uniform(size=ROWS) > 0.2)
LOGITS = RNG.normal(size=(ROWS, 4))
CLASSES = RNG.integers(0, 4, ROWS)
FLAGS = RNG.integers(0, 2, (ROWS, 4))
NUMBERS = LOGITS + RNG.normal(size=(ROWS, 4))


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


@cache
def compiled(metric):
    return jax.jit(metric.sums)


def measure(metric, outputs, targets, weight=None):
    """Return the metric of everything at once."""
    outputs, targets = jnp.asarray(outputs), jnp.asarray(targets)
    weight = None if weight is None else jnp.asarray(weight)
    if isinstance(metric, RowMetric):
        rows = (np.asarray(part) for part in (outputs, targets, np.ones(len(outputs)) if weight is None else weight))
        return metric.result_rows(*rows)
    return metric.result(merged([compiled(metric)(outputs, targets, weight)]))


def r2(y, p, w):
    return sklearn_metrics.r2_score(y, p, sample_weight=w)


def one_against_rest(y, z, w):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return np.mean([sklearn_metrics.roc_auc_score(y == k, p[:, k], sample_weight=w) for k in range(4)])


ORACLE = {
    "classes": (
        Accuracy(), LOGITS, CLASSES,
        lambda y, z, w: sklearn_metrics.accuracy_score(y, z.argmax(1), sample_weight=w),
    ),
    "one_hot": (
        Accuracy(), LOGITS, np.eye(4)[CLASSES],
        lambda y, z, w: sklearn_metrics.accuracy_score(CLASSES, z.argmax(1), sample_weight=w),
    ),
    "binary": (
        Accuracy(), LOGITS[:, :1], FLAGS[:, :1],
        lambda y, z, w: sklearn_metrics.accuracy_score(y, z > 0, sample_weight=w),
    ),
    "multi_label": (
        Accuracy(multi_label=True), LOGITS, FLAGS,
        lambda y, z, w: 1 - sklearn_metrics.hamming_loss(y, z > 0, sample_weight=w),
    ),
    "top_2": (
        TopK(2), LOGITS, CLASSES,
        lambda y, z, w: sklearn_metrics.top_k_accuracy_score(y, z, k=2, sample_weight=w),
    ),
    "mse": (MSE(), LOGITS, NUMBERS, lambda y, p, w: sklearn_metrics.mean_squared_error(y, p, sample_weight=w)),
    "rmse": (
        RMSE(), LOGITS[:, :1], NUMBERS[:, :1],
        lambda y, p, w: sklearn_metrics.root_mean_squared_error(y, p, sample_weight=w),
    ),
    "mae": (MAE(), LOGITS, NUMBERS, lambda y, p, w: sklearn_metrics.mean_absolute_error(y, p, sample_weight=w)),
    "r2": (R2(), LOGITS[:, :1], NUMBERS[:, :1], r2),
    "r2 of several": (R2(0.3), LOGITS, NUMBERS, r2),
    "auc": (
        RocAuc(), LOGITS[:, :1], FLAGS[:, :1],
        lambda y, z, w: sklearn_metrics.roc_auc_score(y[:, 0], z[:, 0], sample_weight=w),
    ),
    "auc of two": (
        RocAuc(), LOGITS[:, :2], FLAGS[:, 0],
        lambda y, z, w: sklearn_metrics.roc_auc_score(y, z[:, 1] - z[:, 0], sample_weight=w),
    ),
    "auc of classes": (RocAuc(), LOGITS, CLASSES, one_against_rest),
    "auc of one-hot": (RocAuc(), LOGITS, np.eye(4)[CLASSES], lambda y, z, w: one_against_rest(CLASSES, z, w)),
    "auc of flags": (
        RocAuc(multi_label=True), LOGITS, FLAGS,
        lambda y, z, w: sklearn_metrics.roc_auc_score(y, z, sample_weight=w),
    ),
}  # fmt: skip
EVERY = pytest.mark.parametrize("case", ORACLE)


@EVERY
def test_agrees_with_scikit_learn(case):
    metric, outputs, targets, oracle = ORACLE[case]
    with jax.enable_x64(True):
        assert measure(metric, outputs, targets) == pytest.approx(oracle(targets, outputs, None), rel=1e-9)
        assert measure(metric, outputs, targets, WEIGHT) == pytest.approx(oracle(targets, outputs, WEIGHT), rel=1e-9)
    # Rounding to float32 may swap two nearly equal scores in a curve; sums are good to its digits.
    single = measure(metric, outputs.astype(np.float32), targets, WEIGHT.astype(np.float32))
    assert single == pytest.approx(oracle(targets, outputs, WEIGHT), rel=1e-5)


@EVERY
def test_rows_of_weight_nought_count_nowhere(case):
    metric, outputs, targets, _ = ORACLE[case]
    kept = WEIGHT > 0
    dirty = np.where(kept[:, None], outputs, np.nan)
    bad = -7 if np.issubdtype(targets.dtype, np.integer) else np.inf
    dirty_targets = np.where(kept.reshape((-1,) + (1,) * (targets.ndim - 1)), targets, bad)
    with jax.enable_x64(True):
        clean = measure(metric, outputs[kept], targets[kept], WEIGHT[kept])
        assert measure(metric, dirty, dirty_targets, WEIGHT) == pytest.approx(clean, rel=1e-12)
        assert math.isnan(measure(metric, outputs, targets, np.zeros(ROWS)))


@pytest.mark.parametrize("case", [case for case in ORACLE if not isinstance(ORACLE[case][0], RowMetric)])
def test_batches_add_up_to_the_whole(case):
    metric, outputs, targets, _ = ORACLE[case]
    sums = compiled(metric)
    cuts = [0, 1, 31, ROWS]
    parts = [sums(*(jnp.asarray(rows[a:b]) for rows in (outputs, targets, WEIGHT))) for a, b in pairwise(cuts)]
    whole = measure(metric, outputs, targets, WEIGHT)
    assert metric.result(merged(parts)) == pytest.approx(whole, rel=1e-5)
    assert metric.result(merged(parts[::-1])) == pytest.approx(whole, rel=1e-5)
    on_device = parts[0]
    for part in parts[1:]:
        on_device = jax.tree.map(jnp.add, on_device, part)
    assert metric.result(on_device) == pytest.approx(whole, rel=1e-5)


# -------------------------------------------------------------------------------------------------- exact counting


def test_counts_stay_exact_beyond_float32():
    """One row at a time after 2^24 rows: float32 alone would stand still."""
    metric = Accuracy()
    one = metric.sums(jnp.asarray([[0.0, 1.0]]), jnp.asarray([1]), jnp.ones(1))
    big = {**counted("hits", jnp.float32(2**24)), **counted("count", jnp.float32(2**24))}
    total = jax.lax.fori_loop(0, 5, lambda _, sums: jax.tree.map(jnp.add, sums, one), big)
    assert count_of(total, "count") == 2**24 + 5
    assert count_of(total, "hits") == 2**24 + 5
    assert jnp.float32(2**24) + jnp.float32(1) == 2**24
    assert count_of(merged([big] * 200), "count") == 200 * 2**24


def test_fractions_of_rows_count_too():
    parts = [counted("count", jnp.float32(w)) for w in (0.25, 7.5, 1e6 + 0.5, 0.0)]
    assert count_of(merged(parts), "count") == 1e6 + 8.25


# ------------------------------------------------------------------------------------------------ shapes and sequences


def test_accuracy_by_hand():
    z = jnp.asarray([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]])
    assert measure(Accuracy(), z, [0, 1, 1]) == pytest.approx(2 / 3)
    for outputs in ([1.0, -1.0, 2.0, -3.0], [[1.0], [-1.0], [2.0], [-3.0]]):
        for targets in ([1, 0, 0, 0], [[1], [0], [0], [0]], [1.0, 0.0, 0.4, 0.0], [True, False, False, False]):
            assert measure(Accuracy(), outputs, targets) == 0.75
    assert measure(Accuracy(), [[1.0, -1.0]], [[True, True]]) == 1.0
    assert measure(Accuracy(multi_label=True), [[1.0, -1.0]], [[True, True]]) == 0.5
    assert measure(Accuracy(), z.astype(jnp.bfloat16), jnp.asarray([0, 1, 1], jnp.uint8)) == pytest.approx(2 / 3)


def test_what_a_metric_learns_from_the_training_targets():
    assert Accuracy().fitted(FLAGS, "flags") == Accuracy(multi_label=True)
    assert Accuracy().fitted(CLASSES, "class") == Accuracy(multi_label=False)
    assert Accuracy().fitted(CLASSES) == Accuracy()
    assert Accuracy(multi_label=False).fitted(FLAGS, "flags") == Accuracy(multi_label=False)
    assert RocAuc().fitted(FLAGS, "flags") == RocAuc(multi_label=True)
    assert MSE().fitted(NUMBERS, "number") == MSE()
    assert R2().fitted(np.asarray([1.0, 3.0]), "number") == R2(2.0)
    assert R2(0.0).fitted(np.asarray([1.0, 3.0])) == R2(0.0)
    assert R2().fitted(Padded(jnp.asarray([[1.0, 99.0], [3.0, 5.0]]), jnp.asarray([1, 2]))) == R2(3.0)


def test_r2_far_from_nought():
    """Years: a mean of 2000 deviations."""
    years = 2000 + RNG.normal(size=3000)
    guess = years + 0.5 * RNG.normal(size=3000)
    expected = sklearn_metrics.r2_score(years.astype(np.float32), guess.astype(np.float32))
    metric = R2().fitted(years)
    parts = [
        compiled(metric)(jnp.asarray(guess[i : i + 100], jnp.float32), jnp.asarray(years[i : i + 100], jnp.float32))
        for i in range(0, 3000, 100)
    ]
    assert metric.result(merged(parts)) == pytest.approx(expected, abs=1e-5)


def test_r2_of_constant_targets():
    for value in (0.0, 3.7, 2e6):
        constant = np.full(5, value, np.float32)
        for metric in (R2(), R2().fitted(constant), R2(float(np.float64(value) * (1 + 1e-9)))):
            assert measure(metric, constant, constant) == 1.0
            assert measure(metric, constant + np.arange(5, dtype=np.float32), constant) == 0.0
    assert math.isnan(measure(R2(), [1.0], [1.0]))


def test_top_k_by_hand():
    z = jnp.asarray([[3.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
    assert [measure(TopK(2), z, jnp.full(2, c)) for c in range(3)] == [1.0, 1.0, 0.0]
    assert [measure(TopK(1), z, jnp.full(2, c)) for c in range(3)] == [1.0, 0.0, 0.0]
    assert measure(TopK(2), z, [3, -1]) == 0
    assert measure(TopK(2), [[np.inf, 0.0, -np.inf]], [0]) == 1.0
    with pytest.raises(ShapeError, match="top_5 needs more than 5 outputs"):
        TopK().sums(z, jnp.asarray([0, 0]))


def test_answers_that_are_nan_are_wrong():
    z = jnp.full((2, 3), jnp.nan)
    assert measure(Accuracy(), z, [0, 0]) == 0
    assert measure(TopK(2), z, [0, 0]) == 0
    assert measure(Accuracy(), z[:, :1], [0, 0]) == 0
    assert math.isnan(measure(RocAuc(), z[:, :1], [0, 1]))


def test_area_when_classes_are_missing():
    assert math.isnan(measure(RocAuc(), [[1.0], [2.0]], [1, 1]))
    three = np.asarray([[3.0, 0, 0], [0, 3, 0], [2, 0, 0], [0, 2, 0]])
    assert measure(RocAuc(), three, [0, 1, 0, 1]) == 1.0
    assert measure(RocAuc(), three, [1, 0, 1, 0]) == 0.0


SEQUENCES = [
    (Accuracy(), (3, 4, 5), "class"),
    (TopK(2), (3, 4, 5), "class"),
    (Accuracy(), (3, 4, 1), "flags"),
    (Accuracy(multi_label=True), (3, 4, 5), "flags"),
    (MSE(), (3, 4, 2), "number"),
    (MSE(), (3, 4), "number"),
    (MAE(), (3, 4, 1), "number"),
    (R2(), (3, 4, 2), "number"),
    (RocAuc(), (3, 4, 1), "flags"),
]


@pytest.mark.parametrize(("metric", "shape", "question"), SEQUENCES)
def test_positions_of_sequences_count_by_the_mask(metric, shape, question):
    rng = np.random.default_rng(5)
    outputs = rng.normal(size=shape).astype(np.float32)
    targets = {
        "class": rng.integers(0, 5, shape[:2]),
        "flags": rng.integers(0, 2, shape),
        "number": rng.normal(size=shape).astype(np.float32),
    }[question]
    lengths, weight = jnp.asarray([4, 2, 3]), np.asarray([1.0, 2.0, 0.0], np.float32)
    mask = np.arange(4)[None] < np.asarray(lengths)[:, None]
    flat_weight = (mask * weight[:, None])[mask]
    expected = measure(metric, outputs[mask], targets[mask], flat_weight)
    dirty = np.where(mask.reshape(mask.shape + (1,) * (len(shape) - 2)), outputs, np.nan)
    sequence = Padded(jnp.asarray(dirty), lengths)
    many = [jnp.asarray(targets), Padded(jnp.asarray(targets), lengths)]
    if shape[-1] == 1:
        many.append(jnp.asarray(targets[..., 0]))
    for given in many:
        if isinstance(metric, RowMetric):
            result = metric.result_rows(sequence, given, jnp.asarray(weight))
        else:
            result = metric.result(jax.jit(metric.sums)(sequence, given, jnp.asarray(weight)))
        assert result == pytest.approx(expected, rel=1e-6)


def test_axes_between_count_like_rows():
    pictures, classes = jnp.asarray(RNG.normal(size=(2, 3, 3, 4)), jnp.float32), RNG.integers(0, 4, (2, 3, 3))
    expected = np.mean(np.argmax(pictures, -1) == classes)
    assert measure(Accuracy(), pictures, classes) == pytest.approx(expected)
    sums = Accuracy().sums(pictures, jnp.asarray(classes), jnp.asarray([1.0, 0.0]))
    assert count_of(sums, "count") == 9


def test_rows_of_many_shapes():
    for outputs, targets, shapes in [
        ((5,), (5,), ((5,), (5,))),
        ((5, 1), (5,), ((5,), (5,))),
        ((5,), (5, 1), ((5,), (5,))),
        ((5, 1), (5, 1), ((5,), (5,))),
        ((5, 3), (5,), ((5, 3), (5,))),
        ((5, 3), (5, 1), ((5, 3), (5,))),
        ((5, 3), (5, 3), ((5, 3), (5, 3))),
        ((1, 1), (1,), ((1,), (1,))),
        ((5, 7, 3), (5, 7), ((35, 3), (35,))),
        ((5, 7, 1), (5, 7), ((35,), (35,))),
        ((5, 7, 3), (5, 7, 3), ((35, 3), (35, 3))),
    ]:
        rows = as_rows(jnp.zeros(outputs), jnp.zeros(targets))
        assert (rows[0].shape, rows[1].shape) == shapes
        assert rows[2].shape == shapes[0][:1]


@pytest.mark.parametrize(
    ("outputs", "targets"), [((4, 3), (3,)), ((4, 3), (4, 2)), ((4, 1), (5,)), ((4, 3), (4, 3, 1, 1)), ((4,), (1,))]
)
def test_shapes_that_do_not_belong_together(outputs, targets):
    with pytest.raises(ShapeError, match="do not belong together"):
        Accuracy().sums(jnp.zeros(outputs), jnp.zeros(targets))
    with pytest.raises(ShapeError, match="Weights must be one a row"):
        as_rows(jnp.zeros((4, 3)), jnp.zeros(4), jnp.ones((4, 1)))


def test_more_misfits():
    for metric in (MSE(), MAE(), R2()):
        with pytest.raises(ShapeError, match="must have the same shape"):
            metric.sums(jnp.zeros((4, 3)), jnp.zeros(4))
    sequence = Padded(jnp.zeros((2, 3)), jnp.asarray([1, 2]))
    with pytest.raises(ShapeError, match="Targets are sequences"):
        MSE().sums(jnp.zeros((2, 3)), sequence)
    with pytest.raises(ShapeError, match="needs outputs with rows"):
        MSE().sums(jnp.float32(1), jnp.float32(1))
    with pytest.raises(SettingError, match="gather them and call result_rows"):
        RocAuc().sums(jnp.zeros((2, 1)), jnp.zeros(2))
    with pytest.raises(SettingError, match="gather them and call result_rows"):
        RocAuc().result({})


# --------------------------------------------------------------------------------------------- contract of every metric

METRICS = [cls() for cls in names_of("metric").values()]


def test_all_are_registered():
    assert {"accuracy", "mse", "rmse", "mae", "r2", "top_k", "roc_auc"} <= set(names_of("metric"))
    assert [resolve_metric(name).name for name in ("mse", "mean_squared_error", "rmse", "mae", "r2", "auc")] == [
        "mse", "mse", "rmse", "mae", "r2", "roc_auc",
    ]  # fmt: skip
    assert resolve_metric("top_5").name == "top_5"
    assert TopK(3).name == "top_3"
    assert [m.higher_is_better for m in (Accuracy(), TopK(), R2(), RocAuc(), MSE(), RMSE(), MAE())] == [
        True, True, True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_contract(metric):
    again = from_json(to_json(metric))
    assert again == metric
    assert type(again) is type(metric)
    assert hash(again) == hash(metric)
    assert isinstance(metric.higher_is_better, bool)
    if isinstance(metric, RowMetric):
        return
    outputs = jnp.asarray(RNG.normal(size=(8, 7)), jnp.float32)
    targets = jnp.asarray(np.eye(7)[RNG.integers(0, 7, 8)], jnp.float32)
    sums = jax.jit(metric.sums)
    plain = {
        i: sums(jnp.asarray(z), targets, jnp.asarray(np.ones(8, np.float32)))
        for i, z in enumerate((np.asarray(outputs), -np.asarray(outputs)))
    }
    assert all(value.dtype in (jnp.float32, jnp.int32) for value in plain[0].values())
    assert sums._cache_size() == 1
    both = jax.jit(jax.vmap(metric.sums, (0, None)))(jnp.asarray(np.stack([outputs, -outputs])), targets)
    for i in range(2):
        one = metric.result({name: value[i] for name, value in both.items()})
        assert one == pytest.approx(metric.result(plain[i]), rel=1e-5)
    with jax.enable_x64(True):
        wide = sums(jnp.asarray(np.asarray(outputs, np.float64)), targets)
        assert {v.dtype for v in wide.values()} == {jnp.dtype("float64"), jnp.dtype("int32")}


# ------------------------------------------------------------------------------------------------------- user functions


def within_one(outputs, targets):
    return (jnp.abs(outputs - targets) < 1).mean(axis=-1)


def test_a_function_as_a_metric():
    metric = resolve_metric(within_one)
    assert metric.name == "within_one"
    assert metric.higher_is_better
    assert metric == resolve_metric(within_one)
    outputs, targets = jnp.asarray([[1.0], [2.0], [9.0]]), jnp.asarray([[1.5], [5.0], [jnp.nan]])
    assert metric.result(jax.jit(metric.sums)(outputs, targets, jnp.asarray([3.0, 1.0, 0.0]))) == 0.75
    assert metric.result(metric.sums(outputs, targets)) == pytest.approx(1 / 3)
    flags = resolve_metric(lambda o, t: o[:, 0] > t[:, 0])
    assert flags.result(flags.sums(outputs, targets)) == 0
    sequence = Padded(jnp.asarray([[[1.0], [5.0]], [[1.0], [1.0]]]), jnp.asarray([1, 2]))
    ones = Padded(jnp.ones((2, 2, 1)), sequence.lengths)
    assert metric.result(metric.sums(sequence, ones)) == 1.0
    with pytest.raises(SettingError, match=r"within_one.*cannot be stored"):
        to_json(metric)

    def worse(outputs, targets):
        return within_one(outputs, targets)

    worse.higher_is_better = False
    assert not resolve_metric(worse).higher_is_better


def test_what_a_function_returns_is_checked():
    outputs, targets = jnp.ones((3, 1)), jnp.ones(3)
    with pytest.raises(ShapeError, match=r"one number per row, without taking the mean"):
        resolve_metric(lambda o, t: jnp.float32(1)).sums(outputs, targets)
    with pytest.raises(ShapeError, match=r"returned shape \(3, 3\) for outputs \(3, 1\)"):
        resolve_metric(lambda o, t: o - t).sums(outputs, targets)
    sequence = Padded(jnp.ones((3, 2, 1)), jnp.asarray([1, 2, 1]))
    with pytest.raises(ShapeError, match="one number per position"):
        resolve_metric(lambda o, t: o[:, 0, 0]).sums(sequence, sequence)


def test_a_metric_of_ones_own():
    class Bad(Metric):
        pass

    with pytest.raises(SettingError, match="write @metric above"):
        Bad()
    with pytest.raises(SettingError, match="no values"):
        Metric.values(MSE(), jnp.ones(1), jnp.ones(1))
    with pytest.raises(SettingError, match="no result_rows"):
        RowMetric.result_rows(RocAuc(), None, None)
    with pytest.raises(SettingError, match=r"no metric named 'acuracy'.*Did you mean 'accuracy'"):
        resolve_metric("acuracy")
    with pytest.raises(SettingError, match="A metric is a name or a settings object, got 3"):
        resolve_metric(3)
    with pytest.raises(SettingError, match="'k' must be 1 or more"):
        TopK(0)
