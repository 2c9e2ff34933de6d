"""Encoders: what turns the things people bring into arrays a network takes, stored with the network as JSON."""

from typing import Any, ClassVar

import numpy as np

from brickwork.core.errors import SettingError
from brickwork.core.spec import Spec


class Encoder(Spec):
    """A spec that is called with one thing (a file, an array) and returns the array that a network takes.

    It is part of a saved model: the same settings give the same array wherever the model is read.
    """

    kind: ClassVar[str] = "encoder"

    def __call__(self, source: Any) -> np.ndarray:
        """Return the encoded array of one row, without a batch axis."""
        raise SettingError(f"{type(self).__name__} cannot encode {type(source).__name__}: write its __call__.")
