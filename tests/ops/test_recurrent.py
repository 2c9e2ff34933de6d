import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import ShapeError
from brickwork.ops import lstm_cell, lstm_sweep, sweep
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
