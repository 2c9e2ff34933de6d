"""Floor 1: pure array functions, the same on every platform and fast on each.

Pictures are (batch, height, width, channels), kernels (height, width, channels, filters), sequences (batch, time,
features).
"""

from brickwork.ops.activations import ACTIVATIONS, activate
from brickwork.ops.attention import dot_product_attention
from brickwork.ops.convolution import conv2d
from brickwork.ops.cross_entropy import sigmoid_cross_entropy, softmax_cross_entropy
from brickwork.ops.implementation import IMPLEMENTATIONS, choose, current_implementation, implementation, settled
from brickwork.ops.normalization import batch_moments, moments, normalize, rms_normalize, standardize
from brickwork.ops.pooling import average_pool2d, global_average_pool, global_max_pool, max_pool2d
from brickwork.ops.recurrent import lstm_cell, lstm_sweep, sweep
from brickwork.ops.windows import Padding, Pair

__all__ = [
    "ACTIVATIONS",
    "IMPLEMENTATIONS",
    "Padding",
    "Pair",
    "activate",
    "average_pool2d",
    "batch_moments",
    "choose",
    "conv2d",
    "current_implementation",
    "dot_product_attention",
    "global_average_pool",
    "global_max_pool",
    "implementation",
    "lstm_cell",
    "lstm_sweep",
    "max_pool2d",
    "moments",
    "normalize",
    "rms_normalize",
    "settled",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "standardize",
    "sweep",
]
