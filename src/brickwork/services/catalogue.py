"""Catalogue: everything that networks and training are made of, from what the code says of itself."""

import dataclasses
import importlib
import inspect
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from textwrap import fill, indent
from typing import Any

from brickwork.bricks import INITIALIZERS
from brickwork.core.errors import SettingError, nearest
from brickwork.core.spec import Spec, describe, field_types, fields_of, names_of, snake_case
from brickwork.ops import ACTIVATIONS
from brickwork.services.docstrings import parts_of

KINDS = {
    "brick": "bricks",
    "activation": "activations",
    "initializer": "initializers",
    "loss": "losses",
    "metric": "metrics",
    "optimizer": "optimizers",
    "schedule": "schedules",
}
"""What is listed, in order: one of it, and many."""


@dataclass(frozen=True)
class Setting:
    """A setting of an entry: its name, its type in words, its default as it is written, what it does."""

    name: str
    type: str
    default: str | None
    text: str


@dataclass(frozen=True)
class Entry:
    """One thing of the catalogue, as its docstring and its fields tell it."""

    name: str
    kind: str
    family: str
    idea: str
    formula: str = ""
    text: tuple[str, ...] = ()
    shapes: str = ""
    settings: tuple[Setting, ...] = ()
    source: str = ""
    example: str = ""
    names: tuple[str, ...] = ()
    home: str = ""

    @property
    def program(self) -> str:
        """The example with the import that it needs, as one would type it."""
        return f">>> from {self.home} import {self.name}\n{self.example}"

    @property
    def page(self) -> str:
        """All that is known of it, as text."""
        title = f"{self.name}, {_article(self.kind)}"
        other = [name for name in self.names if name not in (self.name, snake_case(self.name))]
        parts = [title + (f" (also {', '.join(other)})" if other else ""), _wrapped(self.idea)]
        parts += [indent(self.formula, "    ")] if self.formula else []
        parts += [paragraph if "\n" in paragraph else _wrapped(paragraph) for paragraph in self.text]
        parts += [_wrapped(f"Shapes: {self.shapes}")] if self.shapes else []
        if self.settings:
            parts.append("Settings\n" + "\n".join(map(_setting, self.settings)))
        parts += [_wrapped(f"Source: {self.source}")] if self.source else []
        parts += ["Example\n" + indent(self.program, "    ")] if self.example else []
        return "\n\n".join(parts)


@dataclass(frozen=True, repr=False)
class Catalogue:
    """Entries: to look through, to print, or to take by name (`catalogue()["LSTM"]`)."""

    entries: tuple[Entry, ...]
    in_full: bool = False

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __getitem__(self, name: str) -> Entry:
        return _named(self.entries, name)[0]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the entries as plain JSON values."""
        return [asdict(entry) for entry in self.entries]

    def __repr__(self) -> str:
        if self.in_full:
            return "\n\n\n".join(entry.page for entry in self.entries)
        blocks, width = [], max((len(entry.name) for entry in self.entries), default=0) + 4
        for kind, many in KINDS.items():
            ours = [entry for entry in self.entries if entry.kind == kind]
            families = list(dict.fromkeys(entry.family for entry in ours))
            if ours:
                blocks.append(f"{many.upper()} ({len(ours)})")
            for family in families:
                heading = [f"  {family}"] if len(families) > 1 else []
                lines = [_line(entry, width) for entry in ours if entry.family == family]
                blocks.append("\n".join([*heading, *lines]))
        return "\n\n".join(blocks)


def catalogue(name: str | None = None, *, kind: str | None = None) -> Catalogue:
    """Return what there is, with one line each; or, by name, its formula, settings, source and an example.

    `name` is that of an entry in any spelling that settings take (`"LSTM"`, `"lstm"`, `"bce"`), or a kind
    (`"losses"`). What users have registered is listed too.

        print(bw.catalogue())              # everything
        print(bw.catalogue("losses"))      # the losses
        print(bw.catalogue("LSTM"))        # the page of one

    Raises `SettingError` when there is none of that name or kind; the message suggests the nearest.
    """
    for module in ("bricks", "losses", "metrics", "optim"):
        importlib.import_module(f"brickwork.{module}")
    kinds = {**{one: one for one in KINDS}, **{many: one for one, many in KINDS.items()}}
    if kind is not None and kind not in kinds:
        raise SettingError(f"There is no kind {kind!r}. {nearest(kind, KINDS.values())}")
    chosen = kinds[kind] if kind else kinds.get(name or "")
    entries = tuple(entry for one in KINDS if chosen in (None, one) for entry in _entries(one))
    if name is None or (kind is None and name in kinds):
        return Catalogue(entries)
    return Catalogue(_named(entries, name), in_full=True)


def _named(entries: tuple[Entry, ...], name: str) -> tuple[Entry, ...]:
    """Return the entries of a name, of which there may be one for each kind."""
    exact = tuple(entry for entry in entries if name in entry.names)
    found = exact or tuple(entry for entry in entries if name.lower() in map(str.lower, entry.names))
    if not found:
        raise SettingError(
            f"There is nothing named {name!r} in the catalogue. "
            + nearest(name, [name for entry in entries for name in entry.names])
        )
    return found


def _entries(kind: str) -> list[Entry]:
    tables = {"activation": ACTIVATIONS, "initializer": INITIALIZERS}
    if kind in tables:
        return [_of_function(name, kind, function) for name, function in tables[kind].items()]
    entries = [_of_spec(cls, kind) for cls in dict.fromkeys(names_of(kind).values())]
    return sorted(entries, key=lambda entry: (entry.family, entry.name.lower()))


def _of_spec(cls: type[Spec], kind: str) -> Entry:
    said, types = parts_of(cls), field_types(cls)
    settings = [
        Setting(
            field.name,
            describe(types[field.name]),
            None if field.default is dataclasses.MISSING else repr(field.default),
            said.settings.get(field.name, ""),
        )
        for field in fields_of(cls)
    ]
    return Entry(
        name=cls.__name__,
        kind=kind,
        family=_family(cls.__module__),
        idea=said.idea,
        formula=said.formula,
        text=said.text,
        shapes=said.shapes,
        settings=tuple(settings),
        source=said.source,
        example=said.example,
        names=tuple(dict.fromkeys((cls.__name__, snake_case(cls.__name__), *cls.aliases))),
        home=_home(cls),
    )


def _of_function(name: str, kind: str, function: Any) -> Entry:
    said = parts_of(function)
    return Entry(
        name=name,
        kind=kind,
        family=_family(function.__module__),
        idea=said.idea,
        formula=said.formula,
        text=said.text,
        shapes=said.shapes,
        source=said.source,
        example=said.example,
        names=(name,),
        home=_home(function),
    )


def _home(documented: Any) -> str:
    """Return the module to import it from: the outermost package that has it."""
    parts = documented.__module__.split(".")
    homes = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return next(
        (home for home in homes if getattr(sys.modules[home], documented.__name__, None) is documented), homes[-1]
    )


def _family(module: str) -> str:
    """Return what the file of an entry is about: the first words of its docstring."""
    text = inspect.getdoc(sys.modules[module]) or module
    return text.splitlines()[0].split(":")[0].rstrip(".")


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _width() -> int:
    return max(60, min(shutil.get_terminal_size((100, 40)).columns, 120))


def _wrapped(text: str) -> str:
    return fill(text, _width(), break_long_words=False, break_on_hyphens=False)


def _line(entry: Entry, width: int) -> str:
    return fill(
        f"    {entry.name:<{width}}{entry.idea}",
        _width(),
        subsequent_indent=" " * (width + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _setting(setting: Setting) -> str:
    default = "" if setting.default is None else f" = {setting.default}"
    text = setting.text or setting.type
    return fill(f"    {setting.name}{default}: {text}", _width(), subsequent_indent=" " * 8, break_long_words=False)
