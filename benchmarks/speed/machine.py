"""The machine: what it is, how busy others keep it, and how fast it multiplies matrices at best.

python benchmarks/speed/machine.py --dtype float32      prints the operations a second of matrix products
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SIZES = (1024, 2048)
"""Sides of the square matrices that are tried."""


def describe() -> dict[str, Any]:
    """Return the processor, its cores, the system, and how busy it is."""
    found: dict[str, Any] = {
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        fields = dict(part.split(":", 1) for part in lines if ":" in part)
        fields = {name.strip(): value.strip() for name, value in fields.items()}
        found["processor"] = fields.get("model name", found["processor"])
        flags = fields.get("flags", "").split()
        found["vectors"] = next((name for name in ("avx512f", "avx2", "avx", "sse2") if name in flags), "")
    except OSError:
        pass
    if hasattr(os, "getloadavg"):
        found["load"] = round(os.getloadavg()[0], 2)
    graphics = _graphics()
    return found | ({"graphics": graphics} if graphics else {})


def _graphics() -> str:
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def busy_seconds() -> float:
    """Return how many seconds all cores together have been busy since the machine started; 0 where it is unknown."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, *rest = (int(field) for field in fields[:8])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def measured_peak(python: str, device: str, precision: str) -> float | None:
    """Return operations a second of large matrix products, measured in a process of its own; None if it failed."""
    command = [python, __file__, "--dtype", precision]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu" if device == "cpu" else "cuda"}
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return float(found.stdout) if found.returncode == 0 else None


def peak(precision: str, repeats: int = 3) -> float:
    """Return the operations a second of the fastest of a few long loops of products."""
    import jax  # noqa: PLC0415 - in a process of its own only

    best = 0.0
    for size in SIZES:
        matrix = jax.random.normal(jax.random.key(0), (size, size), precision) / size**0.5

        @jax.jit
        def products(x: Any, count: Any, matrix: Any = matrix) -> Any:
            return jax.lax.fori_loop(0, count, lambda _, x: matrix @ x, x)

        products(matrix, 1).block_until_ready()
        begun = time.perf_counter()
        products(matrix, 3).block_until_ready()
        count = max(3, int(3 * 0.7 / (time.perf_counter() - begun)))
        for _ in range(repeats):
            begun = time.perf_counter()
            products(matrix, count).block_until_ready()
            best = max(best, 2 * size**3 * count / (time.perf_counter() - begun))
    return best


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", default="float32")
    sys.stdout.write(f"{peak(parser.parse_args().dtype)}\n")
