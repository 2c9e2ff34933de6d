"""What the contract cannot say of attention, positions and the blocks of transformers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled, draw
from brickwork.bricks import (
    AdditiveAttention,
    Attention,
    ContextMemory,
    Embedding,
    FeedForward,
    LayerNorm,
    LearnedPositions,
    Sequential,
    SinusoidalPositions,
    Stack,
    TransformerDecoderBlock,
    TransformerEncoderBlock,
)
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.variables import Variables


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def run(net: Brick, variables, *inputs, **options):
    return compiled(lambda v, i: net.apply(v, *i, **options).output)(variables, inputs)


def padded(*shape, lengths, seed=0):
    return Padded(numbers(*shape, seed=seed), jnp.asarray(lengths, jnp.int32))


# -------------------------------------------------------------------------------------------- step by step

BLOCK = TransformerEncoderBlock(
    2, 6, features=8, activation="silu", gated=True, causal=True, kv_heads=1, rotary=True, rotary_base=50.0, window=3
)
GPT = Sequential(
    words=Embedding(7, 8, scale=True),
    places=LearnedPositions(5),
    waves=SinusoidalPositions(),
    blocks=Stack(BLOCK, 2),
    norm=LayerNorm(),
)


@pytest.mark.slow
def test_a_gpt_of_our_parts_decodes_as_in_the_whole_pass_one_step_or_several_at_once():
    ids = jnp.asarray(np.random.default_rng(0).integers(0, 7, (2, 5)))
    variables = draw(GPT, ids)

    @compiled
    def both(v, ids):
        whole = GPT.apply(v, ids).output
        prompt, memory = GPT.apply(v, ids[:, :2], GPT.memory(2, length=5), method="step").output

        def step(memory, now):
            y, memory = GPT.apply(v, now, memory, method="step").output
            return memory, y

        return whole, prompt, jax.lax.scan(step, memory, ids[:, 2:].T)[1]

    whole, prompt, ys = both(variables, ids)
    np.testing.assert_allclose(prompt, whole[:, :2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(jnp.swapaxes(ys, 0, 1), whole[:, 2:], rtol=1e-4, atol=1e-5)


DECODER = Stack(TransformerDecoderBlock(2, 6, features=8, rotary=True, kv_heads=1, norm_first=False), 2)


def test_a_decoder_maps_its_context_once_and_decodes_as_in_the_whole_pass():
    x, context = numbers(3, 4, 8), padded(3, 5, 2, lengths=(5, 1, 3), seed=1)
    variables = draw(DECODER, x, context)

    @compiled
    def both(v, x, context):
        whole = DECODER.apply(v, x, context).output
        _, memory = DECODER.apply(v, context, DECODER.memory(3, length=4), method="start").output

        def step(memory, now):
            y, memory = DECODER.apply(v, now, memory, method="step").output
            return memory, y

        return whole, jax.lax.scan(step, memory, jnp.swapaxes(x, 0, 1))[1]

    whole, ys = both(variables, x, context)
    np.testing.assert_allclose(jnp.swapaxes(ys, 0, 1), whole, rtol=1e-4, atol=1e-5)

    memory = jax.eval_shape(
        lambda: DECODER.apply(variables, context, DECODER.memory(3, length=4), method="start").output
    )
    assert memory[1].context.keys.shape == (2, 3, 5, 1, 4)  # blocks, rows, time, kv_heads, size
    without = {path: value for path, value in variables.params.items() if "cross_attention/key" not in path}
    shown = jax.eval_shape(lambda m: DECODER.apply(Variables(without), x[:, 0], m, method="step").output, memory[1])
    assert shown[0].shape == (3, 8)  # a step does not even ask for the maps of the context
    with pytest.raises(SettingError, match="has no context yet"):
        DECODER.plan(x[:, 0], DECODER.memory(3, length=4), method="step")


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_memories_of_decoders_keep_their_types(kind):
    x, context = numbers(3, 4, 8), padded(3, 5, 2, lengths=(5, 1, 3), seed=1)
    variables = draw(DECODER, x, context)

    def steps(precision):
        _, memory = DECODER.apply(
            variables, context, DECODER.memory(3, kind, length=4), method="start", precision=precision
        ).output
        y, after = DECODER.apply(variables, x[:, 0], memory, method="step", precision=precision).output
        return memory, after, y

    with jax.numpy_dtype_promotion("strict"):
        memory, after, y = jax.eval_shape(lambda: steps("bfloat16"))
    assert jax.tree.map(lambda a: (a.shape, a.dtype), memory) == jax.tree.map(lambda a: (a.shape, a.dtype), after)
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(memory)} == {kind, "int32", "bool"}
    assert y.dtype == jnp.bfloat16


def test_a_block_of_no_set_width_learns_it_from_its_memory():
    block, context = TransformerDecoderBlock(2, 6), numbers(3, 5, 2)
    _, memory = block.plan(context, block.memory(3, length=4, features=8), method="start").output
    assert memory.context.keys.shape == (3, 5, 2, 4)


# --------------------------------------------------------------------------------------------- a context

CONTEXTS = [Attention(2, 4, kv_heads=1), AdditiveAttention(5)]


@pytest.mark.parametrize("net", CONTEXTS, ids=["attention", "additive"])
def test_a_context_mapped_before_is_the_context(net):
    x, context = padded(3, 2, 4, lengths=(2, 2, 1)), padded(3, 5, 3, lengths=(5, 0, 3), seed=1)
    variables = draw(net, x, context)

    @compiled
    def both(v, x, context):
        kept = net.apply(v, context, method="context_memory").output
        weights = net.apply(v, x, context, capture="weights").taps["weights"]
        return net.apply(v, x, context).output, net.apply(v, x, kept).output, weights

    one, two, weights = both(variables, x, context)
    np.testing.assert_array_equal(one.values, two.values)
    shares = np.moveaxis(weights, 1, 2).sum(-1) if weights.ndim == 4 else weights.sum(-1)
    np.testing.assert_allclose(shares[0], 1, rtol=1e-5)
    np.testing.assert_array_equal(shares[1], 0)  # there is nothing to look at in row 1
    np.testing.assert_array_equal(one.values[2, 1], 0)


def test_one_query_a_row_is_a_sequence_of_one():
    net, x, context = AdditiveAttention(5), numbers(3, 4), numbers(3, 5, 2, seed=1)
    variables = draw(net, x, context)
    result = compiled(lambda: net.apply(variables, x, context, capture="weights"))()
    sequence = run(net, variables, x[:, None], context)
    assert result.taps["weights"].shape == (3, 5)
    np.testing.assert_allclose(result.output, sequence[:, 0], rtol=1e-6)


# ---------------------------------------------------------------------------------------- masks and places


def test_a_mask_joins_padding_and_reaches_every_block():
    net = Stack(TransformerEncoderBlock(2, 8), 2)
    x, mask = padded(2, 4, 6, lengths=(4, 3)), jnp.ones((2, 4, 4), bool).at[:, 1:, 0].set(False)
    variables = draw(net, x)

    third = compiled(lambda values, mask: net.apply(variables, x.with_values(values), mask).output.values[:, 2])

    def reached(mask):
        moved = [third(x.values.at[:, t].add(numbers(6)), mask) - third(x.values, mask) for t in range(4)]
        return np.abs(np.stack(moved, 1)).max(-1) > 1e-5

    np.testing.assert_array_equal(reached(mask), [[False, True, True, True], [False, True, True, False]])
    np.testing.assert_array_equal(reached(jnp.ones_like(mask)), [[True, True, True, True], [True, True, True, False]])


def test_rotary_attention_knows_distances_only():
    net = Attention(2, rotary=True)
    x = numbers(1, 4, 8)
    variables = draw(net, x)
    shifted = jnp.concatenate([numbers(1, 3, 8, seed=1), x], axis=1)
    hidden = jnp.ones((1, 7, 7), bool).at[:, :, :3].set(False)
    attend = compiled(lambda x: net.apply(variables, x).output)
    plain, turned = attend(x), attend(x[:, ::-1])[:, ::-1]
    later = run(net, variables, shifted, None, hidden)
    np.testing.assert_allclose(later[:, 3:], plain, rtol=1e-4, atol=1e-5)
    assert np.max(np.abs(turned - plain)) > 0.01  # but it does know the order


def test_a_window_without_causality_looks_both_ways():
    net, x = Attention(1, window=2), numbers(1, 5, 4)
    weights = compiled(lambda: net.apply(draw(net, x), x, capture="weights").taps["weights"])()
    near = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) < 2
    np.testing.assert_array_equal(np.asarray(weights[0, 0]) > 0, near)


def test_steps_past_the_table_are_noticed():
    net, x = LearnedPositions(3), numbers(2, 4)
    variables = draw(net, numbers(2, 3, 4))
    y, memory = run(net, variables, x, jnp.int32(3), method="step")
    assert np.all(np.isnan(y))
    assert memory == 4
    with pytest.raises(SettingError, match=r"LearnedPositions\(3\) cannot run 4 steps"):
        Sequential(net).memory(2, length=4)


def test_what_fills_up_has_a_vector_of_nought_that_learns_nothing():
    net = Embedding(300, 3, padding_id=280)
    ids = jnp.array([[280, 1]])
    start = net.init(jax.random.key(0), ids)
    np.testing.assert_array_equal(start.params["table"][280], 0)
    variables = draw(net, ids)

    def total(params):
        x = net.apply(Variables(params), ids).output
        return jnp.sum(net.apply(Variables(params), x + 1, method="attend").output), x

    (_, x), grads = compiled(jax.value_and_grad(total, has_aux=True))(variables.params)
    np.testing.assert_array_equal(x[0, 0], 0)
    np.testing.assert_array_equal(grads["table"][280], 0)
    assert np.all(grads["table"][:280] != 0)
    narrow = net.plan(jnp.zeros((1, 2), jnp.uint8))  # ids too small to name the padding
    assert narrow.output.shape == (1, 2, 3)


# ------------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Attention(2, window=0), "'window' must be at least 1"),
        (lambda: Attention(2, rotary_base=0.0), "'rotary_base' must be above 0"),
        (lambda: AdditiveAttention(0), "'units' must be at least 1"),
        (lambda: LearnedPositions(0), "'length' must be at least 1"),
        (lambda: SinusoidalPositions(0.0), "'base' must be above 0"),
        (lambda: FeedForward(0), "'hidden' must be at least 1"),
        (lambda: FeedForward(3, "gelo"), "Did you mean 'gelu'?"),
        (lambda: TransformerEncoderBlock(3, 8, features=8), "'features' must be a multiple of the 3 heads"),
        (lambda: TransformerDecoderBlock(2, 8, dropout=1.0), "0 <= rate < 1"),
        (lambda: TransformerDecoderBlock(2, 8).memory(3, length=4), "needs features="),
        (lambda: Attention(2).plan(jnp.ones((1, 3, 4)), method="context_memory"), "needs features="),
        (lambda: Attention(2, rotary=True).plan(*[jnp.ones((1, 3, 4))] * 2), "its context is another"),
        (lambda: Embedding(3, 2, padding_id=3), "'padding_id' must be an id from 0 to 2, got 3"),
    ],
)
def test_wrong_settings(make, words):
    with pytest.raises(SettingError) as caught:
        make()
    assert words in str(caught.value)


X, CONTEXT = jnp.ones((2, 3, 4)), jnp.ones((2, 5, 4))


@pytest.mark.parametrize(
    ("net", "inputs", "words"),
    [
        (Attention(4, rotary=True), (X,), "the size of a head must be even"),
        (Attention(2), (X, None, jnp.ones((3, 3), bool)), "flags (rows, queries, keys), got bool (3, 3)"),
        (Attention(2), (X, None, jnp.ones((2, 3, 3))), "flags (rows, queries, keys), got float32"),
        (Attention(2), (X, CONTEXT[:1]), "must have the same rows"),
        (Attention(2), (X, ContextMemory(CONTEXT, CONTEXT, None)), "are (2, 5, 2, 2), the context's are (2, 5, 4)"),
        (AdditiveAttention(3), (X, CONTEXT[:1]), "must have the same rows"),
        (
            AdditiveAttention(3),
            (X, ContextMemory(CONTEXT, CONTEXT, None)),
            "keys 3 units; its context has keys (2, 5, 4)",
        ),
        (LearnedPositions(2), (X,), "it has 2 places, and x (2, 3, 4) has 3 steps"),
        (SinusoidalPositions(), (X[0],), "wants sequences"),
        (FeedForward(3), (jnp.ones(()),), "wants (..., features)"),
        (TransformerEncoderBlock(2, 8, features=8), (X,), "it is for 8 features, got (2, 3, 4)"),
    ],
)
def test_inputs_that_do_not_fit(net, inputs, words):
    with pytest.raises(ShapeError) as caught:
        net.plan(*inputs)
    assert words in str(caught.value)
