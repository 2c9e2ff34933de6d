"""What regularising bricks promise beyond the contract."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bricks.contract import compiled, draw
from brickwork.bricks import (
    AlphaDropout,
    Dense,
    Dropout,
    Embedding,
    EmbeddingDropout,
    GaussianDropout,
    GaussianNoise,
    Residual,
    Sequential,
    SpatialDropout,
    StochasticDepth,
)
from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.variables import Variables
from brickwork.ops import hashing
from brickwork.ops.hashing import hashed_normal

KEY = jax.random.key(2)


def drawn(net, x, **options):
    y = compiled(lambda x: net.apply(Variables({}), x, training=True, key=KEY, **options).output)(x)
    return jax.tree.map(np.asarray, y)


def test_spatial_dropout_drops_a_channel_at_all_places():
    y = drawn(SpatialDropout(0.25), jnp.ones((50, 3, 2, 20)))
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))
    assert abs((y > 0).mean() - 0.75) < 0.04


def test_spatial_dropout_of_padded_sequences_keeps_their_lengths():
    x = Padded(jnp.ones((2, 3, 4)), jnp.array([3, 1]))
    y = drawn(SpatialDropout(0.5), x)
    np.testing.assert_array_equal(y.lengths, x.lengths)
    np.testing.assert_array_equal(y.values, np.broadcast_to(y.values[:, :1], (2, 3, 4)))


def test_rows_whose_branch_is_dropped_pass_unchanged():
    net, x = Residual(Sequential(Dense(3), StochasticDepth(0.5))), jnp.ones((40, 3))
    variables = draw(net, x)
    y, whole = compiled(
        lambda v: (net.apply(v, x, training=True, key=KEY).output, Residual(net.body[:1]).apply(v, x).output)
    )(variables)
    x, y, whole = (np.asarray(one) for one in (x, y, whole))
    dropped = np.all(y == x, axis=1)
    assert 5 < dropped.sum() < 35
    np.testing.assert_allclose((y - x)[~dropped], 2 * (whole - x)[~dropped], rtol=1e-5)


def test_a_dropped_word_is_missing_wherever_it_stands_but_not_in_the_tied_head():
    net, ids = EmbeddingDropout(Embedding(30, 4), 0.4), jnp.tile(jnp.arange(30), (2, 1))
    variables = draw(net, ids)
    table = variables.params["table"]
    y, mask, logits = compiled(
        lambda v: (
            (r := net.apply(v, ids, training=True, key=KEY, capture="mask")).output,
            r.taps["mask"],
            net.apply(v, table, training=True, key=KEY, method="attend").output,
        )
    )(variables)
    gone, table = ~np.asarray(mask)[:, 0], np.asarray(table)
    assert 3 < gone.sum() < 25
    for row in np.asarray(y):
        np.testing.assert_array_equal(row[gone], 0)
        np.testing.assert_allclose(row[~gone], table[~gone] / 0.6, rtol=1e-5)
    np.testing.assert_allclose(logits, table @ table.T, rtol=1e-4, atol=1e-5)


def test_embedding_dropout_asks_for_a_table():
    with pytest.raises(SettingError, match="drops rows of a parameter 'table'"):
        EmbeddingDropout(Dense(3)).plan(jnp.ones((2, 3)))


def test_alpha_dropout_keeps_mean_and_variance():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(300, 300)), jnp.float32)
    y = drawn(AlphaDropout(0.3), x)
    assert abs(float(y.mean())) < 0.02
    assert abs(float(y.std()) - 1) < 0.02


def test_gaussian_dropout_has_the_mean_and_variance_of_dropout_and_noise_its_deviation():
    x = jnp.ones((300, 300))
    for net, mean, deviation in (
        (Dropout(0.3), 1, np.sqrt(0.3 / 0.7)),
        (GaussianDropout(0.3), 1, np.sqrt(0.3 / 0.7)),
        (GaussianNoise(0.2), 1, 0.2),
    ):
        y = drawn(net, x)
        assert abs(float(y.mean()) - mean) < 0.01
        assert abs(float(y.std()) - deviation) < 0.01


def test_hashed_normal_numbers_are_normal_and_independent():
    numbers = np.asarray(compiled(lambda key: hashed_normal(key, (300, 300)))(KEY), np.float64)
    assert stats.kstest(numbers.ravel(), "norm").pvalue > 0.01
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
        assert abs((numbers**power).mean() - moment) < 4 * np.sqrt((numbers ** (2 * power)).mean() / numbers.size)
    for reach in (3, 3.5, 4):
        wanted = 2 * stats.norm.sf(reach) * numbers.size
        assert abs((np.abs(numbers) > reach).sum() - wanted) < 4 * np.sqrt(wanted)
    for axis in (0, 1):
        one, other = np.delete(numbers, -1, axis).ravel(), np.delete(numbers, 0, axis).ravel()
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.015


@pytest.mark.parametrize(("bits", "share"), [(0, 2**-24), (2**32 - 1, 1 - 2**-24)])
def test_no_hashed_normal_number_is_infinite(bits, share, monkeypatch):
    monkeypatch.setattr(hashing, "hashed_bits", lambda key, shape: jnp.full(shape, bits, jnp.uint32))
    (number,) = compiled(lambda key: hashed_normal(key, (1,)))(KEY)
    np.testing.assert_allclose(number, stats.norm.ppf(share), rtol=1e-5)


@pytest.mark.parametrize(
    "net", [SpatialDropout(0.0), StochasticDepth(0.0), AlphaDropout(0.0), GaussianDropout(0.0), GaussianNoise(0.0)]
)
def test_nothing_to_do_needs_no_key(net):
    x = jnp.ones((2, 3, 4))
    np.testing.assert_array_equal(net.apply(Variables({}), x, training=True).output, x)


def test_one_program_with_many_rates():
    x = jnp.ones((40, 40, 1))
    nets = {
        "rate": [SpatialDropout(), AlphaDropout(), GaussianDropout(), StochasticDepth()],
        "deviation": [GaussianNoise()],
    }

    def each(number):
        options = {"training": True, "key": KEY}
        return [net.apply(Variables({}), x, settings={k: number}, **options).output for k in nets for net in nets[k]]

    varied = compiled(jax.vmap(each))(jnp.array([0.0, 0.5]))
    for y in varied:
        np.testing.assert_allclose(np.asarray(y)[0], 1, rtol=1e-6)
        assert np.max(np.abs(np.asarray(y[1]) - 1)) > 0.1


@pytest.mark.parametrize("kind", [SpatialDropout, StochasticDepth, AlphaDropout, GaussianDropout])
def test_rates_are_probabilities(kind):
    with pytest.raises(SettingError, match=r"'rate' must be .*0 <= rate < 1, got 1\.0"):
        kind(1.0)
    with pytest.raises(SettingError, match=r"A dropout rate must be 0 <= rate < 1, got 1\.5"):
        kind(0.5).apply(Variables({}), jnp.ones((2, 3, 4)), settings={"rate": 1.5})


def test_other_wrong_uses():
    with pytest.raises(SettingError, match="'deviation' must be 0 or more"):
        GaussianNoise(-0.1)
    with pytest.raises(SettingError, match="0 <= rate < 1"):
        EmbeddingDropout(Embedding(3, 2), 1.0)
    with pytest.raises(ShapeError, match="Rows of features go to a Dropout"):
        SpatialDropout().plan(jnp.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"it wants \(rows, \.\.\.\)"):
        StochasticDepth().plan(jnp.ones(()))
