"""What every metric promises: its sums are exact, add up, and mean what scikit-learn means."""

import math
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled as quickly
from brickwork.core.spec import from_json, lookup, names_of, to_json
from brickwork.metrics import RowMetric, merged, resolve_metric
from metrics.cases import LOGITS, ORACLE, ROWS, WEIGHT

EVERY = pytest.mark.parametrize("case", ORACLE)
SUMS = {case: entry for case, entry in ORACLE.items() if not isinstance(entry[0], RowMetric)}


KINDS = ("top_k", "precision_score", "cohen_kappa", "brier", "calibration_error", "mse", "r2", "explained_variance")
"""One of each kind of sums: batches of these are added up in every run, all of them in the slow one."""


def first_of_each(cases):
    """Return the cases, of which variants ("of ...") run with the slow tests."""
    quick = "accuracy of flags", "f1 of flags", "roc_auc of classes", "calibration_error of flags"
    return [
        pytest.param(case, marks=[pytest.mark.slow] if " of " in case and case not in quick else []) for case in cases
    ]


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def spoiled(outputs, targets):
    """Return both with rubbish in the rows of weight 0."""
    kept = WEIGHT > 0
    dirty = np.where(kept.reshape((-1,) + (1,) * (outputs.ndim - 1)), outputs, np.nan)
    bad = -7 if np.issubdtype(targets.dtype, np.integer) else np.inf
    return dirty, np.where(kept.reshape((-1,) + (1,) * (targets.ndim - 1)), targets, bad)


@pytest.mark.parametrize("case", first_of_each(ORACLE))
def test_agrees_with_scikit_learn(case):
    """With weights and without; rows of weight 0 count nowhere, whatever they hold."""
    metric, outputs, targets, oracle = ORACLE[case]
    dirty = spoiled(outputs, targets)
    weights = (None, WEIGHT, WEIGHT, np.zeros(ROWS))
    given = [
        (*pair, w) for pair, w in zip([(outputs, targets)] * 2 + [dirty, (outputs, targets)], weights, strict=True)
    ]
    with jax.enable_x64(True):
        if isinstance(metric, RowMetric):
            plain, weighted, clean, none = (metric.result_rows(*one) for one in given)
        else:
            sums = quickly(lambda given: [metric.sums(*one) for one in given])(jax.tree.map(jnp.asarray, given))
            assert {v.dtype for one in sums for v in one.values()} <= {jnp.dtype("float64"), jnp.dtype("int32")}
            plain, weighted, clean, none = (metric.result(merged([one])) for one in sums)
    assert plain == pytest.approx(oracle(targets, outputs, None), rel=1e-9)
    assert weighted == pytest.approx(oracle(targets, outputs, WEIGHT), rel=1e-9)
    assert clean == pytest.approx(weighted, rel=1e-12)
    assert math.isnan(none)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case in KINDS else [pytest.mark.slow]) for case in SUMS]
)
def test_batches_add_up_to_the_whole(case):
    """In any order, on the host and on the device, in float32."""
    metric, outputs, targets, oracle = ORACLE[case]
    rows = [np.asarray(part, np.float32 if part.dtype.kind == "f" else np.int32) for part in (outputs, targets, WEIGHT)]

    @quickly
    def everything(rows):
        parts = [metric.sums(*(part[a:b] for part in rows)) for a, b in pairwise([0, 1, 31, ROWS])]
        return parts, jax.tree.map(lambda *sums: sum(sums[1:], sums[0]), *parts)

    parts, on_device = everything(jax.tree.map(jnp.asarray, rows))
    assert all(value.dtype in (jnp.float32, jnp.int32) for value in on_device.values())
    expected = pytest.approx(oracle(targets, outputs, WEIGHT), rel=2e-5)
    assert metric.result(merged(parts)) == expected
    assert metric.result(merged(parts[::-1])) == expected
    assert metric.result(on_device) == expected


@pytest.mark.parametrize("case", [case for case in ORACLE if isinstance(ORACLE[case][0], RowMetric)])
def test_rows_in_float32(case):
    """Rounding may swap two nearly equal scores in a curve."""
    metric, outputs, targets, oracle = ORACLE[case]
    found = metric.result_rows(outputs.astype(np.float32), targets, WEIGHT.astype(np.float32))
    assert found == pytest.approx(oracle(targets, outputs, WEIGHT), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("case", SUMS)
def test_many_networks_at_once(case):
    metric, outputs, targets, _ = ORACLE[case]
    outputs, targets = jnp.asarray(outputs, jnp.float32), jnp.asarray(targets)
    targets = targets if jnp.issubdtype(targets.dtype, jnp.integer) else targets.astype(jnp.float32)
    one = jax.jit(metric.sums)
    both = jax.jit(jax.vmap(metric.sums, (0, None)))(jnp.stack([outputs, -outputs]), targets)
    for i, sign in enumerate((1, -1)):
        alone = metric.result(one(sign * outputs, targets))
        assert metric.result({name: value[i] for name, value in both.items()}) == pytest.approx(alone, rel=1e-5)
    assert one._cache_size() == 1


# ------------------------------------------------------------------------------------------------------------ names


def test_every_metric_has_a_case():
    ours = {name for name, cls in names_of("metric").items() if cls.key.startswith("brickwork:")}
    assert ours == {case.split(" ")[0] for case in ORACLE} | {"f_beta"}
    for case, (metric, *_) in ORACLE.items():
        assert lookup("metric", case.split(" ")[0]) is type(metric)


@EVERY
def test_specs(case):
    metric = ORACLE[case][0]
    again = from_json(to_json(metric))
    assert (again, type(again), hash(again)) == (metric, type(metric), hash(metric))
    losses = ("error_rate", "mse", "rmse", "mae", "mape", "median", "log_loss", "perplexity", "brier", "calibration")
    assert metric.higher_is_better is not case.startswith(losses)


def test_names_that_people_type():
    names = ("mse", "mean_squared_error", "rmse", "mae", "r2", "auc", "top_5", "precision", "sensitivity", "f2", "ece")
    assert [resolve_metric(name).name for name in names] == [
        "mse", "mse", "rmse", "mae", "r2", "roc_auc", "top_5", "precision", "recall", "f2", "calibration_error",
    ]  # fmt: skip
    for alias, name in {"dice": "f1", "mean_iou": "iou", "mcc": "matthews_correlation", "ppl": "perplexity"}.items():
        assert lookup("metric", alias) is lookup("metric", name)


def test_names_tell_settings_apart():
    made = [
        ORACLE[case][0].name for case in ("top_k", "precision_score of flags", "recall weighted", "f1 micro", "f_beta")
    ]
    assert made == ["top_2", "macro_precision", "weighted_recall", "micro_f1", "f0.5"]
    assert ORACLE["cohen_kappa quadratic"][0].name == "quadratic_cohen_kappa"
    assert lookup("metric", "f_beta")(average="macro").name == "macro_f2"
    assert LOGITS.shape == (ROWS, 4)
