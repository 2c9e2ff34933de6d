"""From losses of examples to one number: weights, sequences, and a user's own functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled
from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.spec import to_json
from brickwork.losses import (
    CTC,
    BinaryDice,
    CrossEntropy,
    Dice,
    GaussianNLL,
    InfoNCE,
    MeanSquaredError,
    Poisson,
    comparable,
    example_loss,
    resolve_loss,
    weighted_mean,
)


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def test_weighted_mean():
    values = jnp.asarray([1.0, 2.0, 6.0])
    assert weighted_mean(values) == 3
    assert weighted_mean(values, jnp.asarray([1.0, 1.0, 0.0])) == 1.5
    assert weighted_mean(values, jnp.asarray([0.0, 3.0, 1.0])) == 3
    assert weighted_mean(values, jnp.asarray([True, False, True])) == 3.5
    assert weighted_mean(jnp.asarray([[1.0, 5.0], [3.0, 7.0]]), jnp.asarray([[1.0, 0.0], [1.0, 0.0]])) == 2
    with pytest.raises(ShapeError, match="shape of the values"):
        weighted_mean(values, jnp.ones((3, 1)))


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_rows_of_weight_nought_count_nowhere(bad):
    run = jax.jit(jax.value_and_grad(weighted_mean))
    value, gradient = run(jnp.asarray([1.0, bad, 3.0]), jnp.asarray([1.0, 0.0, 1.0]))
    assert value == 2
    np.testing.assert_array_equal(gradient, [0.5, 0, 0.5])
    value, gradient = run(jnp.asarray([1.0, bad, 3.0]), jnp.zeros(3))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)
    assert np.isfinite(jax.grad(weighted_mean, 1)(jnp.asarray([1.0, bad, 3.0]), jnp.zeros(3))).all()


def test_sequences_and_arrays_do_not_mix():
    sequence = Padded(jnp.zeros((2, 4, 3)), jnp.asarray([4, 2]))
    with pytest.raises(ShapeError, match="Targets are sequences"):
        example_loss(MeanSquaredError(), jnp.zeros((2, 3)), sequence)
    with pytest.raises(ShapeError, match="Targets are sequences"):
        example_loss(Poisson(), jnp.zeros((2, 3)), sequence)
    with pytest.raises(ShapeError, match="Targets are sequences"):
        example_loss(BinaryDice(), jnp.zeros((2, 4, 3)), sequence)
    with pytest.raises(ShapeError, match="one target per position"):
        example_loss(CrossEntropy(), sequence, jnp.zeros((2,), jnp.int32))
    with pytest.raises(ShapeError, match="one number per position"):
        example_loss(resolve_loss(lambda o, t: (o - t).sum(axis=(1, 2))), sequence, sequence)


def test_plain_targets_of_padded_outputs():
    outputs = Padded(jnp.asarray([[[1.0], [np.nan]], [[2.0], [4.0]]]), jnp.asarray([1, 2]))
    np.testing.assert_array_equal(example_loss(MeanSquaredError(), outputs, jnp.zeros((2, 2, 1))), [1, 10])


@pytest.mark.parametrize("loss", [Dice(), BinaryDice()], ids=repr)
def test_overlap_of_sequences_is_that_of_their_real_part(loss):
    rng = np.random.default_rng(2)
    values = rng.normal(size=(3, 4, 2)).astype(np.float32)
    truth = rng.integers(0, 2, (3, 4) if loss == Dice() else (3, 4, 2)).astype(np.int32)
    lengths, other = np.asarray([4, 3, 0]), np.asarray([4, 2, 4])
    mask = np.arange(4) < lengths[:, None]
    dirty = Padded(jnp.asarray(np.where(mask[..., None], values, np.nan)), jnp.asarray(lengths))

    @compiled
    def rows(outputs, targets):
        def total(values):
            losses = example_loss(loss, outputs.with_values(values), targets)
            return losses.sum(), losses

        return jax.grad(total, has_aux=True)(outputs.values)

    gradient, losses = rows(dirty, Padded(jnp.asarray(truth), jnp.asarray(other)))
    one = compiled(loss)
    expected = [
        one(jnp.asarray(values[i : i + 1, :n]), jnp.asarray(truth[i : i + 1, :n]))[0] for i, n in ((0, 4), (1, 2))
    ]
    np.testing.assert_allclose(losses, [*expected, 0], rtol=1e-6)
    assert np.all(np.isfinite(gradient))
    assert not np.any(gradient[1, 2:])
    unmarked = jnp.asarray(np.where(mask.reshape(mask.shape + (1,) * (truth.ndim - 2)), truth, -1))
    np.testing.assert_allclose(rows(dirty, unmarked)[1][0], expected[0], rtol=1e-6)
    with pytest.raises(ShapeError):
        example_loss(loss, dirty, Padded(jnp.asarray(truth[:, :3]), jnp.asarray(other)))


@pytest.mark.slow
def test_ctc_looks_at_real_steps_and_labels_alone():
    rng = np.random.default_rng(3)
    values, text = rng.normal(size=(3, 5, 3)).astype(np.float32), np.asarray([[1, 2], [2, 7], [1, 1]], np.int32)
    lengths, labels = np.asarray([5, 3, 0]), np.asarray([2, 1, 2])
    mask = np.arange(5) < lengths[:, None]
    outputs = Padded(jnp.asarray(np.where(mask[..., None], values, np.nan)), jnp.asarray(lengths))
    targets = Padded(jnp.asarray(text), jnp.asarray(labels))

    def rows(values):
        losses = example_loss(CTC(), outputs.with_values(values), targets)
        return losses.sum(), losses

    gradient, losses = compiled(jax.grad(rows, has_aux=True))(outputs.values)
    one = compiled(CTC())
    real = (values[:1], text[:1]), (values[1:2, :3], text[1:2, :1])
    expected = [one(*map(jnp.asarray, pair))[0] for pair in real]
    np.testing.assert_allclose(losses, [*expected, 0], rtol=1e-5)
    assert np.all(np.isfinite(gradient))
    assert not np.any(gradient[~mask])
    impossible = one(jnp.asarray(values[:1, :1]), jnp.asarray([[1, 2]]))[0]
    assert 1e4 < impossible < 1e6


def test_rows_that_fill_a_batch_are_nobodys_rivals():
    outputs = jnp.asarray(np.random.default_rng(5).normal(size=(4, 2, 3)), jnp.float32)
    weight = jnp.asarray([1.0, 1.0, 0.0, 0.0])

    @compiled
    def all_three(outputs):
        given = (outputs, None, weight), (outputs[:2], None), (outputs, None)
        return [example_loss(InfoNCE(), *one)[:2] for one in given]

    filled, alone, crowded = all_three(outputs)
    np.testing.assert_allclose(filled, alone, rtol=1e-6)
    assert not np.allclose(filled, crowded)


def test_what_metrics_compare_with_the_targets():
    outputs = jnp.asarray([[0.0, 1.0], [2.0, 3.0]])
    assert comparable(CrossEntropy(), outputs) is outputs
    np.testing.assert_array_equal(comparable(GaussianNLL(), outputs), [0, 2])
    rates = comparable(Poisson(), Padded(outputs[..., None], jnp.asarray([2, 1])))
    np.testing.assert_allclose(rates.values, np.exp(outputs), rtol=1e-6)


# ------------------------------------------------------------------------------------------ user functions


def quartic(outputs, targets):
    return ((outputs - targets) ** 4).sum(axis=-1)


def test_a_function_as_a_loss():
    loss = resolve_loss(quartic)
    assert loss.name == "quartic"
    assert loss == resolve_loss(quartic)
    assert isinstance(hash(loss), int)
    np.testing.assert_array_equal(jax.jit(loss)(jnp.asarray([[1.0], [3.0]]), jnp.ones((2, 1))), [0, 16])
    heads = {"a": jnp.ones((2, 1)), "b": jnp.ones((2, 3))}
    both = resolve_loss(lambda outputs, targets: quartic(outputs["a"], targets) + outputs["b"].sum(-1))
    np.testing.assert_array_equal(example_loss(both, heads, jnp.ones((2, 1))), [3, 3])
    assert loss.probabilities(jnp.ones((2, 1))) is None
    loss.check((2, 1), np.ones(2))
    assert resolve_loss(lambda o, t: o[:, 0] > t)(jnp.ones((2, 1)), jnp.zeros(2)).dtype == jnp.float32
    with pytest.raises(SettingError, match=r"quartic.*cannot be stored.*Write a registered class"):
        to_json(loss)


def test_what_a_function_returns_is_checked():
    outputs, targets = jnp.ones((3, 1)), jnp.ones(3)
    with pytest.raises(ShapeError, match="single number: leave the mean"):
        resolve_loss(lambda o, t: jnp.mean(o - t[:, None]))(outputs, targets)
    with pytest.raises(ShapeError, match=r"returned shape \(3, 3\) for outputs \(3, 1\) and targets \(3,\).*broadcast"):
        resolve_loss(lambda o, t: (o - t) ** 2)(outputs, targets)
