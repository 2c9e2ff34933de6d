"""Floor 5: named architectures, one family per file."""

from brickwork.zoo.perceptron import perceptron
from brickwork.zoo.residual import small_residual
from brickwork.zoo.small_pictures import small_pictures
from brickwork.zoo.tables import table_network

__all__ = ["perceptron", "small_pictures", "small_residual", "table_network"]
