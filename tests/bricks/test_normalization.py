"""What normalisations promise beyond the contract."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import Case, close, compare_with_oracle, compiled, draw
from brickwork.bricks import (
    LSTM,
    BatchNorm,
    BatchRenorm,
    Conv,
    Dense,
    Flatten,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
    Sequential,
    SpectralNorm,
    SqueezeExcitation,
    Stack,
    WeightNorm,
)
from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.variables import Variables


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


# ---------------------------------------------------------------------------------------------- over the batch


@pytest.mark.parametrize(
    ("name", "net"),
    [
        ("batch_renorm/open", BatchRenorm(max_ratio=50.0, max_shift=50.0)),
        ("batch_renorm/cut", BatchRenorm(max_ratio=1.2, max_shift=0.3)),
        ("spectral_norm/turns", SpectralNorm(Dense(3), iterations=2)),
    ],
)
def test_gradients_that_take_something_for_a_constant_are_those_of_torch(name, net):
    with jax.enable_x64(True):
        compare_with_oracle(Case(net, golden=name, training=True), "float64")


def test_batch_renorm_trains_on_what_evaluation_computes_and_is_batch_norm_within_narrow_limits():
    net, plain, x = BatchRenorm(), BatchNorm(), 0.3 + numbers(6, 3)
    variables = draw(net, x)

    @compiled
    def run(variables, max_ratio, max_shift):
        limits = {"max_ratio": max_ratio, "max_shift": max_shift}
        return net.apply(variables, x, training=True, settings=limits)

    others = compiled(
        lambda v: (net.apply(v, x), plain.apply(v, x, training=True), net.apply(v, x, training=True, frozen="**"))
    )
    evaluated, batch_norm, frozen = others(variables)
    close(run(variables, 100.0, 100.0).output, evaluated.output, rtol=1e-4, atol=1e-5)
    close(run(variables, 1.0, 0.0), batch_norm, rtol=1e-5, atol=1e-6)
    close(frozen, evaluated, rtol=1e-6)
    assert np.max(np.abs(np.asarray(evaluated.output) - batch_norm.output)) > 0.1


# --------------------------------------------------------------------------------------------- within each row


def test_group_norm_ends_in_layer_norm_and_in_instance_norm():
    rows, pictures = numbers(3, 6), numbers(2, 3, 2, 6)
    v, w = draw(GroupNorm(1), rows), draw(InstanceNorm(), pictures)
    group, layer, groups, instance = compiled(
        lambda v, w: (
            GroupNorm(1).apply(v, rows).output,
            LayerNorm().apply(v, rows).output,
            GroupNorm(6).apply(w, pictures).output,
            InstanceNorm().apply(w, pictures).output,
        )
    )(v, w)
    close(group, layer, rtol=1e-5, atol=1e-6)
    close(groups, instance, rtol=1e-5, atol=1e-6)


def test_what_is_in_the_padding_is_never_read():
    nets = (BatchRenorm(), GroupNorm(2), InstanceNorm(), SqueezeExcitation(2))
    x = Padded(numbers(3, 4, 4), jnp.array([4, 0, 2]))
    mask = x.mask[..., None]
    variables = [draw(net, x) for net in nets]

    @compiled
    def run(x):
        return [net.apply(v, x, training=True) for net, v in zip(nets, variables, strict=True)]

    plain, other = run(x), run(x.with_values(jnp.where(mask, x.values, jnp.nan)))
    for net, one, two in zip(nets, plain, other, strict=True):
        assert np.all(np.isfinite(one.output.values)), net
        close(one.stats, two.stats, rtol=1e-6)
        close(*(np.where(mask, r.output.values, 0) for r in (one, two)), rtol=1e-6)
    cut = compiled(lambda: GroupNorm(2).apply(variables[1], x.values[2:, :2]).output)()
    close(plain[1].output.values[2:, :2], cut, rtol=1e-5, atol=1e-6)


def test_bfloat16_does_not_lose_a_variance_beside_a_large_mean():
    x = 100 + numbers(2, 500, 2)
    nets = (GroupNorm(1, scale=False, offset=False), InstanceNorm(scale=False, offset=False))
    for y in compiled(lambda: [net.apply(Variables({}), x, precision="bfloat16").output for net in nets])():
        assert abs(np.std(y) - 1) < 0.02


# -------------------------------------------------------------------------------------------- of the weights

BODY = Sequential(
    conv=Conv(4, 3), flatten=Flatten(), deep=Stack(Dense(16, "tanh"), 2), norm=LayerNorm(), head=Dense(3, bias=False)
)


def test_weight_norm_takes_over_loaded_weights_anywhere_in_a_network():
    net, x = WeightNorm(BODY), numbers(2, 2, 2, 2)
    loaded = draw(BODY, x)
    variables = draw(net, x, seed=1).load(loaded)
    assert set(variables.params) - set(loaded.params) == {
        "conv/weight_length",
        "deep/brick/weight_length",
        "head/weight_length",
    }
    assert variables.params["deep/brick/weight_length"].shape == (2, 16)
    run = compiled(lambda v: net.apply(v, x).output)
    fitted = net.with_lengths(variables)
    close(run(fitted), compiled(lambda v: BODY.apply(v, x).output)(loaded), rtol=1e-4, atol=1e-5)
    longer = {path: 3 * np.asarray(v) if path.endswith("/weight") else v for path, v in fitted.params.items()}
    close(run(Variables(longer)), run(fitted), rtol=1e-4, atol=1e-5)  # of v only the direction counts
    assert np.max(np.abs(np.asarray(run(variables)) - run(fitted))) > 0.01


def test_weight_norm_starts_with_weights_as_long_as_the_bodys():
    params = WeightNorm(Dense(200)).init(jax.random.key(0), jnp.ones((1, 300))).params
    drawn = np.linalg.norm(params["weight"], axis=0)
    g = np.asarray(params["weight_length"])
    assert abs(float(g.mean() / drawn.mean()) - 1) < 0.01
    assert abs(float(g.std() / drawn.std()) - 1) < 0.2
    assert np.max(np.abs(g - drawn)) > 1e-3


def test_spectral_norm_settles_where_the_largest_singular_value_is_one():
    body = Sequential(deep=Stack(Dense(5, bias=False), 2), norm=LayerNorm(), head=Dense(3, bias=False))
    net, x = SpectralNorm(body), numbers(4, 5)
    variables = draw(net, x)
    assert sorted(variables.stats) == ["deep/brick/weight_u", "head/weight_u"]
    assert variables.params.keys() == body.plan(x).params.keys()

    def step(stats, _):
        return net.apply(Variables(variables.params, stats), x, training=True).stats, None

    settled, _ = compiled(lambda stats: jax.lax.scan(step, stats, length=300))(variables.stats)
    run = compiled(lambda v: (net.apply(v, x), net.apply(v, x, training=True, frozen="**")))
    evaluated, frozen = run(Variables(variables.params, settled))
    close((evaluated.stats, frozen.stats), (settled, settled), rtol=0, atol=0)
    divided = {
        path: np.asarray(w) / np.linalg.norm(w, 2, axis=(-2, -1), keepdims=True) if path.endswith("weight") else w
        for path, w in variables.params.items()
    }
    close(evaluated.output, compiled(lambda v: body.apply(v, x).output)(Variables(divided)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("wrapper", [WeightNorm, SpectralNorm])
def test_weights_that_are_zero_stay_zero_with_finite_gradients(wrapper):
    net, x = wrapper(Dense(2, weights="zeros")), numbers(3, 4)
    start = net.init(jax.random.key(0), x)

    def total(params):
        result = net.apply(Variables(params, start.stats), x, training=True)
        return jnp.sum(result.output), result

    (_, result), grads = compiled(jax.value_and_grad(total, has_aux=True))(start.params)
    np.testing.assert_array_equal(result.output, 0)
    assert all(np.all(np.isfinite(g)) for g in grads.values())
    assert all(np.any(u != 0) for u in result.stats.values())


@pytest.mark.parametrize("wrapper", [WeightNorm, SpectralNorm])
def test_a_wrapped_recurrent_layer_runs_step_by_step(wrapper):
    net, x = wrapper(LSTM(3, return_sequence=True)), numbers(2, 3, 4)
    variables = draw(net, x)

    @compiled
    def both(x):
        memory, ys = net.memory(2), []
        for t in range(3):
            y, memory = net.apply(variables, x[:, t], memory, method="step").output
            ys.append(y)
        return net.apply(variables, x).output, jnp.stack(ys, 1)

    close(*both(x), rtol=1e-5, atol=1e-6)


# --------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BatchRenorm(max_ratio=0.5), "'max_ratio' must be at least 1, got 0.5"),
        (lambda: BatchRenorm(max_shift=-1.0), "'max_shift' must be at least 0"),
        (lambda: BatchRenorm(momentum=2.0), "'momentum' must be from 0 to 1"),
        (lambda: GroupNorm(0), "'groups' must be at least 1"),
        (lambda: InstanceNorm(epsilon=0.0), "'epsilon' must be above 0"),
        (lambda: RMSNorm(epsilon=0.0), "'epsilon' must be above 0"),
        (lambda: SpectralNorm(Dense(2), 0), "'iterations' must be at least 1"),
        (lambda: WeightNorm(3), "'body' must be a Brick, got 3"),
    ],
)
def test_wrong_settings(make, words):
    with pytest.raises(SettingError) as caught:
        make()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("net", "x", "words"),
    [
        (BatchRenorm(), jnp.ones(3), "A single row needs x[None]"),
        (RMSNorm(), jnp.ones(()), "(..., features)"),
        (GroupNorm(4), jnp.ones((2, 5, 6)), "its 4 groups do not divide the 6 channels of (2, 5, 6)"),
        (GroupNorm(1), jnp.ones(3), "A single row needs x[None]"),
        (InstanceNorm(), jnp.ones((2, 3)), "Rows of features go to a LayerNorm"),
    ],
)
def test_wrong_inputs(net, x, words):
    with pytest.raises(ShapeError) as caught:
        net.plan(x)
    assert words in str(caught.value)
