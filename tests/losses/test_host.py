"""On the host, before training: targets get their type and shape, and what cannot be learnt is explained."""

import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.batch import Padded
from brickwork.core.errors import DataError, SettingError, ShapeError
from brickwork.core.spec import lookup
from brickwork.losses import (
    CTC,
    BinaryCrossEntropy,
    BinaryFocal,
    CrossEntropy,
    Dice,
    Focal,
    GaussianNLL,
    Huber,
    InfoNCE,
    KLDivergence,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    MulticlassHinge,
    Poly1,
    Quantile,
    Triplet,
    Tversky,
    resolve_loss,
)


def test_names_that_people_type():
    assert resolve_loss("softmax_cross_entropy") == CrossEntropy()
    assert resolve_loss("mse") == MeanSquaredError()
    assert resolve_loss("mae") == resolve_loss(MeanAbsoluteError) == MeanAbsoluteError()
    assert resolve_loss(Huber(2.0)) == Huber(2.0)
    names = {"bce": "binary_cross_entropy", "nll": "cross_entropy", "pinball": "quantile", "kl": "kl_divergence"}
    names |= {"svm": "hinge", "clip": "info_nce", "simclr": "nt_xent", "cosine": "cosine_distance", "l1": "mae"}
    for alias, name in names.items():
        assert lookup("loss", alias) is lookup("loss", name)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "log_cosh", "poisson", "binary_cross_entropy", "hinge"])
def test_one_number_a_row_gets_its_axis(name):
    loss = resolve_loss(name)
    np.testing.assert_array_equal(loss.fit_targets((4, 1), np.asarray([0, 1, 1, 0])), [[0], [1], [1], [0]])
    np.testing.assert_array_equal(loss.fit_targets((4, 1), np.asarray([[False], [True]])), [[0], [1]])
    np.testing.assert_array_equal(loss.fit_targets((4,), np.asarray([[0], [1]])), [0, 1])
    assert loss.fit_targets((4, 7, 1), np.zeros((4, 7))).shape == (4, 7, 1)


def test_class_numbers_in_many_types():
    for loss in (CrossEntropy(), Focal(), MulticlassHinge()):
        for given in ([2, 0], [2.0, 0.0], np.asarray([2, 0], np.uint8), [[2], [0]], np.asarray([2, 0], np.uint64)):
            fitted = loss.fit_targets((9, 3), given)
            assert fitted.dtype == np.int32
            np.testing.assert_array_equal(fitted, [2, 0])
        np.testing.assert_array_equal(loss.fit_targets((9, 2), np.asarray([True, False])), [1, 0])
    loss = CrossEntropy()
    assert loss.fit_targets((9, 3), np.eye(3, dtype=int)).dtype == np.float32
    sequence = Padded(jnp.asarray([[1.0, 2.0, np.nan], [0.0, np.nan, -5]]), jnp.asarray([2, 1]))
    fitted = loss.fit_targets((9, 30, 3), sequence)
    np.testing.assert_array_equal(fitted.values, [[1, 2, 0], [0, 0, 0]])
    loss.check((9, 30, 3), sequence)


def test_targets_of_other_shapes_than_outputs():
    np.testing.assert_array_equal(Quantile((0.1, 0.9)).fit_targets((9, 2), [[1], [2]]), [1, 2])
    assert Quantile((0.1, 0.9)).fit_targets((9, 30, 2), np.zeros((9, 30))).shape == (9, 30)
    np.testing.assert_array_equal(GaussianNLL().fit_targets((9, 2), [1, 2]), [[1], [2]])
    sequence = Padded(jnp.asarray([[1.0, np.nan]]), jnp.asarray([1]))
    for loss in (Quantile((0.1, 0.9)), GaussianNLL()):
        loss.check((9, 30, 2), sequence)
        assert np.isfinite(loss.fit_targets((9, 30, 2), sequence).values).all()
    texts = Padded(jnp.asarray([[1.0, 2.0, np.nan], [2.0, np.nan, -5]]), jnp.asarray([2, 1]))
    CTC().check((9, 4, 3), texts)
    fitted = CTC().fit_targets((9, 4, 3), texts)
    assert fitted.values.dtype == np.int32
    np.testing.assert_array_equal(fitted.values, [[1, 2, 0], [2, 0, 0]])


TENS = np.arange(100) % 10


@pytest.mark.parametrize(
    ("loss", "shape", "targets", "error", "message"),
    [
        ("cross_entropy", (9, 10), [0, 3, 11], DataError, r"Label 11 \(row 2\) .* 10 outputs, .* Dense\(12\)"),
        ("cross_entropy", (9, 10), TENS + 1, DataError, r"Dense\(11\), or, if labels count from 1, subtract 1,"),
        ("cross_entropy", (9, 10), TENS + 2**40, DataError, "out of range"),
        ("cross_entropy", (9, 10), [0, -1], DataError, r"Label -1 \(row 1\) is negative"),
        ("cross_entropy", (9, 10), [0, 1.5], DataError, "whole numbers.*row 1 has 1.5.*'mse'"),
        ("cross_entropy", (9, 10), [0, np.nan], DataError, "whole numbers.*row 1 has nan"),
        (
            "cross_entropy",
            (9, 10),
            ["cat", "dog"],
            DataError,
            r"numbers, got <U3 \(such as 'cat'\): number the classes",
        ),
        ("cross_entropy", (9, 10), [], DataError, "no targets"),
        ("cross_entropy", (9, 1), [0, 1], ShapeError, r"1 number a row: end it in Dense\(2\).*binary_cross_entropy"),
        ("cross_entropy", (9,), [0, 1], ShapeError, r"one number a row: end it in Dense\(2\)"),
        ("cross_entropy", (9, 10), np.eye(3), ShapeError, r"10 numbers a row, .* 3 numbers a row: .* Dense\(3\)"),
        ("cross_entropy", (9, 8, 8, 3), [0, 1], ShapeError, r"put Flatten\(\) or GlobalPool\(\)"),
        ("cross_entropy", (9, 3), 4, ShapeError, "one entry per row"),
        ("cross_entropy", (9, 3), [[1.0, 1.0, 0.0]], DataError, "sum to 1; row 0.*binary_cross_entropy"),
        ("cross_entropy", (9, 3), [[1.5, -0.5, 0.0]], DataError, "must be probabilities"),
        ("cross_entropy", (9, 3), [[np.nan, 0, 0]], DataError, "1 of 3 targets are not finite"),
        (CrossEntropy(class_weights=(1, 2)), (9, 3), [0, 1], ShapeError, "2 class_weights for 3 outputs"),
        (Focal(2.0, (1, 2)), (9, 3), [0, 1], ShapeError, "2 class_weights for 3 outputs"),
        ("focal", (9, 1), [0, 1], ShapeError, r"'focal' compares two classes or more"),
        ("focal", (9, 3), np.eye(3), ShapeError, r"class numbers, and the targets are rows of 3.*argmax"),
        ("multiclass_hinge", (9, 3), [0, 3], DataError, "Label 3"),
        ("kl_divergence", (9, 3), [0, 1], ShapeError, "give rows of 3 probabilities.*'cross_entropy'"),
        ("kl_divergence", (9, 3), [[1.0, 1.0, 0.0]], DataError, "sum to 1"),
        ("binary_cross_entropy", (9, 1), [1, 2, 1], DataError, r"row 1 has 2\. For more than two classes"),
        ("binary_cross_entropy", (9, 1), [1, -1], DataError, r"must be 0 or 1.*row 1 has -1\.$"),
        ("hinge", (9, 1), [1, -1], DataError, r"must be 0 or 1.*row 1 has -1\.$"),
        (
            "binary_cross_entropy",
            (9, 10),
            [0, 1],
            ShapeError,
            r"end .* in Dense\(1\), or use .*'cross_entropy'",
        ),
        (BinaryCrossEntropy(0.0, (1.0, 2.0)), (9, 1), [0, 1], ShapeError, "2 positive_weight for 1 outputs"),
        ("dice", (9, 8, 8, 3), np.full((9, 8, 8), 3), DataError, "Label 3"),
        ("mse", (9, 1), [0, np.inf], DataError, "1 of 2 targets are not finite; the first is inf in row 1"),
        ("mse", (9, 1), [], DataError, "no targets"),
        ("mse", (9, 1), np.zeros((9, 3)), ShapeError, r"1 number a row, .* 3 numbers a row: .* Dense\(3\)"),
        ("mse", (9, 2), np.zeros(9), ShapeError, r"Dense\(1\)"),
        ("mse", (9, 8, 8, 1), np.zeros((9, 4, 4, 1)), ShapeError, r"arrays \(8, 8, 1\) a row.*agree in every axis"),
        ("mae", (9, 1), [None, 1], DataError, "numbers, got object"),
        ("huber", (9, 1), [1j], DataError, "numbers, got complex"),
        ("poisson", (9, 1), [1, -2], DataError, "Counts are 0 or more; row 1 .* has -2"),
        ("cosine", (9, 2), [[1, 0], [0, 0]], DataError, "Row 1 .* zeros, which points nowhere"),
        (Quantile((0.1, 0.9)), (9, 3), [1, 2], ShapeError, r"2 quantiles, .* 3 numbers a row: end it in Dense\(2\)"),
        (Quantile((0.1, 0.9)), (9, 2), np.zeros((9, 2)), ShapeError, "quantiles of one number, .* 2 numbers a row"),
        (GaussianNLL(), (9, 1), [1, 2], ShapeError, r"two outputs for each target.*Dense\(2\)"),
        (
            GaussianNLL(),
            (9, 4),
            [1, 2],
            ShapeError,
            "4 numbers .*one number a row: end it in two outputs for each",
        ),
        ("contrastive", (9, 4), [1, 0], ShapeError, r"outputs \(rows, 2, features\).*4 numbers a row"),
        ("contrastive", (9, 2, 4), [1, 2], DataError, "0 or 1"),
        ("triplet", (9, 2, 4), None, ShapeError, r"outputs \(rows, 3, features\)"),
        ("info_nce", (9, 4), None, ShapeError, r"outputs \(rows, 2, features\)"),
        ("nt_xent", (9, 2, 2, 4), None, ShapeError, r"outputs \(rows, 2, features\)"),
        ("ctc", (9, 4), [[1, 2]], ShapeError, r"logits \(rows, time, labels\)"),
        ("ctc", (9, 4, 3), [1, 2], ShapeError, r"labels \(rows, labels\), got the shape \(2,\)"),
        ("ctc", (9, 4, 3), [[1, 2], [0, 1]], DataError, "Row 1 .* label 0: it is the blank"),
        ("ctc", (9, 4, 3), [[1, 3]], DataError, "Row 0 .* label 3: labels are 0 to 2"),
        ("ctc", (9, 4, 3), [[1, 1.5]], DataError, "whole numbers; row 0"),
        ("ctc", (9, 4, 3), [[1, 2, 1], [1, 1, 1]], DataError, "Row 1 .* needs 5 steps, .* gives 4"),
        (CTC(blank=3), (9, 4, 3), [[1, 2]], ShapeError, "blank 3 is none of the 3 outputs"),
    ],
)
def test_what_cannot_be_learnt_is_explained(loss, shape, targets, error, message):
    with pytest.raises(error, match=message):
        resolve_loss(loss).check(shape, targets if targets is None or isinstance(targets, int) else np.asarray(targets))


def test_on_the_device_nothing_passes_silently():
    with pytest.raises(ShapeError, match="whole numbers, got float32"):
        CrossEntropy()(jnp.zeros((2, 3)), jnp.zeros(2))
    with pytest.raises(ShapeError, match="whole numbers, got float32"):
        CTC()(jnp.zeros((2, 3, 4)), jnp.zeros((2, 2)))
    with pytest.raises(ShapeError, match="class_weights"):
        CrossEntropy(class_weights=(1.0, 2.0))(jnp.zeros((2, 3)), jnp.zeros(2, jnp.int32))
    with pytest.raises(ShapeError, match="compare every row with every other"):
        MeanSquaredError()(jnp.zeros((4, 1)), jnp.zeros(4))
    with pytest.raises(ShapeError, match="regions of positions"):
        Dice()(jnp.zeros((4, 3)), jnp.zeros(4, jnp.int32))


@pytest.mark.parametrize(
    "loss", [CrossEntropy(), CrossEntropy(0.1, (1, 1, 1)), Focal(), Poly1(), MulticlassHinge(), Dice()], ids=repr
)
def test_a_label_out_of_range_is_not_learnt_silently(loss):
    between = (2,) if loss == Dice() else ()
    assert np.isnan(loss(jnp.zeros((1, *between, 3)), jnp.full((1, *between), 3))[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: resolve_loss("cross_entorpy"), r"no loss named 'cross_entorpy'.*Did you mean 'cross_entropy'"),
        (lambda: resolve_loss(3), "A loss is a name or a settings object, got 3"),
        (lambda: CrossEntropy(1.0), "'label_smoothing' must be at least 0"),
        (lambda: CrossEntropy(class_weights=(1.0, -1.0)), "'class_weights' must be numbers of at least 0"),
        (lambda: Focal(class_weights=()), "'class_weights' must be numbers of at least 0"),
        (lambda: Focal(-1.0), "'gamma' must be at least 0"),
        (lambda: Poly1(-2.0), "'epsilon' must be at least -1"),
        (lambda: MulticlassHinge("all"), "'form' must be one of 'crammer_singer', 'weston_watkins'"),
        (lambda: BinaryCrossEntropy(-0.1), "'label_smoothing' must be at least 0"),
        (lambda: BinaryCrossEntropy(positive_weight=0.0), "'positive_weight' must be more than 0"),
        (lambda: BinaryFocal(alpha=2.0), "'alpha' must be 0 to 1"),
        (lambda: Dice(0.0), "'smooth' must be more than 0"),
        (lambda: Tversky(-1.0), "'alpha' must be at least 0"),
        (lambda: Huber(0.0), "'delta' must be more than 0"),
        (lambda: Quantile((0.9, 0.1)), "'quantiles' must be one or more probabilities rising"),
        (lambda: Quantile(()), "'quantiles' must be one or more probabilities rising"),
        (lambda: GaussianNLL(0.0), "'floor' must be more than 0"),
        (lambda: Triplet(0.0), "'margin' must be more than 0"),
        (lambda: InfoNCE(0.0), "'temperature' must be more than 0"),
        (lambda: CTC(-1), "'blank' must be the number of an output"),
        (lambda: Loss.__call__(KLDivergence(), jnp.ones(1), jnp.ones(1)), "no __call__"),
    ],
)
def test_wrong_settings(make, message):
    with pytest.raises(SettingError, match=message):
        make()
