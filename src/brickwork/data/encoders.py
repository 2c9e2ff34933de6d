"""Encoders: what turns the things people bring into arrays a network takes, stored with the network as JSON."""

from typing import Any, ClassVar

from brickwork.core.errors import SettingError
from brickwork.core.spec import Spec


class Encoder(Spec):
    """A spec that is called with what people bring and returns what a network takes.

    One of pictures takes one thing (a file, an array) and returns the array of one row, without a batch axis; one of
    tables takes a table and returns the arrays of all its rows. It is part of a saved model: the same settings give
    the same arrays wherever the model is read.
    """

    kind: ClassVar[str] = "encoder"

    def __call__(self, source: Any) -> Any:
        """Return the encoded arrays."""
        raise SettingError(f"{type(self).__name__} cannot encode {type(source).__name__}: write its __call__.")
