"""Cases of normalisations, and of weights that are normalised."""

import numpy as np

from bricks.contract import Case
from brickwork.bricks import (
    LSTM,
    BatchRenorm,
    Conv,
    GroupNorm,
    InstanceNorm,
    RMSNorm,
    SpectralNorm,
    WeightNorm,
)

CLOSED = BatchRenorm(max_ratio=1.0, max_shift=0.0)
WEIGHT = np.array([1.0, 1.0, 0.0, 1.0])

CASES: dict[str, Case] = {
    # r and d are no constants, which gradients take them for, unless the limits leave them no room; what they are
    # otherwise is compared with PyTorch in test_normalization.py
    "batch_renorm/closed": Case(CLOSED, golden="batch_norm/weights", training=True, weight=WEIGHT),
    "batch_renorm/padded": Case(CLOSED, golden="batch_norm/padded", training=True, quick="nothing"),
    "batch_renorm/evaluation": Case(BatchRenorm(), golden="batch_norm/evaluation", quick="nothing"),
    "rms_norm/sequence": Case(RMSNorm(), golden="rms_norm/sequence"),
    "group_norm/pictures": Case(GroupNorm(2), golden="group_norm/pictures", quick="nothing"),
    "group_norm/padded": Case(GroupNorm(2), golden="group_norm/padded"),
    "instance_norm/pictures": Case(InstanceNorm(), golden="instance_norm/pictures"),
    "instance_norm/padded": Case(InstanceNorm(), golden="instance_norm/padded", quick="nothing"),
    "weight_norm/conv": Case(WeightNorm(Conv(4)), golden="weight_norm/conv"),
    "weight_norm/lstm": Case(WeightNorm(LSTM(2)), golden="weight_norm/lstm", quick="nothing"),
    "spectral_norm/conv": Case(SpectralNorm(Conv(4), iterations=2), golden="spectral_norm/conv", training=True),
}
