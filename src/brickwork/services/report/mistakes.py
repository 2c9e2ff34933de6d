"""The worst mistakes, as rows of a table or as pictures."""

from brickwork.services.report.document import Report, ShownMistake
from brickwork.services.report.markup import Child, Html, element, given, joined
from brickwork.services.report.pictures import picture_tag
from brickwork.services.report.tables import section, table
from brickwork.services.report.wording import number, paragraph, percent

MOST = 30
MOST_COLUMNS = 10


def mistakes_section(report: Report) -> Html:
    """Return the rows that the network gets most wrong."""
    shown = report.mistakes[:MOST]
    if not shown:
        return Html("")
    pictures = any(entry.picture is not None for entry in shown)
    what = "answers that are furthest off" if report.kind == "number" else "wrong answers that it was surest of"
    return section(
        "mistakes",
        "Its worst mistakes",
        paragraph(f"The {what}. Look for what they share, and for rows whose truth is noted wrongly in the data."),
        _cards(shown) if pictures else _rows(report, shown),
    )


def _cards(shown: tuple[ShownMistake, ...]) -> Html:
    cards: list[Html] = []
    for entry in shown:
        mistake = entry.mistake
        alt = f"A picture of {mistake.truth}, answered as {mistake.answer}"
        name = entry.name or f"row {mistake.row + 1:,}"
        cards.append(
            element(
                "li",
                picture_tag(entry.picture, alt) if entry.picture is not None else None,
                element("p", "true ", element("strong", given(mistake.truth, 30))),
                element("p", "answered ", element("strong", given(mistake.answer, 30)), _sure(entry)),
                element("p", given(name, 40), class_="quiet"),
            )
        )
    return element("ul", cards, class_="cards")


def _rows(report: Report, shown: tuple[ShownMistake, ...]) -> Html:
    names = list(dict.fromkeys(name for entry in shown for name in entry.values))
    if report.importances:  # what matters most to the answer stands first
        weight = {found.column: found.loss.value for found in report.importances}
        names.sort(key=lambda name: -weight.get(name, 0.0))
    kept = names[:MOST_COLUMNS]
    because = any(entry.because for entry in shown)
    distances = any(entry.mistake.distance is not None for entry in shown)
    head: list[Child] = ["Row", "True", "Answered"]
    kinds = ["name", "", "", "number"]
    if distances or any(entry.mistake.probability is not None for entry in shown):
        head.append("Off by" if distances else "Sure")
    else:
        kinds.pop()
    head += ["What led to it"] if because else []
    head += [given(name, 24) for name in kept]
    rows: list[list[Child]] = []
    for entry in shown:
        mistake = entry.mistake
        row: list[Child] = [
            given(entry.name, 30) if entry.name else f"{mistake.row + 1:,}",
            _cell(mistake.truth),
            element("strong", _cell(mistake.answer)),
        ]
        if len(kinds) == 4:
            row.append(_measure(entry))
        if because:
            row.append(_because(entry))
        row += [_cell(entry.values.get(name)) for name in kept]
        rows.append(row)
    left_out = len(names) - len(kept)
    note = paragraph(f"{left_out:,} further columns are not shown here.", class_="quiet") if left_out else None
    return joined(table(head, rows, label="The worst mistakes", classes=kinds, class_="rows"), note)


def _cell(value: str | None) -> Child:
    if value is None or value == "":
        return element("span", "missing", class_="quiet")
    return element("div", given(value, 100), class_="short" if len(value) <= 20 else "prose")


def _measure(entry: ShownMistake) -> str:
    mistake = entry.mistake
    if mistake.distance is not None:
        return number(mistake.distance)
    return "–" if mistake.probability is None else percent(mistake.probability)


def _sure(entry: ShownMistake) -> str | None:
    mistake = entry.mistake
    if mistake.probability is not None:
        return f", {percent(mistake.probability, 0)} sure"
    return None if mistake.distance is None else f", off by {number(mistake.distance)}"


def _because(entry: ShownMistake) -> Html:
    """Return the columns that moved the answer most, with the way they moved it."""
    largest = sorted(entry.because, key=lambda one: -abs(one.effect))[:3]
    return element(
        "ul",
        [
            element("li", given(one.column, 24), " = ", given(one.value, 20), f" ({_signed(one.effect)})")
            for one in largest
        ],
        class_="because",
    )


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value, 2)
