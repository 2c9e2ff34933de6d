"""Floor 5: named architectures, one family per file."""

from brickwork.zoo.perceptron import perceptron
from brickwork.zoo.small_pictures import small_pictures

__all__ = ["perceptron", "small_pictures"]
