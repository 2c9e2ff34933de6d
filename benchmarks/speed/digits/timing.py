"""Times the scripts of digits: whole processes, a library after the other, with their caches warm."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed import judging
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.processes import environment, installed, python_of

SCRIPTS = {
    "brickwork": "brickwork_digits.py",
    "torch": "torch_digits.py",
    "keras-jax": "keras_digits.py",
    "keras-torch": "keras_digits.py",
    "keras-tensorflow": "keras_digits.py",
}


def measure_digits(
    contenders: Sequence[str], pythons: dict[str, str], device: str, rounds: int, scratch: str
) -> dict[str, dict[str, Any]]:
    """Return, by contender, the seconds from starting the process to its end, with another seed in each round.

    A first round fills caches. All that run on JAX may keep compiled programs in a folder, not Brickwork alone.
    """
    rows: dict[str, dict[str, Any]] = {}
    found: dict[str, list[dict[str, Any]]] = {}
    names = [name for name in contenders if name in SCRIPTS]
    for number in range(-1, rounds):
        for name in [name for name in names if name not in rows]:
            python = python_of(name, pythons)
            if number < 0 and (lacking := installed(python, [*CONTENDERS[name].requires, "sklearn"])):
                rows[name] = {"failed": f"not installed: {', '.join(lacking)}"}
                continue
            kept = environment(name, device, scratch) | {
                "JAX_COMPILATION_CACHE_DIR": str(Path(scratch) / f"programs-{name}"),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
            command = [python, str(Path(__file__).with_name(SCRIPTS[name])), str(max(0, number))]
            begun = time.perf_counter()
            ended = subprocess.run(command, capture_output=True, text=True, env=kept, check=False)
            seconds = time.perf_counter() - begun
            if ended.returncode:
                rows[name] = {"failed": ended.stderr.strip().splitlines()[-1][:200]}
                continue
            told = json.loads(ended.stdout.splitlines()[-1])
            sys.stderr.write(f"digits, {name}: {seconds:.2f} s, {told}\n")
            if not told["reached"]:
                rows[name] = {"failed": f"it came to {told['accuracy']:.3f} only"}
            elif number >= 0:
                found.setdefault(name, []).append({"seconds": seconds, **told})
    for name, runs in found.items():
        if name not in rows:
            seconds = judging.spread([run["seconds"] for run in runs])
            rows[name] = {"seconds": seconds, "epochs": statistics.median(run["epochs"] for run in runs)}
    return judging.with_ratios(rows, [name for name in rows if CONTENDERS[name].peer], "seconds")
