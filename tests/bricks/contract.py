"""The contract that every brick keeps, as checks that take any brick.

    check_brick(MyBrick(3), x)                                   everything that needs no oracle
    check_brick(MyBrick(3), x, oracle=lambda v, x, taps: ...)    and the output against an equation in NumPy
    check_brick(MyBrick(3), golden="my_brick/plain")             and values and gradients from the stored file

An oracle is called with the variables by path, the inputs and the captured taps (random masks, say), all as NumPy
arrays, and returns the output. Stored files are `tests/oracles/bricks*_torch.npz`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from brickwork.core.batch import Padded
from brickwork.core.brick import Brick
from brickwork.core.errors import ScopeError
from brickwork.core.plan import Plan
from brickwork.core.spec import from_json, to_json
from brickwork.core.variables import Variables

GOLDEN = sorted((Path(__file__).parent.parent / "oracles").glob("bricks*_torch.npz"))
TOLERANCE = {"float32": {"rtol": 1e-4, "atol": 1e-5}, "float64": {"rtol": 1e-9, "atol": 1e-9}}
Oracle = Callable[[dict[str, np.ndarray], tuple[Any, ...], dict[str, np.ndarray]], Any]


@dataclass(frozen=True, eq=False)
class Case:
    """A brick with an example input, or with the name of a stored case, which holds inputs and variables.

    `training` says how values and gradients are compared; `weight` are row weights; `linear_in_masks` that the
    mean over random masks is what evaluation computes. `quick` says which checks run with the fast tests: all, those
    of plan, values, gradients in float64 and JSON, or none because other cases hold the same code to the same oracle;
    the rest run with the slow ones.
    """

    brick: Brick
    inputs: tuple[Any, ...] = ()
    golden: str = ""
    oracle: Oracle | None = None
    training: bool = False
    weight: np.ndarray | None = None
    method: str = "__call__"
    linear_in_masks: bool = True
    quick: Literal["all", "values", "nothing"] = "values"


@cache
def _file() -> dict[str, np.ndarray]:
    arrays = {}
    for path in GOLDEN:
        with np.load(path) as stored:
            arrays.update(stored)
    return arrays


def golden(name: str) -> dict[str, np.ndarray]:
    """Return the arrays of a stored case."""
    found = {key[len(name) + 1 :]: value for key, value in _file().items() if key.startswith(name + "/")}
    assert found, f"no stored file has a case {name!r}"
    return found


def below(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}


# The machine code is less optimised than in use, which compiles in two thirds of the time; XLA's passes are the same.
compiled = partial(
    jax.jit,
    compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True},
)


def is_float(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)


def drawn(plan: Plan, seed: int = 5) -> Variables:
    """Return random variables of the planned shapes, without compiling the initialisers."""
    rng, shapes = np.random.default_rng(seed), plan.shapes()
    return Variables(
        {k: jnp.asarray(0.4 * rng.normal(size=v.shape), v.dtype) for k, v in shapes.params.items()},
        {k: jnp.asarray(rng.uniform(0.5, 1.5, v.shape), v.dtype) for k, v in shapes.stats.items()},
    )


def draw(brick: Brick, *inputs: Any, seed: int = 5, precision: str = "float32") -> Variables:
    """Return random variables of a brick for inputs like these."""
    return drawn(brick.plan(*inputs, precision=precision), seed)


class Subject:
    """A case in one precision: its arrays, and one compiled function for outputs, statistics and gradients."""

    def __init__(self, case: Case, precision: str = "float32"):
        self.case, self.precision = case, precision
        self.brick = case.brick
        self.stored = golden(case.golden) if case.golden else {}
        inputs = case.inputs or tuple(self._stored_input(index) for index in range(len(below(self.stored, "in/"))))
        self.inputs = jax.tree.map(self._as_type, inputs)
        self.weight = None if case.weight is None else self._as_type(case.weight)
        self.key = jax.random.key(11)
        self.traces = 0
        self.plan = self.brick.plan(*self.inputs, precision=precision, method=case.method)
        self.variables = drawn(self.plan, 5)
        if self.stored:
            params, stats = below(self.stored, "param/"), below(self.stored, "stat/")
            assert params.keys() == self.variables.params.keys()
            assert stats.keys() == self.variables.stats.keys()
            self.variables = self.variables.load(Variables(params, stats))
        self.directions = self._directions()
        self.compiled = compiled(self._run)

    def _stored_input(self, index: int) -> Any:
        values = self.stored[f"in/{index}"]
        lengths = self.stored.get(f"lengths/{index}")
        return values if lengths is None else Padded(jnp.asarray(values), jnp.asarray(lengths))

    def _as_type(self, leaf: Any) -> jax.Array:
        leaf = jnp.asarray(leaf)
        wide = "float64" if self.precision == "float64" else "float32"
        return leaf.astype(wide) if is_float(leaf) else leaf

    def apply(self, variables: Variables, inputs: Any, **options: Any) -> Any:
        given = {"precision": self.precision, "method": self.case.method, "weight": self.weight}
        return self.brick.apply(variables, *inputs, **(given | options))

    @cached_property
    def needs_key(self) -> bool:
        """Whether training draws random numbers."""
        try:
            jax.eval_shape(lambda v, i: self.apply(v, i, training=True).output, self.variables, self.inputs)
        except ScopeError:
            return True
        return False

    def _directions(self) -> list[jax.Array]:
        """Return an array for each array of the output; gradients are those of sum(output * direction)."""
        leaves = [leaf for leaf in jax.tree.leaves(self.plan.output) if is_float(leaf)]
        if "direction" in self.stored:
            return [self._as_type(self.stored["direction"])]
        rng = np.random.default_rng(3)
        return [self._as_type(rng.normal(size=leaf.shape)) for leaf in leaves]

    def _run(self, params: Any, stats: Any, inputs: Any, directions: Any) -> Any:
        """Return output, statistics, taps, and gradients by parameters and inputs, in the case's mode."""
        self.traces += 1
        leaves, tree = jax.tree.flatten(inputs)
        chosen = [i for i, leaf in enumerate(leaves) if is_float(leaf)]
        key = self.key if self.case.training else None

        def score(params: Any, floats: Any) -> Any:
            for i, leaf in zip(chosen, floats, strict=True):
                leaves[i] = leaf
            result = self.apply(
                Variables(params, stats),
                jax.tree.unflatten(tree, leaves),
                training=self.case.training,
                key=key,
                capture="**" if self.case.training and self.needs_key else (),
            )
            floats = [leaf for leaf in jax.tree.leaves(result.output) if is_float(leaf)]
            total = sum(jnp.sum(y * d) for y, d in zip(floats, directions, strict=True))
            return total, result

        gradient = jax.value_and_grad(score, argnums=(0, 1), has_aux=True)
        (total, result), grads = gradient(params, [leaves[i] for i in chosen])
        return {"score": total, "output": result.output, "stats": result.stats, "taps": result.taps, "grads": grads}

    def run(self, params: Any = None, inputs: Any = None) -> Any:
        return self.compiled(
            self.variables.params if params is None else params,
            self.variables.stats,
            self.inputs if inputs is None else inputs,
            self.directions,
        )


@lru_cache(maxsize=6)  # the checks of a case follow each other; compiled programs take memory
def subject_of(case: Case, precision: str = "float32") -> Subject:
    """Return the subject of a case, the same for all checks, so that its program is compiled once."""
    return Subject(case, precision)


def close(one: Any, two: Any, **tolerance: Any) -> None:
    one_leaves, two_leaves = jax.tree.leaves(one), jax.tree.leaves(two)
    assert len(one_leaves) == len(two_leaves)
    for a, b in zip(one_leaves, two_leaves, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), **tolerance)


# ------------------------------------------------------------------------------------------------ the checks


def check_plan(case: Case) -> None:
    """Planned shapes and taps are the real ones, and training and evaluation declare the same."""
    subject = subject_of(case)
    plans = {
        training: case.brick.plan(*subject.inputs, training=training, method=case.method) for training in (True, False)
    }

    def declared(plan: Any) -> Any:
        shapes = {path: (one.shape, one.dtype) for path, one in [*plan.params.items(), *plan.stats.items()]}
        return shapes, plan.settings, [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(plan.output)]

    assert declared(plans[True]) == declared(plans[False])
    real = jax.eval_shape(lambda: case.brick.init(jax.random.key(0), *subject.inputs, method=case.method))
    assert jax.tree.map(lambda a: (a.shape, a.dtype), real) == jax.tree.map(
        lambda a: (a.shape, a.dtype), plans[True].shapes()
    )
    for training, plan in plans.items():
        capture = tuple(plan.taps)
        result = jax.eval_shape(
            lambda v, i, t=training, c=capture: subject.apply(v, i, training=t, key=jax.random.key(0), capture=c),
            subject.variables,
            subject.inputs,
        )
        assert jax.tree.structure(result.output) == jax.tree.structure(plan.output)
        for got, planned in zip(jax.tree.leaves(result.output), jax.tree.leaves(plan.output), strict=True):
            assert (got.shape, got.dtype) == (planned.shape, planned.dtype)
        assert {k: (t.shape, t.dtype) for k, t in result.taps.items()} == {
            k: (t.shape, t.dtype) for k, t in plan.taps.items()
        }


def check_oracle(case: Case) -> None:
    """Output, statistics and gradients are those of the oracle, in float64."""
    with jax.enable_x64(True):
        compare_with_oracle(case, "float64")


def check_oracle_in_float32(case: Case) -> None:
    """Output, statistics and gradients are those of the oracle, in float32."""
    compare_with_oracle(case, "float32")


def compare_with_oracle(case: Case, precision: str) -> None:
    subject = subject_of(case, precision)
    result, tolerance = subject.run(), TOLERANCE[precision]
    if case.golden:
        stored = subject.stored
        output = result["output"]
        close(output.values if isinstance(output, Padded) else output, stored["out"], **tolerance)
        params, inputs = result["grads"]
        close(params, below(stored, "grad/param/"), **tolerance)
        wanted = sorted(below(stored, "grad/in/").items(), key=lambda item: int(item[0]))
        close(inputs, [value for _, value in wanted], **tolerance)
        if case.training:
            close(result["stats"], below(stored, "after/"), **tolerance)
    if case.oracle:
        v, i, t = jax.tree.map(np.asarray, (subject.variables, subject.inputs, result["taps"]))
        close(result["output"], case.oracle({**v.params, **v.stats}, i, t), **tolerance)


def check_gradients(case: Case) -> None:
    """Gradients by parameters and inputs are finite differences along random directions, in float64."""
    with jax.enable_x64(True):
        subject = subject_of(case, "float64")
        exact, step = subject.run(), 1e-6
        leaves, tree = jax.tree.flatten(subject.inputs)
        chosen = [i for i, leaf in enumerate(leaves) if is_float(leaf)]
        rng = np.random.default_rng(4)
        ways = jax.tree.map(lambda g: rng.normal(size=g.shape), exact["grads"])

        def moved(by: float) -> float:
            params = {k: v + by * ways[0][k] for k, v in subject.variables.params.items()}
            shifted = list(leaves)
            for i, way in zip(chosen, ways[1], strict=True):
                shifted[i] = leaves[i] + by * way
            return float(subject.run(params, jax.tree.unflatten(tree, shifted))["score"])

        slope = (moved(step) - moved(-step)) / (2 * step)
        pairs = zip(jax.tree.leaves(exact["grads"]), jax.tree.leaves(ways), strict=True)
        assert np.isclose(sum(float(jnp.sum(g * w)) for g, w in pairs), slope, rtol=1e-6, atol=1e-7)


def check_json(case: Case) -> None:
    """A brick survives JSON: equal, with equal hash, and as another object."""
    text = json.dumps(to_json(case.brick))
    again = from_json(json.loads(text))
    assert again is not case.brick
    assert again == case.brick
    assert hash(again) == hash(case.brick)
    assert case.brick.replace() == case.brick
    assert len(repr(case.brick)) > 0


def check_vmap(case: Case) -> None:
    """Mapped over variables and inputs a brick computes what a loop computes."""
    subject = subject_of(case)
    sets = [drawn(subject.plan, seed) for seed in (1, 2)]
    shifted = [jax.tree.map(lambda leaf, s=s: leaf + s if is_float(leaf) else leaf, subject.inputs) for s in (0.0, 0.3)]
    keys = jax.random.split(jax.random.key(3), 2)

    def run(variables: Variables, inputs: Any, key: Any) -> Any:
        result = subject.apply(variables, inputs, training=True, key=key)
        return result.output, result.stats

    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), *zip(sets, shifted, strict=True))
    mapped, looped = compiled(
        lambda both, keys: (jax.vmap(run)(*both, keys), [run(sets[i], shifted[i], keys[i]) for i in range(2)])
    )(both, keys)
    for i in range(2):
        close(jax.tree.map(lambda leaf, i=i: leaf[i], mapped), looped[i], rtol=1e-4, atol=1e-5)


def check_compiles_once(case: Case) -> None:
    """Other values of the same shapes run the program that is there, and an equal brick shares it."""
    subject = subject_of(case)
    subject.run()
    subject.run({k: v * 1.5 for k, v in subject.variables.params.items()})
    assert subject.traces == 1
    count = 0

    def run(brick: Brick, variables: Variables, inputs: Any) -> Any:
        nonlocal count
        count += 1
        return brick.apply(variables, *inputs, method=case.method).output

    static = compiled(run, static_argnums=0)
    for brick in (case.brick, case.brick.replace()):
        jax.block_until_ready(static(brick, subject.variables, subject.inputs))
    assert count == 1


def check_training_and_evaluation(case: Case) -> None:
    """Without statistics or randomness both are the same; with them evaluation is what training comes to.

    Running statistics reach those of a batch that is seen again and again (up to n / (n - 1) in a variance); the
    mean over random masks is the output of evaluation.
    """
    subject = subject_of(case)

    start, params = subject.variables.stats, subject.variables.params

    def run(stats: Any, key: Any, training: bool) -> Any:
        result = subject.apply(Variables(params, stats), subject.inputs, training=training, key=key)
        return jax.tree.map(lambda leaf: leaf if is_float(leaf) else None, result.output), result.stats

    if subject.needs_key:
        if case.linear_in_masks:
            n = 1000
            masks, expected = compiled(
                lambda keys: (jax.vmap(lambda key: run(start, key, True)[0])(keys), run(start, None, False)[0])
            )(jax.random.split(subject.key, n))
            for random, mean in zip(jax.tree.leaves(masks), jax.tree.leaves(expected), strict=True):
                error = np.std(random, 0) / np.sqrt(n)
                assert np.all(np.abs(np.mean(random, 0) - np.asarray(mean)) <= 5 * error + 1e-4)
        return
    if not start:
        close(*compiled(lambda: (run(start, None, False)[0], run(start, None, True)[0]))(), rtol=1e-6, atol=1e-6)
        return

    def settle(stats: Any) -> Any:
        output, _ = run(stats, None, True)
        settled = jax.lax.fori_loop(0, 300, lambda i, s: run(s, None, True)[1], stats)
        return output, run(settled, None, False)[0], settled, run(settled, None, True)[1]

    output, evaluated, settled, after = compiled(settle)(start)
    close(settled, after, rtol=1e-4, atol=1e-5)
    rows = jax.tree.leaves(subject.inputs)[0].shape[0]
    worst = 1 - np.sqrt((rows - 1) / rows)
    for a, b in zip(jax.tree.leaves(evaluated), jax.tree.leaves(output), strict=True):
        assert np.all(np.abs(a - b) <= worst * np.max(np.abs(b)) * 1.5 + 1e-4)


def check_precision(case: Case) -> None:
    """In bfloat16 it runs, returns float32 from its call and stays close; no types are mixed in any precision."""
    subject = subject_of(case)

    def run(precision: str) -> Any:
        with jax.numpy_dtype_promotion("strict"):
            return compiled(lambda v, i: subject.apply(v, i, precision=precision, training=True, key=subject.key))(
                subject.variables, subject.inputs
            )

    full, half = run("float32"), run("bfloat16")
    for a, b in zip(
        jax.tree.leaves((full.output, full.stats)), jax.tree.leaves((half.output, half.stats)), strict=True
    ):
        assert a.dtype == b.dtype or case.method != "__call__"  # what other methods return keeps the compute type
        if is_float(a):
            assert np.all(np.abs(a - b.astype(a.dtype)) <= 0.05 * (1 + np.max(np.abs(a))))


def check_frozen(case: Case) -> None:
    """A frozen brick behaves in training as in evaluation, writes no statistics and draws no random numbers."""
    subject = subject_of(case)
    frozen, plain = compiled(
        lambda v, i: (subject.apply(v, i, training=True, frozen="**"), subject.apply(v, i, training=False))
    )(subject.variables, subject.inputs)
    close((frozen.output, frozen.stats), (plain.output, plain.stats), rtol=1e-6, atol=1e-6)
    close(frozen.stats, subject.variables.stats, rtol=0, atol=0)


def check_filling_rows(case: Case) -> None:
    """Rows of weight 0 change neither the other rows nor the statistics, whatever is in them."""
    subject = subject_of(case)
    training = not subject.needs_key
    rows = jax.tree.leaves(subject.inputs)[0].shape[0]
    weight = jnp.ones(rows) if subject.weight is None else subject.weight

    def filled(leaf: Any) -> Any:
        extra = jnp.full_like(leaf[:1], 1000) if is_float(leaf) else leaf[:1]
        return jnp.concatenate([leaf, extra])

    def run(inputs: Any, weight: Any) -> Any:
        return subject.apply(subject.variables, inputs, training=training, weight=weight)

    plain, more = compiled(
        lambda inputs, weight: (
            run(inputs, weight),
            run(jax.tree.map(filled, inputs), jnp.concatenate([weight, jnp.zeros(1)])),
        )
    )(subject.inputs, weight)
    close(jax.tree.map(lambda leaf: leaf[:rows], more.output), plain.output, rtol=1e-4, atol=1e-5)
    close(more.stats, plain.stats, rtol=1e-4, atol=1e-5)


CHECKS = (
    check_plan,
    check_oracle,
    check_oracle_in_float32,
    check_gradients,
    check_json,
    check_vmap,
    check_compiles_once,
    check_training_and_evaluation,
    check_precision,
    check_frozen,
    check_filling_rows,
)


def check_brick(brick: Brick, *example: Any, oracle: Oracle | None = None, **settings: Any) -> None:
    """Run every check on a brick and an example input; `settings` are those of `Case`."""
    case = Case(brick, example, oracle=oracle, **settings)
    for check in CHECKS:
        check(case)
