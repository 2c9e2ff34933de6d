"""Every example of the README and of the documentation runs: each page is one program, as a reader would type it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

QUICKLY = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
KEPT = os.environ.get("BRICKWORK_CACHE")
ENVIRONMENT = {
    **os.environ,
    # Examples run once, line by line, and each line is compiled: do it quickly, and keep it between runs of the tests.
    "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {QUICKLY}".strip(),
    **({"JAX_COMPILATION_CACHE_DIR": KEPT, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"} if KEPT else {}),
}


def program(page: Path) -> str:
    """Return the Python blocks of a page at the lines where they stand, so that an error names the page's line."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        code = block.group(1).splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines).rstrip()


QUICK = {"README", "engine"}
"""The pages that are tried with the fast tests; the others with the slow ones."""

WITH_CODE = [page for page in PAGES if program(page)]


def test_there_are_examples():
    assert ROOT / "README.md" in WITH_CODE
    assert len(WITH_CODE) >= 5


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=str(page.relative_to(ROOT)), marks=[] if page.stem in QUICK else [pytest.mark.slow])
        for page in WITH_CODE
    ],
)
def test_the_examples_of_a_page_run(page, tmp_path):
    script = tmp_path / f"{page.stem}.py"
    script.write_text(program(page), encoding="utf-8")
    (tmp_path / "drawn").symlink_to(ROOT / "tests" / "data" / "drawn")
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{page}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
