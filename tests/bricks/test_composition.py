"""Promises of branching and joining that the contract cannot say."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bricks.contract import compiled, draw
from brickwork.bricks import LSTM, Add, Concat, Conv, Dense, Graph, MaxPool, Multiply, Parallel, Sequential
from brickwork.core.batch import Padded
from brickwork.core.errors import BundleError, SettingError, ShapeError
from brickwork.core.spec import from_json, to_json
from brickwork.core.variables import Variables

NOTHING = Variables({})


def test_a_sequence_of_nodes_is_a_sequential():
    line = Graph(a=(Dense(3, "tanh"), "input"), b=(Dense(2), "a"))
    same = Sequential(a=Dense(3, "tanh"), b=Dense(2))
    x = jnp.ones((2, 4))
    variables = draw(line, x)
    assert line.plan(x).shapes() == same.plan(x).shapes()
    np.testing.assert_array_equal(line.apply(variables, x).output, same.apply(variables, x).output)


def test_graph_and_parallel_run_step_by_step():
    net = Graph(
        read=(Parallel(LSTM(3, return_sequence=True), Dense(2)), "input"),
        again=(LSTM(4, return_sequence=True), "read"),
        sum=(Concat(), "read", "again"),
    )
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 3)), jnp.float32)
    variables = draw(net, x)

    @compiled
    def both(x):
        whole, memory, steps = net.apply(variables, x).output, net.memory(2), []
        for time in range(x.shape[1]):
            y, memory = net.apply(variables, x[:, time], memory, method="step").output
            steps.append(y)
        return whole, jnp.stack(steps, 1)

    np.testing.assert_allclose(*both(x), rtol=1e-5, atol=1e-6)


def test_an_inception_block_and_its_errors():
    block = Parallel(Conv(2, 1), Conv(3, 3), MaxPool(3, 1, padding="same"))
    assert block.plan(jnp.ones((1, 6, 6, 4))).output.shape == (1, 6, 6, 9)
    with pytest.raises(ShapeError, match=r"must agree in all others.*Resize"):
        Parallel(Conv(2, 1), MaxPool(2)).plan(jnp.ones((1, 6, 6, 4)))
    with pytest.raises(ShapeError, match="must have one shape"):
        Parallel(Dense(2), Dense(3), merge="add").plan(jnp.ones((1, 4)))


def test_padded_sequences_are_merged_with_padded_ones_only():
    x = Padded(jnp.ones((2, 3, 2)), jnp.array([3, 1]))
    assert isinstance(Add().apply(NOTHING, x, x).output, Padded)
    with pytest.raises(ShapeError, match="some of its inputs are padded"):
        Add().apply(NOTHING, x, x.values)
    with pytest.raises(ShapeError, match="along time"):
        Concat(1).apply(NOTHING, x, x)


def test_wrong_merges():
    with pytest.raises(ShapeError, match="got none"):
        Add().apply(NOTHING)
    with pytest.raises(ShapeError, match=r"\(1, 2\), \(1, 1\)"):
        Add().apply(NOTHING, jnp.ones((1, 2)), jnp.ones((1, 1)))
    for shape in ((1, 3), (4, 2)):
        with pytest.raises(ShapeError, match="the same rows, and one shape or 1 where they differ"):
            Multiply().apply(NOTHING, jnp.ones((1, 2)), jnp.ones(shape))
    with pytest.raises(SettingError, match="another than 0, the rows"):
        Concat(0)
    with pytest.raises(ShapeError, match="axis 3"):
        Concat(3).apply(NOTHING, jnp.ones((1, 2)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Graph, "at least one node"),
        (lambda: Graph(a=(Dense(1), "b"), b=(Dense(1), "input")), "stands after it: move it up"),
        (lambda: Graph(stem=(Dense(1), "input"), b=(Dense(1), "stm")), "Did you mean 'stem'"),
        (lambda: Graph(a=(Dense(1), "input"), b=(Dense(1), "input")), "nobody reads 'a'"),
        (lambda: Graph(a=(Dense(1), "x"), inputs=("x", "y")), "nobody reads 'y'"),
        (lambda: Graph(a=(Dense(1), "input"), outputs="aa"), "the output 'aa' is no node"),
        (lambda: Graph(a=Dense(1)), "write the node 'a' as"),
        (lambda: Graph(a=(Dense(1),)), "reads nothing"),
        (lambda: Graph(a=(Dense(1), Dense(2))), "reads by name"),
        (lambda: Graph(a=("relu", "input")), "Perhaps Activation"),
        (lambda: Graph(input=(Dense(1), "input")), "an input and a node"),
        (lambda: Graph((("a", Dense(1), ("input",)), ("a", Dense(1), ("a",)))), "two parts are named 'a'"),
        (Parallel, "at least one brick"),
        (lambda: Parallel(Dense(1), merge="sum"), "concat"),
    ],
)
def test_wrong_graphs_say_what_to_change(make, words):
    with pytest.raises(SettingError, match=words):
        make()


def test_inputs_by_name():
    net = Graph(a=(Dense(1), "left"), b=(Concat(), "a", "right"), inputs=("left", "right"))
    given = {"left": jnp.ones((1, 2)), "right": jnp.ones((1, 3))}
    assert net.plan(given).output.shape == (1, 4)
    with pytest.raises(ShapeError, match=r"named left, right; it got the names \['left'\]"):
        net.plan({"left": jnp.ones((1, 2))})
    with pytest.raises(ShapeError, match="it got one"):
        net.plan(jnp.ones((1, 2)))


def test_a_graph_is_data_and_a_wrong_file_cannot_be_built():
    net = Graph(a=(Dense(3), "input"), b=(Add(), "a", "a"))
    data = json.loads(json.dumps(to_json(net)))
    assert from_json(data) == net
    assert eval(repr(net)) == net  # as a person would type it
    data["settings"]["nodes"][0][2] = ["b"]
    with pytest.raises(BundleError, match="move it up"):
        from_json(data)
    data["settings"]["nodes"] = 5
    with pytest.raises(BundleError, match="cannot be built"):
        from_json(data)


def test_one_node_read_twice_has_one_set_of_weights():
    net = Graph(a=(Dense(3), "input"), b=(Add(), "a", "a"))
    variables = net.init(jax.random.key(0), jnp.ones((1, 2)))
    assert sorted(variables.params) == ["a/bias", "a/weight"]
