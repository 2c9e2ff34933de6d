"""A small residual network for pictures of about 8 to 128 pixels a side."""

import math
from collections.abc import Sequence

import numpy as np

from brickwork.bricks import (
    Activation,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    GlobalPool,
    MaxPool,
    Rescale,
    Residual,
    Sequential,
)
from brickwork.core.brick import Brick
from brickwork.core.errors import ShapeError
from brickwork.zoo.perceptron import unstandardise

FINE = 20
"""Pixels a side up to which the stem keeps every one."""

LARGE = 40
"""Pixels a side from which the stem pools as well."""


def small_residual(
    outputs: int,
    size: Sequence[int],
    *,
    width: int = 24,
    blocks: int = 1,
    dropout: float = 0.2,
    brightness: tuple[float, float] = (127.5, 127.5),
    targets: np.ndarray | None = None,
) -> Sequential:
    """Return a residual network: every block corrects what it gets a little, and each stage sees the picture coarser.

        block(x) = shortcut(x) + conv(relu(norm(conv(relu(norm(x))))))

    The stem halves pictures above 20 pixels a side and pools those above 40 as well, for what is fine costs most. Each
    stage after it has half the size and twice the width of the one before, down to 3 to 5 places a side; the mean over
    all places goes into the answer.

    Shapes: pictures (rows, height, width, channels), as bytes or floats from 0 to 255, to (rows, outputs).

    Args:
        outputs: how many numbers come out: logits of classes or labels, or numbers.
        size: (height, width) of the pictures.
        width: channels of the first stage.
        blocks: blocks in each stage.
        dropout: rate before the last layer.
        brightness: mean and deviation of the pixels, from 0 to 255, which become 0 and 1.
        targets: (rows, outputs) numbers to be learnt, whose mean and deviation the outputs start with.

    Raises:
        ShapeError: pictures of fewer than 4 pixels a side.

    Source: He, Zhang, Ren & Sun 2016, "Identity Mappings in Deep Residual Networks", figure 4e (full pre-activation);
    the shortcut that averages before it is widened is that of He, T. et al. 2019, "Bag of Tricks for Image
    Classification with Convolutional Neural Networks", section 4.2 (ResNet-D).
    """
    height, across = size
    if min(height, across) < 4:
        raise ShapeError(f"a residual network wants pictures of at least 4 x 4 pixels, got {height} x {across}.")
    mean, deviation = brightness
    side = max(height, across)
    parts: dict[str, Brick] = {"scale": Rescale(1 / deviation, -mean / deviation)}
    if side <= FINE:
        parts["stem"] = Conv(width, 3, bias=False)  # (rows, height, width, channels of the first stage)
    else:
        parts["stem"] = Conv(width, 5, stride=2, bias=False)
        side = -(-side // 2)
    if max(size) > LARGE:
        parts["shrink"] = MaxPool(3, stride=2, padding="same")
        side = -(-side // 2)
    for stage in range(max(1, math.ceil(math.log2(side / 2.9)))):
        for number in range(blocks):
            first = stage > 0 and number == 0
            parts[f"stage{stage + 1}_block{number + 1}"] = residual_block(width * 2**stage, halve=first)
    parts |= {
        "norm": BatchNorm(),
        "relu": Activation("relu"),
        "pool": GlobalPool(),  # (rows, channels of the last stage)
    }
    if dropout:
        parts["dropout"] = Dropout(dropout)
    parts["head"] = Dense(outputs)
    if targets is not None:
        parts["units"] = unstandardise(targets)
    return Sequential(**parts)


def residual_block(width: int, halve: bool = False) -> Residual:
    """Return two convolutions, each after its normalisation and nonlinearity, beside a shortcut.

    With `halve` the picture's sides become half as long, and the shortcut averages and widens; else it is the identity,
    and `width` must be what comes in.
    """
    body = Sequential(
        norm1=BatchNorm(),
        relu1=Activation("relu"),
        conv1=Conv(width, 3, stride=2 if halve else 1, bias=False),
        norm2=BatchNorm(),
        relu2=Activation("relu"),
        conv2=Conv(width, 3, bias=False),
    )
    if not halve:
        return Residual(body)
    return Residual(body, Sequential(pool=AveragePool(2, padding="same"), widen=Conv(width, 1, bias=False)))
