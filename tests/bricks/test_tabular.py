"""Promises of the embeddings for tables that the contract cannot say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.bricks import CategoryEmbedding, NumberEmbedding
from brickwork.core.errors import SettingError, ShapeError


def test_what_was_never_seen_has_the_first_place():
    net = CategoryEmbedding((3, 5), 2)
    variables = net.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))
    seen = net.apply(variables, jnp.array([[0, 0]])).output
    for other in ([[3, 5]], [[-1, 99]]):
        np.testing.assert_array_equal(net.apply(variables, jnp.array(other)).output, seen)


def test_small_integers_reach_the_whole_table():
    net = CategoryEmbedding((200, 100), 2)
    indices = np.array([[0, 99], [199, 3]])
    variables = net.init(jax.random.key(0), jnp.asarray(indices))
    one, two = (net.apply(variables, jnp.asarray(indices, kind)).output for kind in ("uint8", "int32"))
    np.testing.assert_array_equal(one, two)


def test_wrong_inputs():
    with pytest.raises(ShapeError, match=r"an index for each of its columns; got float32 \(2, 2\)"):
        CategoryEmbedding((3, 5)).plan(jnp.zeros((2, 2)))
    with pytest.raises(ShapeError, match=r"\(rows, 2\)"):
        CategoryEmbedding((3, 5)).plan(jnp.zeros((2, 3), jnp.int32))
    with pytest.raises(SettingError, match="a size of at least 1"):
        CategoryEmbedding(())
    with pytest.raises(ShapeError, match=r"x\[None\]"):
        NumberEmbedding().plan(jnp.zeros(3))
