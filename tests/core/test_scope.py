"""The rules of the scope, one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from core_samples import SampleCount, SampleDrop, SampleLinear, SampleTwice, chain, normal, ones, zeros

from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import ScopeError, SettingError, ShapeError
from brickwork.core.precision import Precision
from brickwork.core.variables import Variables

X = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.float32)
KEY = jax.random.key(7)


# ------------------------------------------------------------------------------- parameters and what is stored


def test_both_passes_see_the_same_declarations():
    net = chain(SampleLinear(5), SampleCount(), SampleDrop(0.3), SampleTwice(SampleLinear(5)))
    plans = [net.plan(X, training=training) for training in (True, False)]
    names = [(sorted(p.params), sorted(p.stats), sorted(p.settings)) for p in plans]
    assert names[0] == names[1]
    variables = net.init(KEY, X)
    for training in (True, False):  # nothing is missing and nothing is made up
        after = net.apply(variables, X, training=training, key=KEY)
        assert sorted(after.stats) == sorted(plans[0].stats)
        assert after.output.shape == plans[0].output.shape
        assert after.output.dtype == plans[0].output.dtype


@pytest.mark.parametrize("shape", [(1, 5), (3, 1), (5,), (), (1, 1), (3, 5, 1), (5, 3), (3, 6)])
def test_a_wrong_stored_shape_is_never_broadcast(shape):
    variables = Variables({"weight": jnp.ones(shape), "bias": jnp.zeros(5)})
    with pytest.raises(ShapeError, match=r"'weight' is stored with shape .* needs \(3, 5\)"):
        SampleLinear(5).apply(variables, X)


def test_a_missing_parameter_is_named_with_the_nearest():
    with pytest.raises(ScopeError, match=r"'weight' is not among the variables\. Did you mean 'weigth'"):
        SampleLinear(5).apply(Variables({"weigth": jnp.ones((3, 5)), "bias": jnp.zeros(5)}), X)


def test_asking_again_gives_the_same_parameter_and_another_shape_is_an_error():
    @brick
    class SampleAsksTwice(Brick):
        second: int

        def __call__(self, scope, x):
            return x @ scope.param("w", (3, 3), normal) @ scope.param("w", (3, self.second), normal)

    variables = SampleAsksTwice(3).init(KEY, X)
    assert list(variables.params) == ["w"]
    w = variables.params["w"]
    np.testing.assert_allclose(SampleAsksTwice(3).apply(variables, X).output, X @ w @ w, rtol=1e-5)
    with pytest.raises(ShapeError, match=r"declared with shape \(3, 3\) and again with \(3, 4\)"):
        SampleAsksTwice(4).plan(X)


def test_every_variable_starts_from_its_own_path():
    one = chain(SampleLinear(3), SampleLinear(3)).init(KEY, X).params
    more = chain(SampleLinear(3), SampleLinear(3), SampleLinear(3)).init(KEY, X).params
    assert not np.allclose(one["0/weight"], one["1/weight"])
    for path in one:
        np.testing.assert_array_equal(one[path], more[path])


# --------------------------------------------------------------------------------------------------- tied weights


def test_tied_weights_have_one_parameter_and_two_uses():
    net = SampleTwice(SampleLinear(3))
    variables = net.init(KEY, X)
    assert sorted(variables.params) == ["inner/bias", "inner/weight"]
    w, b = variables.params["inner/weight"], jnp.arange(3.0)
    variables = variables.load(Variables({"inner/bias": b}))
    result = net.apply(variables, X, capture="**")
    first = X @ w + b
    np.testing.assert_allclose(result.taps["inner/z"], first, rtol=1e-5)
    np.testing.assert_allclose(result.taps["inner#1/z"], first @ w + b, rtol=1e-5)
    np.testing.assert_allclose(result.output, first @ w + b, rtol=1e-5)
    gradient = jax.grad(lambda p: net.apply(Variables(p), X).output.sum())(variables.params)["inner/weight"]
    one, two = jax.grad(lambda a, c: ((X @ a + b) @ c + b).sum(), (0, 1))(w, w)
    np.testing.assert_allclose(gradient, one + two, rtol=1e-5)


def test_each_use_draws_its_own_numbers():
    net = SampleTwice(SampleDrop(0.5))
    x = jnp.ones((50, 20))
    taps = net.apply(Variables({}), x, training=True, key=KEY, capture="**").taps
    first = np.asarray(taps["inner/out"]) != 0
    second = np.asarray(taps["inner#1/out"]) != 0
    kept = second[first].mean()  # of what the first kept, the second keeps about half, not all
    assert 0.4 < kept < 0.6


def test_one_name_binds_one_brick():
    @brick
    class SampleConfused(Brick):
        def __call__(self, scope, x):
            return scope("a", SampleLinear(3), scope("a", SampleDrop(), x))

    with pytest.raises(ScopeError, match=r"'a' is bound to SampleDrop.* cannot name SampleLinear"):
        SampleConfused().plan(X)


def test_keys_differ_by_path_draw_and_seed_and_are_repeatable():
    @brick
    class SampleDraws(Brick):
        def __call__(self, scope, x):
            for _ in range(2):
                scope.tap("key", jax.random.key_data(scope.key()))
            return x

    net = chain(SampleDraws(), SampleDraws(), SampleTwice(SampleDraws()))

    def keys(seed):
        taps = net.apply(Variables({}), X, key=jax.random.key(seed), capture="**").taps
        return {name: tuple(np.asarray(tap).tolist()) for name, tap in taps.items()}

    assert len(keys(0)) == 8
    assert len(set(keys(0).values())) == 8
    assert keys(0) == keys(0)
    assert not set(keys(0).values()) & set(keys(1).values())


def test_a_missing_key_is_said():
    with pytest.raises(ScopeError, match=r"draws random numbers: pass key="):
        chain(SampleDrop()).apply(Variables({}), X, training=True)
    chain(SampleDrop()).apply(Variables({}), X)  # not needed where nothing is drawn


# -------------------------------------------------------------------------------------------------- statistics


def test_statistics_read_what_was_written_earlier_in_the_pass():
    net = SampleTwice(SampleCount())
    variables = net.init(KEY, X)
    after = net.apply(variables, X, training=True)
    assert after.stats["inner/runs"] == 2
    assert variables.stats["inner/runs"] == 0  # nothing given is changed
    np.testing.assert_allclose(after.stats["inner/last"], np.asarray(X).mean(0), rtol=1e-5)
    assert net.apply(variables, X).stats["inner/runs"] == 0


def test_statistics_carry_no_gradient():
    @brick
    class SampleMean(Brick):
        def __call__(self, scope, x):
            mean = scope.stat("mean", (3,), zeros)
            scope.write("mean", x.mean(0))
            return x * scope.stat("mean", (3,), zeros) + mean

    variables = SampleMean().init(KEY, X)
    gradient = jax.grad(lambda x: SampleMean().apply(variables, x).output.sum())(X)
    np.testing.assert_allclose(gradient, np.broadcast_to(np.asarray(X).mean(0), X.shape), rtol=1e-5)
    gradient = jax.grad(lambda s: SampleMean().apply(Variables({}, s), X).output.sum())(variables.stats)
    np.testing.assert_array_equal(gradient["mean"], np.zeros(3))


def test_writing_needs_a_declared_statistic_of_that_shape():
    @brick
    class SampleWrites(Brick):
        declared: bool
        size: int

        def __call__(self, scope, x):
            if self.declared:
                scope.stat("s", (3,), zeros)
            scope.write("s", jnp.ones(self.size))
            return x

    with pytest.raises(ScopeError, match="written before it was declared"):
        SampleWrites(False, 3).plan(X)
    for size in (1, 4):
        with pytest.raises(ShapeError, match=rf"shape \(3,\), the value written \({size},\)"):
            SampleWrites(True, size).plan(X)


def test_frozen_parts_behave_as_in_evaluation():
    net = chain(SampleCount(), chain(SampleCount(), SampleDrop(0.5)), SampleCount())
    variables = net.init(KEY, X)
    after = net.apply(variables, X, training=True, frozen="1/**")  # no key is needed: the dropout is frozen
    assert [float(after.stats[f"{path}/runs"]) for path in ("0", "1/0", "2")] == [1, 0, 1]
    np.testing.assert_array_equal(after.output, X)


def test_parts_taken_back_from_freezing_are_trained():
    net = SampleNamed(SampleCount(), chain(SampleCount(), SampleDrop(0.5)))
    variables = net.init(KEY, X)

    def runs(frozen):
        after = net.apply(variables, X, training=True, key=KEY, frozen=frozen).stats
        return float(after["body/runs"]), float(after["head/0/runs"])

    assert runs(()) == (1, 1)
    assert runs("**") == (0, 0)
    assert runs("body/**") == (0, 1)
    assert runs(("**", "!head/**")) == (0, 1)
    assert runs(("**", "!body/**")) == (1, 0)  # a brick at the very path that `body/**` is about
    assert runs(("**", "!**")) == (1, 1)
    with pytest.raises(SettingError, match=r"No part fits '!hed/\*\*'"):
        runs(("**", "!hed/**"))


@brick
class SampleNamed(Brick):
    body: Brick
    head: Brick

    def __call__(self, scope, x):
        return scope("head", self.head, scope("body", self.body, x))


# ---------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["", "a/b", "/", "a#1", "?", "a*", "!a"])
@pytest.mark.parametrize("ask", ["param", "stat", "tap", "child", "setting"])
def test_names_with_signs_of_paths_and_patterns_are_refused(ask, name):
    @brick
    class SampleNames(Brick):
        def __call__(self, scope, x):
            match ask:
                case "param":
                    scope.param(name, (), ones)
                case "stat":
                    scope.stat(name, (), zeros)
                case "tap":
                    scope.tap(name, x)
                case "setting":
                    scope.setting(name, 1.0)
                case "child":
                    scope(name, SampleCount(), x)
            return x

    with pytest.raises(ScopeError, match=r"cannot name a part of head/inner: leave out / # \? \* and !"):
        SampleNamed(SampleDrop(), SampleTwice(SampleNames())).plan(X)
    with pytest.raises(ScopeError, match="cannot name a part of the network"):
        SampleNames().apply(Variables({}), X)


# ---------------------------------------------------------------------------------------------------- settings


def test_settings_are_overridden_by_path():
    net = chain(SampleLinear(3), SampleDrop(0.5))
    assert net.plan(X).settings == {"1/rate": 0.5}
    variables = net.init(KEY, X)
    plain = net.apply(variables, X).output
    dropped = net.apply(variables, X, training=True, key=KEY, settings={"1/rate": 0.0}).output
    np.testing.assert_array_equal(plain, dropped)
    with pytest.raises(SettingError, match=r"no setting '1/rat'\. Did you mean '1/rate'"):
        net.apply(variables, X, settings={"1/rat": 0.0})


def test_settings_vary_under_vmap_in_one_program():
    net = chain(SampleLinear(3), SampleDrop(0.5))
    variables = net.init(KEY, X)
    rates = jnp.asarray([0.0, 0.3, 0.9])

    def run(rate):
        return net.apply(variables, X, training=True, key=KEY, settings={"1/rate": rate}).output

    together = jax.jit(jax.vmap(run))(rates)
    for index, rate in enumerate([0.0, 0.3, 0.9]):
        alone = chain(SampleLinear(3), SampleDrop(rate)).apply(variables, X, training=True, key=KEY).output
        np.testing.assert_allclose(together[index], alone, rtol=1e-5, atol=1e-6)
    assert (np.asarray(together[2]) == 0).mean() > (np.asarray(together[0]) == 0).mean()


# ----------------------------------------------------------------------------------------------- taps and offsets


def test_capture_chooses_taps_by_pattern():
    net = chain(SampleLinear(4), SampleLinear(2))
    variables = net.init(KEY, X)
    assert list(net.plan(X).taps) == ["0/z", "1/z"]
    assert net.apply(variables, X).taps == {}
    assert list(net.apply(variables, X, capture="1/*").taps) == ["1/z"]
    assert list(net.apply(variables, X, capture=("0/z", "1/z")).taps) == ["0/z", "1/z"]
    with pytest.raises(SettingError, match=r"No tap fits '0/y'\. Did you mean '0/z'"):
        net.apply(variables, X, capture="0/y")


def test_a_tap_that_nobody_looks_at_is_free():
    net = chain(SampleLinear(4), SampleLinear(2))
    variables = net.init(KEY, X)
    with_taps = str(jax.make_jaxpr(lambda x: net.apply(variables, x).output)(X))

    def plain(x):
        for index in range(2):
            x = x @ variables.params[f"{index}/weight"] + variables.params[f"{index}/bias"]
        return x

    assert with_taps.count("=") == str(jax.make_jaxpr(plain)(X)).count("=")


@brick
class SampleShy(Brick):
    """Makes a value that costs something only for those who look."""

    def __call__(self, scope, x):
        if scope.watched("sorted"):
            scope.tap("sorted", jax.lax.sort(x, dimension=0))
        return scope.tap("out", x + 1)


def test_watched_values_are_made_for_those_who_look():
    net = SampleTwice(SampleShy())
    assert list(net.plan(X).taps) == ["inner/sorted", "inner/out", "inner#1/sorted", "inner#1/out"]

    def sorts(**looking):
        text = str(jax.make_jaxpr(lambda x: net.apply(Variables({}), x, **looking).output)(X))
        assert text.count(" add ") >= 2
        return text.count(" sort[")

    assert sorts() == 0
    assert sorts(capture="**/out") == 0
    assert sorts(capture="**") == sorts(capture="**/sorted") == 2
    assert sorts(capture="inner#1/sorted") == sorts(offsets={"inner/sorted": jnp.zeros((4, 3))}) == 1
    assert sorts(capture=("**", "!inner/*")) == 1
    taps = net.apply(Variables({}), X, capture="**/sorted").taps
    np.testing.assert_array_equal(taps["inner#1/sorted"], np.sort(np.asarray(X), 0) + 1)
    with pytest.raises(SettingError, match="No tap fits 'inner/sort'"):
        net.apply(Variables({}), X, capture="inner/sort")


def test_the_gradient_of_an_offset_is_the_gradient_of_the_inner_value():
    net = chain(SampleLinear(4), SampleLinear(2))
    variables = net.init(KEY, X)
    z = X @ variables.params["0/weight"] + variables.params["0/bias"]

    def after(z):
        return jnp.sin(z @ variables.params["1/weight"] + variables.params["1/bias"]).sum()

    def offset_loss(offset):
        return jnp.sin(net.apply(variables, X, offsets={"0/z": offset}).output).sum()

    np.testing.assert_allclose(jax.grad(offset_loss)(jnp.zeros_like(z)), jax.grad(after)(z), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(offset_loss(jnp.ones_like(z)), after(z + 1), rtol=1e-4)
    with pytest.raises(ShapeError, match=r"tap '0/z' has shape \(4, 1\); the tap has \(4, 4\)"):
        net.apply(variables, X, offsets={"0/z": jnp.zeros((4, 1))})
    with pytest.raises(SettingError, match="no tap '0/q'"):
        net.apply(variables, X, offsets={"0/q": jnp.zeros((4, 1))})


def test_captured_values_have_their_offset():
    net = SampleLinear(2)
    variables = net.init(KEY, X)
    plain = net.apply(variables, X, capture="z").taps["z"]
    moved = net.apply(variables, X, capture="z", offsets={"z": jnp.ones((4, 2))}).taps["z"]
    np.testing.assert_allclose(moved, plain + 1, rtol=1e-6)


# --------------------------------------------------------------------------------------------------- rewriting


@brick
class SampleLowRank(Brick):
    """weight + scale · up · down, on the names of the child."""

    inner: Brick
    rank: int

    def __call__(self, scope, x):
        def rule(inner, name, shape, init):
            value = inner.param(name, shape, init)
            if name != "weight":
                return value
            up = inner.param("up", (shape[0], self.rank), normal)
            return value + up @ inner.param("down", (self.rank, shape[1]), normal)

        return scope.rewriting(rule).run(self.inner, x)


@brick
class SampleScaled(Brick):
    """Every weight times a number."""

    inner: Brick
    scale: float

    def __call__(self, scope, x):
        def rule(inner, name, shape, init):
            value = inner.param(name, shape, init)
            return value * self.scale if name == "weight" else value

        return scope.rewriting(rule).run(self.inner, x)


def test_rewriting_keeps_the_names_of_loaded_weights():
    plain = chain(SampleLinear(4), SampleLinear(2))
    loaded = plain.init(KEY, X)
    net = SampleLowRank(plain, 1)
    variables = net.init(jax.random.key(1), X).load(loaded)
    assert sorted(set(variables.params) - set(loaded.params)) == ["0/down", "0/up", "1/down", "1/up"]
    p = variables.params
    expected = X @ (p["0/weight"] + p["0/up"] @ p["0/down"]) + p["0/bias"]
    expected = expected @ (p["1/weight"] + p["1/up"] @ p["1/down"]) + p["1/bias"]
    np.testing.assert_allclose(net.apply(variables, X).output, expected, rtol=1e-4)
    none = Variables({path: jnp.zeros_like(p[path]) for path in ("0/up", "1/up")})
    np.testing.assert_allclose(net.apply(variables.merge(none), X).output, plain.apply(loaded, X).output, rtol=1e-6)


def test_rules_nest_and_end_with_their_wrapper():
    @brick
    class SampleBeside(Brick):
        def __call__(self, scope, x):
            return scope("in", SampleScaled(SampleLinear(3), 2.0), x) + scope("out", SampleLinear(3), x)

    variables = SampleBeside().init(KEY, X)
    p = variables.params
    expected = X @ (2 * p["in/weight"]) + X @ p["out/weight"]
    np.testing.assert_allclose(SampleBeside().apply(variables, X).output, expected, rtol=1e-5)
    # the inner wrapper's rule sees the stored weight through the outer one: 3 · (2 · (w + u d)) is not 3 · 2 · w + u d
    for net, formula in (
        (SampleScaled(SampleLowRank(SampleLinear(2), 1), 3.0), lambda w, low: 3 * w + low),
        (SampleLowRank(SampleScaled(SampleLinear(2), 3.0), 1), lambda w, low: 3 * (w + low)),
    ):
        p = net.init(KEY, X).params
        w = formula(p["weight"], p["up"] @ p["down"])
        np.testing.assert_allclose(net.apply(Variables(p), X).output, X @ w + p["bias"], rtol=1e-4, atol=1e-5)


# --------------------------------------------------------------------------------------------------- precision


def test_precision_travels_in_the_scope():
    seen = {}

    @brick
    class SampleTypes(Brick):
        def __call__(self, scope, x):
            seen.update(x=x.dtype, dtype=scope.dtype, w=scope.param("w", (3,), ones).dtype)
            seen["s"] = scope.stat("s", (3,), zeros).dtype
            seen["cast"] = scope.cast(jnp.ones(2, jnp.uint8)).dtype
            scope.write("s", jnp.ones(3, jnp.bfloat16))
            return x * scope.param("w", (3,), ones)

    net = SampleTypes()
    variables = net.init(KEY, X)
    assert variables.params["w"].dtype == jnp.float32
    result = net.apply(variables, X, precision="bfloat16")
    assert seen == {"x": "bfloat16", "dtype": "bfloat16", "w": "bfloat16", "s": "float32", "cast": "bfloat16"}
    assert result.output.dtype == jnp.float32
    assert result.stats["s"].dtype == jnp.float32
    half = Precision(param="bfloat16", compute="float32", output="float16")
    assert net.init(KEY, X, precision=half).params["w"].dtype == jnp.bfloat16
    assert net.apply(net.init(KEY, X, precision=half), X, precision=half).output.dtype == jnp.float16
    net.plan(jnp.ones((2, 3), jnp.int32))
    assert seen["x"] == jnp.int32  # whole numbers are no one's to cast but the brick's
    with pytest.raises(SettingError, match="float31"):
        net.plan(X, precision="float31")


# ----------------------------------------------------------------------------------------------------- padded


def test_padded_sequences_pass_pointwise_bricks_and_stop_at_others():
    padded = Padded(jnp.ones((2, 5, 3)), jnp.asarray([5, 2]))
    np.testing.assert_array_equal(padded.mask, [[True] * 5, [True, True, False, False, False]])
    net = chain(SampleLinear(4), SampleLinear(2))

    @brick
    class SampleKeepsPadding(Brick):
        padded = "pointwise"

        def __call__(self, scope, x):
            return scope("net", SampleLinear(2), x)

    variables = SampleKeepsPadding().init(KEY, padded)
    out = SampleKeepsPadding().apply(variables, padded).output
    assert isinstance(out, Padded)
    assert out.values.shape == (2, 5, 2)
    np.testing.assert_array_equal(out.lengths, [5, 2])
    with pytest.raises(ShapeError, match="cannot take padded"):
        net.plan(padded)  # SampleChain does not say that it keeps positions apart


# ------------------------------------------------------------------------------------------------ raw transforms


@pytest.mark.parametrize("ask", ["param", "stat", "key", "tap", "child", "write"])
@pytest.mark.parametrize("transform", ["scan", "vmap", "jit", "grad", "checkpoint", "cond", "while", "map"])
def test_raw_transforms_around_a_scope_raise_and_say_what_to_use(transform, ask):
    @brick
    class SampleRaw(Brick):
        transform: str
        ask: str

        def __call__(self, scope, x):
            scope.stat("s", (), zeros)

            def inner(v):
                match self.ask:
                    case "param":
                        return v * scope.param("w", (), ones)
                    case "stat":
                        return v * scope.stat("s", (), zeros)
                    case "write":
                        scope.write("s", jnp.ones(()))
                    case "key":
                        return v * jax.random.normal(scope.key())
                    case "tap":
                        return scope.tap("t", v)
                    case "child":
                        return scope("child", SampleCount(), v[None, None])[0, 0]
                return v

            match self.transform:
                case "scan":
                    return jax.lax.scan(lambda c, v: (c, inner(v)), 0, x[:, 0])[1]
                case "vmap":
                    return jax.vmap(inner)(x[:, 0])
                case "jit":
                    return jax.jit(inner)(x[0, 0])
                case "grad":
                    return jax.grad(inner)(x[0, 0])
                case "checkpoint":
                    return jax.checkpoint(inner)(x[0, 0])
                case "cond":
                    return jax.lax.cond(x[0, 0] > 0, inner, inner, x[0, 0])
                case "while":
                    return jax.lax.fori_loop(0, 3, lambda i, v: inner(v), x[0, 0])
            return jax.lax.map(inner, x[:, 0])

    net = SampleRaw(transform, ask)
    with pytest.raises(ScopeError, match=r"raw JAX transform.*scope\.scan, scope\.map, scope\.remat"):
        net.plan(X)
    variables = Variables(
        {"w": jnp.ones(())}, {"s": jnp.ones(()), "child/runs": jnp.ones(()), "child/last": jnp.ones(1)}
    )
    with pytest.raises(ScopeError, match="raw JAX transform"):
        net.apply(variables, X, key=KEY, training=True)


@pytest.mark.parametrize("around", [jax.jit, jax.vmap, jax.checkpoint, lambda f: f])
def test_transforms_around_a_whole_network_are_fine(around):
    net = chain(SampleLinear(4), SampleDrop(0.5), SampleCount())
    variables = net.init(KEY, X)

    def run(x):
        return net.apply(variables, x[None], training=True, key=KEY).output[0]

    x = X if around is jax.vmap else X[0]
    assert around(run)(x).shape[-1] == 4


# -------------------------------------------------------------------------------------------------------- errors


def test_errors_name_path_settings_and_input_shape():
    @brick
    class SamplePicky(Brick):
        size: int

        def __call__(self, scope, x):
            if x.shape[-1] != self.size:
                raise ShapeError(f"needs {self.size} features")
            return x

    net = chain(SampleLinear(4), chain(SamplePicky(7)))
    with pytest.raises(ShapeError) as caught:
        net.plan(X)
    text = str(caught.value)
    assert "needs 7 features" in text
    assert "'1/0'" in text
    assert "SamplePicky(size=7)" in text
    assert "(4, 4)" in text
    assert text.count(" in brick ") == 1  # the innermost place only


def test_errors_of_other_libraries_get_a_note():
    @brick
    class SampleClumsy(Brick):
        def __call__(self, scope, x):
            return x @ jnp.ones((99, 2))

    with pytest.raises(TypeError) as caught:
        chain(SampleClumsy()).plan(X)
    assert any("'0'" in note and "SampleClumsy" in note and "(4, 3)" in note for note in caught.value.__notes__)


def test_unknown_methods_suggest_the_nearest():
    @brick
    class SampleMethods(Brick):
        def __call__(self, scope, x):
            return x

        def decode(self, scope, x):
            return 2 * x

    np.testing.assert_array_equal(SampleMethods().apply(Variables({}), X, method="decode").output, 2 * X)
    with pytest.raises(SettingError, match=r"no method 'decod'\. Did you mean 'decode'"):
        SampleMethods().apply(Variables({}), X, method="decod")
    with pytest.raises(ShapeError, match="takes arrays, got 'text'"):
        SampleMethods().apply(Variables({}), "text")
