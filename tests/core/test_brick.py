"""Planning, starting and applying a brick; other methods; explicit memory; batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_samples import SampleDrop, SampleLinear, chain, normal

from brickwork.core.batch import Batch, Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError
from brickwork.core.variables import Variables

KEY = jax.random.key(0)


@brick
class SampleTiedHead(Brick):
    """Embeds words and scores them with the same table; `step` reads and returns its memory."""

    words: int
    width: int

    def table(self, scope):
        return scope.param("table", (self.words, self.width), normal)

    def __call__(self, scope, x):
        return self.table(scope)[x] @ self.table(scope).T

    def embed(self, scope, x):
        return self.table(scope)[x]

    def step(self, scope, x, memory):
        memory = memory + self.table(scope)[x]
        return memory @ self.table(scope).T, memory


def test_methods_share_the_parameters():
    net = SampleTiedHead(7, 4)
    x = jnp.asarray([1, 6, 3])
    variables = net.init(KEY, x)
    table = variables.params["table"]
    assert list(variables.params) == ["table"]
    np.testing.assert_allclose(net.apply(variables, x).output, table[x] @ table.T, rtol=1e-5)
    np.testing.assert_array_equal(net.apply(variables, x, method="embed").output, table[x])
    memory = jnp.zeros((3, 4))
    scores, memory = net.apply(variables, x, memory, method="step").output
    scores, memory = net.apply(variables, x, memory, method="step").output
    np.testing.assert_allclose(memory, 2 * table[x], rtol=1e-6)
    np.testing.assert_allclose(scores, 2 * table[x] @ table.T, rtol=1e-5)
    gradient = jax.grad(lambda p: net.apply(Variables(p), x).output.sum())(variables.params)["table"]
    expected = jax.grad(lambda t: (t[x] @ t.T).sum())(table)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5)


def test_options_reach_the_method():
    @brick
    class SampleOption(Brick):
        def __call__(self, scope, x, *, times=1):
            return times * x

    assert SampleOption().apply(Variables({}), jnp.ones(1), times=3).output == 3


def test_apply_is_pure_and_repeatable():
    net = chain(SampleLinear(3), SampleDrop(0.5))
    x = jnp.ones((2, 3))
    variables = net.init(KEY, x)
    before = jax.tree.map(np.array, variables)
    one = net.apply(variables, x, training=True, key=KEY).output
    two = jax.jit(lambda v, x, k: net.apply(v, x, training=True, key=k).output)(variables, x, KEY)
    np.testing.assert_allclose(one, two, rtol=1e-6)
    assert jax.tree.all(jax.tree.map(np.array_equal, before, variables))


def test_a_brick_is_a_static_argument_and_compiles_once():
    traces = []

    def run(net, variables, x):
        traces.append(net)
        return net.apply(variables, x).output

    run = jax.jit(run, static_argnums=0)
    x = jnp.ones((2, 3))
    variables = chain(SampleLinear(3)).init(KEY, x)
    for _ in range(3):
        run(chain(SampleLinear(3)), variables, x)  # equal, not the same
    assert len(traces) == 1


def test_a_brick_without_a_method_says_so():
    @brick
    class SampleNothing(Brick):
        pass

    with pytest.raises(SettingError, match="SampleNothing has no __call__"):
        SampleNothing().plan(jnp.ones(1))


def test_named_inputs_and_outputs():
    @brick
    class SampleHeads(Brick):
        def __call__(self, scope, x):
            return {name: scope(name, SampleLinear(2), value) for name, value in x.items()}

    x = {"left": jnp.ones((2, 3)), "right": jnp.ones((2, 5))}
    net = SampleHeads()
    variables = net.init(KEY, x)
    assert variables.params["right/weight"].shape == (5, 2)
    assert sorted(net.apply(variables, x).output) == ["left", "right"]


def test_weight_reaches_the_bricks():
    @brick
    class SampleWeighted(Brick):
        def __call__(self, scope, x):
            return x.mean(0) if scope.weight is None else (scope.weight @ x) / scope.weight.sum()

    x = jnp.asarray([[1.0], [3.0], [100.0]])
    assert SampleWeighted().apply(Variables({}), x, weight=jnp.asarray([1.0, 1.0, 0.0])).output == 2


@pytest.mark.slow
def test_second_derivatives_pass_through():
    net = chain(SampleLinear(1))
    x = jnp.asarray([[0.5, -1.0]])
    variables = net.init(KEY, x)

    def penalty(params):
        inner = jax.grad(lambda x: jnp.sin(net.apply(Variables(params), x).output).sum())(x)
        return (inner**2).sum()

    w, b = variables.params["0/weight"], variables.params["0/bias"]
    expected = jax.grad(lambda w: ((jnp.cos(x @ w + b) * w.T) ** 2).sum())(w)
    np.testing.assert_allclose(jax.grad(penalty)(variables.params)["0/weight"], expected, rtol=1e-4)


def test_batches_are_pytrees():
    batch = Batch({"image": jnp.ones((2, 3))}, jnp.zeros(2), jnp.asarray([1.0, 0.0]))
    doubled = jax.jit(lambda b: jax.tree.map(lambda a: 2 * a, b))(batch)
    assert isinstance(doubled, Batch)
    np.testing.assert_array_equal(doubled.inputs["image"], 2 * np.ones((2, 3)))
    assert Batch(jnp.ones(1)).weight is None
    padded = jax.jit(lambda p: p.with_values(p.values + 1))(Padded(jnp.zeros((1, 2)), jnp.asarray([1])))
    np.testing.assert_array_equal(padded.values, [[1, 1]])
