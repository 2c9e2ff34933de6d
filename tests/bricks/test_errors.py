"""Messages for people: what was given, what is wanted, where, and what to do."""

import jax
import jax.numpy as jnp
import pytest

from brickwork.bricks import (
    LSTM,
    Activation,
    Attention,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalPool,
    LayerNorm,
    LSTMMemory,
    MaxPool,
    Residual,
    Sequential,
    Stack,
    initializer,
)
from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.spec import from_json, to_json
from brickwork.core.variables import Variables

PADDED = Padded(jnp.ones((2, 3, 4)), jnp.array([1, 3]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dense(0), "Dense: setting 'units' must be at least 1, got 0"),
        (lambda: Dense(3, "rellu"), "no activation named 'rellu'. Did you mean 'relu'?"),
        (lambda: Dense(3, weights="he_norml"), "no initialiser named 'he_norml'. Did you mean 'he_normal'?"),
        (lambda: Activation("tahn"), "Did you mean 'tanh'?"),
        (lambda: Conv(3, kernel=0), "Conv: setting 'kernel' must be a whole number of at least 1"),
        (lambda: Conv(3, groups=2), "setting 'groups' must be a divisor of 3, got 2"),
        (lambda: Conv(3, padding="some"), "setting 'padding' must be one of 'same', 'valid'"),
        (lambda: MaxPool(0), "MaxPool: setting 'size' must be"),
        (lambda: AveragePool(2, (1, 0)), "AveragePool: setting 'stride' must be"),
        (lambda: GlobalPool("mean"), "setting 'how' must be one of 'average', 'max', got 'mean'"),
        (lambda: BatchNorm(momentum=1.5), "'momentum' must be from 0 to 1, got 1.5"),
        (lambda: LayerNorm(epsilon=0.0), "'epsilon' must be above 0"),
        (lambda: Dropout(1.0), "'rate' must be a probability of dropping, 0 <= rate < 1, got 1.0"),
        (lambda: Dropout(-0.1), "0 <= rate < 1, got -0.1"),
        (lambda: Dropout("a"), "'rate' must be a number, got 'a'"),
        (lambda: Embedding(0, 3), "'size' must be at least 1"),
        (lambda: LSTM(0), "'units' must be at least 1"),
        (lambda: Attention(3, features=8), "'features' must be a multiple of the 3 heads, got 8"),
        (lambda: Attention(4, kv_heads=3), "'kv_heads' must be a divisor of the 4 heads, got 3"),
        (lambda: Attention(4, dropout=2.0), "0 <= rate < 1, got 2.0"),
        (lambda: Attention(4).memory(2, length=3), "Attention.memory needs features="),
        (lambda: Attention(4, 8).memory(2), "Attention.memory needs length="),
        (lambda: Stack(Dense(3), 0), "'n' must be at least 1"),
        (lambda: Sequential(Dense(3), jnp.tanh), "part '1_"),
        (lambda: Sequential(Dense(3), jnp.tanh), "A network is data: write a brick"),
        (lambda: Sequential([Dense(3)]), "Give bricks one by one: Sequential(*bricks)."),
        (lambda: Sequential(Flatten, Dense(3)), "Make one of the class: Flatten(...)."),
        (lambda: Sequential(Dense(3), "relu"), "Perhaps Activation('relu')?"),
        (lambda: Sequential(**{"a/b": Dense(3)}), "the name 'a/b' must be of letters, digits and _ only"),
        (lambda: Sequential(Dense(3), **{"0_dense": Dense(3)}), "two parts are named '0_dense'"),
        (lambda: Sequential.from_settings({"parts": (("a", 3),)}), "part 'a' must be a brick, got 3"),
        (lambda: Sequential.from_settings({"parts": 3}), "setting 'parts' must be"),
        (lambda: Sequential(body=Dense(3))["boddy"], "no part named 'boddy'. Did you mean 'body'?"),
        (lambda: initializer("xavier"), "There is no initialiser named 'xavier'. Known: glorot_normal"),
        (lambda: initializer("orthogonal")(jax.random.key(0), (3,), "float32"), "needs a matrix or a kernel"),
    ],
)
def test_wrong_settings(make, words):
    with pytest.raises(SettingError) as caught:
        make()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("brick", "x", "words"),
    [
        (Dense(3), jnp.ones(()), "wants (rows, features)"),
        (Conv(3), jnp.ones((2, 64)), "wants pictures (rows, height, width, channels), got (2, 64). Rows of numbers"),
        (Conv(3), jnp.ones((2, 8, 8)), "Add the channel axis, x[..., None]"),
        (Conv(3), jnp.ones((2, 2, 8, 8, 3)), "Merge the axes that are too many"),
        (Conv(4, groups=2), jnp.ones((2, 8, 8, 3)), "its 2 groups do not divide the 3 channels"),
        (Conv(4, kernel=9, padding="valid"), jnp.ones((2, 8, 8, 3)), "padding 'same'"),
        (MaxPool(), jnp.ones((2, 64)), "wants pictures"),
        (AveragePool(), jnp.ones((2, 8, 8)), "x[..., None]"),
        (GlobalPool(), jnp.ones((2, 8)), "no places to pool over"),
        (Flatten(), jnp.ones(()), "add an axis of rows, x[None]"),
        (BatchNorm(), jnp.ones(3), "wants (rows, ..., channels), got (3,)"),
        (LayerNorm(), jnp.ones(()), "wants (..., features)"),
        (Embedding(5, 2), jnp.ones((2, 3)), "looks up whole numbers (ids), got float32"),
        (LSTM(3), jnp.ones((2, 3), jnp.int32), "put an Embedding before"),
        (LSTM(3), jnp.ones((2, 3, 4, 5)), "x.reshape(*x.shape[:2], -1)"),
        (Attention(2), jnp.ones((2, 8)), "wants sequences (rows, time, features), got (2, 8)"),
        (Attention(3), jnp.ones((2, 4, 8)), "its 3 heads do not divide the 8 features"),
        (
            Residual(Dense(3)),
            jnp.ones((2, 4)),
            "gives (2, 3), its input is (2, 4): they cannot be added. Give shortcut=",
        ),
        (Residual(GlobalPool()), PADDED, "its input is padded sequences (2, 3, 4)"),
        (Stack(Dense(3), 2), jnp.ones((2, 4)), "same shapes and types before and after"),
        (Conv(3), PADDED, "cannot take padded sequences"),
        (Flatten(), PADDED, "a pooling over time, the last state"),
    ],
)
def test_inputs_that_do_not_fit(brick, x, words):
    with pytest.raises(ShapeError) as caught:
        Sequential(body=brick).plan(x)
    assert words in str(caught.value)
    assert "in brick 'body" in str(caught.value)
    assert type(brick).__name__ in str(caught.value)


def test_attend_context_memory_and_step_shapes():
    with pytest.raises(ShapeError, match="attend wants vectors"):
        Embedding(5, 2).plan(jnp.ones((2, 3)), method="attend")
    with pytest.raises(ShapeError, match="must have the same rows"):
        Attention(2).plan(jnp.ones((2, 3, 4)), jnp.ones((3, 3, 4)))
    memory = LSTM(3).memory(2)
    with pytest.raises(ShapeError, match="a step wants"):
        LSTM(3).plan(jnp.ones((2, 1, 4)), memory, method="step")
    with pytest.raises(ShapeError, match=r"its memory's c must be \(2, 3\), got \(2, 4\)"):
        LSTM(3).plan(jnp.ones((2, 4)), LSTMMemory(memory.h, jnp.ones((2, 4))), method="step")
    causal = Attention(2, 4, causal=True)
    with pytest.raises(ShapeError, match="keys and values must be"):
        causal.plan(jnp.ones((2, 4)), causal.memory(3, length=5), method="step")
    with pytest.raises(SettingError, match="Only causal attention"):
        Attention(2, 4).plan(jnp.ones((2, 4)), causal.memory(2, length=5), method="step")


def test_row_weights_that_do_not_fit():
    net, x = BatchNorm(), jnp.ones((5, 3))
    variables = Variables(
        *(({k: jnp.ones(v.shape) for k, v in a.items()}) for a in (net.plan(x).params, net.plan(x).stats))
    )
    with pytest.raises(ShapeError, match="2 row weights, which do not fit the 5 rows"):
        net.apply(variables, x, training=True, weight=jnp.ones(2))


def test_an_override_of_the_rate_is_checked():
    with pytest.raises(SettingError, match="rate must be 0 <= rate < 1"):
        Dropout().apply(Variables({}), jnp.ones((2, 3)), settings={"rate": 1.5})


def test_an_index_past_the_end():
    with pytest.raises(IndexError, match="has 1 parts, there is none at 1"):
        Sequential(Dense(3))[1]


def test_parts_keep_their_names():
    net = Sequential(Flatten(), Dense(4, "relu"), Dropout(), head=Dense(2))
    assert [name for name, _ in net.items()] == ["0_flatten", "1_dense", "2_dropout", "head"]
    assert net[1] == net["1_dense"] == Dense(4, "relu")
    assert net[-1] == Dense(2)
    assert [name for name, _ in net[1:].items()] == ["1_dense", "2_dropout", "head"]
    assert from_json(to_json(net[1:])) == net[1:]
    assert list(net) == [part for _, part in net.items()]
    assert len(net) == 4
    assert repr(Sequential(Flatten(), head=Activation("tanh"))) == "Sequential(Flatten(), head=Activation(name='tanh'))"
    x = jnp.ones((2, 2, 2))
    variables = net.init(jax.random.key(0), x)
    hidden = net[:2].apply(variables, x).output
    assert jnp.allclose(net[2:].apply(variables, hidden).output, net.apply(variables, x).output)
