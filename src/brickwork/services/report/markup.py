"""HTML from data: whatever is not marked as HTML is escaped, so nothing in a file of data can act on the page."""

import html
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

EMPTY = frozenset(("img", "meta", "br", "col", "rect", "line", "circle", "path", "polyline", "polygon"))

CUT = 300
"""Letters of a text that are kept at most, in a tooltip."""

LONG = 20
"""Letters of a word from which on it is too long for a column of a table."""


class Html(str):
    """Text that is HTML already; only `element` and `joined` make it."""

    __slots__ = ()


Child = str | Iterable[Any] | None


def escaped(value: str) -> Html:
    """Return text so that it shows as it is: no markup, no control signs, nothing that UTF-8 cannot hold."""
    if isinstance(value, Html):
        return value
    plain = "".join(
        "�" if unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t" else sign for sign in value
    )
    return Html(html.escape(plain, quote=True))


def joined(*children: Child) -> Html:
    """Return all children in a row: texts escaped, `None` left out, lists opened."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        parts.append(escaped(child) if isinstance(child, str) else joined(*child))
    return Html("".join(parts))


def element(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """Return an element. `class_` is class, `aria_label` aria-label; `None` and `False` leave an attribute out."""
    written = "".join(
        f" {key}" if value is True else f' {key}="{_value(value)}"'
        for key, value in ((_key(key), value) for key, value in attributes.items())
        if value is not None and value is not False
    )
    if name in EMPTY:
        return Html(f"<{name}{written}/>" if name not in ("img", "meta", "br", "col") else f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def given(value: object, most: int = 60) -> Html:
    """Return a text that came with the data, on its own direction of writing; a long one is cut, and whole on hover."""
    text = shortened(value, CUT)
    if not text:
        return element("bdi", "(empty)", class_="quiet")
    cut = shortened(text, most)
    # Only a word that is too long for a line may be broken anywhere.
    kind = "long" if any(len(word) > LONG for word in cut.split()) else None
    return element("bdi", cut, class_=kind, title=text if cut != text else None)


def sentence(value: str) -> str:
    """Return a text with a capital letter at its beginning."""
    return value[:1].upper() + value[1:]


def shortened(value: object, most: int) -> str:
    """Return a value as text of one line, cut where it is longer."""
    text = re.sub(r"\s+", " ", str(value)[: 4 * CUT]).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def code(value: object) -> Html:
    """Return a name or value as code."""
    return element("code", given(value))


def _key(name: str) -> str:
    return name.removesuffix("_").replace("_", "-")


def _value(value: str | int | float | bool) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return escaped(str(value))
