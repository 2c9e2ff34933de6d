import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.batch import Padded
from brickwork.core.errors import DataError, SettingError, ShapeError
from brickwork.core.spec import from_json, names_of, to_json
from brickwork.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    example_loss,
    resolve_loss,
    weighted_mean,
)


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def logit(p):
    p = np.asarray(p, np.float64)
    return jnp.asarray(np.log(p / (1 - p)), jnp.float32)


# -------------------------------------------------------------------------------------------------- worked numbers


def test_flight_delays():
    values = BinaryCrossEntropy()(logit([0.05, 0.02, 0.96, 0.35]), jnp.asarray([1, 0, 1, 1]))
    assert values.shape == (4,)
    assert weighted_mean(values) == pytest.approx(1.0266, abs=5e-5)
    column = BinaryCrossEntropy()(logit([[0.05], [0.02], [0.96], [0.35]]), jnp.asarray([[1.0], [0.0], [1.0], [1.0]]))
    np.testing.assert_allclose(column, values)


def test_mean_squared_error_of_the_lecture():
    values = MeanSquaredError()(jnp.asarray([10.0, 45.0, 100.0, 15.0]), jnp.asarray([40, 42, 110, 55]))
    np.testing.assert_array_equal(values, [900, 9, 100, 1600])
    assert weighted_mean(values) == 652.25


def test_the_untrained_answer_to_will_i_pass():
    assert BinaryCrossEntropy()(logit([0.1]), jnp.asarray([1]))[0] == pytest.approx(2.3026, abs=5e-5)
    two = jnp.asarray([[0.0, float(logit(0.1))]])
    assert CrossEntropy()(two, jnp.asarray([1]))[0] == pytest.approx(2.3026, abs=5e-5)


def test_never_infinite():
    huge = jnp.asarray([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]])
    for loss, targets in (
        (CrossEntropy(), jnp.asarray([1, 0])),
        (CrossEntropy(0.1), jnp.asarray([1, 0])),
        (CrossEntropy(), jnp.asarray([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])),
        (BinaryCrossEntropy(), jnp.asarray([[0, 1, 1], [1, 0, 0]])),
        (BinaryCrossEntropy(0.1), jnp.asarray([[0, 1, 1], [1, 0, 0]])),
    ):
        value, gradient = jax.jit(jax.value_and_grad(lambda z, loss=loss, t=targets: loss(z, t).sum()))(huge)
        assert np.isfinite(value)
        assert np.all(np.isfinite(gradient))
        assert value > 1e4
    assert CrossEntropy()(huge[:1], jnp.asarray([1]))[0] == 2e4


def test_values_from_the_equations():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    one_hot = np.eye(4)[y]
    flags = rng.integers(0, 2, (6, 4))
    s = 1 / (1 + np.exp(-z))
    numbers = rng.normal(size=(6, 4)) * 2
    r = np.abs(z - numbers)
    cases = [
        (CrossEntropy(), y, -np.log(p[np.arange(6), y])),
        (CrossEntropy(), one_hot, -np.log(p[np.arange(6), y])),
        (CrossEntropy(0.2), y, -((0.8 * one_hot + 0.05) * np.log(p)).sum(1)),
        (CrossEntropy(0.2), one_hot, -((0.8 * one_hot + 0.05) * np.log(p)).sum(1)),
        (BinaryCrossEntropy(), flags, -(flags * np.log(s) + (1 - flags) * np.log(1 - s)).mean(1)),
        (BinaryCrossEntropy(), flags > 0, -(flags * np.log(s) + (1 - flags) * np.log(1 - s)).mean(1)),
        (
            BinaryCrossEntropy(0.2),
            flags,
            -((0.8 * flags + 0.1) * np.log(s) + (0.9 - 0.8 * flags) * np.log(1 - s)).mean(1),
        ),
        (MeanSquaredError(), numbers, (r**2).mean(1)),
        (MeanAbsoluteError(), numbers, r.mean(1)),
        (Huber(1.5), numbers, np.where(r <= 1.5, r**2 / 2, 1.5 * (r - 0.75)).mean(1)),
    ]
    with jax.enable_x64(True):
        for loss, targets, expected in cases:
            np.testing.assert_allclose(loss(jnp.asarray(z), jnp.asarray(targets)), expected, rtol=1e-12, err_msg=loss)
    assert np.any(r > 1.5)
    assert np.any(r < 1.5)


def test_probabilities_and_answers():
    z = jnp.asarray([[0.0, np.log(3.0)], [2.0, -2.0]])
    np.testing.assert_allclose(CrossEntropy().probabilities(z)[0], [0.25, 0.75], rtol=1e-6)
    np.testing.assert_array_equal(CrossEntropy().answers(z), [1, 0])
    np.testing.assert_allclose(BinaryCrossEntropy().probabilities(z)[0], [0.5, 0.75], rtol=1e-6)
    np.testing.assert_array_equal(BinaryCrossEntropy().answers(z), [[0, 1], [1, 0]])
    np.testing.assert_array_equal(BinaryCrossEntropy().answers(z[:, :1]), [0, 1])
    assert MeanSquaredError().probabilities(z) is None
    np.testing.assert_array_equal(Huber().answers(z), z)
    assert MeanSquaredError().answers(z[:, :1]).shape == (2,)


def test_slopes_at_zero_and_far_away():
    at = jnp.asarray([0.0, 2.0, -1e30])
    np.testing.assert_array_equal(jax.grad(lambda r: MeanAbsoluteError()(r, jnp.zeros(3)).sum())(at), [0, 1, -1])
    np.testing.assert_array_equal(jax.grad(lambda r: Huber(0.5)(r, jnp.zeros(3)).sum())(at), [0, 0.5, -0.5])


# --------------------------------------------------------------------------------------------- contract of every loss

LOSSES = [*(cls() for cls in names_of("loss").values()), CrossEntropy(0.1), BinaryCrossEntropy(0.1), Huber(0.3)]


def example(loss, dtype=np.float32, shape=(5, 3)):
    """Return outputs and targets that the loss takes."""
    rng = np.random.default_rng(1)
    outputs = jnp.asarray(rng.normal(size=shape), dtype)
    if loss.question == "class":
        return outputs, jnp.asarray(rng.integers(0, shape[-1], shape[:-1]), jnp.int32)
    if loss.question == "flags":
        return outputs, jnp.asarray(rng.integers(0, 2, shape), dtype)
    return outputs, jnp.asarray(rng.normal(size=shape), dtype)


EVERY = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: repr(loss).replace("()", ""))


def test_all_are_registered():
    names = {"cross_entropy", "binary_cross_entropy", "mean_squared_error", "mean_absolute_error", "huber"}
    assert names <= set(names_of("loss"))
    assert resolve_loss("softmax_cross_entropy") == CrossEntropy()
    assert resolve_loss("mse") == MeanSquaredError()
    assert resolve_loss("mae") == resolve_loss(MeanAbsoluteError) == MeanAbsoluteError()
    assert resolve_loss(Huber(2.0)) == Huber(2.0)


@EVERY
def test_contract(loss):
    again = from_json(to_json(loss))
    assert again == loss
    assert type(again) is type(loss)
    assert hash(again) == hash(loss)
    outputs, targets = example(loss)
    run = jax.jit(loss)
    values = run(outputs, targets)
    assert values.shape == (5,)
    assert values.dtype == jnp.float32
    rows = jax.jit(jax.vmap(lambda z, t: loss(z[None], t[None])[0]))(outputs, targets)
    np.testing.assert_allclose(rows, values, rtol=1e-6)
    small = run(outputs.astype(jnp.bfloat16), targets)
    assert small.dtype == jnp.float32
    np.testing.assert_allclose(small, values, rtol=0.1, atol=0.05)
    pictures, labels = example(loss, shape=(2, 4, 4, 3))
    pixels = run(pictures, labels)
    assert pixels.shape == (2, 4, 4)
    of_rows = jax.jit(lambda z, t: example_loss(loss, z, t))(pictures, labels)
    np.testing.assert_allclose(of_rows, np.mean(pixels, axis=(1, 2)), rtol=1e-6)


@EVERY
def test_gradients_against_finite_differences(loss):
    with jax.enable_x64(True):
        outputs, targets = example(loss, np.float64)
        assert loss(outputs, targets).dtype == jnp.float64
        total = jax.jit(lambda z: loss(z, targets).sum())
        gradient = jax.jit(jax.grad(total))(outputs)
        assert np.all(np.isfinite(gradient))
        step = 1e-6
        host, gradient = np.asarray(outputs), np.asarray(gradient)
        for index in np.ndindex(*host.shape):
            one = np.zeros_like(host)
            one[index] = 1
            moved = [total(jnp.asarray(host + sign * step * one)) for sign in (1, -1)]
            assert gradient[index] == pytest.approx(float(moved[0] - moved[1]) / (2 * step), rel=1e-6, abs=1e-8)


@EVERY
def test_nothing_is_broadcast(loss):
    outputs, _ = example(loss, shape=(4, 3))
    for wrong in ((4, 1), (1, 3), (3,), (3, 4), (4, 3, 1), ()):
        with pytest.raises(ShapeError):
            loss(outputs, jnp.zeros(wrong, jnp.int32))
    if loss.question != "class":
        with pytest.raises(ShapeError, match="compare every row with every other"):
            loss(jnp.zeros((4, 1)), jnp.zeros(4))


@EVERY
def test_padding_reaches_neither_value_nor_gradient(loss):
    outputs, targets = example(loss, shape=(3, 4, 2))
    lengths = jnp.asarray([4, 1, 0])
    mask = np.arange(4)[None] < np.asarray(lengths)[:, None]
    dirty = jnp.asarray(np.where(mask[..., None], outputs, np.float32(np.nan)))
    host = np.asarray(targets)
    bad = np.asarray(-1 if host.dtype == np.int32 else np.nan, host.dtype)
    dirty_targets = jnp.asarray(np.where(mask.reshape(mask.shape + (1,) * (host.ndim - 2)), host, bad))
    plain = np.asarray(jax.jit(loss)(outputs, targets))

    @jax.jit
    def rows(values):
        return example_loss(loss, Padded(values, lengths), Padded(dirty_targets, lengths))

    np.testing.assert_allclose(rows(dirty), [plain[0].mean(), plain[1, 0], 0], rtol=1e-6)
    if loss == MeanSquaredError():
        np.testing.assert_allclose(example_loss(loss, Padded(dirty, lengths), dirty_targets), rows(dirty))
    gradient = np.asarray(jax.jit(jax.grad(lambda values: rows(values).sum()))(dirty))
    assert np.all(np.isfinite(gradient))
    assert not np.any(gradient[~mask])
    assert np.all(np.any(gradient[:2, 0], axis=-1))


@EVERY
def test_fitted_targets_fit(loss):
    outputs, targets = example(loss)
    host = np.asarray(targets)
    loss.check(outputs.shape, host)
    for given in (host, host.astype(np.float64), host.tolist()):
        fitted = loss.fit_targets((99, 3), given)
        np.testing.assert_allclose(fitted, host, rtol=1e-6)
        assert fitted.dtype in (np.float32, np.int32)
        loss.check((99, 3), fitted)
    with jax.enable_x64(True):
        assert loss.fit_targets((99, 3), host).dtype in (np.float64, np.int32)


# ------------------------------------------------------------------------------------------------- checks on the host


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "binary_cross_entropy"])
def test_one_number_a_row_gets_its_axis(name):
    loss = resolve_loss(name)
    np.testing.assert_array_equal(loss.fit_targets((4, 1), np.asarray([0, 1, 1, 0])), [[0], [1], [1], [0]])
    np.testing.assert_array_equal(loss.fit_targets((4, 1), np.asarray([[False], [True]])), [[0], [1]])
    np.testing.assert_array_equal(loss.fit_targets((4,), np.asarray([[0], [1]])), [0, 1])
    assert loss.fit_targets((4, 7, 1), np.zeros((4, 7))).shape == (4, 7, 1)


def test_class_numbers_in_many_types():
    loss = CrossEntropy()
    for given in ([2, 0], [2.0, 0.0], np.asarray([2, 0], np.uint8), [[2], [0]], np.asarray([2, 0], np.uint64)):
        fitted = loss.fit_targets((9, 3), given)
        assert fitted.dtype == np.int32
        np.testing.assert_array_equal(fitted, [2, 0])
    np.testing.assert_array_equal(loss.fit_targets((9, 2), np.asarray([True, False])), [1, 0])
    assert loss.fit_targets((9, 3), np.eye(3, dtype=int)).dtype == np.float32
    sequence = Padded(jnp.asarray([[1.0, 2.0, np.nan], [0.0, np.nan, -5]]), jnp.asarray([2, 1]))
    fitted = loss.fit_targets((9, 30, 3), sequence)
    np.testing.assert_array_equal(fitted.values, [[1, 2, 0], [0, 0, 0]])
    loss.check((9, 30, 3), sequence)


CLASSES = np.arange(100) % 10


@pytest.mark.parametrize(
    ("loss", "shape", "targets", "error", "message"),
    [
        ("cross_entropy", (9, 10), [0, 3, 11], DataError, r"Label 11 \(row 2\) .* 10 outputs, .* Dense\(12\)"),
        ("cross_entropy", (9, 10), CLASSES + 1, DataError, r"Dense\(11\), or, if labels count from 1, subtract 1,"),
        ("cross_entropy", (9, 10), CLASSES + 2**40, DataError, "out of range"),
        ("cross_entropy", (9, 10), [0, -1], DataError, r"Label -1 \(row 1\) is negative"),
        ("cross_entropy", (9, 10), [0, 1.5], DataError, "whole numbers.*row 1 has 1.5.*'mse'"),
        ("cross_entropy", (9, 10), [0, np.nan], DataError, "whole numbers.*row 1 has nan"),
        (
            "cross_entropy",
            (9, 10),
            ["cat", "dog"],
            DataError,
            r"numbers, got <U3 \(such as 'cat'\): number the classes",
        ),
        ("cross_entropy", (9, 10), [], DataError, "no targets"),
        ("cross_entropy", (9, 1), [0, 1], ShapeError, r"1 number a row: end it in Dense\(2\).*binary_cross_entropy"),
        ("cross_entropy", (9,), [0, 1], ShapeError, r"one number a row: end it in Dense\(2\)"),
        ("cross_entropy", (9, 10), np.eye(3), ShapeError, r"10 numbers a row, .* 3 numbers a row: .* Dense\(3\)"),
        ("cross_entropy", (9, 8, 8, 3), [0, 1], ShapeError, r"put Flatten\(\) or GlobalPool\(\)"),
        ("cross_entropy", (9, 3), 4, ShapeError, "one entry per row"),
        ("cross_entropy", (9, 3), [[1.0, 1.0, 0.0]], DataError, "sum to 1; row 0.*binary_cross_entropy"),
        ("cross_entropy", (9, 3), [[1.5, -0.5, 0.0]], DataError, "must be probabilities"),
        ("cross_entropy", (9, 3), [[np.nan, 0, 0]], DataError, "1 of 3 targets are not finite"),
        ("binary_cross_entropy", (9, 1), [1, 2, 1], DataError, r"row 1 has 2\. For more than two classes"),
        ("binary_cross_entropy", (9, 1), [1, -1], DataError, r"must be 0 or 1.*row 1 has -1\.$"),
        (
            "binary_cross_entropy",
            (9, 10),
            [0, 1],
            ShapeError,
            r"end the network in Dense\(1\), or use .*'cross_entropy'",
        ),
        ("mse", (9, 1), [0, np.inf], DataError, "1 of 2 targets are not finite; the first is inf in row 1"),
        ("mse", (9, 1), [], DataError, "no targets"),
        (
            "mse",
            (9, 1),
            np.zeros((9, 3)),
            ShapeError,
            r"1 number a row, .* 3 numbers a row: end the network in Dense\(3\)",
        ),
        ("mse", (9, 2), np.zeros(9), ShapeError, r"Dense\(1\)"),
        ("mse", (9, 8, 8, 1), np.zeros((9, 4, 4, 1)), ShapeError, r"arrays \(8, 8, 1\) a row.*agree in every axis"),
        ("mae", (9, 1), [None, 1], DataError, "numbers, got object"),
        ("huber", (9, 1), [1j], DataError, "numbers, got complex"),
    ],
)
def test_what_cannot_be_learnt_is_explained(loss, shape, targets, error, message):
    with pytest.raises(error, match=message):
        resolve_loss(loss).check(shape, targets if isinstance(targets, int) else np.asarray(targets))


def test_floating_class_numbers_are_refused_on_the_device():
    with pytest.raises(ShapeError, match="whole numbers, got float32"):
        CrossEntropy()(jnp.zeros((2, 3)), jnp.zeros(2))


def test_a_label_out_of_range_is_not_learnt_silently():
    for loss in (CrossEntropy(), CrossEntropy(0.1)):
        assert np.isnan(loss(jnp.zeros((1, 3)), jnp.asarray([3]))[0])


# ------------------------------------------------------------------------------------------------------- weighted mean


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
    with pytest.raises(ShapeError, match="one target per position"):
        example_loss(CrossEntropy(), sequence, jnp.zeros((2,), jnp.int32))
    with pytest.raises(ShapeError, match="one number per position"):
        example_loss(resolve_loss(lambda o, t: (o - t).sum(axis=(1, 2))), sequence, sequence)


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


def test_errors():
    with pytest.raises(SettingError, match=r"no loss named 'cross_entorpy'.*Did you mean 'cross_entropy'"):
        resolve_loss("cross_entorpy")
    with pytest.raises(SettingError, match="A loss is a name or a settings object, got 3"):
        resolve_loss(3)
    with pytest.raises(SettingError, match="'label_smoothing' must be at least 0"):
        CrossEntropy(1.0)
    with pytest.raises(SettingError, match="'label_smoothing' must be at least 0"):
        BinaryCrossEntropy(-0.1)
    with pytest.raises(SettingError, match="'delta' must be more than 0"):
        Huber(0.0)
    with pytest.raises(SettingError, match="no __call__"):
        Loss.__call__(Huber(), jnp.ones(1), jnp.ones(1))
