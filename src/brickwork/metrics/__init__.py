"""Metrics: how good a network is, in numbers that people know.

Most metrics are made of sums over rows. `sums` runs inside compiled programs, one batch at a time; sums of batches
add up to the sums of all, in any order and on any number of devices; `result` makes a number of them on the host.
A few metrics, such as the area under the ROC curve, need all rows at once: `RowMetric`.

Counting in float32 goes wrong: 2^24 + 1 = 2^24 there. So everything that is counted is carried in two sums, its whole
part as int32 and the rest, less than 1 a batch, as a float. With weights 0 and 1 the rest is exactly 0 and counts are
exact up to 2^31 rows between two visits to the host, whatever adds them up; on the host, sums are float64.
"""

from brickwork.metrics.base import FunctionMetric, Metric, RowMetric, metric, resolve_metric
from brickwork.metrics.classification import Accuracy, RocAuc, TopK
from brickwork.metrics.regression import MAE, MSE, R2, RMSE
from brickwork.metrics.sums import Sums, as_rows, count_of, counted, merged

__all__ = [
    "MAE",
    "MSE",
    "R2",
    "RMSE",
    "Accuracy",
    "FunctionMetric",
    "Metric",
    "RocAuc",
    "RowMetric",
    "Sums",
    "TopK",
    "as_rows",
    "count_of",
    "counted",
    "merged",
    "metric",
    "resolve_metric",
]
