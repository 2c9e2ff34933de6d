"""Lifted transforms against Python loops: values, gradients, statistics, taps, offsets, keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_samples import SampleCount, SampleDrop, SampleLinear, SampleStack, chain, normal, zeros

from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ScopeError, ShapeError
from brickwork.core.variables import Variables

X = jnp.asarray(np.random.default_rng(0).normal(size=(6, 4, 3)), jnp.float32)  # (time, rows, features)
KEY = jax.random.key(3)


@brick
class SampleCell(Brick):
    """h = tanh(x wx + h wh), with a tap and a running sum of h."""

    units: int

    def __call__(self, scope, x, h):
        wx = scope.param("wx", (x.shape[-1], self.units), normal)
        wh = scope.param("wh", (self.units, self.units), normal)
        total = scope.stat("total", (self.units,), zeros)
        h = jnp.tanh(scope.tap("z", x @ wx + h @ wh))
        scope.write("total", total + h.sum(0))
        return h


@brick
class SampleRecurrent(Brick):
    """A cell along time."""

    cell: Brick
    reverse: bool = False
    unroll: int = 1

    def __call__(self, scope, xs):
        def body(inner, h, x):
            h = inner("cell", self.cell, x, h)
            return h, h

        start = jnp.zeros((xs.shape[1], self.cell.units))
        return scope.scan(body, start, xs, reverse=self.reverse, unroll=self.unroll)


def by_loop(params, xs, offsets=None, reverse=False):
    """The recurrence in a Python loop, without bricks."""
    offsets = jnp.zeros((*xs.shape[:2], params["cell/wh"].shape[0])) if offsets is None else offsets
    h, hs, zs = jnp.zeros((xs.shape[1], params["cell/wh"].shape[0])), {}, {}
    order = range(len(xs))
    for t in reversed(order) if reverse else order:
        zs[t] = xs[t] @ params["cell/wx"] + h @ params["cell/wh"] + offsets[t]
        h = hs[t] = jnp.tanh(zs[t])
    return h, jnp.stack([hs[t] for t in order]), jnp.stack([zs[t] for t in order])


@pytest.mark.parametrize(("reverse", "unroll"), [(False, 1), (True, 1), (False, 4)])
def test_scan_equals_a_loop(reverse, unroll):
    net = SampleRecurrent(SampleCell(5), reverse, unroll)
    variables = net.init(KEY, X)
    assert {path: a.shape for path, a in variables.params.items()} == {"cell/wx": (3, 5), "cell/wh": (5, 5)}
    result = net.apply(variables, X, capture="**")
    last, hs, zs = by_loop(variables.params, X, reverse=reverse)
    np.testing.assert_allclose(result.output[0], last, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(result.output[1], hs, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(result.taps["cell/z"], zs, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(result.stats["cell/total"], hs.sum((0, 1)), rtol=1e-4, atol=1e-5)
    plan = net.plan(X)
    assert plan.taps["cell/z"].shape == (6, 4, 5)
    assert [leaf.shape for leaf in jax.tree.leaves(plan.output)] == [(4, 5), (6, 4, 5)]

    def loss(params, offsets):
        return (net.apply(Variables(params, variables.stats), X, offsets={"cell/z": offsets}).output[1] ** 2).sum()

    def loop_loss(params, offsets):
        return (by_loop(params, X, offsets, reverse)[1] ** 2).sum()

    offsets = jnp.asarray(np.random.default_rng(1).normal(size=zs.shape), jnp.float32)
    for ours, theirs in zip(
        jax.tree.leaves(jax.grad(loss, (0, 1))(variables.params, offsets)),
        jax.tree.leaves(jax.grad(loop_loss, (0, 1))(variables.params, offsets)),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@brick
class SampleKeys(Brick):
    """Taps the keys it draws."""

    def __call__(self, scope, x):
        for _ in range(2):
            scope.tap("key", jax.random.key_data(scope.key()))
        return x


@brick
class SampleAllLifts(Brick):
    """The same brick under every lift, twice each, and nested."""

    def __call__(self, scope, x):
        draws = SampleKeys()
        for _ in range(2):
            scope.scan(lambda s, c, _: (s("scan", draws, c), None), x, length=3)
            scope.map(lambda s, row: s("map", draws, row), x)
            x = scope.remat(lambda s, v: s("remat", draws, v), x)
            x = scope.stack("stack", chain(draws, draws), 3, x)
            x = scope("plain", draws, x)
            scope.scan(lambda s, c, _: (s.stack("deep", draws, 2, c), None), x, length=2)
            scope.scan(lambda s, c, _: (s.map(lambda t, row: t("deeper", draws, row), c), None), x, length=2)
        return scope.cond(x[0, 0] > -99, lambda s, v: s("cond", draws, v), lambda s, v: v, x)


def test_all_keys_are_distinct():
    x = jnp.ones((2, 3))
    net = SampleAllLifts()
    taps = net.apply(net.init(KEY, x), x, key=KEY, capture="**").taps
    keys = np.concatenate([np.asarray(tap).reshape(-1, 2) for tap in taps.values()])
    expected = 2 * 2 * (3 + 2 + 1 + 3 * 2 + 1 + 2 * 2 + 2 * 2) + 2
    assert len(keys) == expected
    assert len(np.unique(keys, axis=0)) == expected


def test_planned_taps_are_the_applied_ones():
    x = jnp.ones((2, 3))
    net = SampleAllLifts()
    planned = net.plan(x).taps
    taps = net.apply(net.init(KEY, x), x, key=KEY, capture="**").taps
    assert {name: tap.shape for name, tap in planned.items()} == {name: tap.shape for name, tap in taps.items()}


def test_dropout_in_a_scan_has_another_mask_every_step():
    @brick
    class SampleDropEach(Brick):
        def __call__(self, scope, xs):
            return scope.map(lambda s, x: s("drop", SampleDrop(0.5), x), xs)

    x = jnp.ones((5, 10, 10))
    out = np.asarray(SampleDropEach().apply(Variables({}), x, training=True, key=KEY).output) != 0
    assert len({mask.tobytes() for mask in out}) == 5
    assert 0.4 < out.mean() < 0.6


def test_map_equals_a_loop():
    @brick
    class SampleMapped(Brick):
        def __call__(self, scope, xs):
            return scope.map(lambda s, x: s("count", SampleCount(), s("f", SampleLinear(2), x)), xs)

    variables = SampleMapped().init(KEY, X)
    result = SampleMapped().apply(variables, X, training=True)
    expected = np.stack([x @ variables.params["f/weight"] for x in X])
    np.testing.assert_allclose(result.output, expected, rtol=1e-4, atol=1e-5)
    assert result.stats["count/runs"] == 6
    np.testing.assert_allclose(result.stats["count/last"], expected[-1].mean(0), rtol=1e-4, atol=1e-5)


@brick
class SampleRemat(Brick):
    """A brick computed again for the gradient."""

    inner: Brick
    on: bool = True

    def __call__(self, scope, x):
        def body(s, v):
            return s("inner", self.inner, v)

        return scope.remat(body, x) if self.on else body(scope, x)


def test_remat_changes_nothing_but_the_memory():
    inner = chain(SampleLinear(4), SampleCount(), SampleDrop(0.5), SampleLinear(2))
    with_remat, without = SampleRemat(inner), SampleRemat(inner, on=False)
    x = X[0]
    variables = with_remat.init(KEY, x)
    assert variables.params.keys() == without.init(KEY, x).params.keys()
    offset = {"inner/0/z": jnp.ones((4, 4))}

    def run(net, params):
        return net.apply(Variables(params, variables.stats), x, training=True, key=KEY, capture="**", offsets=offset)

    one, two = run(with_remat, variables.params), run(without, variables.params)
    np.testing.assert_allclose(one.output, two.output, rtol=1e-6)
    assert one.taps.keys() == two.taps.keys()
    for name in one.taps:
        np.testing.assert_allclose(one.taps[name], two.taps[name], rtol=1e-5, atol=1e-6)
    for name in one.stats:
        np.testing.assert_allclose(one.stats[name], two.stats[name], rtol=1e-5, atol=1e-6)
    assert one.stats["inner/1/runs"] == 1
    gradients = [jax.grad(lambda p, n=net: run(n, p).output.sum())(variables.params) for net in (with_remat, without)]
    for name in gradients[0]:
        np.testing.assert_allclose(gradients[0][name], gradients[1][name], rtol=1e-5, atol=1e-6)
    assert "remat" in str(jax.make_jaxpr(jax.grad(lambda p: run(with_remat, p).output.sum()))(variables.params))


@brick
class SampleBranches(Brick):
    """One linear brick or another."""

    def __call__(self, scope, x, go):
        def double(s, v):
            return s("count", SampleCount(), 2 * s("yes", SampleLinear(3), v))

        def same(s, v):
            return s("no", SampleLinear(3), v)

        return scope.cond(go, double, same, x)


@pytest.mark.parametrize("go", [True, False])
def test_cond_runs_one_branch(go):
    x = X[0]
    net = SampleBranches()
    variables = net.init(KEY, x, jnp.asarray(True))
    assert sorted(variables.params) == ["no/bias", "no/weight", "yes/bias", "yes/weight"]
    p = variables.params

    def run(params, offsets=None):
        return net.apply(
            Variables(params, variables.stats), x, jnp.asarray(go), training=True, capture="**", offsets=offsets
        )

    result = run(p)
    z = x @ p["yes/weight"] if go else x @ p["no/weight"]
    np.testing.assert_allclose(result.output, 2 * z if go else z, rtol=1e-5)
    np.testing.assert_allclose(result.taps["yes/z" if go else "no/z"], z, rtol=1e-5)
    np.testing.assert_array_equal(result.taps["no/z" if go else "yes/z"], np.zeros((4, 3)))
    assert result.stats["count/runs"] == int(go)
    gradient = jax.grad(lambda p: run(p).output.sum())(p)
    np.testing.assert_array_equal(gradient["no/weight" if go else "yes/weight"], np.zeros((3, 3)))
    expected = np.broadcast_to(np.asarray(x.sum(0))[:, None], (3, 3)) * (2 if go else 1)
    np.testing.assert_allclose(gradient["yes/weight" if go else "no/weight"], expected, rtol=1e-4, atol=1e-5)
    offset = jax.grad(lambda o: run(p, {"yes/z": o}).output.sum())(jnp.zeros((4, 3)))
    np.testing.assert_array_equal(offset, np.full((4, 3), 2.0 if go else 0.0))


def test_cond_plans_both_branches_as_they_are_applied():
    @brick
    class SampleShared(Brick):
        def __call__(self, scope, x):
            f = SampleLinear(3)
            return scope.cond(x[0, 0] > 0, lambda s, v: s("f", f, v), lambda s, v: s("f", f, -v), x)

    net = SampleShared()
    x = X[0]
    planned = list(net.plan(x).taps)
    assert planned == list(net.apply(net.init(KEY, x), x, capture="**").taps)


@brick
class SampleLayer(Brick):
    """x + tanh(x w) · dropout, a count of runs, a tap."""

    def __call__(self, scope, x):
        w = scope.param("w", (x.shape[-1], x.shape[-1]), normal)
        runs = scope.stat("runs", (), zeros)
        scope.write("runs", runs + x.sum())
        return x + scope.tap("z", jnp.tanh(x @ w))


@pytest.mark.parametrize("remat", [False, True])
def test_stack_equals_a_loop(remat):
    net = SampleStack(SampleLayer(), 3, remat)
    x = X[0]
    variables = net.init(KEY, x)
    w = variables.params["copies/w"]
    assert w.shape == (3, 3, 3)
    assert variables.stats["copies/runs"].shape == (3,)
    assert len(np.unique(np.asarray(w))) == 27  # every copy is drawn on its own

    def loop(w, offsets):
        y, zs, sums = x, [], []
        for index in range(3):
            sums.append(y.sum())
            zs.append(jnp.tanh(y @ w[index]) + offsets[index])
            y = y + zs[-1]
        return y, jnp.stack(zs), jnp.stack(sums)

    def run(w, offsets):
        return net.apply(Variables({"copies/w": w}, variables.stats), x, capture="**", offsets={"copies/z": offsets})

    offsets = jnp.asarray(np.random.default_rng(1).normal(size=(3, 4, 3)), jnp.float32)
    result, (y, zs, sums) = run(w, offsets), loop(w, offsets)
    np.testing.assert_allclose(result.output, y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(result.taps["copies/z"], zs, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(result.stats["copies/runs"], sums, rtol=1e-4, atol=1e-4)
    ours = jax.grad(lambda *a: (run(*a).output ** 2).sum(), (0, 1))(w, offsets)
    theirs = jax.grad(lambda *a: (loop(*a)[0] ** 2).sum(), (0, 1))(w, offsets)
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-3)


def test_stack_of_stacks():
    net = SampleStack(SampleStack(SampleLayer(), 2), 3)
    x = X[0]
    variables = net.init(KEY, x)
    w = variables.params["copies/copies/w"]
    assert w.shape == (3, 2, 3, 3)
    y = x
    for outer in range(3):
        for inner in range(2):
            y = y + jnp.tanh(y @ w[outer, inner])
    result = net.apply(variables, x, capture="**")
    np.testing.assert_allclose(result.output, y, rtol=1e-4, atol=1e-4)
    assert result.taps["copies/copies/z"].shape == net.plan(x).taps["copies/copies/z"].shape == (3, 2, 4, 3)
    offsets = {"copies/copies/z": jnp.zeros((3, 2, 4, 3)).at[2, 1].set(1.0)}
    np.testing.assert_allclose(net.apply(variables, x, offsets=offsets).output, result.output + 1, rtol=1e-4, atol=1e-4)


def test_stack_passes_shared_and_own_inputs():
    @brick
    class SampleStep(Brick):
        def __call__(self, scope, x, factor, memory):
            w = scope.param("w", (), normal)
            return x * w * factor + memory, memory + x.sum()

    @brick
    class SampleMemories(Brick):
        def __call__(self, scope, x, memories):
            return scope.stack("steps", SampleStep(), 3, x, 2.0, each=memories)

    x, memories = X[0], jnp.asarray([1.0, 2.0, 3.0])
    variables = SampleMemories().init(KEY, x, memories)
    y, new = x, []
    for index, w in enumerate(variables.params["steps/w"]):
        y, one = y * w * 2 + memories[index], memories[index] + y.sum()
        new.append(one)
    out, outs = SampleMemories().apply(variables, x, memories).output
    np.testing.assert_allclose(out, y, rtol=1e-5)
    np.testing.assert_allclose(outs, np.stack(new), rtol=1e-4)
    plan = SampleMemories().plan(x, memories)
    assert plan.output[1].shape == (3,)


def test_a_stack_stored_for_another_number_is_refused():
    net = SampleStack(SampleLayer(), 3)
    variables = net.init(KEY, X[0])
    with pytest.raises(ShapeError, match=r"for 4 copies, so its first axis must be 4; it has \(3, 3, 3\)"):
        SampleStack(SampleLayer(), 4).apply(variables, X[0])


def test_bodies_must_keep_the_shapes():
    @brick
    class SampleGrows(Brick):
        how: str

        def __call__(self, scope, x):
            def grow(v):
                return jnp.concatenate([v, v])

            match self.how:
                case "scan":
                    return scope.scan(lambda s, c, _: (grow(c), None), x, length=2)[0]
                case "stack":
                    return scope.stack("s", SampleLinear(7), 2, x)
            return scope.cond(x[0, 0] > 0, lambda s, v: grow(v), lambda s, v: v, x)

    for how in ("scan", "stack", "cond"):
        with pytest.raises(ShapeError, match=f"scope.{how}.* same shapes"):
            SampleGrows(how).plan(X[0])

    @brick
    class SampleLengths(Brick):
        def __call__(self, scope, x):
            return scope.map(lambda s, v: v, (x, x[:3]))

    with pytest.raises(ShapeError, match=r"one length.*\[3, 6\]"):
        SampleLengths().plan(X)


def test_the_outer_scope_inside_a_lift_is_refused():
    @brick
    class SampleOuter(Brick):
        def __call__(self, scope, xs):
            return scope.map(lambda s, x: scope("f", SampleLinear(2), x), xs)

    variables = Variables({"f/weight": jnp.ones((3, 2)), "f/bias": jnp.ones(2)})
    with pytest.raises(ScopeError, match="raw JAX transform"):
        SampleOuter().apply(variables, X)


def test_statistics_flow_through_nested_lifts():
    @brick
    class SampleNested(Brick):
        def __call__(self, scope, xs):
            def step(s, c, x):
                x = s.remat(lambda r, v: r("count", SampleCount(), v), x)
                s.map(lambda t, row: t("count", SampleCount(), row[None]), x)
                return c, x

            scope.scan(step, (), xs)
            return scope("count", SampleCount(), xs[0])

    net = SampleNested()
    after = net.apply(net.init(KEY, X), X, training=True)
    assert after.stats["count/runs"] == 6 * (1 + 4) + 1


def test_rewriting_reaches_into_stacks_and_scans():
    @brick
    class SampleNegated(Brick):
        inner: Brick

        def __call__(self, scope, x):
            return scope.rewriting(lambda s, name, shape, init: -s.param(name, shape, init)).run(self.inner, x)

    net = SampleNegated(SampleStack(SampleLayer(), 3))
    variables = net.init(KEY, X[0])
    minus = jax.tree.map(lambda a: -a, variables.params)
    np.testing.assert_allclose(
        net.apply(variables, X[0]).output,
        SampleStack(SampleLayer(), 3).apply(Variables(minus, variables.stats), X[0]).output,
        rtol=1e-6,
    )
    recurrent = SampleNegated(SampleRecurrent(SampleCell(5)))
    variables = recurrent.init(KEY, X)
    expected = by_loop(jax.tree.map(lambda a: -a, variables.params), X)[0]
    np.testing.assert_allclose(recurrent.apply(variables, X).output[0], expected, rtol=1e-4, atol=1e-5)


def test_lifts_under_jit_vmap_and_population():
    net = SampleStack(chain(SampleLayer(), SampleDrop(0.2)), 2)
    keys = jax.random.split(KEY, 3)
    many = jax.vmap(lambda key: net.init(key, X[0]))(keys)

    def run(variables, key):
        return net.apply(variables, X[0], training=True, key=key, settings={"copies/1/rate": 0.4}).output

    together = jax.jit(jax.vmap(run))(many, keys)
    for index in range(3):
        alone = run(jax.tree.map(lambda a, i=index: a[i], many), keys[index])
        np.testing.assert_allclose(together[index], alone, rtol=1e-4, atol=1e-5)


def test_frozen_reaches_into_lifts():
    net = SampleStack(chain(SampleCount(), SampleDrop(0.5)), 2)
    variables = net.init(KEY, X[0])
    after = net.apply(variables, X[0], training=True, frozen="copies/**")
    np.testing.assert_array_equal(after.output, X[0])
    np.testing.assert_array_equal(after.stats["copies/0/runs"], np.zeros(2))


def test_a_scan_of_no_steps_plans_as_it_applies():
    net = SampleRecurrent(SampleCell(5))
    variables = net.init(KEY, X)
    empty = X[:0]
    out = net.apply(variables, empty).output
    assert out[1].shape == (0, 4, 5)
    assert net.plan(empty).output[1].shape == (0, 4, 5)
