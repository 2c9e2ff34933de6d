"""How the documentation is built: `make docs`."""

import ast
import importlib
import pkgutil
import re
from importlib.metadata import version as installed_version
from typing import Any

import brickwork as bw
from brickwork.bricks import INITIALIZERS
from brickwork.core.spec import lookup
from brickwork.ops import ACTIVATIONS

project = "Brickwork"
author = "the Brickwork authors"
project_copyright = "2026, the Brickwork authors"
release = installed_version("brickwork")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "code"  # docstrings have `single backticks` around code, as Markdown does
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Arguments", "params_style")]

autodoc_default_options = {"members": True, "member-order": "bysource", "special-members": "__call__"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "Brickwork"
html_static_path = ["_static"]
html_css_files = ["brickwork.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#a8401f", "color-brand-content": "#a8401f"},
    "dark_css_variables": {"color-brand-primary": "#f08a5d", "color-brand-content": "#f08a5d"},
}


# Docstrings are plain text with a little Markdown. What reStructuredText would read otherwise is turned into it here.

_NO_TYPE_BEFORE_COLON = ("attribute", "data", "property")
"""Napoleon would take what stands before a colon in the first line of these for a type."""

_COLON = "\ue000"

_SECTION = re.compile(r"(Args|Arguments|Attributes|Raises|Returns|Yields):$")


def _escaped(line: str) -> str:
    """Return a line in which only `code` is markup: formulas are full of stars, bars and underscores."""
    parts = re.split(r"(`[^`]*`)", line)
    parts[1::2] = [
        f"{part}\\ " if after[:1].isalnum() else part for part, after in zip(parts[1::2], parts[2::2], strict=True)
    ]
    parts[::2] = [re.sub(r"[*|]|_(?![A-Za-z0-9])", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def _block(lines: list[str]) -> list[str]:
    """Return indented lines as a literal block: Python where it is Python, else an equation or a layout."""
    text = "\n".join(line[4:] for line in lines)
    try:
        ast.parse(text)
    except SyntaxError:
        return [".. code-block:: text", "   :class: formula", "", *lines, ""]
    return [".. code-block:: python", "", *lines, ""]


def _table(lines: list[str]) -> list[str]:
    """Return a Markdown table as a list of its rows."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    listed = [".. list-table::", "   :header-rows: 1", ""]
    for head, *rest in (row for row in rows if row[0].strip("-")):
        listed += [f"   * - {_escaped(head)}", *(f"     - {_escaped(cell)}" for cell in rest)]
    return [*listed, ""]


def _docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Turn a docstring into reStructuredText, before its sections are read."""
    del app, name, obj, options
    result: list[str] = []
    in_section, index = False, 0
    while index < len(lines):
        line = lines[index]
        if line.startswith("```"):
            end = lines.index("```", index + 1)
            result += [
                f".. code-block:: {line[3:] or 'text'}",
                "",
                *(f"    {one}" for one in lines[index + 1 : end]),
                "",
            ]
            index = end + 1
            continue
        if line.startswith("|"):
            end = index
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            result += _table(lines[index:end])
            index = end
            continue
        if line.startswith("    ") and not in_section and (not result or not result[-1]):
            end = index
            while end < len(lines) and (not lines[end] or lines[end].startswith("    ")):
                end += 1
            block = lines[index:end]
            while not block[-1]:
                block.pop()
            result += _block(block)
            index = end
            continue
        if line and not line.startswith(" "):
            in_section = bool(_SECTION.match(line))
        result.append(line if line.lstrip().startswith((">>>", "...")) else _escaped(line))
        index += 1
    if what in _NO_TYPE_BEFORE_COLON:
        result = [line.replace(":", _COLON) for line in result]
    lines[:] = result


def _colons(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Put the colons back that were hidden from napoleon."""
    del app, what, name, obj, options
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def _skip(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the checks of settings, of which each class has one, and what scikit-learn adds to its estimators."""
    del app, what, skip, options
    if name.endswith(("_request", "_metadata_routing")):
        return True
    return True if name == "validate" and obj.__qualname__ != "Spec.validate" else None


def _signature(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str | None, result: str | None
) -> tuple[str | None, str | None]:
    """Write defaults that are made anew as dots, and arrays by the name that people know."""
    del app, what, name, obj, options
    names = (
        (r"~(?:[\w]+\.)+(?=\w)|\bjaxlib\._jax\.|\bnumpy\.(?=ndarray)", ""),
        (r"<factory>", "..."),
        (r"str \| type\[Any\] \| dtype \| SupportsDType", "DTypeLike"),
        (r"Callable\[\[Array, tuple\[int, \.\.\.\], DTypeLike\], Array\]", "Initializer"),
        (r"Callable\[\[Scope, str, tuple\[int, \.\.\.\], Initializer\], Array\]", "Rule"),
        (r"Callable\[\[\.\.\.\], ", "Callable[..., "),
        (r"^\(\*_: Any, \*\*__: Any\)$|^\(\*args, \*\*kwargs\)$", ""),
    )
    for found, shown in names:
        signature, result = (part and re.sub(found, shown, part) for part in (signature, result))
    return signature, result


# Pages list what there is by a line of their own, so that nothing new is forgotten: `@modules brickwork.bricks` becomes
# the reference of every file of a package, `@entries brick` the catalogue's entries of a kind.


def _expanded(app: Any, name: str, source: list[str]) -> None:
    """Write out the lines that stand for lists."""
    del app, name
    source[0] = re.sub(r"^@modules (\S+)$", lambda found: _modules(found[1]), source[0], flags=re.MULTILINE)
    source[0] = re.sub(r"^@entries (\S+)$", lambda found: _entries(found[1]), source[0], flags=re.MULTILINE)


def _modules(package: str) -> str:
    """Return the reference of all files of a package, each below what its docstring says it is about."""
    sections = {}
    for one in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        text = (importlib.import_module(one.name).__doc__ or "").splitlines()[0]
        if not one.ispkg:
            sections[text.split(":")[0].rstrip(".")] = one.name
    return "\n\n".join(
        f"## {title}\n\n```{{eval-rst}}\n.. automodule:: {sections[title]}\n```" for title in sorted(sections)
    )


def _entries(kind: str) -> str:
    """Return tables of the entries of a kind, a table for each family, with links to the reference."""
    entries = [entry for entry in bw.catalogue(kind=kind) if entry.home.startswith("brickwork")]
    tables = []
    for family in dict.fromkeys(entry.family for entry in entries):
        rows = [
            f"| {_link(entry)} | {entry.idea.replace('|', chr(92) + '|')} |"
            for entry in entries
            if entry.family == family
        ]
        tables.append("\n".join([f"**{family}**", "", "| | |", "| --- | --- |", *rows]))
    return "\n\n".join(tables)


def _link(entry: Any) -> str:
    functions = ACTIVATIONS | INITIALIZERS
    role = "func" if entry.name in functions else "class"
    documented = functions[entry.name] if role == "func" else lookup(entry.kind, entry.name)
    return f"{{py:{role}}}`{entry.name} <{documented.__module__}.{documented.__name__}>`"


def setup(app: Any) -> None:
    """Connect these; the first comes before napoleon, the second after it."""
    app.connect("source-read", _expanded)
    app.connect("autodoc-process-docstring", _docstring, priority=400)
    app.connect("autodoc-process-docstring", _colons, priority=600)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
