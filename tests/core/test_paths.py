"""Patterns select paths."""

import pytest

from brickwork.core.paths import below, join, matches, select

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
    ],
)
def test_select(pattern, chosen):
    assert select(pattern, PATHS) == chosen


def test_signs_of_regular_expressions_are_letters():
    assert matches("a+b/(x)", "a+b/(x)")
    assert not matches("a+b", "aab")
    assert matches("embed#1/z", "embed#1/z")


def test_below_and_join():
    assert below("", "a")
    assert below("a", "a/b")
    assert not below("a", "ab")
    assert not below("a", "a")
    assert join("", "a", "", "b") == "a/b"
    assert join("", "") == ""
