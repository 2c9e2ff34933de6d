"""The contract suite on every brick of the package."""

import jax.numpy as jnp
import numpy as np
import pytest

from bricks.cases import CASES
from bricks.contract import CHECKS, check_brick, check_gradients, check_json, check_oracle, check_plan
from brickwork.core.brick import Brick, brick
from brickwork.core.spec import names_of, snake_case

VALUES = (check_plan, check_oracle, check_gradients, check_json)


def is_quick(case, check):
    """Tell whether a check runs with the fast tests; stored gradients of another library stand for differences."""
    if case.quick == "values" and case.golden and check is check_gradients:
        return False
    return case.quick == "all" or (case.quick == "values" and check in VALUES)


@pytest.mark.parametrize(
    ("name", "check"),
    [
        pytest.param(
            name,
            check,
            marks=[] if is_quick(case, check) else [pytest.mark.slow],
            id=f"{name}-{check.__name__.removeprefix('check_')}",
        )
        for name, case in CASES.items()
        for check in CHECKS
    ],
)
def test_contract(name, check):
    check(CASES[name])


def test_every_brick_of_the_package_has_a_case_with_an_oracle():
    tested = {snake_case(type(case.brick).__name__) for case in CASES.values() if case.golden or case.oracle}
    ours = {name for name, cls in names_of("brick").items() if cls.key.startswith("brickwork:")}
    assert ours - tested == set()


@brick
class ContractScale(Brick):
    """What a user could write."""

    by: float = 2.0

    def __call__(self, scope, x):
        return self.by * x


@brick
class ContractForgetful(Brick):
    """A brick that breaks the rules: it declares its offset in training only."""

    def __call__(self, scope, x):
        return x + scope.param("offset", x.shape[-1:], lambda k, s, d: jnp.zeros(s, d)) if scope.training else x


def test_the_suite_takes_a_users_own_brick():
    check_brick(ContractScale(3.0), np.ones((2, 3), np.float32), oracle=lambda v, x, taps: 3 * x[0])


def test_the_suite_finds_a_wrong_brick():
    with pytest.raises(AssertionError):
        check_brick(ContractScale(3.0), np.ones((2, 3), np.float32), oracle=lambda v, x, taps: 2 * x[0])
    with pytest.raises(AssertionError):
        check_brick(ContractForgetful(), np.ones((2, 3), np.float32))
