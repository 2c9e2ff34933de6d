"""Metrics: how good a network is, in numbers that people know.

Most metrics are made of sums over rows. `sums` runs inside compiled programs, one batch at a time; sums of batches
add up to the sums of all, in any order and on any number of devices; `result` makes a number of them on the host.
A few metrics, such as the area under the ROC curve, need all rows at once: `RowMetric`.

Counting in float32 goes wrong: 2^24 + 1 = 2^24 there. So everything that is counted is carried in two sums, its whole
part as int32 and the rest, less than 1 a batch, as a float. With weights 0 and 1 the rest is exactly 0 and counts are
exact up to 2^31 rows between two visits to the host, whatever adds them up; on the host, sums are float64.
"""

from brickwork.metrics.agreement import BalancedAccuracy, CohenKappa, MatthewsCorrelation
from brickwork.metrics.base import FunctionMetric, Metric, RowMetric, metric, resolve_metric
from brickwork.metrics.classification import Accuracy, ErrorRate, ExactMatch, TopK
from brickwork.metrics.counts import confusion_matrix, confusion_sums
from brickwork.metrics.probability import Brier, CalibrationError, LogLoss, Perplexity
from brickwork.metrics.ranking import AveragePrecision, RocAuc
from brickwork.metrics.ratios import F1, IOU, Average, FBeta, PrecisionScore, Recall, Specificity
from brickwork.metrics.regression import MAE, MAPE, MSE, R2, RMSE, ExplainedVariance, MedianAbsoluteError
from brickwork.metrics.sums import Sums, as_rows, count_of, counted, counts_of, merged

__all__ = [
    "F1",
    "IOU",
    "MAE",
    "MAPE",
    "MSE",
    "R2",
    "RMSE",
    "Accuracy",
    "Average",
    "AveragePrecision",
    "BalancedAccuracy",
    "Brier",
    "CalibrationError",
    "CohenKappa",
    "ErrorRate",
    "ExactMatch",
    "ExplainedVariance",
    "FBeta",
    "FunctionMetric",
    "LogLoss",
    "MatthewsCorrelation",
    "MedianAbsoluteError",
    "Metric",
    "Perplexity",
    "PrecisionScore",
    "Recall",
    "RocAuc",
    "RowMetric",
    "Specificity",
    "Sums",
    "TopK",
    "as_rows",
    "confusion_matrix",
    "confusion_sums",
    "count_of",
    "counted",
    "counts_of",
    "merged",
    "metric",
    "resolve_metric",
]
