"""Names, the user's own, and what mistakes say."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.spec import to_json
from brickwork.optim import (
    LBFGS,
    SGD,
    Adafactor,
    Adam,
    AdamW,
    Adan,
    AMSGrad,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseSquareRoot,
    Linear,
    Momentum,
    Muon,
    NAdam,
    Nesterov,
    Optimizer,
    PiecewiseConstant,
    PolynomialDecay,
    RAdam,
    ReduceOnPlateau,
    RMSProp,
    Schedule,
    StepDecay,
    Warmup,
    WarmupCosine,
    resolve_optimizer,
    resolve_schedule,
)
from optim.problem import walk
from optim.test_contract import factors


def test_resolving():
    assert resolve_optimizer("nag") == Nesterov()
    assert resolve_optimizer("rmsprop") == RMSProp()
    assert resolve_optimizer("adamw") == AdamW()
    assert resolve_optimizer("amsgrad") == AMSGrad()
    assert resolve_optimizer("nadam") == NAdam()
    assert resolve_optimizer("radam") == RAdam()
    assert resolve_optimizer("LBFGS") == LBFGS()
    assert resolve_optimizer(Adam) == Adam()
    assert resolve_optimizer(Adam(0.3)) == Adam(0.3)
    assert resolve_schedule("cosine") == Cosine()
    assert resolve_schedule("noam") == InverseSquareRoot()
    assert resolve_schedule("sgdr") == CosineRestarts()
    assert resolve_schedule(Linear) == Linear()
    with pytest.raises(SettingError, match=r"no optimizer named 'adamm'.*Did you mean 'adam'"):
        resolve_optimizer("adamm")
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
    assert not mine.bounded
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
    np.testing.assert_allclose(factors(Warmup(mine, 0.5), 4), [0.5, 1, 1, 0.5])
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
        (lambda: Adan(beta3=1.0), "'beta3'"),
        (lambda: Momentum(momentum=-0.1), "'momentum'"),
        (lambda: RMSProp(epsilon=-1.0), "'epsilon'"),
        (lambda: AdamW(decay=-1.0), "'decay'"),
        (lambda: NAdam(rise=-1.0), "'rise' must be 0 or more"),
        (lambda: Adafactor(clip=0.0), "'clip' must be more than 0"),
        (lambda: Muon(rounds=0), "'rounds' must be 1 or more"),
        (lambda: LBFGS(memory=0), "'memory' must be 1 or more"),
        (lambda: Cosine(floor=2.0), "'floor' must be from 0 to 1"),
        (lambda: WarmupCosine(warmup=1.0), "'warmup'"),
        (lambda: Warmup(warmup=1.0), "'warmup'"),
        (lambda: InverseSquareRoot(-0.1), "'warmup'"),
        (lambda: PolynomialDecay(0.0), "'power' must be more than 0"),
        (lambda: CosineRestarts(0), "'cycles' must be from 1 to 1000"),
        (lambda: CosineRestarts(growth=0.5), "'growth' must be from 1 to 100"),
        (lambda: StepDecay(at=(0.5, 7.0)), "'at' must be shares of the run"),
        (lambda: PiecewiseConstant((0.5, 0.2)), "'at' must be shares of the run, in order"),
        (lambda: PiecewiseConstant((0.5,), (1.0,)), "'factors' must be 2, one more than shares"),
        (lambda: Exponential(end=0.0), "'end'"),
        (lambda: ReduceOnPlateau(1.0), "'factor' must be more than 0 and less than 1"),
        (lambda: ReduceOnPlateau(patience=0), "'patience' must be 1 or more"),
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
