"""Examples in docstrings run: those of the catalogue's entries in the tests of the catalogue, all others here."""

import doctest
import importlib
import pkgutil

import jax
import pytest

import brickwork
from brickwork.services import catalogue

ENTRIES = {entry.name for entry in catalogue()}


def others() -> list[doctest.DocTest]:
    """Return the examples of all modules that are no entries of the catalogue."""
    found = []
    for module in pkgutil.walk_packages(brickwork.__path__, "brickwork."):
        for test in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module.name)):
            if test.examples and test.name.removeprefix(f"{module.name}.") not in ENTRIES:
                found.append(test)
    return found


OTHERS = others()


def test_there_are_some():
    assert len(OTHERS) >= 3


@pytest.mark.parametrize("example", OTHERS, ids=lambda example: example.name)
def test_an_example_runs(example):
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        words: list[str] = []
        assert doctest.DocTestRunner().run(example, out=words.append).failed == 0, "".join(words)
    finally:
        jax.config.update("jax_disable_most_optimizations", False)
