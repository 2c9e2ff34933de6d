from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.spec import from_json, names_of, to_json
from brickwork.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Constant,
    Cosine,
    Exponential,
    Linear,
    Momentum,
    Nesterov,
    OneCycle,
    Optimizer,
    RMSProp,
    Schedule,
    StepDecay,
    WarmupCosine,
    are_weights,
    penalty,
    resolve_optimizer,
    resolve_schedule,
)

STEPS = 40
CURVATURE = {"weight": np.linspace(0.5, 2.0, 6).reshape(3, 2), "bias": np.array([1.0, 3.0])}
START = {"weight": np.linspace(-2.0, 3.0, 6).reshape(3, 2), "bias": np.array([1.5, -1.0])}


@pytest.fixture(autouse=True)
def _strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def gradient(p, key):
    """The derivative of a/2 p^2 + sin p."""
    return CURVATURE[key] * p + np.cos(p)


@cache
def runner(optimizer, population, x64):
    """Return a compiled run; the flag of the float64 mode belongs to the key, since programs differ by it."""

    def objective(params):
        return sum(
            jnp.sum(jnp.asarray(CURVATURE[k], p.dtype) / 2 * jnp.square(p) + jnp.sin(p)) for k, p in params.items()
        )

    def run(params, rate):
        rule = optimizer.direction()

        def step(carry, _):
            params, state = carry
            u, state = rule.update(jax.grad(objective)(params), state, params)
            params = jax.tree.map(lambda p, u: p - rate * u, params, u)
            return (params, state), params

        return jax.lax.scan(step, (params, rule.init(params)), None, STEPS)[1]

    return jax.jit(jax.vmap(run, (None, 0)) if population else run)


def walk(optimizer, dtype, rate=None):
    """Return the parameters after every step."""
    rates = jnp.asarray(optimizer.rate if rate is None else rate, dtype)
    params = {k: jnp.asarray(v, dtype) for k, v in START.items()}
    return runner(optimizer, rates.ndim == 1, jax.config.jax_enable_x64)(params, rates)


# ------------------------------------------------------------- the published rules, as the papers write them down


def sgd(p, g, rate):
    while True:
        p = p - rate * g(p)
        yield p


def momentum(p, g, rate, mu):
    """Polyak (1964): the step is mu times the last one, minus the rate times the gradient."""
    step = np.zeros_like(p)
    while True:
        step = mu * step - rate * g(p)
        p = p + step
        yield p


def nesterov(p, g, rate, mu):
    """Sutskever et al. (2013), equations 3 and 4: yields the look-ahead point, where gradients are taken."""
    step = np.zeros_like(p)
    while True:
        step = mu * step - rate * g(p + mu * step)
        p = p + step
        yield p + mu * step


def adagrad(p, g, rate, epsilon):
    """Duchi et al. (2011): the diagonal of delta I + G^(1/2)."""
    squares = []
    while True:
        squares.append(g(p) ** 2)
        p = p - rate * g(p) / (epsilon + np.sqrt(np.sum(squares, axis=0)))
        yield p


def adadelta(p, g, rate, rho, epsilon):
    """Zeiler (2012), algorithm 1."""
    mean_gradient, mean_step = np.zeros_like(p), np.zeros_like(p)
    while True:
        mean_gradient = rho * mean_gradient + (1 - rho) * g(p) ** 2
        step = -np.sqrt(mean_step + epsilon) / np.sqrt(mean_gradient + epsilon) * g(p)
        mean_step = rho * mean_step + (1 - rho) * step**2
        p = p + rate * step
        yield p


def rms_prop(p, g, rate, rho, epsilon):
    """Tieleman & Hinton (2012), slide 29."""
    mean_square = np.zeros_like(p)
    while True:
        mean_square = rho * mean_square + (1 - rho) * g(p) ** 2
        p = p - rate * g(p) / (np.sqrt(mean_square) + epsilon)
        yield p


def adam(p, g, rate, b1, b2, epsilon, decay=0.0):
    """Kingma & Ba (2015), algorithm 1; with decay Loshchilov & Hutter (2019), algorithm 2, decay times the rate."""
    m, v, t = np.zeros_like(p), np.zeros_like(p), 0
    while True:
        t += 1
        m = b1 * m + (1 - b1) * g(p)
        v = b2 * v + (1 - b2) * g(p) ** 2
        p = p - rate * (m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + epsilon) + decay * p)
        yield p


PUBLISHED = [
    (SGD(0.05), lambda p, g, key: sgd(p, g, 0.05)),
    (Momentum(0.05, 0.8), lambda p, g, key: momentum(p, g, 0.05, 0.8)),
    (Nesterov(0.05, 0.8), lambda p, g, key: nesterov(p, g, 0.05, 0.8)),
    (Adagrad(0.3), lambda p, g, key: adagrad(p, g, 0.3, 1e-10)),
    (Adadelta(), lambda p, g, key: adadelta(p, g, 1.0, 0.95, 1e-6)),
    (RMSProp(0.002), lambda p, g, key: rms_prop(p, g, 0.002, 0.9, 1e-8)),
    (Adam(0.05), lambda p, g, key: adam(p, g, 0.05, 0.9, 0.999, 1e-8)),
    (AdamW(0.05, 0.1), lambda p, g, key: adam(p, g, 0.05, 0.9, 0.999, 1e-8, 0.1 if key == "weight" else 0.0)),
]
BY_NAME = pytest.mark.parametrize(("optimizer", "rule"), PUBLISHED, ids=[o.name for o, _ in PUBLISHED])


@BY_NAME
@pytest.mark.parametrize("float64", [True, False])
def test_published_rule(optimizer, rule, float64):
    with jax.enable_x64(float64):
        paths = walk(optimizer, jnp.float64 if float64 else jnp.float32)
    for key, start in START.items():
        published = rule(start, lambda p, key=key: gradient(p, key), key)
        expected = np.stack([next(published) for _ in range(STEPS)])
        tolerance = 1e-9 if float64 else 1e-5
        np.testing.assert_allclose(paths[key], expected, rtol=tolerance, atol=tolerance)


@BY_NAME
def test_same_path_as_pytorch(optimizer, rule):
    with jax.enable_x64(True):
        paths = walk(optimizer, jnp.float64)
    with np.load(Path(__file__).parent / "oracles" / "optim_torch.npz") as torch:
        assert str(torch["torch_version"]).startswith("2.13")
        for key in START:
            np.testing.assert_allclose(paths[key], torch[f"{optimizer.name}/{key}"], rtol=1e-9, atol=1e-9)


def test_first_steps_of_adam_in_float32_are_exact_to_rounding():
    gradient = {"w": jnp.asarray([[1.0, -3.0]])}
    rule = Adam().direction()
    u, _ = rule.update(gradient, rule.init(gradient), gradient)
    np.testing.assert_allclose(u["w"], [[1.0, -1.0]], rtol=5e-7)


# ------------------------------------------------------------------------------------------ contract of every optimizer

OPTIMIZERS = [cls() for cls in names_of("optimizer").values()]
SCHEDULES = [cls() for cls in names_of("schedule").values()]


def name_of(spec):
    return spec.name


def test_all_are_registered():
    names = {"sgd", "momentum", "nesterov", "adagrad", "adadelta", "rms_prop", "adam", "adam_w"}
    assert names <= set(names_of("optimizer"))
    assert {
        "constant", "step_decay", "exponential", "linear", "cosine", "warmup_cosine", "one_cycle",
    } <= set(names_of("schedule"))  # fmt: skip


@pytest.mark.parametrize("spec", OPTIMIZERS + SCHEDULES, ids=name_of)
def test_json_round_trip(spec):
    again = from_json(to_json(spec))
    assert again == spec
    assert hash(again) == hash(spec)
    assert type(spec).from_settings(spec.settings()) == spec


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=name_of)
def test_rates_as_one_population(optimizer):
    rates = np.array([0.01, 0.1, 0.3]) * optimizer.rate
    together = walk(optimizer, jnp.float32, rates)
    for i, rate in enumerate(rates):
        alone = walk(optimizer, jnp.float32, rate)
        for key in START:
            np.testing.assert_allclose(together[key][i], alone[key], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=name_of)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_types_and_zero_gradients(optimizer, dtype):
    with jax.enable_x64(True):
        params = {"a/weight": jnp.ones((2, 3), dtype), "a/bias": jnp.ones(3, dtype)}
        rule = optimizer.direction()
        state = rule.init(params)
        zeros = jax.tree.map(jnp.zeros_like, params)
        update = jax.jit(rule.update)
        for _ in range(3):
            u, after = update(zeros, state, params)
            assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(
                lambda x: (x.shape, x.dtype), state
            )
            state = after
        assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(u))
        np.testing.assert_array_equal(u["a/bias"], 0)
        np.testing.assert_allclose(u["a/weight"], getattr(optimizer, "decay", 0.0), rtol=1e-2)
        assert update._cache_size() == 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=name_of)
def test_goes_downhill(optimizer):
    path = walk(optimizer, jnp.float32)
    first = {k: np.abs(gradient(v, k)).sum() for k, v in START.items()}
    last = {k: np.abs(gradient(np.asarray(v[-1]), k)).sum() for k, v in path.items()}
    assert all(last[k] < first[k] for k in first)


# ------------------------------------------------------------------------------------------------------ worked numbers


def test_derivative_of_a_square_is_6_at_3():
    assert jax.grad(lambda x: x**2)(3.0) == 6.0


def test_value_and_gradient_of_the_graph():
    def graph(a, b):
        return (a + b) * (b - 1)

    value, gradients = jax.value_and_grad(graph, (0, 1))(1.5, 2.5)
    assert value == 6.0  # (1.5 + 2.5) (2.5 - 1)
    assert gradients == (1.5, 5.5)  # b - 1, and (b - 1) + (a + b)


@pytest.mark.parametrize("start", [0.0, -50.0, 11.0])
def test_gradient_descent_finds_4(start):
    rule, rate = SGD().direction(), SGD().rate
    assert rate == 0.01

    def step(carry, _):
        x, state = carry
        u, state = rule.update(jax.grad(lambda x: (x - 4.0) ** 2)(x), state, x)
        return (x - rate * u, state), x

    x = jnp.asarray(start)
    (x, _), path = jax.jit(lambda x: jax.lax.scan(step, (x, rule.init(x)), None, 1000))(x)
    assert x == pytest.approx(4.0, abs=1e-4)
    np.testing.assert_allclose(path[10] - 4, (start - 4) * 0.98**10, rtol=1e-5)


# ----------------------------------------------------------------------------------------------------------- schedules


def factors(schedule, steps=STEPS, upto=None):
    run = jax.jit(jax.vmap(schedule.factor, (0, None)))
    values = run(jnp.arange(steps if upto is None else upto), jnp.int32(steps))
    assert jnp.issubdtype(values.dtype, jnp.floating)
    return np.asarray(values)


TORCH_SCHEDULES = [Cosine(0.1), Linear(0.2), StepDecay(), Exponential(0.01)]


@pytest.mark.parametrize("schedule", TORCH_SCHEDULES, ids=name_of)
def test_same_rates_as_pytorch(schedule):
    with np.load(Path(__file__).parent / "oracles" / "optim_torch.npz") as torch:
        np.testing.assert_allclose(factors(schedule), torch[f"schedule/{schedule.name}"], rtol=1e-5)


def test_one_cycle_is_pytorchs():
    with np.load(Path(__file__).parent / "oracles" / "optim_torch.npz") as torch:
        expected = torch["schedule/one_cycle"]
    with jax.enable_x64(True):
        values = factors(OneCycle(), STEPS + 1)
    np.testing.assert_allclose(values[:STEPS], expected, rtol=1e-9)
    assert values[STEPS] == pytest.approx(4e-6)


def test_schedules_by_their_formulas():
    np.testing.assert_array_equal(factors(Constant()), 1)
    np.testing.assert_allclose(
        factors(Cosine(), 4), [1, (1 + np.sqrt(0.5)) / 2, 0.5, (1 - np.sqrt(0.5)) / 2], rtol=1e-6
    )
    np.testing.assert_allclose(factors(Linear(), 4), [1, 0.75, 0.5, 0.25])
    np.testing.assert_allclose(factors(Exponential(0.01), 4), [1, 0.01**0.25, 0.1, 0.01**0.75], rtol=1e-6)
    np.testing.assert_allclose(factors(StepDecay(0.5, (0.5, 0.75)), 8), [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25])
    warm = factors(WarmupCosine(0.2), 20)
    np.testing.assert_allclose(warm[:5], [0.25, 0.5, 0.75, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(warm[4:], (1 + np.cos(np.pi * np.arange(16) / 16)) / 2, atol=1e-6)
    np.testing.assert_allclose(factors(WarmupCosine(0.0), 20), factors(Cosine(), 20), atol=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=name_of)
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


# ------------------------------------------------------------------------------------------------------------ penalties


def test_penalty_is_lambda_times_squared_weights():
    params = {
        "dense/weight": jnp.asarray([[1.0, -2.0], [3.0, 0.0]]),
        "dense/bias": jnp.asarray([5.0, 5.0]),
        "stacked/norm/scale": jnp.ones((4, 3)),
        "stacked/dense/bias": jnp.ones((4, 3)),
    }
    assert penalty(params, l2=0.1) == pytest.approx(1.4)  # 0.1 (1 + 4 + 9)
    assert penalty(params, l1=0.5) == pytest.approx(3.0)
    assert penalty(params, 0.5, 0.1) == pytest.approx(4.4)
    assert penalty(params) == 0
    assert penalty({}, 0.5, 0.1) == 0
    assert penalty(params, l2=0.1, exclude="dense/**") == pytest.approx(2.4)
    assert are_weights(params) == {k: k == "dense/weight" for k in params}
    gradients = jax.grad(lambda p: penalty(p, 0.5, 0.1))(params)
    np.testing.assert_allclose(gradients["dense/weight"], [[0.7, -0.9], [1.1, 0.0]], rtol=1e-6)
    assert not any(np.any(g) for k, g in gradients.items() if k != "dense/weight")
    many = jax.jit(jax.vmap(lambda l2: penalty(params, l2=l2)))(jnp.asarray([0.0, 0.1, 1.0]))
    np.testing.assert_allclose(many, [0, 1.4, 14], rtol=1e-6)
    with jax.enable_x64(True):
        wide = {k: jnp.asarray(v, jnp.float64) for k, v in params.items()}
        assert penalty(wide, jnp.float32(0.5), 0.1).dtype == jnp.float64


# ----------------------------------------------------------------------------------------------------- names and errors


def test_resolving():
    assert resolve_optimizer("nag") == Nesterov()
    assert resolve_optimizer("rmsprop") == RMSProp()
    assert resolve_optimizer("adamw") == AdamW()
    assert resolve_optimizer(Adam) == Adam()
    assert resolve_optimizer(Adam(0.3)) == Adam(0.3)
    assert resolve_schedule("cosine") == Cosine()
    assert resolve_schedule(Linear) == Linear()
    with pytest.raises(SettingError, match=r"no optimizer named 'adan'.*Did you mean 'adam'"):
        resolve_optimizer("adan")
    with pytest.raises(SettingError, match=r"no schedule named 'cosin'.*Did you mean 'cosine'"):
        resolve_schedule("cosin")
    with pytest.raises(SettingError, match="optimizer is a name or a settings object, got 3"):
        resolve_optimizer(3)


def test_an_optax_transformation_is_applied_as_it_is():
    mine = resolve_optimizer(optax.sgd(0.05, momentum=0.8))
    theirs = walk(mine, jnp.float32)
    ours = walk(Momentum(0.05, 0.8), jnp.float32)
    np.testing.assert_allclose(theirs["weight"], ours["weight"], rtol=1e-5, atol=1e-6)
    assert mine.rate == 1.0
    assert isinstance(hash(mine), int)
    with pytest.raises(SettingError, match="cannot be stored"):
        to_json(mine)


def test_a_function_as_a_schedule():
    def halves(step):
        return 0.5 ** jnp.float32(step)

    mine = resolve_schedule(halves)
    assert mine.name == "halves"
    np.testing.assert_allclose(factors(mine, 4), [1, 0.5, 0.25, 0.125])
    assert mine.factor(1, 4) == 0.5
    with pytest.raises(SettingError, match="cannot be stored"):
        to_json(mine)
    with pytest.raises(ShapeError, match=r"returned shape \(2,\)"):
        resolve_schedule(lambda step: jnp.ones(2)).factor(0, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(rate=0.0), "'rate' must be a finite number more than 0"),
        (lambda: Adam(rate=float("nan")), "'rate'"),
        (lambda: Adam(beta2=1.0), "'beta2' must be at least 0 and less than 1"),
        (lambda: Momentum(momentum=-0.1), "'momentum'"),
        (lambda: RMSProp(epsilon=-1.0), "'epsilon'"),
        (lambda: AdamW(decay=-1.0), "'decay'"),
        (lambda: Cosine(floor=2.0), "'floor' must be from 0 to 1"),
        (lambda: WarmupCosine(warmup=1.0), "'warmup'"),
        (lambda: StepDecay(at=(0.5, 7.0)), "'at' must be shares of the run"),
        (lambda: Exponential(end=0.0), "'end'"),
    ],
)
def test_wrong_settings_are_explained(make, message):
    with pytest.raises(SettingError, match=message):
        make()


def test_base_classes_say_what_to_write():
    class Mine(Optimizer):
        pass

    with pytest.raises(SettingError, match="write @optimizer above"):
        Mine()
    with pytest.raises(SettingError, match="no direction"):
        Optimizer.direction(SGD())
    with pytest.raises(SettingError, match="no factor"):
        Schedule.factor(Constant(), 0, 1)
