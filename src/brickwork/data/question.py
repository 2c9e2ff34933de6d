"""Which kinds of questions data ask."""

from typing import Literal

Question = Literal["classes", "labels", "number"]
"""One of several classes; any number of labels at once; a number, or several."""
