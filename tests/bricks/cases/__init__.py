"""The cases of the contract suite: every brick of the package, its settings, its input and its oracle.

Each file beside this one has a dictionary `CASES` from `brick/what` to `Case`.
"""

import importlib
import pkgutil

from bricks.contract import Case

CASES: dict[str, Case] = {}
for _file in sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "draws"):
    for _name, _case in importlib.import_module(f"bricks.cases.{_file}").CASES.items():
        assert _name not in CASES, f"two cases are named {_name}"
        CASES[_name] = _case
