"""What the contract cannot say of recurrent layers: memory over segments, both directions, dropout that lasts."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled, draw
from brickwork.bricks import (
    GRU,
    LSTM,
    Bidirectional,
    Dense,
    Embedding,
    LastStep,
    Remembering,
    Repeat,
    Residual,
    Reverse,
    Sequential,
    SimpleRNN,
    Stack,
)
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.scope import Scope
from brickwork.core.variables import Variables

KEY = jax.random.key(7)


def numbers(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def close(one: Any, two: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), one, two)


def stepped(net: Any, variables: Any, x: jax.Array, memory: Any, **options: Any) -> tuple[jax.Array, Any]:
    """Run step by step in a loop of JAX: return all outputs, and the memory after them."""

    def step(memory: Any, now: jax.Array) -> Any:
        y, memory = net.apply(variables, now, memory, method="step", **options).output
        return memory, y

    memory, ys = jax.lax.scan(step, memory, jnp.swapaxes(x, 0, 1))
    return jnp.swapaxes(ys, 0, 1), memory


# ----------------------------------------------------------------------------------------- memory and segments

DEEP = Sequential(Dense(3), GRU(4, return_sequence=True), Stack(Residual(SimpleRNN(4, return_sequence=True)), 2))
LAST = Sequential(LSTM(3, return_sequence=True), GRU(4), Dense(2))


@pytest.mark.parametrize(
    "net",
    [SimpleRNN(3, return_sequence=True), GRU(3, return_sequence=True, reset="before"), DEEP],
    ids=["simple", "before", "deep"],
)
def test_steps_in_two_segments_are_the_whole_pass(net):
    x = numbers(2, 5, 3)
    variables = draw(net, x)
    assert isinstance(net, Remembering)

    @compiled
    def both(x):
        first, memory = stepped(net, variables, x[:, :2], net.memory(2))
        second, _ = stepped(net, variables, x[:, 2:], memory)
        return net.apply(variables, x).output, jnp.concatenate([first, second], 1)

    close(*both(x))


def test_the_last_of_a_deep_stack_is_its_last_step_so_far():
    x = numbers(2, 4, 3)
    variables = draw(LAST, x)
    steps, so_far = compiled(
        lambda x: (
            stepped(LAST, variables, x, LAST.memory(2))[0],
            [LAST.apply(variables, x[:, :n]).output for n in (1, 4)],
        )
    )(x)
    close((steps[:, 0], steps[:, 3]), tuple(so_far))


@pytest.mark.parametrize(
    "net", [GRU(3), *[pytest.param(net, marks=pytest.mark.slow) for net in (SimpleRNN(3), LSTM(3))]]
)
def test_padded_segments_with_carried_memory_are_the_whole(net):
    x, lengths = numbers(3, 6, 2), jnp.array([6, 2, 4])
    variables = draw(net, x)

    def segments(x, truncated):
        first = Padded(x[:, :3], jnp.minimum(lengths, 3))
        _, memory = net.apply(variables, first, return_memory=True).output
        memory = jax.lax.stop_gradient(memory) if truncated else memory
        second = Padded(x[:, 3:], jnp.maximum(lengths - 3, 0))
        return net.apply(variables, second, memory, return_memory=True).output

    def whole(x):
        return net.apply(variables, Padded(x, lengths), return_memory=True).output

    def slope(run):
        return jax.grad(lambda x: jnp.sum(jnp.sin(run(x)[0])))(x)

    one, two, (full, carried, cut) = compiled(
        lambda x: (
            whole(x),
            segments(x, False),
            [slope(run) for run in (whole, lambda x: segments(x, False), lambda x: segments(x, True))],
        )
    )(x)
    close(one, two)
    close(full, carried)
    assert np.all(np.abs(full[0, :3]).max(-1) > 1e-4)
    np.testing.assert_array_equal(cut[:, :3], 0)  # truncated: nothing before the segment is changed
    close(cut[:, 3:], full[:, 3:])


def test_what_adds_up_over_many_steps_is_wide():
    net, x = GRU(1), jnp.zeros((1, 600, 1))
    params = {"input_weight": jnp.zeros((1, 3)), "memory_weight": jnp.zeros((1, 3)), "memory_bias": jnp.zeros(1)}
    variables = Variables({**params, "bias": jnp.array([0.0, 7.0, 20.0])})
    for kind in ("float32", "bfloat16"):
        y, memory = jax.eval_shape(
            lambda x, kind=kind: (
                net.apply(variables, x, net.memory(1, kind), method="step", precision="bfloat16").output
            ),
            x[:, 0],
        )
        assert (y.dtype, memory.h.dtype) == (jnp.bfloat16, jnp.float32)
    runs = compiled(
        lambda x: [
            net.apply(variables, x, memory, precision="bfloat16").output for memory in (None, net.memory(1, "bfloat16"))
        ]
    )(x)
    for y in runs:  # closing in on 1 in steps that bfloat16 cannot add to 1/4
        np.testing.assert_allclose(y, 1 - jax.nn.sigmoid(7.0) ** 600, rtol=0.01)


# --------------------------------------------------------------------------------------------- both directions


def test_a_bidirectional_layer_has_two_readers_and_their_memories():
    net = Bidirectional(LSTM(2), GRU(3))
    x, lengths = numbers(3, 4, 2), jnp.array([4, 1, 3])
    variables = draw(net, x)
    assert {path.split("/")[0] for path in variables.params} == {"forward", "backward"}
    junk = jnp.where(jnp.arange(4)[:, None] < lengths[:, None, None], x, 1e6)

    @compiled
    def run(x, junk):
        y, memory = net.apply(variables, Padded(junk, lengths), return_memory=True).output
        again = net.apply(variables, Padded(junk, lengths), net_start(memory)).output
        alone = [net.apply(variables, x[row : row + 1, :n]).output[0] for row, n in enumerate((4, 1, 3))]
        return y, memory, again, jnp.stack(alone)

    def net_start(memory):
        return jax.tree.map(jnp.zeros_like, memory)

    y, (first, second), again, alone = run(x, junk)
    close(y, alone)
    close(y, again)
    close(y, jnp.concatenate([first.h, second.h], -1))
    assert first.c.shape == (3, 2)


def test_what_is_read_from_both_ends_may_be_a_network():
    inner = Sequential(Embedding(5, 3), SimpleRNN(2, return_sequence=True), Dense(2))
    net, ids = Bidirectional(inner), jnp.array([[1, 2, 3], [4, 4, 0]])
    variables = draw(net, ids)
    both, there, back = compiled(
        lambda ids: (
            net.apply(variables, ids).output,
            inner.apply(variables.child("forward"), ids).output,
            inner.apply(variables.child("backward"), ids[:, ::-1]).output[:, ::-1],
        )
    )(ids)
    close(both, jnp.concatenate([there, back], -1))


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (Bidirectional(LSTM(2), LSTM(2, return_sequence=True)), "give both the same return_sequence"),
        (Bidirectional(LSTM(2), LSTM(3), merge="add"), "must have one shape"),
        (Reverse(), r"wants sequences \(rows, time, features\), got \(2, 8\)"),
        (LastStep(), r"wants sequences \(rows, time, features\), got \(2, 8\)"),
    ],
)
def test_misfits_are_explained(net, words):
    x = jnp.ones((2, 8)) if "wants" in words else jnp.ones((2, 4, 8))
    with pytest.raises(ShapeError, match=words):
        net.plan(x)


def test_settings_are_checked():
    for make, words in (
        (lambda: GRU(0), "GRU: setting 'units' must be at least 1"),
        (lambda: GRU(2, reset="between"), "'after', 'before'"),
        (lambda: SimpleRNN(2, "tanhh"), "no activation named 'tanhh'"),
        (lambda: LSTM(2, memory_dropout=1.0), "'memory_dropout' must be a probability of dropping"),
        (lambda: Repeat(0), "'n' must be at least 1"),
        (lambda: Bidirectional(LSTM(2), merge="sum"), "'merge' must be one of 'concat', 'add'"),
    ):
        with pytest.raises(SettingError) as caught:
            make()
        assert words in str(caught.value)
    with pytest.raises(ShapeError, match=r"its memory's h must be \(2, 3\), got \(1, 3\)"):
        GRU(3).plan(jnp.ones((2, 4)), GRU(3).memory(1), method="step")


# ------------------------------------------------------------------------------------------------- dropout


@brick
class RecurrentLoop(Brick):
    """A recurrent layer run by a loop over its steps."""

    cell: Brick

    def __call__(self, scope: Scope, x: jax.Array, memory: Any) -> Any:
        def step(scope: Scope, memory: Any, now: jax.Array) -> Any:
            y, memory = scope("cell", self.cell, now, memory, method="step")
            return memory, y

        memory, ys = scope.scan(step, memory, jnp.swapaxes(x, 0, 1))
        return jnp.swapaxes(ys, 0, 1), memory


def test_masks_are_one_a_row_for_all_steps_drawn_anew_in_every_call():
    net, x = GRU(8, return_sequence=True, dropout=0.5, memory_dropout=0.25), jnp.ones((200, 3, 6))
    loop = RecurrentLoop(net)
    start = net.memory(200)
    variables = draw(loop, x, start)

    @compiled
    def run(key):
        own = variables.child("cell")
        whole = net.apply(own, x, start, return_memory=True, training=True, key=key, capture="*")
        (_, memory) = whole.output
        begun = start._replace(seed=memory.seed)  # steps that go on with the masks of the call
        steps = loop.apply(variables, x, begun, training=True, key=jax.random.key(99), capture="**")
        fresh = loop.apply(variables, x, start, training=True, key=key, capture="**")
        again = net.apply(own, x, memory, training=True, key=jax.random.key(3), capture="*")
        return whole, steps, fresh.taps, again.taps

    whole, steps, fresh, again = run(KEY)
    close(whole.output[0], steps.output[0])
    for name, rate in (("mask", 0.5), ("memory_mask", 0.25)):
        mask = np.asarray(whole.taps[name])
        assert abs(mask.mean() - (1 - rate)) < 0.05
        assert len({row.tobytes() for row in mask}) > 30  # rows have masks of their own
        for kept in steps.taps[f"cell/{name}"]:
            np.testing.assert_array_equal(kept, mask)
        first, *rest = np.asarray(fresh[f"cell/{name}"])
        assert all(np.array_equal(first, one) for one in rest)
        assert not np.array_equal(first, mask)
        assert not np.array_equal(again[name], mask)
    assert int(start.seed) == 0
    assert int(whole.output[1].seed) != 0


def test_dropout_is_for_training_alone_and_none_draws_no_key():
    x = numbers(2, 3, 4)
    plain, dropped = LSTM(3), LSTM(3, dropout=0.5, memory_dropout=0.5)
    variables = draw(plain, x)
    with_none, evaluated, (steps, memory) = compiled(
        lambda x: (
            plain.apply(variables, x, training=True).output,
            dropped.apply(variables, x).output,
            stepped(dropped, variables, x, dropped.memory(2)),
        )
    )(x)
    close(with_none, evaluated)
    close(with_none, steps[:, -1])
    assert int(memory.seed) == 0
    assert plain.memory(2).seed is None
    assert "random" not in str(jax.make_jaxpr(lambda x: plain.apply(variables, x, training=True, key=KEY).output)(x))


def test_rates_may_vary_inside_one_program():
    net, x = SimpleRNN(4, "linear", dropout=0.5), jnp.ones((500, 1, 6))

    def kept(rate):
        given = {"dropout": rate, "memory_dropout": 0.0}
        return jnp.mean(net.apply(draw(net, x), x, training=True, key=KEY, settings=given, capture="mask").taps["mask"])

    rates = jnp.array([0.0, 0.2, 0.7])
    np.testing.assert_allclose(compiled(jax.vmap(kept))(rates), 1 - rates, atol=0.03)
    with pytest.raises(SettingError, match="rate of dropout must be"):
        net.apply(draw(net, x), x, settings={"dropout": 1.5})
    none = SimpleRNN(4)
    with pytest.raises(SettingError, match="give the brick itself one above 0"):
        none.apply(
            draw(none, x), x[:, 0], none.memory(500), method="step", training=True, key=KEY, settings={"dropout": 0.5}
        )


# --------------------------------------------------------------------------------------------- steps


def test_one_to_many_and_back():
    x = numbers(2, 3)
    net = Sequential(Repeat(4), LSTM(2, return_sequence=True), Reverse(), LastStep())
    variables = draw(net, x)
    last, first = compiled(
        lambda x: (net.apply(variables, x).output, LSTM(2).apply(variables.child("1_lstm"), x[:, None]).output)
    )(x)
    close(last, first)  # turned around, the last step is the first
    with pytest.raises(ShapeError, match="cannot take padded sequences"):
        Repeat(3).plan(Padded(jnp.ones((2, 3, 1)), jnp.array([1, 3])))
    with pytest.raises(ShapeError, match="no last step in sequences of no steps"):
        LastStep().plan(jnp.ones((2, 0, 3)))
