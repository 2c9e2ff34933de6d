"""Metrics with data, and what scikit-learn makes of them."""

from functools import cache, partial

import jax.numpy as jnp
import numpy as np
from sklearn import metrics as sklearn_metrics

from bricks.contract import compiled as quickly
from brickwork.metrics import (
    F1,
    IOU,
    MAE,
    MAPE,
    MSE,
    R2,
    RMSE,
    Accuracy,
    AveragePrecision,
    BalancedAccuracy,
    Brier,
    CalibrationError,
    CohenKappa,
    ErrorRate,
    ExactMatch,
    ExplainedVariance,
    FBeta,
    LogLoss,
    MatthewsCorrelation,
    MedianAbsoluteError,
    Perplexity,
    PrecisionScore,
    Recall,
    RocAuc,
    RowMetric,
    Specificity,
    TopK,
    merged,
)

RNG = np.random.default_rng(3)
ROWS = 60
WEIGHT = RNG.uniform(0.2, 3.0, ROWS) * (RNG.uniform(size=ROWS) > 0.2)
LOGITS = RNG.normal(size=(ROWS, 4))
CLASSES = RNG.integers(0, 4, ROWS)
FLAGS = RNG.integers(0, 2, (ROWS, 4))
NUMBERS = LOGITS + RNG.normal(size=(ROWS, 4))
SOME = np.where(CLASSES == 3, 1, CLASSES)
"""Class 3 is predicted, but never actual."""


@cache
def compiled(metric):
    return quickly(metric.sums)


def measure(metric, outputs, targets, weight=None):
    """Return the metric of everything at once."""
    outputs, targets = jnp.asarray(outputs), jnp.asarray(targets)
    weight = None if weight is None else jnp.asarray(weight)
    if isinstance(metric, RowMetric):
        rows = (np.asarray(part) for part in (outputs, targets, np.ones(len(outputs)) if weight is None else weight))
        return metric.result_rows(*rows)
    return metric.result(merged([compiled(metric)(outputs, targets, weight)]))


def sklearn(name, answer, **settings):
    """Return a score of scikit-learn, of answers made of the outputs."""
    function = partial(getattr(sklearn_metrics, name), **settings)
    return lambda y, z, w: function(y, answer(z), sample_weight=w)


def best(z):
    return z.argmax(axis=1)


def yes(z):
    return (z > 0).astype(int)


def same(z):
    return z


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def one_against_rest(name, y, z, w):
    """Return the mean of an area over the classes, each against the rest."""
    area = getattr(sklearn_metrics, name)
    return np.mean([area(y == k, softmax(z)[:, k], sample_weight=w) for k in range(4)])


def mean(values):
    """Return an oracle that is the weighted mean of values by row."""
    return lambda y, z, w: np.average(values(y, z), weights=w)


def specificity(y, z, w):
    """Yerushalmy 1947: of no, how much is answered no; the mean over classes, each against the rest."""
    w = np.ones(len(y)) if w is None else w
    return np.mean([sum(w[(y != k) & (best(z) != k)]) / sum(w[y != k]) for k in range(4)])


def calibration(confidence, right, bins, w):
    """Guo et al. 2017, equations 2, 3 and 5, bin by bin."""
    w = np.ones(len(right)) if w is None else w
    error = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if w[inside].sum():
            gap = np.average(right[inside], weights=w[inside]) - np.average(confidence[inside], weights=w[inside])
            error += w[inside].sum() / w.sum() * abs(gap)
    return error


def mean_iou(y, z, w):
    return sklearn_metrics.jaccard_score(y, best(z), average="macro", sample_weight=w)


ORACLE = {
    "accuracy of classes": (Accuracy(), LOGITS, CLASSES, sklearn("accuracy_score", best)),
    "accuracy of one-hot": (
        Accuracy(), LOGITS, np.eye(4)[CLASSES],
        lambda y, z, w: sklearn_metrics.accuracy_score(CLASSES, best(z), sample_weight=w),
    ),
    "accuracy of one logit": (Accuracy(), LOGITS[:, :1], FLAGS[:, :1], sklearn("accuracy_score", yes)),
    "accuracy of flags": (
        Accuracy(multi_label=True), LOGITS, FLAGS,
        lambda y, z, w: 1 - sklearn_metrics.hamming_loss(y, z > 0, sample_weight=w),
    ),
    "error_rate of classes": (ErrorRate(), LOGITS, CLASSES, sklearn("zero_one_loss", best)),
    "error_rate of flags": (ErrorRate(True), LOGITS, FLAGS, sklearn("hamming_loss", yes)),
    "exact_match of flags": (
        ExactMatch(True), LOGITS[:, :2], FLAGS[:, :2], sklearn("accuracy_score", yes),
    ),
    "exact_match of classes": (ExactMatch(), LOGITS, CLASSES, sklearn("accuracy_score", best)),
    "top_k": (TopK(2), LOGITS, CLASSES, sklearn("top_k_accuracy_score", same, k=2)),
    "precision_score": (PrecisionScore(), LOGITS[:, :1], FLAGS[:, :1], sklearn("precision_score", yes)),
    "precision_score of two": (
        PrecisionScore(threshold=0.6), LOGITS[:, :2], FLAGS[:, 0],
        sklearn("precision_score", lambda z: yes(z[:, 1] - z[:, 0] - np.log(1.5))),
    ),
    "precision_score of classes": (
        PrecisionScore(), LOGITS, SOME, sklearn("precision_score", best, average="macro", zero_division=0),
    ),
    "precision_score of flags": (
        PrecisionScore("macro", 0.3, True), LOGITS, FLAGS,
        sklearn("precision_score", lambda z: yes(z - np.log(3 / 7)), average="macro"),
    ),
    "recall": (
        Recall(threshold=0.7), LOGITS[:, 0], FLAGS[:, 0], sklearn("recall_score", lambda z: yes(z - np.log(7 / 3))),
    ),
    "recall weighted": (
        Recall("weighted"), LOGITS, SOME, sklearn("recall_score", best, average="weighted", zero_division=0),
    ),
    "recall of yes and no": (Recall("macro"), LOGITS[:, :1], FLAGS[:, 0], sklearn("balanced_accuracy_score", yes)),
    "specificity": (
        Specificity(), LOGITS[:, 0], FLAGS[:, 0], sklearn("recall_score", yes, pos_label=0),
    ),
    "specificity of classes": (Specificity(), LOGITS, CLASSES, specificity),
    "f1": (F1(), LOGITS[:, 0], FLAGS[:, 0], sklearn("f1_score", yes)),
    "f1 of classes": (F1("macro"), LOGITS, SOME, sklearn("f1_score", best, average="macro")),
    "f1 micro": (F1("micro"), LOGITS, CLASSES, sklearn("f1_score", best, average="micro")),
    "f1 of flags": (F1("micro", multi_label=True), LOGITS, FLAGS, sklearn("f1_score", yes, average="micro")),
    "f1 of flags weighted": (
        F1("weighted", multi_label=True), LOGITS, FLAGS, sklearn("f1_score", yes, average="weighted"),
    ),
    "f_beta": (FBeta(0.5), LOGITS, SOME, sklearn("fbeta_score", best, average="macro", beta=0.5)),
    "iou": (IOU(), LOGITS, SOME, mean_iou),
    "iou of one logit": (IOU(), LOGITS[:, 0], FLAGS[:, 0], sklearn("jaccard_score", yes)),
    "balanced_accuracy": (
        BalancedAccuracy(), LOGITS, SOME,
        lambda y, z, w: sklearn_metrics.recall_score(y, best(z), labels=[0, 1, 2], average="macro", sample_weight=w),
    ),
    "matthews_correlation": (MatthewsCorrelation(), LOGITS, CLASSES, sklearn("matthews_corrcoef", best)),
    "matthews_correlation of one logit": (
        MatthewsCorrelation(True), LOGITS[:, 0], FLAGS[:, 0], sklearn("matthews_corrcoef", yes),
    ),
    "matthews_correlation of flags": (
        MatthewsCorrelation(True), LOGITS, FLAGS,
        lambda y, z, w: np.mean(
            [sklearn_metrics.matthews_corrcoef(y[:, k], yes(z)[:, k], sample_weight=w) for k in range(4)]
        ),
    ),
    "cohen_kappa": (CohenKappa(), LOGITS, CLASSES, sklearn("cohen_kappa_score", best)),
    "cohen_kappa of one logit": (CohenKappa(), LOGITS[:, 0], FLAGS[:, 0], sklearn("cohen_kappa_score", yes)),
    "cohen_kappa linear": (CohenKappa("linear"), LOGITS, CLASSES, sklearn("cohen_kappa_score", best, weights="linear")),
    "cohen_kappa quadratic": (
        CohenKappa("quadratic"), LOGITS, CLASSES, sklearn("cohen_kappa_score", best, weights="quadratic"),
    ),
    "log_loss": (LogLoss(), LOGITS, CLASSES, sklearn("log_loss", softmax)),
    "log_loss of one logit": (LogLoss(), LOGITS[:, 0], FLAGS[:, 0], sklearn("log_loss", sigmoid)),
    "log_loss of flags": (
        LogLoss(True), LOGITS, FLAGS,
        lambda y, z, w: np.mean(
            [sklearn_metrics.log_loss(y[:, k], sigmoid(z)[:, k], sample_weight=w) for k in range(4)]
        ),
    ),
    "perplexity": (
        Perplexity(), LOGITS, CLASSES,
        lambda y, z, w: np.exp(sklearn_metrics.log_loss(y, softmax(z), sample_weight=w)),
    ),
    "brier": (Brier(), LOGITS, CLASSES, mean(lambda y, z: ((softmax(z) - np.eye(4)[y]) ** 2).sum(axis=1))),
    "brier of two": (
        Brier(), LOGITS[:, :2], FLAGS[:, 0], sklearn("brier_score_loss", lambda z: softmax(z)[:, 1]),
    ),
    "brier of one logit": (Brier(), LOGITS[:, 0], FLAGS[:, 0], sklearn("brier_score_loss", sigmoid)),
    "brier of flags": (Brier(True), LOGITS, FLAGS, mean(lambda y, z: ((sigmoid(z) - y) ** 2).mean(axis=1))),
    "calibration_error": (
        CalibrationError(5), LOGITS, CLASSES,
        lambda y, z, w: calibration(softmax(z).max(axis=1), best(z) == y, 5, w),
    ),
    "calibration_error of one logit": (
        CalibrationError(), LOGITS[:, 0], FLAGS[:, 0],
        lambda y, z, w: calibration(sigmoid(abs(z)), yes(z) == y, 15, w),
    ),
    "calibration_error of flags": (
        CalibrationError(8, True), LOGITS, FLAGS,
        lambda y, z, w: calibration(
            sigmoid(abs(z)).ravel(), (yes(z) == y).ravel(), 8, None if w is None else w.repeat(4)
        ),
    ),
    "mse": (MSE(), LOGITS, NUMBERS, sklearn("mean_squared_error", same)),
    "rmse": (RMSE(), LOGITS[:, :1], NUMBERS[:, :1], sklearn("root_mean_squared_error", same)),
    "mae": (MAE(), LOGITS, NUMBERS, sklearn("mean_absolute_error", same)),
    "mape": (MAPE(), LOGITS, NUMBERS, sklearn("mean_absolute_percentage_error", same)),
    "median_absolute_error": (MedianAbsoluteError(), LOGITS, NUMBERS, sklearn("median_absolute_error", same)),
    "r2": (R2(), LOGITS[:, :1], NUMBERS[:, :1], sklearn("r2_score", same)),
    "r2 of several": (R2(0.3), LOGITS, NUMBERS, sklearn("r2_score", same)),
    "explained_variance": (ExplainedVariance(0.3), LOGITS + 1, NUMBERS, sklearn("explained_variance_score", same)),
    "roc_auc": (RocAuc(), LOGITS[:, :1], FLAGS[:, :1], sklearn("roc_auc_score", same)),
    "roc_auc of two": (RocAuc(), LOGITS[:, :2], FLAGS[:, 0], sklearn("roc_auc_score", lambda z: z[:, 1] - z[:, 0])),
    "roc_auc of classes": (RocAuc(), LOGITS, CLASSES, partial(one_against_rest, "roc_auc_score")),
    "roc_auc of one-hot": (
        RocAuc(), LOGITS, np.eye(4)[CLASSES], lambda y, z, w: one_against_rest("roc_auc_score", CLASSES, z, w),
    ),
    "roc_auc of flags": (RocAuc(multi_label=True), LOGITS, FLAGS, sklearn("roc_auc_score", same)),
    "average_precision": (AveragePrecision(), LOGITS[:, :1], FLAGS[:, :1], sklearn("average_precision_score", same)),
    "average_precision of classes": (
        AveragePrecision(), LOGITS, CLASSES, partial(one_against_rest, "average_precision_score"),
    ),
    "average_precision of flags": (
        AveragePrecision(True), LOGITS, FLAGS, sklearn("average_precision_score", same, average="macro"),
    ),
}  # fmt: skip
