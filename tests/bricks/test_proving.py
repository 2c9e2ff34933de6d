"""Networks that break a naive core in different ways: each is what a researcher would write."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bricks.contract import compiled, draw
from brickwork.bricks import (
    LSTM,
    Attention,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    Residual,
    Sequential,
    Stack,
)
from brickwork.bricks.initializers import normal, zeros
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.scope import Scope
from brickwork.core.variables import Variables

# ------------------------------------------------------------------- 1: an LSTM scanned with dropout inside


@brick
class ProvingTagger(Brick):
    """A label for every step: dropout, one LSTM step and a head, scanned together."""

    units: int = 5
    rate: float = 0.4

    def __call__(self, scope: Scope, x: jax.Array) -> jax.Array:
        cell = LSTM(self.units)

        def step(scope: Scope, memory: Any, x: jax.Array) -> Any:
            x = scope("drop", Dropout(self.rate), x)
            h, memory = scope("cell", cell, x, memory, method="step")
            return memory, scope("head", Dense(2), h)

        _, ys = scope.scan(step, cell.memory(x.shape[0], scope.dtype), jnp.swapaxes(x, 0, 1))
        return jnp.swapaxes(ys, 0, 1)


def test_an_lstm_scanned_with_dropout_equals_a_python_loop():
    net, x = ProvingTagger(), jax.random.normal(jax.random.key(0), (3, 6, 4))
    variables, key = draw(net, x), jax.random.key(2)
    assert set(variables.params) == {
        "cell/input_weight",
        "cell/memory_weight",
        "cell/bias",
        "head/weight",
        "head/bias",
    }

    def scanned(v: Variables) -> Any:
        result = net.apply(v, x, training=True, key=key, capture="drop/mask")
        return jnp.sum(result.output**2), result

    (_, result), grads = compiled(jax.value_and_grad(scanned, has_aux=True))(variables)
    masks = result.taps["drop/mask"]  # (time, rows, features)
    assert masks.shape == (6, 3, 4)
    assert len({np.asarray(mask).tobytes() for mask in masks}) == 6

    def looped(v: Variables) -> Any:
        cell, outputs = LSTM(5), []
        memory = cell.memory(3)
        for t in range(6):
            now = x[:, t] * masks[t] / 0.6
            h, memory = cell.apply(v.child("cell"), now, memory, method="step").output
            outputs.append(Dense(2).apply(v.child("head"), h).output)
        ys = jnp.stack(outputs, 1)
        return jnp.sum(ys**2), ys

    (_, ys), expected = compiled(jax.value_and_grad(looped, has_aux=True))(variables)
    np.testing.assert_allclose(result.output, ys, rtol=1e-5, atol=1e-6)
    for path, gradient in grads.params.items():
        np.testing.assert_allclose(gradient, expected.params[path], rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- 2: a GPT with a tied head and explicit memory


@brick
class ProvingGPT(Brick):
    """A decoder-only transformer (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners")."""

    words: int
    length: int
    features: int = 16
    heads: int = 2
    layers: int = 2

    def parts(self) -> tuple[Embedding, Embedding, Stack]:
        block = Sequential(
            attend=Residual(Sequential(LayerNorm(), Attention(self.heads, self.features, causal=True))),
            think=Residual(Sequential(LayerNorm(), Dense(4 * self.features, "gelu"), Dense(self.features))),
        )
        return Embedding(self.words, self.features), Embedding(self.length, self.features), Stack(block, self.layers)

    def __call__(self, scope: Scope, ids: jax.Array) -> jax.Array:
        words, places, blocks = self.parts()
        x = scope("words", words, ids)  # (rows, time, features)
        x = x + scope("places", places, jnp.arange(ids.shape[1]))
        x = scope("blocks", blocks, x)
        x = scope("norm", LayerNorm(), x)
        return scope("words", words, x, method="attend")  # (rows, time, words)

    def memory(self, rows: int, dtype: Any = "float32") -> Any:
        return {"time": jnp.int32(0), "blocks": self.parts()[2].memory(rows, dtype, length=self.length)}

    def step(self, scope: Scope, ids: jax.Array, memory: Any) -> Any:
        words, places, blocks = self.parts()
        x = scope("words", words, ids)  # (rows, features)
        x = x + scope("places", places, memory["time"])
        x, after = scope("blocks", blocks, x, memory["blocks"], method="step")
        x = scope("norm", LayerNorm(), x)
        logits = scope("words", words, x, method="attend")  # (rows, words)
        return logits, {"time": memory["time"] + 1, "blocks": after}


@pytest.mark.slow
def test_a_gpt_decodes_with_an_explicit_memory_as_in_the_full_pass():
    net = ProvingGPT(words=11, length=8)
    ids = jax.random.randint(jax.random.key(0), (3, 8), 0, 11)
    variables = draw(net, ids)
    assert sorted(path for path in variables.params if "table" in path) == ["places/table", "words/table"]
    assert variables.params["blocks/brick/attend/body/1_attention/query/weight"].shape == (2, 16, 16)
    full = compiled(lambda v: net.apply(v, ids).output)(variables)

    @jax.jit
    def decode(v: Variables) -> Any:
        def step(memory: Any, now: jax.Array) -> Any:
            logits, memory = net.apply(v, now, memory, method="step").output
            return memory, logits

        return jax.lax.scan(step, net.memory(3), ids.T)[1]

    np.testing.assert_allclose(jnp.swapaxes(decode(variables), 0, 1), full, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_gpt_with_a_tied_head_learns_to_count():
    net = ProvingGPT(words=6, length=8)
    ids = (jnp.arange(8)[None] + jnp.arange(6)[:, None]) % 6
    variables, optimizer = net.init(jax.random.key(0), ids), optax.adam(1e-2)

    def loss(params: Any) -> Any:
        logits = net.apply(Variables(params), ids[:, :-1]).output
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, ids[:, 1:]))

    def step(state: Any, _: Any) -> Any:
        params, moments = state
        value, grads = jax.value_and_grad(loss)(params)
        updates, moments = optimizer.update(grads, moments, params)
        return (optax.apply_updates(params, updates), moments), value

    params = variables.params
    _, losses = compiled(lambda p: jax.lax.scan(step, (p, optimizer.init(p)), length=80))(params)
    assert abs(losses[0] - np.log(6)) < 0.2
    assert losses[-1] < 0.05


# -------------------------------------------------- 3: the gradient penalty, second derivatives through Conv


def penalty(net: Brick, params: Any, x: jax.Array, precision: str) -> Any:
    """Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3: mean of (|dD/dx| - 1)^2."""

    def score(x: jax.Array) -> Any:
        return jnp.sum(net.apply(Variables(params), x, precision=precision).output)

    slopes = jax.grad(score)(x)
    norms = jnp.sqrt(jnp.sum(slopes**2, axis=(1, 2, 3)) + 1e-12)
    return jnp.mean((norms - 1) ** 2)


@pytest.mark.slow
def test_the_gradient_penalty_through_convolutions_has_right_gradients_also_in_a_scan():
    net = Sequential(
        Conv(3, 3, 2, activation="softplus"), Conv(4, 3, activation="tanh", dilation=2), Flatten(), Dense(1)
    )
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x = jnp.asarray(rng.normal(size=(2, 6, 6, 2)))
        params = draw(net, x, precision="float64").params
        ways = {path: jnp.asarray(rng.normal(size=value.shape)) for path, value in params.items()}
        value_and_slope = compiled(jax.value_and_grad(lambda p: penalty(net, p, x, "float64")))
        (_, grads), h = value_and_slope(params), 1e-5

        def along(by: float) -> Any:
            return value_and_slope({path: p + by * ways[path] for path, p in params.items()})[0]

        numeric = (along(h) - along(-h)) / (2 * h)
        exact = sum(jnp.sum(grads[path] * ways[path]) for path in params)
        assert abs(exact) > 1e-3
        np.testing.assert_allclose(exact, numeric, rtol=1e-6)

        def descend(p: Any, x: jax.Array) -> Any:
            grads = jax.grad(lambda p: penalty(net, p, x, "float64"))(p)
            return {path: p[path] - 0.1 * grads[path] for path in p}, grads["0_conv/weight"]

        batches = jnp.stack([x, x + 0.1, x * 0.5])
        scanned, _ = compiled(lambda p: jax.lax.scan(descend, p, batches))(params)
        looped, once = params, compiled(descend)
        for batch in batches:
            looped, _ = once(looped, batch)
        for path in params:
            np.testing.assert_allclose(scanned[path], looped[path], rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------- 4: LoRA around loaded Dense weights


@brick
class ProvingLoRA(Brick):
    """Low-rank updates of every matrix of a body: W + alpha / rank A B (Hu et al. 2021, "LoRA", section 4.1)."""

    padded = "aware"

    body: Brick
    rank: int = 8
    alpha: float = 16.0

    def __call__(self, scope: Scope, *inputs: Any, **options: Any) -> Any:
        def rule(inner: Scope, name: str, shape: tuple[int, ...], init: Any) -> jax.Array:
            base = inner.param(name, shape, init)
            if len(shape) != 2:
                return base
            a = inner.param(f"lora_{name}_a", (shape[0], self.rank), normal)
            b = inner.param(f"lora_{name}_b", (self.rank, shape[1]), zeros)
            return base + self.alpha / self.rank * (a @ b)

        return scope.rewriting(rule).run(self.body, *inputs, **options)


@pytest.mark.slow
def test_lora_wraps_loaded_weights_without_renaming_them():
    base = Sequential(hidden=Dense(20, "tanh"), attend=Dense(12), head=Dense(10))
    x = jax.random.normal(jax.random.key(0), (5, 16))
    loaded = draw(base, x)
    net = ProvingLoRA(base)
    start = {k: jnp.zeros_like(v) if k.endswith("_b") else 0.1 * v for k, v in draw(net, x, seed=1).params.items()}
    variables = Variables(start).load(loaded)
    assert set(variables.params) - set(loaded.params) == {
        f"{part}/lora_weight_{side}" for part in ("hidden", "attend", "head") for side in "ab"
    }
    same = compiled(lambda v, w: (net.apply(v, x).output, base.apply(w, x).output))
    np.testing.assert_array_equal(*same(variables, loaded))

    trained, rest = variables.split("**/lora_*")
    assert set(rest) == set(loaded.params)
    target = jax.random.normal(jax.random.key(3), (5, 10))
    optimizer = optax.adam(3e-2)

    def loss(part: Any) -> Any:
        return jnp.mean((net.apply(Variables(part | rest), x).output - target) ** 2)

    def step(state: Any, _: Any) -> Any:
        part, moments = state
        value, grads = jax.value_and_grad(loss)(part)
        updates, moments = optimizer.update(grads, moments, part)
        return (optax.apply_updates(part, updates), moments), value

    (trained, _), losses = compiled(lambda p: jax.lax.scan(step, (p, optimizer.init(p)), length=150))(trained)
    assert losses[-1] < losses[0] / 20

    merged = {
        path: value + 2.0 * trained[f"{path[:-6]}lora_weight_a"] @ trained[f"{path[:-6]}lora_weight_b"]
        if path.endswith("weight")
        else value
        for path, value in loaded.params.items()
    }
    np.testing.assert_allclose(*same(Variables(trained | rest), Variables(merged)), rtol=1e-4, atol=1e-5)
    for path in ("hidden/weight", "attend/weight", "head/weight"):
        change = np.asarray(merged[path] - loaded.params[path])
        assert np.linalg.matrix_rank(change, tol=1e-4 * np.abs(change).max()) <= 8


def test_lora_reaches_into_attention_and_padding():
    x = Padded(jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 4)), jnp.float32), jnp.array([3, 1]))
    base = Attention(2, 4)
    net, loaded = ProvingLoRA(base, rank=1), draw(base, x)
    start = {k: jnp.zeros_like(v) if k.endswith("_b") else v for k, v in draw(net, x, seed=1).params.items()}
    assert "query/lora_weight_a" in start
    variables = Variables(start).load(loaded)
    one, two = compiled(lambda v, w: (net.apply(v, x).output, base.apply(w, x).output))(variables, loaded)
    np.testing.assert_allclose(one.values, two.values, rtol=1e-6)
