import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import SettingError, ShapeError
from brickwork.ops import backwards, gru_sweep, lstm_cell, lstm_sweep, simple_sweep, sweep
from ops.twins import check_golden, plain


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(gate_inputs, h, c, kernel, lengths, reverse):
    """Return the same, one row and one step at a time."""
    batch, time, _ = gate_inputs.shape
    outputs = np.zeros((batch, time, h.shape[1]))
    h, c = h.copy(), c.copy()
    for row in range(batch):
        steps = range(lengths[row])
        for t in reversed(steps) if reverse else steps:
            i, f, g, o = np.split(gate_inputs[row, t] + h[row] @ kernel, 4)
            c[row] = sigmoid(f) * c[row] + sigmoid(i) * np.tanh(g)
            h[row] = sigmoid(o) * np.tanh(c[row])
            outputs[row, t] = h[row]
    return outputs, (h, c)


def problem(batch=3, time=5, hidden=2):
    rng = np.random.default_rng(0)
    shapes = (batch, time, 4 * hidden), (batch, hidden), (batch, hidden), (hidden, 4 * hidden)
    return [rng.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("float64", [False, True])
@pytest.mark.parametrize("direction", ["forwards", "backwards"])
def test_agrees_with_torch(direction, float64):
    def lstm(x, h0, c0, input_kernel, recurrent_kernel, bias):
        y, (h, c) = lstm_sweep(x @ input_kernel + bias, h0, c0, recurrent_kernel, reverse=direction == "backwards")
        return jnp.concatenate([y.ravel(), h.ravel(), c.ravel()])

    check_golden(f"lstm/{direction}", lstm, float64)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, [5, 0, 3]])
def test_agrees_with_a_loop_in_numpy(lengths, reverse):
    arrays = problem()
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        given = None if lengths is None else jnp.asarray(lengths, jnp.int32)
        found = jax.jit(lstm_sweep, static_argnames="reverse")(
            *map(jnp.asarray, arrays), lengths=given, reverse=reverse
        )
    jax.tree.map(np.testing.assert_allclose, found, by_hand(*arrays, lengths or [5, 5, 5], reverse))


def simple_step(x, h, u, _, s):
    """Elman (1990): the state of the step before is an input."""
    return np.maximum(x + (s * h) @ u, 0)


def gru_after(x, h, u, a, s):
    """The equations of torch.nn.GRU's documentation."""
    (x_r, x_z, x_n), (u_r, u_z, u_n) = np.split(x, 3), np.split(u, 3, axis=1)
    r, z = sigmoid(x_r + (s * h) @ u_r), sigmoid(x_z + (s * h) @ u_z)
    return (1 - z) * np.tanh(x_n + r * ((s * h) @ u_n + a)) + z * h


def gru_before(x, h, u, a, s):
    """Cho et al. (2014), equations 5 to 8."""
    (x_r, x_z, x_n), (u_r, u_z, u_n) = np.split(x, 3), np.split(u, 3, axis=1)
    r, z = sigmoid(x_r + (s * h) @ u_r), sigmoid(x_z + (s * h) @ u_z)
    return z * h + (1 - z) * np.tanh(x_n + (r * s * h) @ u_n + a)


OTHERS = {
    "simple": (1, simple_step, lambda x, h, u, a, **kw: simple_sweep(x, h, u, activation="relu", **kw)),
    "gru after": (3, gru_after, gru_sweep),
    "gru before": (3, gru_before, lambda *args, **kw: gru_sweep(*args, reset="before", **kw)),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("reverse", [False, True])
def test_other_cells_agree_with_a_loop_in_numpy(name, reverse):
    blocks, cell, found = OTHERS[name]
    rng, lengths = np.random.default_rng(1), [4, 0, 2]
    shapes = {"x": (3, 4, 2 * blocks), "h": (3, 2), "u": (2, 2 * blocks), "a": (2,), "s": (3, 2)}
    x, h0, u, a, s = (rng.normal(size=shape) for shape in shapes.values())
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        given = {"memory_scale": jnp.asarray(s), "lengths": jnp.asarray(lengths, jnp.int32)}
        y, last = jax.jit(lambda x, h, u, a: found(x, h, u, a, reverse=reverse, **given))(
            *map(jnp.asarray, (x, h0, u, a))
        )
    outputs, states = np.zeros((3, 4, 2)), h0.copy()
    for row, length in enumerate(lengths):
        for t in reversed(range(length)) if reverse else range(length):
            outputs[row, t] = states[row] = cell(x[row, t], states[row], u, a, s[row])
    np.testing.assert_allclose(y, outputs, rtol=1e-12)
    np.testing.assert_allclose(last, states, rtol=1e-12)


def test_the_state_of_a_gated_unit_may_be_wider_than_its_steps():
    """It closes in on 1 by less than bfloat16 can add to 1/4."""
    x = jnp.broadcast_to(jnp.asarray([0.0, 7.0, 20.0], jnp.bfloat16), (1, 600, 3))
    with jax.numpy_dtype_promotion("strict"):
        y, last = jax.jit(gru_sweep)(x, jnp.zeros((1, 1)), jnp.zeros((1, 3), jnp.bfloat16))
    assert (y.dtype, last.dtype) == (jnp.bfloat16, jnp.float32)
    np.testing.assert_allclose(last, 1 - sigmoid(7.0) ** 600, rtol=1e-3)


def test_rows_turn_around_within_their_lengths():
    x = np.arange(24).reshape(3, 4, 2)
    np.testing.assert_array_equal(backwards(jnp.asarray(x)), x[:, ::-1])
    turned = backwards(jnp.asarray(x), jnp.array([4, 0, 3]))
    np.testing.assert_array_equal(turned, [x[0, ::-1], x[1], x[2, [2, 1, 0, 3]]])
    np.testing.assert_array_equal(backwards(turned, jnp.array([4, 0, 3])), x)
    with pytest.raises(ShapeError, match=r"got \(3, 4, 2\) with lengths \(2,\)"):
        plain(backwards)(jnp.asarray(x), jnp.array([4, 0]))


@pytest.mark.slow
def test_what_lies_past_the_end_changes_nothing():
    gates, h, c, kernel = (jnp.asarray(a, "float32") for a in problem())
    lengths = jnp.array([2, 0, 5])

    def loss(gates):
        y, (h1, c1) = lstm_sweep(gates, h, c, kernel, lengths=lengths, reverse=True)
        return jnp.sum(jnp.sin(y)) + jnp.sum(h1 * c1)

    value, gradient = jax.jit(jax.value_and_grad(loss))(gates)
    past = (jnp.arange(5) >= lengths[:, None])[:, :, None]
    np.testing.assert_array_equal(jnp.where(past, gradient, 0), 0)
    np.testing.assert_allclose(loss(jnp.where(past, 9.0, gates)), value, rtol=1e-6)


def test_one_step_is_the_cell():
    gates, h, c, kernel = (jnp.asarray(a, "float32") for a in problem(time=1))
    y, (h1, c1) = lstm_sweep(gates, h, c, kernel)
    expected = lstm_cell(gates[:, 0] + h @ kernel, c)
    np.testing.assert_allclose((h1, c1), expected, rtol=1e-6)
    np.testing.assert_array_equal(y[:, 0], h1)
    y, (h2, _) = lstm_sweep(gates, h, c, kernel, lengths=jnp.array([1, 0, 1]))
    np.testing.assert_array_equal(h2, [h1[0], h[1], h1[2]])
    np.testing.assert_array_equal(y[:, 0], [h1[0], [0, 0], h1[2]])
    assert "scan" not in str(jax.make_jaxpr(lstm_sweep)(gates, h, c, kernel))


def test_types_stay_and_the_cell_state_may_be_wider():
    gates, h, c, kernel = (jnp.asarray(a, jnp.bfloat16) for a in problem())
    with jax.numpy_dtype_promotion("strict"):
        y, (h1, c1) = lstm_sweep(gates, h, c.astype(jnp.float32), kernel, lengths=jnp.array([1, 2, 3]))
    assert (y.dtype, h1.dtype, c1.dtype) == (jnp.bfloat16, jnp.bfloat16, jnp.float32)


def test_sizes_of_nought():
    for batch, time in ((0, 3), (2, 0)):
        gates, h, c, kernel = (jnp.asarray(a, "float32") for a in problem(batch, time))
        y, (h1, _) = lstm_sweep(gates, h, c, kernel)
        assert y.shape == (batch, time, 2)
        np.testing.assert_array_equal(h1, h)


def test_other_cells_sweep_too():
    x = jnp.arange(6.0).reshape(2, 3, 1)
    sums, last = sweep(lambda s, x: (s + x, s + x), jnp.zeros((2, 1)), x, lengths=jnp.array([3, 1]))
    np.testing.assert_array_equal(sums[:, :, 0], [[0, 1, 3], [3, 0, 0]])
    np.testing.assert_array_equal(last[:, 0], [3, 3])


def test_vmap_over_networks():
    gates, h, c, kernel = (jnp.asarray(a, "float32") for a in problem())
    kernels = jnp.stack([kernel, kernel * 0.5])
    many, _ = jax.vmap(lambda k: lstm_sweep(gates, h, c, k))(kernels)
    for y, k in zip(many, kernels, strict=True):
        np.testing.assert_allclose(y, lstm_sweep(gates, h, c, k)[0], rtol=1e-5, atol=1e-6)


def test_misfits_are_explained():
    gates, h, c, kernel = map(jnp.asarray, problem())
    with pytest.raises(ShapeError, match=r"gate_inputs must be \(3, time, 8\), got \(3, 5, 6\)"):
        plain(lstm_sweep)(gates[..., :6], h, c, kernel)
    with pytest.raises(ShapeError, match="recurrent_kernel must be"):
        plain(lstm_sweep)(gates, h, c, kernel[:1])
    with pytest.raises(ShapeError, match="c0 must be"):
        plain(lstm_sweep)(gates, h, c[:2], kernel)
    with pytest.raises(ShapeError, match="lengths for 3 rows"):
        plain(lstm_sweep)(gates, h, c, kernel, lengths=jnp.array([1]))
    with pytest.raises(ShapeError, match="needs gates"):
        plain(lstm_cell)(gates[:, 0, :5], c)
    with pytest.raises(ShapeError, match="sweep needs inputs"):
        plain(sweep)(lambda s, x: (s, x), h, {})
    with pytest.raises(ShapeError, match="a state for 3 rows"):
        plain(sweep)(lambda s, x: (s, x), h[:2], gates)
    with pytest.raises(ShapeError, match=r"gru_sweep: .* inputs must be \(3, time, 6\), got \(3, 5, 8\)"):
        plain(gru_sweep)(gates, h, kernel[:, :6])
    with pytest.raises(ShapeError, match=r"recurrent_bias must be \(2,\), got \(3,\)"):
        plain(gru_sweep)(gates[..., :6], h, kernel[:, :6], jnp.zeros(3))
    with pytest.raises(ShapeError, match=r"memory_scale must be \(3, 2\), got \(3, 1\)"):
        plain(simple_sweep)(gates[..., :2], h, kernel[:, :2], memory_scale=jnp.ones((3, 1)))
    with pytest.raises(SettingError, match="no activation 'tanhh'"):
        simple_sweep(gates[..., :2], h, kernel[:, :2], activation="tanhh")
