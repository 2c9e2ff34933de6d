"""What a docstring says, by parts: the idea, the formula, the settings, the source, the example."""

import inspect
import re
from dataclasses import dataclass, field
from typing import Any

SECTION = re.compile(r"(Args|Raises|Source|Sources|Shapes|Returns):\s*(.*)")


@dataclass(frozen=True)
class Parts:
    """The parts of a docstring; those that it does not have are empty."""

    idea: str = ""
    formula: str = ""
    text: tuple[str, ...] = ()
    shapes: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    source: str = ""
    example: str = ""


def parts_of(documented: Any) -> Parts:
    """Return the parts of the docstring of a class or function.

    The idea is the first paragraph, the formula the first indented block after it, the example what follows `>>>`.
    Sections begin with `Args:`, `Raises:`, `Shapes:`, `Source:`; the rest is text, in paragraphs.
    """
    own = vars(documented).get("__doc__") if isinstance(documented, type) else documented.__doc__  # not its base's
    idea, formula, text, sections, example = "", "", [], {}, ""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(own or ""))
    for number, paragraph in enumerate(paragraphs):
        lines = paragraph.splitlines()
        if number == 0:
            idea = _joined(lines)
        elif lines[0].startswith(">>>"):
            example += ("\n\n" if example else "") + paragraph
        elif all(line.startswith("  ") for line in lines):
            if not formula:
                formula = inspect.cleandoc("\n" + paragraph)
            else:
                text.append(inspect.cleandoc("\n" + paragraph))
        else:
            _sort_in(lines, text, sections)
    return Parts(
        idea=idea,
        formula=formula,
        text=tuple(text),
        shapes=_joined(sections.get("Shapes", [])),
        settings=_named(sections.get("Args", [])),
        source=_joined(sections.get("Source", sections.get("Sources", []))),
        example=example,
    )


def _sort_in(lines: list[str], text: list[str], sections: dict[str, list[str]]) -> None:
    """Put the lines of a paragraph to its sections; what stands before the first is text."""
    current: list[str] = []
    plain = current
    for line in lines:
        found = SECTION.fullmatch(line)
        if found:
            current = sections.setdefault(found[1], [])
            current.extend([found[2]] if found[2] else [])
        else:
            current.append(line)
    if plain:
        text.append(_joined(plain) if not any(line.startswith("|") for line in plain) else "\n".join(plain))


def _named(lines: list[str]) -> dict[str, str]:
    """Return what is said of each argument."""
    said: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        found = re.fullmatch(r"    (\w+): (.*)", line)
        if found:
            current = said.setdefault(found[1], [found[2]])
        else:
            current.append(line)
    return {name: _joined(text) for name, text in said.items()}


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines).strip()
