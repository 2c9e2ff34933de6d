"""Which parameters are weights, penalties on them, and rates of their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.errors import SettingError
from brickwork.optim import LAMB, AdamW, Adan, Lion, Muon, are_weights, penalty, rate_factors, require_rates_fit

PARAMS = {
    "dense/weight": jnp.asarray([[1.0, -2.0], [3.0, 0.0]]),
    "dense/bias": jnp.asarray([5.0, 5.0]),
    "stacked/norm/scale": jnp.ones((4, 3)),
    "stacked/norm/offset": jnp.ones((4, 3)),
    "stacked/dense/bias": jnp.ones((4, 3)),
    "stacked/lstm/memory_bias": jnp.ones((4, 3)),
    "stacked/prelu/slope": jnp.ones((4, 3)),
    "stacked/dense/weight_length": jnp.ones((4, 3)),
}


def test_penalty_is_lambda_times_squared_weights():
    assert penalty(PARAMS, l2=0.1) == pytest.approx(1.4)  # 0.1 (1 + 4 + 9)
    assert penalty(PARAMS, l1=0.5) == pytest.approx(3.0)
    assert penalty(PARAMS, 0.5, 0.1) == pytest.approx(4.4)
    assert penalty(PARAMS) == 0
    assert penalty({}, 0.5, 0.1) == 0
    assert penalty(PARAMS, l2=0.1, exclude=("dense/**", "**/slope", "**/*_length", "**/scale", "**/offset")) == (
        pytest.approx(2.4)
    )
    assert are_weights(PARAMS) == {k: k == "dense/weight" for k in PARAMS}
    gradients = jax.grad(lambda p: penalty(p, 0.5, 0.1))(PARAMS)
    np.testing.assert_allclose(gradients["dense/weight"], [[0.7, -0.9], [1.1, 0.0]], rtol=1e-6)
    assert not any(np.any(g) for k, g in gradients.items() if k != "dense/weight")
    many = jax.jit(jax.vmap(lambda l2: penalty(PARAMS, l2=l2)))(jnp.asarray([0.0, 0.1, 1.0]))
    np.testing.assert_allclose(many, [0, 1.4, 14], rtol=1e-6)
    with jax.enable_x64(True):
        wide = {k: jnp.asarray(v, jnp.float64) for k, v in PARAMS.items()}
        assert penalty(wide, jnp.float32(0.5), 0.1).dtype == jnp.float64


@pytest.mark.parametrize("optimizer", [AdamW(), Adan(), Lion(), LAMB(), Muon()], ids=lambda o: o.name)
def test_only_weights_are_decayed(optimizer):
    rule = optimizer.direction()
    u, _ = jax.jit(rule.update)(jax.tree.map(jnp.zeros_like, PARAMS), rule.init(PARAMS), PARAMS)
    assert {name for name, value in u.items() if np.any(value)} == {"dense/weight"}
    excluded = optimizer.replace(exclude=("dense/**", *optimizer.exclude)).direction()
    u, _ = jax.jit(excluded.update)(jax.tree.map(jnp.zeros_like, PARAMS), excluded.init(PARAMS), PARAMS)
    assert not any(np.any(value) for value in u.values())


def test_muon_makes_matrices_orthogonal_and_leaves_the_rest_to_adam():
    params = {"hidden/weight": jnp.zeros((3, 5)), "words/table": jnp.zeros((4, 2)), "kernel": jnp.zeros((3, 3, 1, 2))}
    grads = {name: jax.random.normal(jax.random.key(i), p.shape) for i, (name, p) in enumerate(params.items())}
    rule = Muon(decay=0.0).direction()
    u, _ = jax.jit(rule.update)(grads, rule.init(params), params)
    values = np.linalg.svd(np.asarray(u["hidden/weight"]), compute_uv=False) / (0.2 * np.sqrt(5))
    assert values.min() > 0.6
    assert values.max() < 1.3
    for name in ("words/table", "kernel"):
        np.testing.assert_allclose(u[name], np.sign(grads[name]), rtol=1e-3)


def test_rates_by_path():
    rates = (("stacked/norm/**", 0.0), ("stacked/**", 0.1))
    factors = rate_factors(PARAMS, rates)
    assert factors["dense/weight"] == 1.0
    assert factors["stacked/dense/bias"] == 0.1
    assert factors["stacked/norm/scale"] == 0.0  # the first pattern that fits
    require_rates_fit(PARAMS, rates)
    with pytest.raises(SettingError, match=r"No parameter in training fits 'dens/\*\*'\. Did you mean 'dense/"):
        require_rates_fit(PARAMS, (("dens/**", 0.1),))
