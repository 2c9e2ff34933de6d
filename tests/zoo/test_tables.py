"""The network for tables: its shapes, what it starts from, and that its line alone is a regression."""

import numpy as np
import pytest

from brickwork.core.errors import SettingError
from brickwork.core.spec import from_json, to_json
from brickwork.core.variables import Variables
from brickwork.zoo import table_network

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(6, 3)).astype(np.float32)
WORDS = RNG.integers(0, 4, (6, 2)).astype(np.int32)


@pytest.mark.parametrize(
    ("inputs", "sizes"),
    [({"numbers": NUMBERS}, ()), ({"categories": WORDS}, (4, 5)), ({"numbers": NUMBERS, "categories": WORDS}, (4, 5))],
)
def test_takes_numbers_categories_or_both(inputs, sizes):
    net = table_network(3 if "numbers" in inputs else 0, sizes, 2, hidden=(8,))
    assert from_json(to_json(net)) == net
    assert net.plan(inputs).output.shape == (6, 2)


def test_without_columns_it_says_what_it_needs():
    with pytest.raises(SettingError, match="needs columns"):
        table_network(0, (), 1)


def test_line_passes_beside_the_curves_and_ends_in_the_units_of_the_targets():
    targets = np.array([10.0, 30.0])  # mean 20, deviation 10
    net = table_network(3, (), 1, hidden=(8,), targets=targets)
    shapes = net.plan({"numbers": NUMBERS}).shapes().params
    still = {path: np.zeros(leaf.shape, np.float32) for path, leaf in shapes.items()}
    weight = np.array([[1.0], [-2.0], [0.5]], np.float32)
    output = net.apply(Variables({**still, "line/weight": weight}), {"numbers": NUMBERS}).output
    np.testing.assert_allclose(output, 20 + 10 * NUMBERS @ weight, rtol=1e-5)


def test_wide_tables_do_not_get_more_waves_than_they_can_pay():
    for columns, waves in ((4, 16), (512, 4)):
        plan = table_network(columns, (), 1).plan({"numbers": np.zeros((1, columns), np.float32)})
        assert plan.params["waves/frequency"].shape == (columns, waves)
