"""What the contract cannot say: each brick's own promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bricks.contract import compiled, draw
from brickwork.bricks import (
    INITIALIZERS,
    LSTM,
    Attention,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Embedding,
    GlobalPool,
    LayerNorm,
    Remembering,
    Residual,
    Sequential,
    Stack,
    attention,
    initializer,
    keep_mask,
)
from brickwork.bricks.initializers import fans
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick
from brickwork.core.variables import Variables
from brickwork.ops import dot_product_attention


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def run(net: Brick, variables, *inputs, **options):
    return compiled(lambda v, i: net.apply(v, *i, **options))(variables, inputs)


# ---------------------------------------------------------------------------------------------- initialisers


def test_fans_of_matrices_and_kernels():
    assert fans((5, 7)) == (5, 7)
    assert fans((3, 2, 5, 7)) == (30, 42)
    assert fans((4,)) == (4, 4)


VARIANCES = {
    "zeros": lambda i, o: 0,
    "ones": lambda i, o: 0,
    "identity": lambda i, o: (share := 1 / (9 * 80)) * (1 - share),  # one of as many entries is 1
    "uniform": lambda i, o: 0.1**2 / 12,
    "normal": lambda i, o: 0.0004,
    "truncated_normal": lambda i, o: 0.0004 * (1 - 4 * 0.05399097 / 0.95449974),  # 1 - 2 a phi(a) / (2 Phi(a) - 1)
    "glorot_uniform": lambda i, o: 2 / (i + o),
    "glorot_normal": lambda i, o: 2 / (i + o),
    "he_uniform": lambda i, o: 2 / i,
    "he_normal": lambda i, o: 2 / i,
    "lecun_uniform": lambda i, o: 1 / i,
    "lecun_normal": lambda i, o: 1 / i,
    "orthogonal": lambda i, o: 1 / max(i, 80),  # a unit vector in as many dimensions
}


def test_initialisers_have_the_variances_of_their_papers():
    assert VARIANCES.keys() == INITIALIZERS.keys()
    shape = (3, 3, 20, 80)
    drawn = compiled(lambda key: {name: initializer(name)(key, shape, "float32") for name in INITIALIZERS})(
        jax.random.key(0)
    )
    for name, value in drawn.items():
        mean, variance = float(jnp.mean(value)), float(jnp.var(value))
        wanted = VARIANCES[name](180, 720 if name != "orthogonal" else 80)
        assert abs(variance - wanted) <= 0.05 * wanted, name
        assert abs(mean - (name == "ones")) <= 0.01, name
    matrix = drawn["orthogonal"].reshape(180, 80)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(80), atol=1e-5)
    bound = np.sqrt(6 / (180 + 720))
    assert 0.99 * bound < jnp.max(jnp.abs(drawn["glorot_uniform"])) <= bound


def test_gates_are_drawn_one_by_one_and_forgetting_starts_at_one():
    params = LSTM(6).init(jax.random.key(0), jnp.ones((1, 2, 3))).params
    np.testing.assert_array_equal(params["bias"], [0.0] * 6 + [1.0] * 6 + [0.0] * 12)
    blocks = params["memory_weight"].reshape(6, 4, 6)
    for gate in range(4):
        np.testing.assert_allclose(blocks[:, gate].T @ blocks[:, gate], np.eye(6), atol=1e-5)
    assert jnp.max(jnp.abs(params["input_weight"])) <= np.sqrt(6 / (3 + 6))


# --------------------------------------------------------------------------------------------------- dropout


def test_masks_are_independent_with_the_right_rate():
    keys = jax.random.split(jax.random.key(0), 1000)
    for rate in (0.1, 0.5, 0.83):
        masks = np.asarray(compiled(jax.vmap(lambda k, r=rate: keep_mask(k, (8, 16, 8), r)))(keys))
        c = (masks.reshape(1000, -1) - (1 - rate)) / np.sqrt(rate * (1 - rate))  # mean 0, variance 1
        assert abs(c.mean()) * np.sqrt(c.size) < 5  # the rate
        for lag in (1, 2, 8, 16, 128, 512):  # neighbours in a mask
            assert abs((c[:, lag:] * c[:, :-lag]).mean()) * np.sqrt(c[:, lag:].size) < 5
        for lag in (1, 2, 8):  # masks of neighbouring keys
            assert abs((c[lag:] * c[:-lag]).mean()) * np.sqrt(c[lag:].size) < 5
        between = c[:200] @ c[:200].T / np.sqrt(c.shape[1])
        assert abs(between[np.triu_indices(200, 1)].var() - 1) < 0.05
        assert abs(c.mean(1).var() * c.shape[1] - 1) < 0.25  # counts vary as those of independent draws


def test_dropout_keeps_the_sum_and_drops_the_rate():
    x = jnp.ones((100, 400))
    y = run(Dropout(0.25), Variables({}), x, training=True, key=jax.random.key(0)).output
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert abs(float(jnp.mean(y)) - 1) < 0.01


def test_dropout_of_rate_zero_needs_no_key():
    x = jnp.ones((2, 3))
    np.testing.assert_array_equal(Dropout(0.0).apply(Variables({}), x, training=True).output, x)


def test_one_program_with_many_rates():
    net, x = Sequential(Dropout(0.9)), jnp.ones((50, 80))

    def mean_kept(rate):
        options = {"training": True, "key": jax.random.key(1), "settings": {"0_dropout/rate": rate}}
        return jnp.mean(net.apply(Variables({}), x, **options).output > 0)

    rates = jnp.array([0.0, 0.2, 0.7])
    np.testing.assert_allclose(compiled(jax.vmap(mean_kept))(rates), 1 - rates, atol=0.03)


# ------------------------------------------------------------------------------------------------- embedding


@pytest.mark.parametrize("kind", ["int32", "uint8", "int8"])
def test_unknown_ids_give_nan_and_change_no_vector(kind):
    net = Embedding(100, 2)
    ids = jnp.asarray([0, 99, 100, 127, 2], kind)
    if kind != "uint8":
        ids = ids.at[4].set(-1)
    variables = draw(net, ids)

    def total(params):
        y = net.apply(Variables(params), ids).output
        return jnp.nansum(y), y

    (_, y), grads = compiled(jax.value_and_grad(total, has_aux=True))(variables.params)
    unknown = [False, False, True, True, kind != "uint8"]
    np.testing.assert_array_equal(np.isnan(y).all(1), unknown)
    np.testing.assert_array_equal(y[:2], variables.params["table"][jnp.array([0, 99])])
    wanted = np.zeros((100, 2))
    wanted[[0, 99]] = 1
    if kind == "uint8":
        wanted[2] = 1
    np.testing.assert_array_equal(grads["table"], wanted)


# ------------------------------------------------------------------------------------------ normalisation


def test_weights_of_rows_hold_for_all_their_steps_when_time_is_merged_into_rows():
    net, x = BatchNorm(), numbers(4, 3, 5)
    variables = draw(net, x)
    weight = jnp.array([1.0, 0.0, 0.5, 1.0])
    merged = run(net, variables, x.reshape(12, 5), training=True, weight=weight)
    chosen = run(net, variables, x[jnp.array([0, 2, 3])], training=True)
    np.testing.assert_allclose(merged.stats["variance"], chosen.stats["variance"], rtol=1e-5)
    np.testing.assert_allclose(merged.output.reshape(4, 3, 5)[2], chosen.output[1], rtol=1e-5, atol=1e-6)


def test_a_batch_of_filling_rows_only_leaves_statistics_alone():
    net, x = BatchNorm(), numbers(4, 5)
    variables = draw(net, x)
    result = run(net, variables, x, training=True, weight=jnp.zeros(4))
    for name, value in variables.stats.items():
        np.testing.assert_array_equal(result.stats[name], value)
    assert np.all(np.isfinite(result.output))


def test_statistics_of_bfloat16_are_float32():
    net = BatchNorm(scale=False, offset=False)
    x = 100 + numbers(4000, 1)  # in bfloat16 neither sum nor variance would survive
    result = run(net, draw(net, x), x, training=True, precision="bfloat16")
    rounded = np.asarray(x.astype("bfloat16").astype("float32"))
    assert result.stats["mean"].dtype == jnp.float32
    assert abs(np.std(result.output) - 1) < 0.02
    moved = result.stats["mean"] - 0.9 * draw(net, x).stats["mean"]
    np.testing.assert_allclose(moved, 0.1 * rounded.mean(0), rtol=1e-5)


# --------------------------------------------------------------------------------------- step and memory

LSTM_NET = Sequential(Dense(4, "tanh"), LSTM(3, return_sequence=True), LayerNorm(), LSTM(5, return_sequence=True))
ATTENTION_NET = Stack(Residual(Sequential(LayerNorm(), Attention(2, 6, causal=True, kv_heads=1), Dense(6))), 2)


@pytest.mark.parametrize(
    "net",
    [LSTM(4, return_sequence=True), LSTM_NET, ATTENTION_NET, Stack(Dense(6, "tanh"), 2), Residual(Dense(6))],
    ids=["lstm", "sequential", "attention", "stack", "residual"],
)
def test_steps_are_the_whole_pass(net):
    x = numbers(2, 5, 6)
    variables = draw(net, x)
    whole = run(net, variables, x).output
    assert isinstance(net, Remembering)

    def step(memory, now):
        y, memory = net.apply(variables, now, memory, method="step").output
        return memory, y

    _, ys = compiled(lambda x: jax.lax.scan(step, net.memory(2, length=5), jnp.swapaxes(x, 0, 1)))(x)
    np.testing.assert_allclose(jnp.swapaxes(ys, 0, 1), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("net", [LSTM(4), LSTM_NET, ATTENTION_NET], ids=["lstm", "sequential", "attention"])
def test_memories_keep_their_types_in_any_precision(net, precision, kind):
    x = numbers(2, 5, 6)
    variables = draw(net, x)
    start = net.memory(2, kind, length=5)

    def step(memory, now):
        y, memory = net.apply(variables, now, memory, method="step", precision=precision).output
        return memory, y

    last, ys = compiled(lambda x: jax.lax.scan(step, start, jnp.swapaxes(x, 0, 1)))(x)
    types = jax.tree.map(lambda leaf: leaf.dtype, (start, last))
    assert types[0] == types[1]
    assert {str(dtype) for dtype in jax.tree.leaves(types[0])} <= {kind, "int32", "float32"}  # cells add up: wide
    assert ys.dtype == precision
    last = net.apply(variables, x).output
    last = last[:, -1] if last.ndim == 3 else last
    np.testing.assert_allclose(np.asarray(ys[-1], np.float32), last, rtol=0.1, atol=0.1)


def test_an_lstm_continues_from_its_memory():
    net, x = LSTM(4, return_sequence=True), numbers(2, 6, 3)
    variables = draw(net, x)

    @jax.jit
    def both(x):
        whole = net.apply(variables, x, return_memory=True).output
        first, memory = net.apply(variables, x[:, :2], return_memory=True).output
        second, memory = net.apply(variables, x[:, 2:], memory, return_memory=True).output
        return whole, (jnp.concatenate([first, second], 1), memory)

    whole, parts = both(x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), whole, parts)


def test_attention_takes_several_steps_at_once_and_says_when_its_memory_is_full():
    net, x = Attention(2, 6, causal=True), numbers(2, 5, 6)
    variables = draw(net, x)

    @jax.jit
    def chunks(x):
        whole = net.apply(variables, x).output
        one, memory = net.apply(variables, x[:, :3], net.memory(2, length=5), method="step").output
        two, memory = net.apply(variables, x[:, 3:], memory, method="step").output
        late, _ = net.apply(variables, x[:, 0], memory, method="step").output
        return whole, jnp.concatenate([one, two], 1), late

    whole, parts, late = chunks(x)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)
    assert np.all(np.isnan(late))


# ------------------------------------------------------------------------------------------------ attention


def test_attention_weights_are_shown_and_can_be_moved():
    net, x = Attention(2, causal=True), numbers(2, 4, 6)
    variables = draw(net, x)
    weights = run(net, variables, x, capture="weights").taps["weights"]
    np.testing.assert_allclose(weights.sum(-1), np.ones((2, 2, 4)), rtol=1e-5)
    assert np.all(weights * np.triu(np.ones((4, 4)), 1) == 0)
    moved = run(net, variables, x, offsets={"weights": jnp.ones_like(weights)}).output
    assert np.max(np.abs(moved - run(net, variables, x).output)) > 0.1


def test_attention_forms_no_weights_for_itself_alone(monkeypatch):
    asked = []

    def counted(*args, return_weights=False, **options):
        asked.append(return_weights)
        return dot_product_attention(*args, return_weights=return_weights, **options)

    monkeypatch.setattr(attention, "dot_product_attention", counted)
    net, x = Sequential(Attention(2), Dense(3)), numbers(2, 4, 6)
    variables = draw(net, x)
    asked.clear()
    plain = net.apply(variables, x, training=True).output
    net.apply(variables, x, capture="1_dense/z")
    assert asked == [False, False]
    shown = net.apply(variables, x, capture="**/weights")
    moved = net.apply(variables, x, offsets={"0_attention/weights": jnp.zeros((2, 2, 4, 4))})
    assert asked[2:] == [True, True]
    assert shown.taps["0_attention/weights"].shape == (2, 2, 4, 4)
    for other in (shown, moved):
        np.testing.assert_allclose(other.output, plain, rtol=1e-5, atol=1e-6)
    assert net.plan(x).taps["0_attention/weights"].shape == (2, 2, 4, 4)
    assert asked[4:] == [True]


# -------------------------------------------------------------------------------------------------- padding

AWARE = {
    "lstm": LSTM(3, return_sequence=True),
    "attention": Attention(2),
    "batch_norm": BatchNorm(),
    "pool": GlobalPool("max"),
    "net": Sequential(Dense(4), Attention(2), LayerNorm(), LSTM(3)),
}
COMPILED = {}


@pytest.mark.slow
@given(st.sampled_from(sorted(AWARE)), st.lists(st.integers(0, 4), min_size=3, max_size=3), st.floats(-50, 50))
@settings(max_examples=40, deadline=None)
def test_what_is_in_the_padding_matters_nowhere(name, lengths, junk):
    net = AWARE[name]
    x = Padded(numbers(3, 4, 4), jnp.asarray(lengths, jnp.int32))
    variables = draw(net, x)
    function = COMPILED.setdefault(name, compiled(lambda v, x: net.apply(v, x, training=True)))
    mask = np.asarray(x.mask)[..., None]
    results = [function(variables, x.with_values(jnp.where(mask, x.values, fill))) for fill in (0.0, junk)]
    for result in results:
        if isinstance(result.output, Padded):
            assert result.output.values.shape[:2] == (3, 4)
    outputs = [r.output.values * mask if isinstance(r.output, Padded) else r.output for r in results]
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)
    assert np.all(np.isfinite(outputs[0]))
    for path in results[0].stats:
        np.testing.assert_allclose(results[0].stats[path], results[1].stats[path], rtol=1e-4, atol=1e-5)


def test_pixels_go_into_a_convolution_as_they_are():
    x = jnp.arange(2 * 4 * 4, dtype=jnp.uint8).reshape(2, 4, 4, 1)
    net = Conv(2)
    variables = draw(net, x)
    np.testing.assert_allclose(
        run(net, variables, x).output, run(net, variables, x.astype(jnp.float32)).output, rtol=1e-6
    )
