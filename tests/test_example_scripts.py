"""Every script in `examples/` runs, and what it asserts of its results holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted(FOLDER.glob("*.py"))
QUICK = {"multi_label"}
"""The scripts that run with the fast tests; the others with the slow ones."""

CACHE = os.environ.get("BRICKWORK_CACHE")
ENVIRONMENT = {
    **os.environ,
    # Each program is compiled for one run: do it quickly, and keep it between runs of the tests.
    "XLA_FLAGS": " ".join(
        [
            os.environ.get("XLA_FLAGS", ""),
            "--xla_backend_optimization_level=0",
            "--xla_llvm_disable_expensive_passes=true",
        ]
    ).strip(),
    **({"JAX_COMPILATION_CACHE_DIR": CACHE, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"} if CACHE else {}),
}


def test_there_are_scripts():
    assert {script.stem for script in SCRIPTS} >= QUICK


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(script, id=script.stem, marks=[] if script.stem in QUICK else [pytest.mark.slow])
        for script in SCRIPTS
    ],
)
def test_a_script_runs(script, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert done.stdout
