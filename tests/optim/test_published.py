"""Every optimizer against the equations of its paper, and against the paths of PyTorch's where there is one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.spec import names_of
from brickwork.optim import (
    LAMB,
    LBFGS,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Adan,
    AMSGrad,
    Lion,
    Momentum,
    Muon,
    NAdam,
    Nesterov,
    RAdam,
    RMSProp,
)
from optim import published as by
from optim.problem import START, STEPS, TORCH, gradient, objective, walk


def adam(rate, b2=0.999, epsilon=1e-8):
    return lambda p, g, key: by.adam(p, g, rate, 0.9, b2, epsilon)


PUBLISHED = [
    (SGD(0.05), lambda p, g, key: by.sgd(p, g, 0.05)),
    (Momentum(0.05, 0.8), lambda p, g, key: by.momentum(p, g, 0.05, 0.8)),
    (Nesterov(0.05, 0.8), lambda p, g, key: by.nesterov(p, g, 0.05, 0.8)),
    (Adagrad(0.3), lambda p, g, key: by.adagrad(p, g, 0.3, 1e-10)),
    (Adadelta(), lambda p, g, key: by.adadelta(p, g, 1.0, 0.95, 1e-6)),
    (RMSProp(0.002), lambda p, g, key: by.rms_prop(p, g, 0.002, 0.9, 1e-8)),
    (Adam(0.05), adam(0.05)),
    (AdamW(0.05, 0.1), lambda p, g, key: by.adam(p, g, 0.05, 0.9, 0.999, 1e-8, 0.1 if key == "weight" else 0.0)),
    (AMSGrad(0.05, beta2=0.9), lambda p, g, key: by.ams_grad(p, g, 0.05, 0.9, 0.9, 1e-8)),
    (Adamax(0.05, epsilon=0.0), lambda p, g, key: by.adamax(p, g, 0.05, 0.9, 0.999)),
    (NAdam(0.05), lambda p, g, key: by.n_adam(p, g, 0.05, 0.9, 0.999, 1e-8, 0.004)),
    (RAdam(0.05, epsilon=0.0), lambda p, g, key: by.r_adam(p, g, 0.05, 0.9, 0.999)),
    (Lion(0.05, 0.1), lambda p, g, key: by.lion(p, g, 0.05, 0.9, 0.99, 0.1 if key == "weight" else 0.0)),
    (Adan(0.05, 0.1), lambda p, g, key: by.adan(p, g, 0.05, 0.98, 0.92, 0.99, 1e-8, 0.1 if key == "weight" else 0.0)),
    (
        LAMB(0.05, 0.1),
        lambda p, g, key: (
            by.lamb(p, g, 0.05, 0.9, 0.999, 1e-6, 0.1) if key == "weight" else adam(0.05, epsilon=1e-6)(p, g, key)
        ),
    ),
    (Adafactor(0.1), lambda p, g, key: by.adafactor(p, g, 0.1, 0.8, 1.0, 1e-3)),
    (
        Muon(0.05, 0.1),
        lambda p, g, key: by.muon(p, g, 0.05, 0.95, 5, 0.1) if key == "weight" else adam(0.05, 0.95)(p, g, key),
    ),
]
NOT_PYTORCHS = {"adan", "lamb", "lion", "muon"}  # it has no such optimizer, or computes it in half precision
BY_NAME = pytest.mark.parametrize(("optimizer", "rule"), PUBLISHED, ids=[o.name for o, _ in PUBLISHED])


def test_every_optimizer_has_an_oracle():
    tested = {type(optimizer) for optimizer, _ in PUBLISHED} | {LBFGS}
    assert {cls for cls in names_of("optimizer").values() if cls.key.startswith("brickwork:")} == tested


@BY_NAME
@pytest.mark.parametrize("float64", [True, False])
def test_published_rule(optimizer, rule, float64):
    with jax.enable_x64(float64):
        paths = walk(optimizer, jnp.float64 if float64 else jnp.float32)
    for key, start in START.items():
        steps = rule(start, lambda p, key=key: gradient(p, key), key)
        expected = np.stack([next(steps) for _ in range(STEPS)])
        tolerance = 1e-9 if float64 else 1e-5
        np.testing.assert_allclose(paths[key], expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "optimizer", [o for o, _ in PUBLISHED if o.name not in NOT_PYTORCHS], ids=lambda optimizer: optimizer.name
)
def test_same_path_as_pytorch(optimizer):
    with jax.enable_x64(True):
        paths = walk(optimizer, jnp.float64)
    with np.load(TORCH) as torch:
        assert str(torch["torch_version"]).startswith("2.13")
        for key in START:
            np.testing.assert_allclose(paths[key], torch[f"{optimizer.name}/{key}"], rtol=1e-9, atol=1e-9)


def test_first_steps_in_float32_are_exact_to_rounding():
    gradient = {"w": jnp.asarray([[1.0, -3.0]])}
    for optimizer in (Adam(), Adamax(), AMSGrad()):
        rule = optimizer.direction()
        u, _ = rule.update(gradient, rule.init(gradient), gradient)
        np.testing.assert_allclose(u["w"], [[1.0, -1.0]], rtol=5e-7)


def test_lbfgs_walks_along_its_inverse_hessian_as_far_as_wolfe_allows():
    """Nocedal & Wright (2006): the inverse as a matrix by equation 7.16 from scaled identity 7.20, conditions 3.7."""
    memory, taken = 4, 9
    with jax.enable_x64(True):
        path = walk(LBFGS(memory=memory), jnp.float64)
        values = [float(objective(dict(zip(path, leaves, strict=True)))) for leaves in zip(*path.values(), strict=True)]
    flat = np.concatenate([np.asarray(path[k]).reshape(STEPS, -1) for k in START], 1)
    slopes = np.concatenate([gradient(np.asarray(path[k]), k).reshape(STEPS, -1) for k in START], 1)
    assert np.abs(slopes[taken + 1]).max() < 1e-3 < np.abs(slopes[taken // 2]).max()
    assert np.abs(slopes[-1]).max() < 1e-8
    for k in range(2, taken):
        pairs = [(flat[i + 1] - flat[i], slopes[i + 1] - slopes[i]) for i in range(max(0, k - memory), k)]
        # the first point of the path is after one step: that step's own pair is not among these
        if k < memory + 1:
            begin = np.concatenate([START[key].ravel() for key in START])
            first = np.concatenate([gradient(START[key], key).ravel() for key in START])
            pairs = [(flat[0] - begin, slopes[0] - first), *pairs][-memory:]
        s, y = pairs[-1]
        inverse = s @ y / (y @ y) * np.eye(s.size)
        for s, y in pairs:
            v = np.eye(s.size) - np.outer(y, s) / (y @ s)
            inverse = v.T @ inverse @ v + np.outer(s, s) / (y @ s)
        step, expected = flat[k + 1] - flat[k], -inverse @ slopes[k]
        cosine = step @ expected / np.linalg.norm(step) / np.linalg.norm(expected)
        assert cosine == pytest.approx(1, abs=1e-9)
        assert values[k + 1] <= values[k] + 1e-4 * step @ slopes[k] + 1e-12
        assert abs(step @ slopes[k + 1]) <= 0.9 * abs(step @ slopes[k])
