"""Floor 1: pure array functions, the same on every platform and fast on each.

Pictures are (batch, height, width, channels), kernels (height, width, channels, filters), sequences (batch, time,
features).
"""

from brickwork.ops.activations import ACTIVATIONS, activate, glu
from brickwork.ops.attention import additive_weights, dot_product_attention, weighted_values
from brickwork.ops.capsules import route_by_agreement, squash
from brickwork.ops.convolution import conv, conv_transpose
from brickwork.ops.cross_entropy import sigmoid_cross_entropy, softmax_cross_entropy
from brickwork.ops.implementation import (
    IMPLEMENTATIONS,
    choose,
    current_implementation,
    implementation,
    prediction,
    settled,
    uses_kernels,
)
from brickwork.ops.normalization import (
    batch_moments,
    batch_normalize,
    group_normalize,
    moments,
    normalize,
    rms_normalize,
    standardize,
)
from brickwork.ops.pooling import adaptive_pool, average_pool, global_average_pool, global_max_pool, max_pool
from brickwork.ops.positions import rotate_by_position, sinusoids
from brickwork.ops.products import matmul
from brickwork.ops.recurrent import backwards, gru_sweep, lstm_cell, lstm_sweep, simple_sweep, sweep
from brickwork.ops.resampling import Interpolation, resize
from brickwork.ops.rows import take_rows
from brickwork.ops.windows import Axes, Padding, Sizes

__all__ = [
    "ACTIVATIONS",
    "IMPLEMENTATIONS",
    "Axes",
    "Interpolation",
    "Padding",
    "Sizes",
    "activate",
    "adaptive_pool",
    "additive_weights",
    "average_pool",
    "backwards",
    "batch_moments",
    "batch_normalize",
    "choose",
    "conv",
    "conv_transpose",
    "current_implementation",
    "dot_product_attention",
    "global_average_pool",
    "global_max_pool",
    "glu",
    "group_normalize",
    "gru_sweep",
    "implementation",
    "lstm_cell",
    "lstm_sweep",
    "matmul",
    "max_pool",
    "moments",
    "normalize",
    "prediction",
    "resize",
    "rms_normalize",
    "rotate_by_position",
    "route_by_agreement",
    "settled",
    "sigmoid_cross_entropy",
    "simple_sweep",
    "sinusoids",
    "softmax_cross_entropy",
    "squash",
    "standardize",
    "sweep",
    "take_rows",
    "uses_kernels",
    "weighted_values",
]
