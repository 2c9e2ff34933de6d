"""What the contract cannot say of convolutions, pools, resampling, borders and shapes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled, draw
from brickwork.bricks import (
    LSTM,
    Activation,
    AdaptivePool,
    AveragePool,
    Conv,
    ConvTranspose,
    Crop,
    DepthwiseConv,
    Flatten,
    GlobalPool,
    MaxPool,
    Pad,
    Permute,
    Reshape,
    Residual,
    Resize,
    SeparableConv,
    Sequential,
    Upsample,
)
from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.spec import from_json
from brickwork.core.variables import Variables


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


# ------------------------------------------------------------------------------------------- causal, step by step

CAUSAL = {
    "dilated": Conv(4, 3, padding="causal", dilation=2, groups=2, activation="tanh", axes=1),
    "pointwise": Conv(4, 1, padding="causal", axes=1),
    "net": Residual(
        Sequential(
            Conv(6, 2, padding="causal", activation="relu", axes=1),
            Activation("tanh"),
            Conv(4, 2, padding="causal", dilation=4, bias=False, axes=1),
        )
    ),
}


@pytest.mark.parametrize("name", CAUSAL)
def test_steps_of_a_causal_convolution_are_the_whole_pass(name):
    net, x = CAUSAL[name], numbers(2, 7, 4)
    variables = draw(net, x)

    def step(memory, now):
        y, memory = net.apply(variables, now, memory, method="step").output
        return memory, y

    @compiled
    def both(x):
        _, ys = jax.lax.scan(step, net.memory(2), jnp.swapaxes(x, 0, 1))
        return net.apply(variables, x).output, jnp.swapaxes(ys, 0, 1)

    np.testing.assert_allclose(*both(x), rtol=1e-5, atol=1e-6)


def test_nothing_after_a_step_changes_it():
    net, x = CAUSAL["dilated"], numbers(1, 7, 4)
    variables = draw(net, x)
    run = compiled(lambda x: net.apply(variables, x).output)
    same = np.all(np.asarray(run(x)) == np.asarray(run(x.at[:, 4].add(1))), axis=(0, 2))
    np.testing.assert_array_equal(same, [True] * 4 + [False, True, False])


def test_pictures_step_by_step_run_as_ever():
    net, x = Sequential(Conv(2), Flatten(), LSTM(3)), numbers(2, 3, 4, 1)
    y, after = net.plan(x, net.memory(2), method="step").output
    assert y.shape == (2, 3)
    assert after["0_conv"] == ()


# ----------------------------------------------------------------------------------------------- what is the same


def test_a_network_stored_before_there_were_axes_is_the_same():
    settings = {"filters": 3, "kernel": [3, 2], "padding": [[1, 1], [0, 1]], "groups": 1, "weights": "he_normal"}
    assert from_json({"spec": "brickwork:Conv@1", "settings": settings}) == Conv(3, (3, 2), padding=((1, 1), (0, 1)))
    assert from_json({"spec": "brickwork:MaxPool@1", "settings": {"size": 3, "stride": 2}}) == MaxPool(3, 2)


def test_axes_of_length_one_change_nothing():
    """A sequence is a picture of height 1, and a picture a volume of depth 1."""
    x = numbers(2, 6, 4)
    for one, flat in (
        (Conv(2, (1, 3), (1, 2), activation="tanh"), Conv(2, 3, 2, activation="tanh", axes=1)),
        (ConvTranspose(2, (1, 3), (1, 2)), ConvTranspose(2, 3, 2, axes=1)),
        (MaxPool((1, 3), 1, "same"), MaxPool(3, 1, "same", axes=1)),
        (AveragePool((1, 3), 1, "same"), AveragePool(3, 1, "same", axes=1)),
        (AdaptivePool((1, 4)), AdaptivePool(4, axes=1)),
        (Resize((1, 5), "cubic"), Resize(5, "cubic", axes=1)),
    ):
        variables = draw(flat, x)
        picture = Variables({k: a[None] if k == "weight" else a for k, a in variables.params.items()})
        both = compiled(lambda x, p, v, a=one, b=flat: (a.apply(p, x[:, None]).output[:, 0], b.apply(v, x).output))
        np.testing.assert_allclose(*both(x, picture, variables), rtol=1e-5, atol=1e-6)


def test_global_pools_take_any_number_of_axes():
    x = numbers(2, 3, 2, 2, 4)
    np.testing.assert_allclose(GlobalPool().apply(draw(GlobalPool(), x), x).output, x.mean((1, 2, 3)), rtol=1e-5)


# ------------------------------------------------------------------------------------------------------- padding


@pytest.mark.parametrize(
    "net",
    [
        Conv(3, 3, 2, axes=1),
        SeparableConv(3, padding="causal", axes=1),
        ConvTranspose(3, 3, 2, ((1, 0),), axes=1),
        MaxPool(2, 1, ((1, 0),), axes=1),
        AveragePool(2, 1, "causal", axes=1),
        AdaptivePool(2, "max", axes=1),
        Upsample(2, "linear", axes=1),
        Sequential(Conv(3, axes=1), MaxPool(axes=1), Upsample(axes=1), GlobalPool()),
    ],
    ids=lambda net: type(net).__name__,
)
def test_what_is_in_the_padding_matters_nowhere(net):
    x = Padded(numbers(3, 5, 2), jnp.array([5, 2, 0], jnp.int32))
    variables = draw(net, x)
    dirty = x.with_values(jnp.where(x.mask[..., None], x.values, jnp.nan))

    @compiled
    def run(x):
        def total(values):
            output = net.apply(variables, x.with_values(values)).output
            return jnp.sum(output.values if isinstance(output, Padded) else output), output

        return jax.grad(total, has_aux=True)(x.values)

    (gradient, output), (wanted, clean) = run(dirty), run(x)
    jax.tree.map(np.testing.assert_array_equal, output, clean)
    np.testing.assert_array_equal(gradient, wanted)
    assert np.all(np.isfinite(gradient))
    assert np.all(np.asarray(gradient)[~np.asarray(x.mask)] == 0)
    if isinstance(output, Padded):
        assert np.all(np.asarray(output.values)[~np.asarray(output.mask)] == 0)


# -------------------------------------------------------------------------------------------------- limits, messages


@pytest.mark.parametrize(
    "net",
    [
        Conv(1, 1000),
        DepthwiseConv(1000),
        ConvTranspose(1, 1000, 2),
        MaxPool(1000, 1, "same"),
        AveragePool(1000, 1, "same"),
        Upsample(100, "linear"),
        Resize(2000, "cubic", antialias=True),
        AdaptivePool(5000, "max"),
    ],
    ids=lambda net: type(net).__name__,
)
def test_large_settings_make_small_programs(net):
    x = jax.ShapeDtypeStruct((1, 9, 9, 1), jnp.float32)
    shapes = net.plan(x).shapes()
    assert str(jax.make_jaxpr(lambda v, x: net.apply(v, x).output)(shapes, x)).count("\n") < 500


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv(2, (3, 3), axes=1), "Conv: setting 'kernel' must be a whole number of at least 1, got (3, 3)"),
        (lambda: Conv(2, (3, 3), axes=3), "or one for each of depth and height and width"),
        (lambda: Conv(2, axes=4), "setting 'axes' must be one of 1, 2, 3, got 4"),
        (lambda: Conv(2, padding="causal"), "'causal' is for sequences only: a picture has no before and after"),
        (lambda: Conv(2, padding=((1, 1),)), "padding must be ((top, bottom), (left, right))"),
        (lambda: MaxPool(2, padding=((1, 1),)), "padding must be ((top, bottom), (left, right))"),
        (lambda: DepthwiseConv(multiplier=0), "'multiplier' must be at least 1"),
        (
            lambda: ConvTranspose(2, stride=2, extra=1),
            "'extra' must be less than the stride, and 0 with padding 'same'",
        ),
        (lambda: ConvTranspose(2, stride=2, padding="valid", extra=2), "'extra' must be less than the stride"),
        (lambda: ConvTranspose(2, padding="causal", axes=1), "'padding' must be 'same', 'valid' or what to take away"),
        (lambda: AdaptivePool(2**21), "'size' must be at most 1048576 along an axis"),
        (lambda: Resize(0), "Resize: setting 'size' must be a whole number of at least 1"),
        (lambda: Upsample((2, 2), axes=1), "Upsample: setting 'factor' must be a whole number"),
        (lambda: Upsample(how="cubic"), "'how' must be one of 'nearest', 'linear'"),
        (lambda: Reshape((2, -1, -1)), "'shape' must be sizes of at least 1, one of them -1 at most"),
        (lambda: Reshape((2, 0)), "'shape' must be sizes of at least 1"),
        (lambda: Permute((0, 1)), "'order' must be the numbers 1, 2, ..."),
        (lambda: Pad(-1), "Pad: setting 'amount' must be a whole number of at least 0"),
        (lambda: Pad(((1, 1),)), "Pad: setting 'amount' must be ((top, bottom), (left, right)) of at least 0"),
        (Crop, "Crop: give either 'amount', what to cut away, or 'size'"),
        (lambda: Crop(1, 2), "Crop: give either"),
        (lambda: Crop(size=0), "Crop: setting 'size' must be"),
    ],
)
def test_wrong_settings(make, words):
    with pytest.raises(SettingError) as caught:
        make()
    assert words in str(caught.value)


PADDED = Padded(jnp.ones((2, 3, 4)), jnp.array([1, 3]))


@pytest.mark.parametrize(
    ("net", "x", "words"),
    [
        (Conv(2, axes=1), jnp.ones((2, 8, 8, 3)), "If these are pictures, set axes=2."),
        (Conv(2), jnp.ones((2, 8, 3)), "If these are sequences, set axes=1."),
        (MaxPool(axes=3), jnp.ones((2, 8, 8, 3)), "it wants volumes (rows, depth, height, width, channels)"),
        (SeparableConv(2), PADDED, "cannot take padded sequences. For sequences set axes=1."),
        (AveragePool(2, 3, ((0, 2),), axes=1), PADDED, "has room for whole windows of 2"),
        (ConvTranspose(2, padding=((3, 3), (0, 0))), jnp.ones((1, 2, 2, 1)), "leaves nothing of (1, 2, 2, 1)"),
        (ConvTranspose(4, groups=2), jnp.ones((1, 2, 2, 3)), "its 2 groups do not divide the 3 channels"),
        (Reshape((4, -1)), jnp.ones((2, 6)), "has 6 numbers, which do not fill the shape (4, -1)"),
        (Reshape((4,)), jnp.ones((2, 8)), "has 8 numbers"),
        (Permute((2, 1)), jnp.ones((2, 3)), "is for 2 axes after the rows, got (2, 3)"),
        (Pad(3, "reflect"), jnp.ones((1, 3, 4, 1)), "continues a height of 3 by 2 places at most, not by 3"),
        (Pad(4, "wrap"), jnp.ones((1, 5, 3, 1)), "continues a width of 3 by 3 places at most, not by 4"),
        (Crop(2), jnp.ones((1, 4, 8, 1)), "it would leave (0, 4) (height, width) of (1, 4, 8, 1)"),
        (Crop(size=5), jnp.ones((1, 4, 8, 1)), "it would leave (5, 5)"),
        (Resize(3), PADDED, "cannot take padded sequences"),
    ],
)
def test_inputs_that_do_not_fit(net, x, words):
    with pytest.raises((ShapeError, SettingError)) as caught:
        net.plan(x)
    assert words in str(caught.value)


def test_steps_that_do_not_fit():
    causal = Conv(3, padding="causal", axes=1)
    with pytest.raises(ShapeError, match=r"a step wants \(rows, channels\)"):
        causal.plan(jnp.ones((2, 1, 4)), causal.memory(2), method="step")
    with pytest.raises(ShapeError, match=r"its memory must be \(2, 2, 3\), got \(1, 2, 3\)"):
        causal.plan(jnp.ones((2, 4)), causal.memory(1), method="step")
    with pytest.raises(SettingError, match="Only a causal Conv with stride 1"):
        Conv(3, axes=1).plan(jnp.ones((2, 4)), (), method="step")
