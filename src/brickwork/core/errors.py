"""The errors of Brickwork: every one says what was given, what was expected and how to mend it."""

import difflib
from collections.abc import Iterable


class BrickworkError(Exception):
    """The one family of errors that Brickwork raises on purpose; its text is written for the person who reads it.

    `where` names the brick in which it happened, when it happened inside a network.
    """

    where: str = ""


class SettingError(BrickworkError, ValueError):
    """A setting has the wrong type or value, or a name is not known."""


class ShapeError(BrickworkError, ValueError):
    """An array does not have the shape that a brick, a loss or a stored weight needs."""


class DataError(BrickworkError, ValueError):
    """The data cannot be used as it is: empty, not finite, labels out of range, columns that do not fit."""


class ScopeError(BrickworkError, RuntimeError):
    """A brick used its scope in a way that cannot be carried through planning, applying or a transform."""


class BundleError(BrickworkError, ValueError):
    """A saved model cannot be read: truncated, tampered with, too large, too new, or its bricks are not here."""


class StorageError(BrickworkError, OSError):
    """A file could not be written (a full disk, a folder without permission); what was there before is untouched."""


class DivergenceError(BrickworkError, ArithmeticError):
    """Training produced numbers that are not finite again and again."""


class MissingDependencyError(BrickworkError, ImportError):
    """An optional library is needed for this and is not installed."""


def unwritten(owner: object, method: str) -> SettingError:
    """Return the error of a class that lacks a method which its kind must have, given with its arguments."""
    return SettingError(f"{type(owner).__name__} has no {method}: write one.")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint for a mistyped `name`: the nearest known name, or all of them when nothing is near."""
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1, cutoff=0.55)
    if close:
        original = next(n for n in names if n.lower() == close[0])
        return f"Did you mean {original!r}?"
    return f"Known: {', '.join(names)}." if names else "None is known."
