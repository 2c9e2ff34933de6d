"""Patterns select paths."""

import pytest

from brickwork.core.errors import SettingError
from brickwork.core.paths import below, join, matches, require_fits, select

PATHS = ["weight", "a/weight", "a/b/weight", "a/b/bias", "ab/weight", "a.b/w"]


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("**", PATHS),
        ("*", ["weight"]),
        ("*/weight", ["a/weight", "ab/weight"]),
        ("**/weight", ["weight", "a/weight", "a/b/weight", "ab/weight"]),
        ("a/**", ["a/weight", "a/b/weight", "a/b/bias"]),
        ("a/*", ["a/weight"]),
        ("a/**/weight", ["a/weight", "a/b/weight"]),
        ("a?/*", ["ab/weight"]),
        ("a.b/w", ["a.b/w"]),
        ("a/b/*", ["a/b/weight", "a/b/bias"]),
        ("", []),
        ("weigh", []),
        ("A/**", []),
        ((), []),
        (("weight", "a/b/bias"), ["weight", "a/b/bias"]),
        (("a/b/bias", "weight"), ["weight", "a/b/bias"]),
        (("**", "!**/weight"), ["a/b/bias", "a.b/w"]),
        (("!**/weight", "**"), ["a/b/bias", "a.b/w"]),  # the order plays no part
        (("a/**", "!a/b/**"), ["a/weight"]),
        (("**", "!a/**", "!ab/*"), ["weight", "a.b/w"]),
        (("**", "!**"), []),
        (("**", "!nothing"), PATHS),
        ("!a/**", []),  # it takes back, and nothing was given
        (("!a/**", "weight"), ["weight"]),
    ],
)
def test_select(pattern, chosen):
    assert select(pattern, PATHS) == chosen


def test_signs_of_regular_expressions_are_letters():
    assert matches("a+b/(x)", "a+b/(x)")
    assert not matches("a+b", "aab")
    assert matches("embed#1/z", "embed#1/z")


def test_a_path_in_two_spellings():
    assert matches("head/**", "head", "head/")
    assert not matches("head/**", "head")
    assert matches(("**", "!head/**"), "head")
    assert not matches(("**", "!head/**"), "head", "head/")


def test_patterns_that_fit_nothing_are_mistakes():
    for patterns in (("**", "!a/**"), "**", ("**", "!**")):
        require_fits(patterns, PATHS, "part")
    with pytest.raises(SettingError, match=r"No part fits '!a/wait'\. Did you mean 'a/weight'\?"):
        require_fits(("**", "!a/wait"), PATHS, "part")


def test_below_and_join():
    assert below("", "a")
    assert below("a", "a/b")
    assert not below("a", "ab")
    assert not below("a", "a")
    assert join("", "a", "", "b") == "a/b"
    assert join("", "") == ""
