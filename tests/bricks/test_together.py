"""Promises that hold of many bricks together: padding, steps, settings and taps in compositions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled, draw
from brickwork.bricks import (
    GRU,
    LSTM,
    AdditiveAttention,
    Attention,
    BatchNorm,
    Bidirectional,
    Capsules,
    Conv,
    Dense,
    GroupNorm,
    InstanceNorm,
    MaxPool,
    Residual,
    Reverse,
    Sequential,
    SpatialDropout,
    Stack,
    TransformerDecoderBlock,
    TransformerEncoderBlock,
    WeightNorm,
)
from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError

LENGTHS = jnp.array([4, 2], jnp.int32)


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.mark.parametrize(
    "brick",
    [LSTM(2), GRU(2), Attention(2), Bidirectional(GRU(2)), BatchNorm(), GroupNorm(2), InstanceNorm()],
    ids=lambda brick: type(brick).__name__,
)
def test_a_nan_in_the_padding_reaches_neither_answers_nor_gradients(brick):
    values = numbers(2, 4, 4)
    clean, dirty = (Padded(values.at[1, 2:].set(filling), LENGTHS) for filling in (0.0, jnp.nan))
    variables = draw(brick, clean)

    @compiled
    def slopes(x):
        def score(params):
            y = brick.apply(variables.__class__(params, variables.stats), x, training=True).output
            real = jnp.where(y.mask[..., None], y.values, 0) if isinstance(y, Padded) else y
            return jnp.sum(jnp.sin(real))

        return jax.value_and_grad(score)(variables.params)

    for one, two in zip(jax.tree.leaves(slopes(clean)), jax.tree.leaves(slopes(dirty)), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7)


def test_nor_does_one_in_the_padding_of_a_context():
    values, x, brick = numbers(2, 4, 3), numbers(2, 5), AdditiveAttention(3)
    contexts = [Padded(values.at[1, 2:].set(filling), LENGTHS) for filling in (0.0, jnp.nan)]
    variables = draw(brick, x, contexts[0])
    run = compiled(lambda context: brick.apply(variables, x, context).output)
    one, two = map(run, contexts)
    np.testing.assert_array_equal(one, two)


def test_every_setting_that_a_plan_lists_can_be_given():
    net, x = TransformerEncoderBlock(2, 8), numbers(2, 3, 4)
    plan, variables = net.plan(x), draw(net, x)
    given = {name: 0.5 for name in plan.settings if name.endswith("rate")}
    assert "attention/dropout/rate" in given
    run = compiled(lambda s: net.apply(variables, x, training=True, key=jax.random.key(0), settings=s).output)
    assert jnp.any(run(given) != run(dict.fromkeys(given, 0.0)))


def test_offsets_reach_attention_weights_in_a_stack_without_capturing_them():
    net, x = Stack(TransformerEncoderBlock(2, 8), 2), numbers(2, 3, 4)
    variables, address = draw(net, x), "brick/attention/weights"
    shape = net.plan(x).taps[address].shape
    run = compiled(lambda offset: net.apply(variables, x, offsets={address: offset}).output)
    assert jnp.any(run(jnp.ones(shape)) != run(jnp.zeros(shape)))


def test_an_offset_of_a_coupling_changes_what_capsules_say():
    net, x = Capsules(2, 3), numbers(1, 4, 3)
    variables = draw(net, x)
    run = compiled(lambda offset: net.apply(variables, x, offsets={"coupling": offset}).output)
    assert jnp.any(run(jnp.ones((1, 4, 2))) != run(jnp.zeros((1, 4, 2))))


def test_both_ways_through_a_body_that_shortens_time():
    net = Bidirectional(Sequential(MaxPool(2, axes=1), LSTM(2, return_sequence=True)))
    x = numbers(2, 4, 3)
    variables = draw(net, x)
    run = compiled(
        lambda x: (net.apply(variables, x).output, net.apply(variables, Padded(x, jnp.array([4, 4]))).output)
    )
    whole, padded = run(x)
    np.testing.assert_allclose(whole, padded.values, rtol=1e-5, atol=1e-6)


def causal(filters, kernel):
    return Conv(filters, kernel, padding="causal", axes=1)


@pytest.mark.parametrize(
    "net",
    [
        Residual(Sequential(causal(6, 3), SpatialDropout(0.2)), shortcut=Conv(6, 1, axes=1)),
        WeightNorm(LSTM(5, return_sequence=True)),
    ],
    ids=["temporal convolution", "weight norm"],
)
def test_step_by_step_is_the_whole(net):
    x = numbers(2, 4, 3)
    variables = draw(net, x)

    @compiled
    def both(x):
        memory, steps = net.memory(2), []
        for time in range(x.shape[1]):
            y, memory = net.apply(variables, x[:, time], memory, method="step").output
            steps.append(y)
        return net.apply(variables, x).output, jnp.stack(steps, 1)

    np.testing.assert_allclose(*both(x), rtol=1e-5, atol=1e-6)


def test_decoding_through_wrapped_weights():
    net = WeightNorm(TransformerDecoderBlock(2, 8, features=4))
    x, context = numbers(2, 3, 4), numbers(2, 5, 4, seed=1)
    variables = draw(net, x, context)

    @compiled
    def both(x):
        memory = net.memory(2, length=3)
        _, memory = net.apply(variables, context, memory, method="start").output
        steps, _ = net.apply(variables, x, memory, method="step").output
        return net.apply(variables, x, context).output, steps

    np.testing.assert_allclose(*both(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("looks", [Reverse(), GroupNorm(1), Bidirectional(Dense(3))], ids=lambda b: type(b).__name__)
def test_what_looks_at_all_steps_does_not_run_by_one(looks):
    net, x = Sequential(looks, LSTM(2)), numbers(2, 4, 3)
    with pytest.raises(SettingError, match=f"{type(looks).__name__}, looks at all steps"):
        net.apply(draw(net, x), x[:, 0], net.memory(2), method="step")


def test_a_causal_attention_has_no_context():
    with pytest.raises(SettingError, match="Leave out causal"):
        Attention(2, causal=True).plan(numbers(2, 3, 4), numbers(2, 5, 4))


def test_memories_that_add_up_are_wide():
    assert LSTM(2).memory(1, "bfloat16").c.dtype == jnp.float32
    assert LSTM(2).memory(1, "bfloat16").h.dtype == jnp.bfloat16


def test_misspelt_settings_of_constructors_name_the_nearest():
    with pytest.raises(SettingError, match=r"no setting 'return_sequences'\. Did you mean 'return_sequence'"):
        LSTM(3, return_sequences=True)  # pyright: ignore
