"""What to do next, and how the network was made."""

import json
from collections.abc import Mapping
from typing import Any

from brickwork.services.report.document import Making, Report
from brickwork.services.report.markup import Child, Html, code, element, given, joined, sentence, shortened
from brickwork.services.report.tables import facts, folded, section, table
from brickwork.services.report.wording import counted, duration


def next_section(report: Report) -> Html:
    """Return the commands to go on with."""
    steps = [
        element(
            "li", element("p", given(sentence(step.what), 200)), element("pre", element("code", _command(step.command)))
        )
        for step in report.next_steps
    ]
    return section("next", "What to do next", element("ol", steps, class_="steps") if steps else None)


def making_section(report: Report) -> Html:
    """Return everything that is needed to make the network again."""
    making = report.making
    if making is None:
        return Html("")
    return section(
        "making",
        "How it was made",
        element("pre", element("code", _command(making.command))) if making.command else None,
        facts(_facts(making)),
        _layers(making),
        _settings(making.settings),
        _pairs("Versions", making.versions),
        _pairs("Files in the folder", making.files),
    )


def _facts(making: Making) -> list[tuple[Child, Child]]:
    pairs: list[tuple[Child, Child]] = []
    if making.when:
        pairs.append(("When", given(making.when)))
    if making.folder:
        pairs.append(("Folder", code(making.folder)))
    if making.seed is not None:
        pairs.append(("Random seed", str(making.seed)))
    if making.parameters is not None:
        each = f" in each of {making.members} networks, whose answers are averaged" if making.members > 1 else ""
        pairs.append(("Numbers that were learnt", f"{making.parameters:,}{each}"))
    if making.seconds:
        times = [f"{shortened(name, 60)} {duration(seconds)}" for name, seconds in making.seconds.items()]
        total = f"{duration(sum(making.seconds.values()))}: " if len(times) > 1 else ""
        pairs.append(("Time", total + ", ".join(times)))
    pairs += [(given(name), given(said, 300)) for name, said in making.facts.items()]
    return pairs


def _layers(making: Making) -> Html | None:
    if not making.layers:
        return None
    rows = [
        [given(row.get("layer", "")), given(row.get("kind", "")), _shape(row.get("shape")), _count(row)]
        for row in making.layers[:300]
    ]
    head, kinds = ["Layer", "Kind", "Its output", "Numbers learnt"], ["name", "", "", "number"]
    return folded(counted(len(making.layers), "layer"), table(head, rows, label="The network's layers", classes=kinds))


def _settings(settings: Mapping[str, Any]) -> Html | None:
    if not settings:
        return None
    rows = [[given(name), _setting(value)] for name, value in settings.items()]
    named = table(["Setting", "Value"], rows, label="Settings of the training", classes=["name", "said"])
    return folded(f"{counted(len(settings), 'setting')} of the training", named)


def _pairs(title: str, pairs: Mapping[str, str]) -> Html | None:
    if not pairs:
        return None
    inside = facts((given(name, 80), given(said, 300)) for name, said in pairs.items())
    return folded(title, inside)


def _setting(value: Any) -> Html:
    if value is None:
        return element("span", "not set", class_="quiet")
    if isinstance(value, bool):
        return joined("yes" if value else "no")
    if isinstance(value, str | int | float):
        return given(value, 200)
    return element("code", given(json.dumps(value, default=str, ensure_ascii=False), 300))


def _shape(shape: Any) -> Html:
    if isinstance(shape, list | tuple):
        return given(" × ".join(str(size) for size in shape) if shape else "one number")
    return given("" if shape is None else shape)


def _count(row: Mapping[str, Any]) -> str:
    value = row.get("parameters")
    return f"{value:,}" if isinstance(value, int) else ""


def _command(command: str) -> str:
    """Return a command as it is typed, its lines kept."""
    return command[:2000]
