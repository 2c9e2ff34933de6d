"""What every registered optimizer and schedule promises."""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.core.spec import from_json, names_of, to_json
from brickwork.optim import LBFGS, SGD, Adadelta, Lion
from optim.problem import START, moved, walk

OPTIMIZERS = [cls() for cls in names_of("optimizer").values() if cls.key.startswith("brickwork:")]
SCHEDULES = [cls() for cls in names_of("schedule").values() if cls.key.startswith("brickwork:")]
ALL = [*OPTIMIZERS, *SCHEDULES]


def name_of(spec):
    return spec.name


BY_OPTIMIZER = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=name_of)
BY_SCHEDULE = pytest.mark.parametrize("schedule", SCHEDULES, ids=name_of)


def test_all_are_registered():
    assert {name_of(optimizer) for optimizer in OPTIMIZERS} == {
        "sgd", "momentum", "nesterov", "adagrad", "adadelta", "rms_prop", "adam", "adam_w", "ams_grad", "adamax",
        "n_adam", "r_adam", "lion", "adan", "lamb", "adafactor", "muon", "lbfgs",
    }  # fmt: skip
    assert {name_of(schedule) for schedule in SCHEDULES} == {
        "constant", "step_decay", "piecewise_constant", "exponential", "linear", "polynomial_decay", "cosine",
        "inverse_square_root", "warmup", "warmup_cosine", "one_cycle", "cosine_restarts",
    }  # fmt: skip


@pytest.mark.parametrize("spec", ALL, ids=name_of)
def test_json_round_trip(spec):
    again = from_json(to_json(spec))
    assert again == spec
    assert hash(again) == hash(spec)
    assert type(spec).from_settings(spec.settings()) == spec


@pytest.mark.parametrize("spec", ALL, ids=name_of)
def test_documentation(spec):
    """One idea in the first line, then the formula, every setting, the source, and something to run."""
    text = inspect.getdoc(type(spec)) or ""
    lines = text.splitlines()
    assert lines[0].endswith(".")
    assert lines[1] == ""
    assert lines[2].startswith("    "), "the formula comes first"
    if spec.settings():
        described = set(re.findall(r"^    (\w+): ", text[text.index("Args:") :], re.MULTILINE))
        assert described == set(spec.settings())
    assert re.search(r"^Sources?: ", text, re.MULTILINE)
    assert text.index("Source") < text.index(">>> ")


# ------------------------------------------------------------------------------------------------------- optimizers


def shapes(tree):
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), tree)


def updated(optimizer, params):
    """Return the shapes of the state before and after an update, and of the direction."""

    def run(params):
        rule = optimizer.direction()
        state = rule.init(params)
        extra = {"value": jnp.float32(1), "objective": objective} if optimizer.line_search else {}
        u, after = rule.update(jax.tree.map(jnp.ones_like, params), state, params, **extra)
        return state, after, u

    def objective(params):
        leaves = jax.tree.leaves(params)
        return sum((jnp.sum(jnp.square(leaf.astype(jnp.float32))) for leaf in leaves), jnp.float32(0))

    return jax.eval_shape(run, params)


GROUPS = {
    "nothing": {},
    "vectors": {"bias": (3,), "norm/scale": (0,)},
    "matrices": {"weight": (2, 3), "table": (5, 2)},
    "all": {"weight": (2, 3), "bias": (3,), "kernel": (3, 3, 1, 2), "number": ()},
}


@BY_OPTIMIZER
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("group", GROUPS)
def test_the_state_keeps_its_types(optimizer, dtype, group):
    """A state that changes its shapes, types or weak types would be compiled again, and cannot be looped over."""
    with jax.enable_x64(dtype == "float64"):
        params = {name: jnp.ones(shape, dtype) for name, shape in GROUPS[group].items()}
        state, after, u = updated(optimizer, params)
        assert shapes(after) == shapes(state)
        assert {k: (x.shape, x.dtype) for k, x in u.items()} == {k: (x.shape, x.dtype) for k, x in params.items()}
        leaves = jax.tree.leaves(optimizer.direction().init(params))
        assert all(isinstance(leaf, jax.Array) for leaf in leaves)


@BY_OPTIMIZER
def test_float32_states_stay_float32_where_there_is_float64(optimizer):
    with jax.enable_x64(True):
        state, after, u = updated(optimizer, {"weight": jnp.ones((2, 2), jnp.float32)})
        assert shapes(after) == shapes(state)
        assert u["weight"].dtype == jnp.float32


@BY_OPTIMIZER
def test_without_gradients_only_the_decay_moves(optimizer):
    params = {"a/weight": jnp.ones((2, 3), jnp.bfloat16), "a/bias": jnp.ones(3, jnp.bfloat16)}
    zeros = jax.tree.map(jnp.zeros_like, params)
    rule = optimizer.direction()
    extra = {"value": jnp.float32(0), "objective": lambda p: jnp.float32(0)} if optimizer.line_search else {}
    u, _ = jax.jit(lambda p, g: rule.update(g, rule.init(p), p, **extra))(params, zeros)
    np.testing.assert_array_equal(u["a/bias"], 0)
    decay = 1.0 if optimizer.name == "lamb" else getattr(optimizer, "decay", 0.0)  # LAMB: as long as the weights
    np.testing.assert_allclose(np.asarray(u["a/weight"], np.float32), decay, rtol=1e-2)


@BY_OPTIMIZER
def test_the_rate_may_be_a_traced_number(optimizer):
    rates = np.array([0.1, 1.0]) * optimizer.rate
    together = walk(optimizer, jnp.float32, rates)
    alone = walk(optimizer, jnp.float32, rates[1])
    for key in START:
        np.testing.assert_allclose(together[key][1], alone[key], rtol=1e-5, atol=1e-6)
        first = np.abs(together[key][:, 0] - START[key]).max((1, *range(2, together[key].ndim - 1))).ravel()
        assert first[0] < first[1]


FAST = {"sgd": 0.004, "momentum": 0.002, "nesterov": 0.002, "adadelta": 30.0, "adagrad": 0.5, "adafactor": 0.1}


@BY_OPTIMIZER
def test_converges_in_a_bowl_and_in_a_curved_valley(optimizer):
    """The bowl's axes differ a hundredfold; the valley is Rosenbrock's (1960), with 10 in place of 100."""
    settings = {"decay": 0.0} if hasattr(optimizer, "decay") else {}
    rule = optimizer.replace(rate=FAST.get(optimizer.name, 0.05) if not optimizer.line_search else 1.0, **settings)
    steps = 60 if optimizer.line_search else 4000

    def function(params):
        x, y = params["valley/weight"][0]
        bowl = jnp.sum(jnp.asarray([0.5, 50.0]) * jnp.square(params["bowl/weight"] - 1)) + jnp.sum(
            jnp.square(params["bias"] + 2)
        )
        return (1 - x) ** 2 + 10 * jnp.square(y - jnp.square(x)) + bowl

    def step(i, carry):
        share = 1.0 if rule.line_search else 1.0 - i.astype(jnp.float32) / steps
        return moved(rule, function, *carry, rule.rate * share)

    start = {"valley/weight": jnp.asarray([[-1.2, 1.0]]), "bowl/weight": jnp.asarray([[3.0, 0.0]]), "bias": jnp.ones(1)}
    run = jax.jit(lambda p: jax.lax.fori_loop(0, steps, step, (p, rule.direction().init(p)))[0])
    found = run(start)
    np.testing.assert_allclose(found["bowl/weight"], [[1, 1]], atol=0.02)
    np.testing.assert_allclose(found["valley/weight"], [[1, 1]], atol=0.05)
    np.testing.assert_allclose(found["bias"], [-2], atol=0.02)


def test_what_engines_ask_of_an_optimizer():
    assert (SGD.bounded, SGD.line_search) == (True, False)
    assert (LBFGS.bounded, LBFGS.line_search) == (False, True)
    assert Adadelta().rate == 1.0
    assert Lion().rate < 1e-3


# -------------------------------------------------------------------------------------------------------- schedules


def factors(schedule, steps, upto=None):
    run = jax.jit(jax.vmap(schedule.factor, (0, None)))
    values = run(jnp.arange(steps if upto is None else upto), jnp.int32(steps))
    assert jnp.issubdtype(values.dtype, jnp.floating)
    return np.asarray(values)


@BY_SCHEDULE
def test_contract_of_schedules(schedule):
    values = factors(schedule, 50, upto=80)
    assert np.all(np.isfinite(values))
    assert np.all((values >= 0) & (values <= 1 + 1e-6))
    assert values.max() == pytest.approx(1, rel=0.02)
    np.testing.assert_allclose(values[51:], values[50], atol=1e-6)
    for step in (0, 7, 49):
        plain = schedule.factor(step, 50)
        assert plain.shape == ()
        np.testing.assert_allclose(plain, values[step], rtol=1e-5, atol=1e-7)
    for steps in (0, 1, 3):
        short = [float(schedule.factor(step, steps)) for step in range(2)]
        assert np.all(np.isfinite(short))
        assert short[0] > 0
    with jax.enable_x64(True):
        assert schedule.factor(jnp.int32(3), jnp.int32(50)).dtype == jnp.float64
