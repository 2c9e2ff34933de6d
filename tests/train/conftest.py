"""Segments of a known length: how long the first ones take must not matter to the other tests."""

import pytest

from brickwork.train import engine


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    monkeypatch.setattr(engine, "FIRST_STEPS", 1024)
