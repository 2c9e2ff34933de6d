"""Strict types, and compiled programs kept between runs of the tests."""

import jax
import pytest

from brickwork.train.programs import use_cache_on_disk


@pytest.fixture(autouse=True)
def _strict():
    use_cache_on_disk()
    with jax.numpy_dtype_promotion("strict"):
        yield
