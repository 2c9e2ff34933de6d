"""Networks of bricks, one row at a time: the same answers as from XLA, and the same errors."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import brickwork as bw
from bricks.cases import CASES
from bricks.contract import Subject
from brickwork import native
from brickwork.core.errors import DataError, ShapeError
from brickwork.core.variables import Variables
from brickwork.inference import UnsupportedError, traced
from brickwork.ops import implementation
from brickwork.train import predicting
from brickwork.train.supervised import raw
from inference.answers import answering, random

needs_kernels = pytest.mark.skipif(not native.available(), reason=f"there are no kernels: {native.why_not()}")


def single_rows():
    """Return the cases of bricks that take one array of float32."""
    for name, case in CASES.items():
        subject = Subject(case)
        (*inputs,) = subject.inputs
        plain = len(inputs) == 1 and isinstance(inputs[0], jax.Array) and inputs[0].dtype == np.float32
        if plain and case.method == "__call__" and inputs[0].ndim > 1 and case.weight is None:
            yield name, subject


@needs_kernels
def test_every_brick_gives_the_same_answer_or_is_left_to_xla():
    done = set()
    for name, subject in single_rows():
        row, brick = np.asarray(subject.inputs[0][:1]), subject.brick

        def outputs(variables, row, brick=brick):
            return brick.apply(variables, row).output

        try:
            found = answering(outputs, subject.variables, row).answer(row)
        except UnsupportedError:
            continue
        with implementation("xla"):
            wanted = outputs(subject.variables, row)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5, err_msg=name)
        done.add(type(brick).__name__)
    assert done >= {
        "Dense",
        "Conv",
        "BatchNorm",
        "LayerNorm",
        "MaxPool",
        "AveragePool",
        "GlobalPool",
        "Flatten",
        "Residual",
    }


def model(net, row, seed=0):
    variables = net.init(jax.random.key(seed), row)
    return bw.Model(net, "cross_entropy", variables=variables)


def small():
    return bw.Sequential(bw.Conv(16, 3, activation="relu"), bw.MaxPool(2), bw.Flatten(), bw.Dense(5))


@needs_kernels
def test_a_model_answers_single_rows_by_such_a_program():
    rows = random(0, 6, 8, 8, 3)
    ours = model(small(), rows[:1])
    together = ours.logits(rows)
    for number in range(6):
        np.testing.assert_allclose(ours.logits(rows[number : number + 1])[0], together[number], rtol=1e-4, atol=1e-5)
    assert ours._predictors["predict"].at_once(ours.variables, rows[:1]) is not None
    np.testing.assert_allclose(ours.predict_proba(rows[:1]), ours.predict_proba(rows)[:1], rtol=1e-4, atol=1e-5)
    assert ours._predictors["probabilities"].at_once(ours.variables, rows[:1]) is not None
    assert ours.predict(rows[:1]) == ours.predict(rows)[:1]


@needs_kernels
@pytest.mark.parametrize("shape", [(40,), (8, 8, 3)], ids=["by blocks", "by row"])
def test_any_number_of_rows(shape):
    net = bw.Sequential(bw.Dense(600, "relu"), bw.Dense(400, "tanh"), bw.Dense(5)) if len(shape) == 1 else small()
    rows = random(0, 600, *shape)
    ours = model(net, rows[:1])
    with implementation("xla"):
        wanted = ours.logits(rows)
    for count in (1, 2, 3, 4, 31, 32, 33, 100, 256, 257, 600):
        found = ours.logits(rows[:count])
        assert found.shape == (count, 5)
        np.testing.assert_allclose(found, wanted[:count], rtol=1e-4, atol=1e-5)
        assert ours._predictors["predict"].at_once(ours.variables, rows[:count]) is not None
    rows[300, 7] = np.nan
    with pytest.raises(DataError, match="finite"):
        ours.logits(rows)
    assert ours.logits(rows[:300]).shape == (300, 5)
    assert ours.logits(rows[:0]).shape == (0, 5)


@needs_kernels
@pytest.mark.parametrize("change", [np.float64, np.ndarray.tolist, np.asfortranarray], ids=["double", "list", "turned"])
def test_rows_of_other_types_are_answered_by_such_a_program_too(change, monkeypatch):
    rows = random(0, 9, 8, 8, 3)
    ours = model(small(), rows[:1])
    monkeypatch.setattr(predicting, "program", None)  # XLA is not asked for one
    for given in (rows, rows[:1]):
        for _ in range(2):
            np.testing.assert_allclose(ours.logits(change(given)), ours.logits(given), rtol=1e-4, atol=1e-5)


@needs_kernels
def test_other_weights_give_another_program():
    row = random(0, 1, 8, 8, 3)
    ours, other = model(small(), row), model(small(), row, seed=1)
    first = ours.logits(row)
    ours.variables = other.variables.merge(Variables({}))
    np.testing.assert_allclose(ours.logits(row), other.logits(row), rtol=1e-6)
    path = next(iter(ours.variables.params))
    ours.variables.params[path] = ours.variables.params[path] + 1
    assert np.abs(ours.logits(row) - other.logits(row)).max() > 1e-3
    assert np.abs(ours.logits(row) - first).max() > 1e-3


@needs_kernels
def test_training_on_changes_the_answers():
    rows, targets = random(0, 32, 4), np.arange(32) % 3
    ours = bw.Model(bw.Sequential(bw.Dense(8, "relu"), bw.Dense(3)), "cross_entropy")
    ours.fit(rows, targets, epochs=1, progress=False)
    before = ours.logits(rows[:1])
    ours.fit(rows, targets, epochs=2, rate=0.1, progress=False)
    after = ours.logits(rows[:1])
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, ours.logits(rows)[:1], rtol=1e-4, atol=1e-5)


def test_rows_that_cannot_be_answered_say_so_as_ever():
    row = random(0, 1, 8, 8, 3)
    ours = model(small(), row)
    ours.logits(row)
    for wrong in (np.nan, np.inf, -np.inf):
        broken = row.copy()
        broken[0, 7, 7, 2] = wrong
        with pytest.raises(DataError, match="finite"):
            ours.logits(broken)
    with pytest.raises((ShapeError, DataError)):
        ours.logits(random(0, 1, 8, 8, 4))
    for other in (row.astype(np.float64), row.tolist(), np.asfortranarray(row), np.repeat(row, 2, axis=2)[:, :, ::2]):
        np.testing.assert_allclose(ours.logits(other), ours.logits(row), rtol=1e-4, atol=1e-5)


def test_without_kernels_xla_answers():
    row = random(0, 1, 8, 8, 3)
    ours = model(small(), row)
    with implementation("xla"):
        plain = ours.logits(row)
        assert ours._predictors["predict"].at_once(ours.variables, row) is None
    np.testing.assert_allclose(ours.logits(row), plain, rtol=1e-4, atol=1e-5)


def test_other_precisions_and_large_networks_are_left_to_xla():
    row = random(0, 1, 8, 8, 3)
    ours = model(small(), row)
    ours.recipe = ours.recipe.changed(precision="bfloat16")
    ours.logits(row)
    assert ours._predictors["predict"].at_once(ours.variables, row) is None
    shapes = {"w": jax.ShapeDtypeStruct((2**12, 2**13), np.float32)}
    assert traced(lambda w, x: x @ w["w"], shapes, (1, 2**12)) is None


@needs_kernels
def test_many_threads_may_ask_at_once():
    net = bw.Sequential(bw.Conv(32, 3, activation="relu"), bw.Conv(32, 3), bw.GlobalPool(), bw.Dense(7))
    rows = random(0, 8, 24, 24, 16)
    ours = model(net, rows[:1])
    wanted = [ours.logits(row[None]).copy() for row in rows]
    wrong = []

    def ask(seed):
        for number in np.random.default_rng(seed).integers(0, 8, 60):
            if not np.array_equal(ours.logits(rows[number][None]), wanted[number]):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@needs_kernels
def test_how_many_threads_help_changes_no_bit():
    code = (
        "import numpy as np, jax, brickwork as bw; from inference.test_networks import answer_of_a_residual_network;"
        "print(answer_of_a_residual_network().tobytes().hex())"
    )
    wanted = answer_of_a_residual_network().tobytes().hex()
    core = str(min(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else "0"
    alone = f"import os; hasattr(os, 'sched_setaffinity') and os.sched_setaffinity(0, {{{core}}});" + code
    for source in (code, alone):
        found = subprocess.run(
            [sys.executable, "-c", source],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        assert found.stdout.strip() == wanted


def answer_of_a_residual_network():
    body = bw.Sequential(
        bw.Conv(32, 3, stride=2), bw.BatchNorm(), bw.Activation("relu"), bw.Conv(32, 3), bw.BatchNorm()
    )
    shortcut = bw.Conv(32, 1, stride=2)
    net = bw.Sequential(
        bw.Conv(16, 3), bw.Residual(body, shortcut), bw.Activation("relu"), bw.GlobalPool(), bw.Dense(4)
    )
    row = random(0, 1, 20, 20, 3)
    return answering(lambda variables, row: raw(net, variables, row), net.init(jax.random.key(2), row), row).answer(row)


@needs_kernels
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_a_forked_process_answers_too():
    row = random(0, 1, 24, 24, 16)
    net = bw.Sequential(bw.Conv(32, 3), bw.Conv(32, 3))
    variables = net.init(jax.random.key(0), row)
    program = answering(lambda variables, row: raw(net, variables, row), variables, row)
    wanted = program.answer(row)
    for _ in range(3):
        child = os.fork()
        if child == 0:
            same = all(np.array_equal(program.answer(row), wanted) for _ in range(20))
            os._exit(0 if same else 1)
        deadline = time.monotonic() + 30
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            assert time.monotonic() < deadline, "the forked process stands still"
            time.sleep(0.01)
        assert os.waitstatus_to_exitcode(ended[1]) == 0
    assert np.array_equal(program.answer(row), wanted)
