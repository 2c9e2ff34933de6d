"""Cases of convolutions, pools, resampling, borders and shapes: one, two and three axes, and padded sequences."""

import numpy as np

from bricks.cases.draws import Draws
from bricks.contract import Case
from brickwork.bricks import (
    AdaptivePool,
    AveragePool,
    Conv,
    ConvTranspose,
    Crop,
    DepthwiseConv,
    MaxPool,
    Pad,
    Permute,
    Reshape,
    Resize,
    SeparableConv,
    Upsample,
)

EDGES = ((1, 1), (1, 1))
UNEVEN = ((0, 2), (1, 2))

draws = Draws(9)


def mirrored(v, inputs, taps):
    """NumPy's own: the border place is repeated."""
    return np.pad(inputs[0], ((0, 0), *UNEVEN, (0, 0)), mode="symmetric")


def slow(brick, golden: str) -> Case:
    return Case(brick, golden=golden, quick="nothing")


CASES: dict[str, Case] = {
    "conv/padded": Case(Conv(4, 3, 2, activation="tanh", axes=1), golden="conv/padded"),
    "conv/padded_valid": slow(Conv(2, padding="valid", bias=False, axes=1), "conv/padded_valid"),
    "conv/causal": slow(Conv(3, padding="causal", dilation=2, axes=1), "conv/causal"),
    "conv/volume": slow(Conv(4, (2, 3, 1), (1, 2, 1), ((1, 0), (1, 1), (0, 0)), groups=2, axes=3), "conv/volume"),
    "depthwise_conv/pictures": Case(DepthwiseConv(multiplier=2, activation="relu"), golden="depthwise_conv/pictures"),
    "depthwise_conv/padded": slow(DepthwiseConv(padding="causal", bias=False, axes=1), "depthwise_conv/padded"),
    "separable_conv/pictures": Case(
        SeparableConv(3, stride=2, multiplier=2, activation="relu"), golden="separable_conv/pictures"
    ),
    "conv_transpose/edges": Case(
        ConvTranspose(6, (3, 2), (2, 3), EDGES, (1, 2), 2, (1, 2), "tanh"), golden="conv_transpose/edges"
    ),
    "conv_transpose/same": slow(ConvTranspose(3, 4, 2, bias=False), "conv_transpose/same"),
    "conv_transpose/padded": slow(ConvTranspose(3, 3, 2, "valid", axes=1), "conv_transpose/padded"),
    "conv_transpose/volume": slow(ConvTranspose(2, (2, 3, 2), (1, 2, 2), "valid", axes=3), "conv_transpose/volume"),
    "max_pool/padded": Case(MaxPool(3, 2, "same", axes=1), golden="max_pool/padded"),
    "max_pool/volume": slow(MaxPool((1, 2, 3), (1, 2, 1), ((0, 0), *EDGES), axes=3), "max_pool/volume"),
    "average_pool/padded": Case(AveragePool(3, 2, "same", axes=1), golden="average_pool/padded"),
    "average_pool/counted": slow(AveragePool(3, 2, ((1, 1),), count_padding=True, axes=1), "average_pool/counted"),
    "average_pool/volume": slow(AveragePool((2, 2, 3), 2, ((0, 0), *EDGES), axes=3), "average_pool/volume"),
    "adaptive_pool/average": Case(AdaptivePool((3, 2)), golden="adaptive_pool/average"),
    "adaptive_pool/max": slow(AdaptivePool((2, 5), "max"), "adaptive_pool/max"),
    "adaptive_pool/volume": slow(AdaptivePool((2, 1, 3), axes=3), "adaptive_pool/volume"),
    "adaptive_pool/padded_average": slow(AdaptivePool(3, axes=1), "adaptive_pool/padded_average"),
    "adaptive_pool/padded_max": Case(AdaptivePool(3, "max", axes=1), golden="adaptive_pool/padded_max"),
    "resize/linear": slow(Resize((7, 3)), "resize/linear"),
    "resize/cubic": Case(Resize((7, 3), "cubic"), golden="resize/cubic"),
    "resize/nearest": slow(Resize((7, 3), "nearest"), "resize/nearest"),
    "resize/linear_antialias": slow(Resize((3, 8), antialias=True), "resize/linear_antialias"),
    "resize/cubic_antialias": slow(Resize((4, 8), "cubic", antialias=True), "resize/cubic_antialias"),
    "resize/volume": slow(Resize((3, 5, 2), axes=3), "resize/volume"),
    "resize/sequence": slow(Resize(7, axes=1), "resize/sequence"),
    "upsample/nearest": slow(Upsample((2, 3)), "upsample/nearest"),
    "upsample/linear": slow(Upsample((2, 3), "linear"), "upsample/linear"),
    "upsample/padded": Case(Upsample(2, "linear", axes=1), golden="upsample/padded"),
    "pad/zeros": slow(Pad(UNEVEN), "pad/zeros"),
    "pad/edge": slow(Pad(UNEVEN, "edge"), "pad/edge"),
    "pad/reflect": Case(Pad(UNEVEN, "reflect"), golden="pad/reflect"),
    "pad/wrap": slow(Pad(UNEVEN, "wrap"), "pad/wrap"),
    "pad/symmetric": Case(Pad(UNEVEN, "symmetric"), (draws.numbers(2, 3, 4, 2),), oracle=mirrored, quick="nothing"),
    "crop/edges": Case(Crop(((1, 2), (0, 1))), golden="crop/edges"),
    "crop/middle": slow(Crop(size=(2, 3)), "crop/middle"),
    "reshape/rest": Case(Reshape((3, -1, 2)), golden="reshape/rest"),
    "permute/pictures": Case(Permute((3, 1, 2)), golden="permute/pictures"),
}
