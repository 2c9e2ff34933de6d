"""Finding and loading the kernels: chosen by the processor, switched off, not there, asked for wrongly."""

import os
import subprocess
import sys

import pytest

from brickwork import native

TELL = "from brickwork import native; print(native.loaded_target(), '|', native.why_not())"
TRAIN = """
import numpy as np
import brickwork as bw
x = np.random.default_rng(0).normal(size=(64, 8, 8, 1)).astype(np.float32)
y = (x.mean((1, 2, 3)) > 0).astype(int)
net = bw.Sequential(bw.Conv(4, activation="relu"), bw.MaxPool(), bw.BatchNorm(), bw.Flatten(), bw.Dense(2))
model = bw.Model(net, "cross_entropy")
model.fit(x, y, epochs=2, progress=False)
print(model.evaluate(x, y)["loss"])
"""
needs_kernels = pytest.mark.skipif(not native.available(), reason=f"there are no kernels: {native.why_not()}")


def told(program=TELL, **environment):
    """Return what a program prints, and its errors, in a process of its own."""
    settings = {**os.environ, "BRICKWORK_CACHE": "", **environment}
    done = subprocess.run([sys.executable, "-c", program], env=settings, capture_output=True, text=True, check=False)
    return done.stdout.strip(), done.stderr


@needs_kernels
def test_a_target_may_be_asked_for():
    assert told(BRICKWORK_NATIVE="portable")[0] == "portable |"
    assert native.loaded_target() in native.TARGETS


def test_switched_off_in_silence():
    out, errors = told(BRICKWORK_NATIVE="off")
    assert out == "None | BRICKWORK_NATIVE=off says so"
    assert not errors


def test_without_a_library_it_is_said_once_and_everything_works(tmp_path):
    out, errors = told(TRAIN, BRICKWORK_NATIVE_FOLDER=str(tmp_path), BRICKWORK_NATIVE="")
    assert errors.count("kernels for CPUs are not there") == 1
    assert "Install a C++ compiler" in errors
    assert float(out) > 0


def test_a_library_that_is_none_is_no_disaster(tmp_path):
    for target in native.TARGETS:
        (tmp_path / f"libbrickwork_{target}.so").write_bytes(b"nothing of use")
    out, errors = told(BRICKWORK_NATIVE_FOLDER=str(tmp_path), BRICKWORK_NATIVE="")
    assert out.startswith("None |")
    assert "not there" in errors


def test_a_wrong_name_is_told_with_the_nearest():
    _, errors = told(BRICKWORK_NATIVE="avx")
    assert "BRICKWORK_NATIVE='avx'" in errors
    assert "avx2" in errors


@needs_kernels
def test_with_and_without_kernels_it_trains_alike():
    with_kernels, without = (float(told(TRAIN, BRICKWORK_NATIVE=how)[0]) for how in ("portable", "off"))
    assert with_kernels == pytest.approx(without, rel=1e-3)


@needs_kernels
def test_calls_from_several_threads_agree():
    program = """
import concurrent.futures, jax, numpy as np
from brickwork.ops import conv
x = np.random.default_rng(0).normal(size=(8, 16, 16, 8)).astype(np.float32)
k = np.random.default_rng(1).normal(size=(3, 3, 8, 16)).astype(np.float32)
gradient = jax.jit(jax.grad(lambda k: (conv(x, k) ** 2).sum()))
right = np.asarray(gradient(k))
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    found = list(pool.map(lambda _: np.asarray(gradient(k)), range(64)))
print(all((one == right).all() for one in found))
"""
    assert told(program)[0] == "True"
