"""Augmentation: inputs are changed at random while training, and pass as they are in evaluation.

Bricks of this room stand first in a network, on inputs alone, or beside it, `Model(net, loss, augment=...)`, where they
get an `Annotated` and change masks, boxes and labels alike.

Pictures are uint8 from 0 to 255, or floats: bricks that must know what white is ask for `largest` then. Bricks that
only move pixels about keep the type; others make floats, of the same range. Noise is `GaussianNoise`, in the network.
"""

from brickwork.bricks.augment.affine import RandomAffine, RandomElastic
from brickwork.bricks.augment.annotated import Annotated, Augmentation
from brickwork.bricks.augment.blur import RandomBlur
from brickwork.bricks.augment.colors import (
    ColorJitter,
    RandomEqualize,
    RandomGray,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)
from brickwork.bricks.augment.crops import RandomCrop, RandomFlip, RandomQuarterTurn, RandomResizedCrop
from brickwork.bricks.augment.erasing import Cutout, RandomErasing
from brickwork.bricks.augment.mixing import CutMix, Mixup
from brickwork.bricks.augment.randaugment import RandAugment
from brickwork.bricks.augment.sequences import FrequencyMask, RandomGain, RandomWindow, TimeMask, TimeShift

__all__ = [
    "Annotated",
    "Augmentation",
    "ColorJitter",
    "CutMix",
    "Cutout",
    "FrequencyMask",
    "Mixup",
    "RandAugment",
    "RandomAffine",
    "RandomBlur",
    "RandomCrop",
    "RandomElastic",
    "RandomEqualize",
    "RandomErasing",
    "RandomFlip",
    "RandomGain",
    "RandomGray",
    "RandomInvert",
    "RandomPosterize",
    "RandomQuarterTurn",
    "RandomResizedCrop",
    "RandomSolarize",
    "RandomWindow",
    "TimeMask",
    "TimeShift",
]
