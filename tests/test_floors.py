"""The rule of the floors: a folder imports only from floors below it, or from itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src" / "brickwork"

# Places on one floor do not import each other.
FLOORS = [
    {"core"},
    {"ops", "native", "inference", "data", "storage"},
    {"bricks", "losses", "metrics", "optim"},
    {"train"},
    {"explain"},
    {"zoo"},
    {"tasks", "rl"},
    {"services", "search", "lessons", "sklearn"},
    {"studio", "serve"},
    {"cli"},
]
FLOOR = {place: floor for floor, places in enumerate(FLOORS) for place in places}
SIDEWAYS = {("ops", "native"), ("inference", "native")}  # but these stand on kernels of their own
HEAVY = ("matplotlib", "sklearn", "polars", "pandas", "rich", "cyclopts", "PIL", "scipy", "tensorboardX", "nicegui")

FILES = sorted(ROOT.rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """Yield line, level and full name of everything that is imported, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, 0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, node.level, f"{node.module or ''}.{alias.name}") for alias in node.names)


def broken(here: str, level: int, name: str) -> str | None:
    """Return what is wrong with an import in a place, or None."""
    if level:
        return "is a relative import"
    parts = name.split(".")
    if parts[0] != "brickwork":
        return None
    there = parts[1] if len(parts) > 1 else ""
    if there.startswith("__") and here == "cli":
        return None
    if there not in FLOOR:
        return f"imports {name}: only the doors outside may import the whole package"
    if there == here or FLOOR[there] < FLOOR[here] or (here, there) in SIDEWAYS:
        return None
    return f"is on floor {FLOOR[here]} and imports {name} from floor {FLOOR[there]}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_from_below(path):
    here = place(path)
    if here in ("__init__", "__main__"):  # the package itself shows what is on all floors
        return
    assert here in FLOOR, f"{here} has no floor: add it to the table"
    found = [(line, broken(here, level, name)) for line, level, name in imports(ast.parse(path.read_text()))]
    assert not [f"{path.name}:{line} {what}" for line, what in found if what]


@pytest.mark.parametrize(
    ("here", "level", "name", "right"),
    [
        ("core", 0, "brickwork.ops.dense", False),
        ("core", 0, "brickwork.core.errors", True),
        ("ops", 0, "brickwork.core.errors", True),
        ("ops", 0, "brickwork.data.split", False),
        ("bricks", 0, "brickwork.train.model", False),
        ("bricks", 0, "brickwork.losses.base", False),
        ("train", 0, "brickwork.bricks.dense", True),
        ("serve", 0, "brickwork.studio.page", False),
        ("cli", 0, "brickwork.studio.page", True),
        ("train", 0, "brickwork.Model", False),
        ("train", 0, "brickwork", False),
        ("train", 1, "model", False),
        ("train", 0, "jax.numpy", True),
    ],
)
def test_the_rule_itself(here, level, name, right):
    assert (broken(here, level, name) is None) == right


def test_there_are_files():
    assert len(FILES) > 10


def test_importing_the_package_is_light():
    code = "import brickwork, sys; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not set(HEAVY) & set(done.stdout.split())


def test_the_core_needs_nothing_but_jax_and_numpy():
    allowed = {"jax", "jaxtyping", "numpy", "brickwork", *sys.stdlib_module_names}
    for path in (ROOT / "core").rglob("*.py"):
        for line, _, name in imports(ast.parse(path.read_text())):
            assert name.split(".")[0] in allowed, f"{path.name}:{line} imports {name}"
