"""What the settings of a recipe do, each against the equation or another way to the same numbers."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from brickwork.bricks import BatchNorm, Dense, Sequential
from brickwork.core.batch import Batch
from brickwork.core.errors import SettingError
from brickwork.core.spec import from_json, to_json
from brickwork.core.variables import Variables
from brickwork.losses import CrossEntropy, MeanSquaredError
from brickwork.optim import SGD, Adam, Momentum, WarmupCosine
from brickwork.train import Recipe, Run, Supervised, Update
from train.small import LEARNER, blobs, line

LINEAR = Supervised(Dense(1), MeanSquaredError(), (), Update(SGD(0.1)))
WHOLE = Recipe(epochs=1, batch_size=96, shuffle=False)


def batch_of(data: Any) -> Batch:
    return Batch(jnp.asarray(data.inputs), jnp.asarray(data.targets), jnp.ones(len(data)))


def one_step(learner: Supervised, data: Any) -> Any:
    def run(batch: Batch) -> Any:
        state = learner.init(jax.random.key(0), batch, 10)
        return state, learner.step(state, batch, jax.random.key(1))[0]

    return jax.jit(run)(batch_of(data))


def gradient(learner: Supervised, data: Any, params: Any) -> Any:
    def loss(params: Any) -> Any:
        return jnp.mean((learner.net.apply(Variables(params), data.inputs).output - data.targets) ** 2)

    return jax.jit(jax.grad(loss))(params)


def test_the_weight_penalty_is_lambda_times_the_sum_of_squared_weights():
    data = line(96)
    for l1, l2 in ((0.0, 0.3), (0.2, 0.0)):
        learner = replace(LINEAR, l1=l1, l2=l2)
        before, after = one_step(learner, data)
        w, b = (np.asarray(before.trained[name], np.float64) for name in ("weight", "bias"))
        grads = gradient(learner, data, before.trained)
        slope = grads["weight"] + l1 * np.sign(w) + 2 * l2 * w
        np.testing.assert_allclose(after.trained["weight"], w - 0.1 * slope, rtol=1e-5)
        np.testing.assert_allclose(after.trained["bias"], b - 0.1 * grads["bias"], rtol=1e-5)  # biases are free


def test_a_large_penalty_shrinks_the_weights_and_the_reported_loss_is_without_it():
    data, recipe = line(96), WHOLE.replace(epochs=60)
    free = Run(LINEAR, recipe, data).go()
    bound = Run(replace(LINEAR, l2=1.0), recipe, data).go()
    assert np.linalg.norm(bound.last.trained["weight"]) < 0.6 * np.linalg.norm(free.last.trained["weight"])
    batch = batch_of(data)
    loss = LINEAR.measure(LINEAR.view(bound.last), batch, jax.random.key(0)).sums["loss"]
    error = np.mean((data.inputs @ bound.last.trained["weight"] + bound.last.trained["bias"] - data.targets) ** 2)
    assert loss["total"] / loss["weight"] == pytest.approx(float(error), rel=1e-5)


def test_clipping():
    data = line(96)
    before, _ = one_step(LINEAR, data)
    grads = gradient(LINEAR, data, before.trained)
    norm = np.sqrt(sum(float(jnp.sum(g**2)) for g in grads.values()))
    assert norm > 1
    _, by_norm = one_step(replace(LINEAR, update=Update(SGD(0.1), clip_norm=0.5)), data)
    _, by_value = one_step(replace(LINEAR, update=Update(SGD(0.1), clip_value=0.3)), data)
    for name, grad in grads.items():
        start = before.trained[name]
        np.testing.assert_allclose(by_norm.trained[name], start - 0.1 * grad * 0.5 / norm, rtol=1e-5)
        np.testing.assert_allclose(by_value.trained[name], start - 0.1 * jnp.clip(grad, -0.3, 0.3), rtol=1e-5)


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(0.05)], ids=lambda o: o.name)
def test_accumulating_small_batches_equals_a_big_batch(optimizer):
    data = line(96)
    small = Run(
        replace(LINEAR, update=Update(optimizer, accumulate=4), l2=0.01),
        WHOLE.replace(batch_size=24, epochs=5),
        data,
    ).go()
    big = Run(replace(LINEAR, update=Update(optimizer), l2=0.01), WHOLE.replace(epochs=5), data).go()
    for name, value in big.last.trained.items():
        np.testing.assert_allclose(small.last.trained[name], value, rtol=1e-5, atol=1e-6)


def test_a_bad_batch_does_not_spoil_what_is_accumulated():
    data = line(96)
    targets = data.targets.copy()
    targets[24] = np.inf
    update = Update(SGD(0.1), accumulate=2)
    learner = replace(LINEAR, update=update)
    outcome = Run(learner, WHOLE.replace(batch_size=24, epochs=4), data.replace(targets=targets)).go()
    assert outcome.error is None
    assert float(outcome.history[-1]["train/loss"]) < float(outcome.history[0]["train/loss"])


def test_the_moving_average_of_the_weights():
    data = line(96)
    learner = replace(LINEAR, ema=0.9)
    batch = batch_of(data)
    state = learner.init(jax.random.key(0), batch, 10)
    average = {name: np.asarray(value, np.float64) for name, value in state.trained.items()}
    step = jax.jit(learner.step)
    for time in range(30):
        state, _ = step(state, batch, jax.random.key(time))
        decay = min(0.9, (1 + time) / (10 + time))
        average = {k: decay * v + (1 - decay) * np.asarray(state.trained[k], np.float64) for k, v in average.items()}
    for name, value in average.items():
        np.testing.assert_allclose(state.average.params[name], value, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(learner.view(state).params[name], state.average.params[name])
    assert np.any(np.asarray(state.average.params["weight"]) != np.asarray(state.trained["weight"]))


def test_frozen_parts_and_their_statistics_stay():
    net = Sequential(body=Dense(6, "tanh"), norm=BatchNorm(), head=Dense(3))
    frozen = replace(LEARNER, net=net, frozen=("body/**", "norm/**"))
    recipe = Recipe(epochs=2, batch_size=10)
    run = Run(frozen, recipe, blobs())
    state = frozen.init(jax.random.key(5), Batch(jnp.zeros((1, 4))), 20)
    first = jax.tree.map(np.array, (state.trained | state.frozen, state.stats))
    run.state = state
    last = run.go().last
    assert set(last.trained) == {"head/weight", "head/bias"}
    assert set(last.optimizer[-1].mu) == set(last.trained)  # frozen parts cost no optimizer state
    for name, value in {**last.frozen, **last.stats}.items():
        np.testing.assert_array_equal(value, (first[0] | first[1])[name])
    for name, value in last.trained.items():
        assert not np.array_equal(value, first[0][name])


def test_freezing_nothing_is_a_mistake():
    learner = replace(LEARNER, frozen="0_dens/**")
    with pytest.raises(SettingError, match=r"No parameter to freeze fits '0_dens/\*\*'"):
        learner.init(jax.random.key(0), Batch(jnp.zeros((1, 4))), 1)


def test_a_schedule_multiplies_the_rate_over_the_whole_run():
    data, schedule = line(96), WarmupCosine(warmup=0.25)
    learner = replace(LINEAR, update=Update(SGD(0.1), schedule))
    outcome = Run(learner, WHOLE.replace(epochs=3, batch_size=24), data).go()
    params = jax.jit(learner.init, static_argnums=2)(
        jax.random.fold_in(jax.random.key(0), 2**32 - 1), batch_of(data[:24]), 12
    ).trained
    slope = jax.jit(lambda part, params: gradient(learner, part, params))
    for step in range(12):
        grads = slope(batch_of(data[24 * (step % 4) : 24 * (step % 4) + 24]), params)
        rate = 0.1 * float(schedule.factor(step, 12))
        params = {name: value - rate * grads[name] for name, value in params.items()}
    np.testing.assert_allclose(outcome.last.trained["weight"], params["weight"], rtol=1e-4)


def test_half_precision_computes_in_half_and_keeps_whole_weights():
    learner = Supervised(LEARNER.net, CrossEntropy(), LEARNER.metrics, LEARNER.update, precision="bfloat16")
    outcome = Run(learner, Recipe(epochs=3, batch_size=10), blobs(), blobs(40, 1)).go()
    assert {value.dtype for value in outcome.last.trained.values()} == {jnp.dtype("float32")}
    assert outcome.history[-1]["valid/loss"] < 1.1


def test_settings_by_name_and_as_json():
    recipe = Recipe().changed(optimizer="momentum", rate=0.5, schedule="cosine", epochs=3)
    assert recipe.optimizer == Momentum(0.5)
    assert from_json(to_json(recipe)) == recipe
    assert Recipe().changed(optimizer=optax.adam(0.1)).optimizer.rate == 1.0
    with pytest.raises(SettingError, match=r"Recipe has no setting 'epoch'. Did you mean 'epochs'?"):
        Recipe().changed(epoch=3)
    with pytest.raises(SettingError, match=r"no optimizer named 'adamm'. Did you mean 'adam'?"):
        Recipe().changed(optimizer="adamm")
    with pytest.raises(SettingError, match=r"no schedule named 'cosin'. Did you mean 'cosine'?"):
        Recipe().changed(schedule="cosin")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("epochs", 0, "1 or more"),
        ("batch_size", -1, "1 or more"),
        ("batch_size", 2.5, "a whole number"),
        ("patience", 0, "more than 0, or None"),
        ("ema", 1.0, "at least 0 and less than 1"),
        ("l2", -0.1, "0 or more"),
        ("clip_norm", 0.0, "more than 0, or None"),
        ("segment_seconds", 0.0, "more than 0"),
        ("precision", "float31", "one of"),
        ("rate", -1.0, "a finite number more than 0"),
    ],
)
def test_settings_out_of_range(name, value, words):
    with pytest.raises(SettingError) as caught:
        Recipe().changed(**{name: value})
    assert words in str(caught.value)
    assert repr(value) in str(caught.value)
